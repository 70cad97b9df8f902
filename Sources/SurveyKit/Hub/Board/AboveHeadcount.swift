internal import SurveyKit
public import SyncHub

/// Commune from which more answers came than its people can have given. No answer is refused for it: the headcount may be out of
/// date, or a device in wrong hands may be the cause. Only the number of answers counts, not their content.
public struct AboveHeadcount: Sendable, Hashable, Codable {
  public var unit: String
  /// Campaign, when it is another than the board's.
  public var campaign: String?
  public var received: Int
  /// Number of people who may answer, times the campaign's forms: each person may answer each of them.
  public var expected: Int

  public var explanation: LocalizedText {
    let of = campaign.map { LocalizedText(vi: " của “\($0)”", en: " of “\($0)”") } ?? LocalizedText("")
    return LocalizedText(
      vi:
        "\(unit): \(received) phiếu\(of.vi), nhiều hơn \(expected) phiếu mà người ở đó trả lời được. Kiểm tra số người trong danh sách và các máy của đơn vị (`hub devices list --unit \(unit)`); không phiếu nào bị từ chối vì thế.",
      en:
        "\(unit): \(received) answers\(of.en), more than the \(expected) that its people can give. Check its headcount and its devices (`hub devices list --unit \(unit)`); no answer is refused for it."
    )
  }

  /// Returns the units with too many answers, of every campaign that the hub can read.
  ///
  /// - Parameter spokenOf: Campaign that needs no name.
  static func all(_ counts: CampaignCounts, spokenOf: Campaign?, in session: any HubSession) throws -> [AboveHeadcount] {
    let received = try HubPlan.campaigns(session).map { (campaign: $0, counts: try counts.received(of: $0.id)) }
      .filter { $0.counts.values.contains { $0 > 0 } }
    guard !received.isEmpty else { return [] }
    return try session.rows("SELECT code, eligible FROM headcount ORDER BY code").flatMap { row -> [AboveHeadcount] in
      guard let unit = row[0].text, let eligible = row[1].integer, eligible >= 0 else { return [] }
      return received.compactMap { campaign, counts in
        let (expected, isHuge) = Int(clamping: eligible).multipliedReportingOverflow(by: max(1, campaign.forms.count))
        guard !isHuge, let received = counts[unit], received > expected else { return nil }
        return AboveHeadcount(
          unit: unit, campaign: campaign.id == spokenOf?.id ? nil : campaign.id, received: received, expected: expected)
      }
    }
  }
}
