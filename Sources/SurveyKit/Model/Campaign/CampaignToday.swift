public import SyncCore

/// The campaign's today, and whether it can be believed. The one source of *today* in both tools.
///
/// Pure: what clocks say comes in as values. A day is never moved into the campaign: outside it somebody is asked, or it is marked.
public struct CampaignToday: Sendable, Hashable, Codable {
  /// Why the day may be wrong.
  public enum Doubt: String, Sendable, Hashable, Codable, CaseIterable {
    /// The clock is behind a time that has passed certainly.
    case behind
    /// The clock has jumped since it was believed.
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

  /// The best guess.
  public let day: CalendarDay
  /// Nil when the day is certain.
  public let doubt: Doubt?

  /// How far a clock may be behind what is known and still be believed, in milliseconds: an hour.
  public static let behindMsMax: Int64 = 3_600_000

  /// - Parameters:
  ///   - estimateMs: Hub time as the clocks have it; where one jumped, what it would show had it not.
  ///   - lowerBoundMs: A time that has passed certainly.
  public init(estimateMs: Int64, lowerBoundMs: Int64 = 0, hasJumped: Bool = false, in campaign: Campaign) {
    let isBehind = estimateMs < lowerBoundMs - Self.behindMsMax
    day = campaign.dayOf(isBehind ? lowerBoundMs : estimateMs)
    doubt = hasJumped ? .jumped : isBehind ? .behind : campaign.days.contains(day) ? nil : .outside
  }

  /// The day where it is certain.
  public var certainDay: CalendarDay? { doubt == nil ? day : nil }
}

extension Campaign {
  /// The days on which anything of the campaign happens: from its first day to the last on which something is accepted or due.
  public var days: ClosedRange<CalendarDay> {
    let due = reportDays.last.map { dayOf(reportDueMs($0)) } ?? firstDay
    return firstDay...max(firstDay, dayOf(graceEndsMs), due)
  }
}
