public import SyncKit

/// A commune from which more answers came than its people can have given. Nothing is refused for it: a headcount may be out of date, and
/// so may a device in wrong hands be the cause. It is told from how many came, not from what they say.
public struct AboveHeadcount: Sendable, Hashable, Codable {
  public var unit: String
  public var received: Int
  /// Counts who may answer, times the campaign's forms: each person may answer each of them.
  public var expected: Int

  public var explanation: LocalizedText {
    LocalizedText(
      vi:
        "\(unit): \(received) phiếu, nhiều hơn \(expected) phiếu mà người ở đó trả lời được. Kiểm tra số người trong danh sách và các máy của đơn vị (`hub devices list --unit \(unit)`); không phiếu nào bị từ chối vì thế.",
      en:
        "\(unit): \(received) answers, more than the \(expected) that its people can give. Check its headcount and its devices (`hub devices list --unit \(unit)`); no answer is refused for it."
    )
  }

  /// - Parameter received: Answers that came, by unit.
  static func all(received: [String: Int], in session: any HubSession) throws -> [AboveHeadcount] {
    guard received.values.contains(where: { $0 > 0 }) else { return [] }
    let forms = max(1, (try? HubPlan.campaign(session))?.forms.count ?? 1)
    return try session.rows("SELECT code, eligible FROM headcount ORDER BY code").compactMap { row in
      guard let unit = row[0].text, let eligible = row[1].integer, eligible >= 0, let received = received[unit] else { return nil }
      let (expected, isHuge) = Int(clamping: eligible).multipliedReportingOverflow(by: forms)
      return isHuge || received <= expected ? nil : AboveHeadcount(unit: unit, received: received, expected: expected)
    }
  }
}
