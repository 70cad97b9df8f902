public import SyncCore

/// Today in the campaign, and whether it is certain. Both tools take *today* from here only.
///
/// Pure: readings of clocks come in as values. A day is never moved into the campaign: outside it a person is asked, or the day is
/// marked.
public struct CampaignToday: Sendable, Hashable, Codable {
  /// Reason why the day may be wrong.
  public enum Doubt: String, Sendable, Hashable, Codable, CaseIterable {
    /// The clock is behind a time that has certainly passed.
    case behind
    /// The clock has jumped since it was trusted.
    case jumped
    /// The day is not one of the campaign.
    case outside

    public var explanation: LocalizedText {
      switch self {
      case .behind:
        LocalizedText(vi: "đồng hồ máy chậm hơn lần liên lạc gần nhất với tỉnh", en: "the clock is behind the last contact with the hub")
      case .jumped: LocalizedText(vi: "đồng hồ máy đã nhảy từ lần liên lạc gần nhất", en: "the clock has jumped since it was last believed")
      case .outside: LocalizedText(vi: "ngày này không thuộc đợt khảo sát", en: "the day is not one of the campaign")
      }
    }
  }

  /// Best estimate of the day.
  public let day: CalendarDay
  /// Doubt; nil when the day is certain.
  public let doubt: Doubt?

  /// Milliseconds by which a clock may be behind what is known and still be trusted: an hour.
  public static let behindMsMax: Int64 = 3_600_000

  /// Computes today.
  ///
  /// - Parameters:
  ///   - estimateMs: Hub time by the clocks; after a jump of one, what it would show without the jump.
  ///   - lowerBoundMs: Time that has certainly passed.
  public init(estimateMs: Int64, lowerBoundMs: Int64 = 0, hasJumped: Bool = false, in campaign: Campaign) {
    let isBehind = estimateMs < lowerBoundMs - Self.behindMsMax
    day = campaign.dayOf(isBehind ? lowerBoundMs : estimateMs)
    doubt = hasJumped ? .jumped : isBehind ? .behind : campaign.days.contains(day) ? nil : .outside
  }

  /// Day when it is certain; nil otherwise.
  public var certainDay: CalendarDay? { doubt == nil ? day : nil }
}

extension Campaign {
  /// Days on which anything of the campaign happens: from its first day to the last on which something is accepted or due.
  public var days: ClosedRange<CalendarDay> {
    let due = reportDays.last.map { dayOf(reportDueMs($0)) } ?? firstDay
    return firstDay...max(firstDay, dayOf(graceEndsMs), due)
  }
}
