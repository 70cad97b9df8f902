internal import Foundation
public import SurveyKit
public import SyncHub

/// New days of a campaign at the hub; fields that are nil stay unchanged.
public struct CampaignWindow: Sendable, Hashable {
  public var opens: LocalTime?
  public var closes: LocalTime?
  /// Minutes after `closes` in which late answers are accepted and flagged.
  public var graceMinutes: Int?
  /// Report days that are added.
  public var reportDaysAdded: [CalendarDay] = []

  public init(opens: LocalTime? = nil, closes: LocalTime? = nil, graceMinutes: Int? = nil, reportDaysAdded: [CalendarDay] = []) {
    (self.opens, self.closes, self.graceMinutes, self.reportDaysAdded) = (opens, closes, graceMinutes, reportDaysAdded)
  }
}

/// Changes of the campaign at the hub itself, without its folder: devices and pages receive them through the feed.
extension SurveyHub {
  /// Gives the campaign other days.
  ///
  /// - Parameter isDryRun: True to return the differences without writing.
  /// - Returns: The differences, a sentence each; empty when there are none.
  /// - Throws: `DataProblems` when the campaign would close before it opens, or a report day is another campaign's; nothing is
  ///   written then.
  public func change(window: CampaignWindow, isDryRun: Bool = false) async throws -> [LocalizedText] {
    try await hub.write { [campaign] session in
      guard let old = try HubPlan.campaign(session, campaign) else { throw SurveyHub.noCampaign }
      let plan = try HubPlan.read(session, old.id)
      if !old.forms.isEmpty, old.forms.allSatisfy({ plan?.latest(form: $0)?.state == FormState.closed.rawValue }) {
        throw DataProblems([
          DataProblem(
            old.id, vi: "đã kết thúc, mọi biểu mẫu đã đóng; muốn hỏi tiếp thì xuất bản phiên bản mới trước (hub forms publish).",
            en: "is over, and all its forms are closed; to ask on, publish a new version first (hub forms publish).")
        ])
      }
      var new = old
      new.opens = window.opens ?? old.opens
      new.closes = window.closes ?? old.closes
      new.graceMinutes = window.graceMinutes ?? old.graceMinutes
      new.reportDays = Array(Set(old.reportDays + window.reportDaysAdded)).sorted()
      guard new.opens < new.closes else {
        throw DataProblems([
          DataProblem(
            old.id, vi: "sẽ đóng (\(new.closes)) trước khi mở (\(new.opens)); không đổi gì.",
            en: "would close (\(new.closes)) before it opens (\(new.opens)); nothing was changed.")
        ])
      }
      guard new.reportDays.count <= Campaign.listCountMax else {
        throw DataProblems([
          DataProblem(old.id, vi: "quá \(Campaign.listCountMax) ngày báo cáo.", en: "more than \(Campaign.listCountMax) report days.")
        ])
      }
      let others = try HubPlan.campaigns(session).filter { $0.id != old.id }
      for other in others {
        guard let day = window.reportDaysAdded.first(where: other.reportDays.contains) else { continue }
        throw DataProblems([
          DataProblem(
            old.id, vi: "ngày báo cáo \(day) đã thuộc “\(other.id)”: mỗi xã chỉ có một báo cáo một ngày.",
            en: "the report day \(day) belongs to “\(other.id)”: a commune has one report a day.")
        ])
      }
      let changes = CampaignReview.days(old, new)
      guard !changes.isEmpty, !isDryRun else { return changes }
      try CampaignWriter.write(new, in: session)
      return changes
    }
  }

  /// Changes how many people of a commune may answer.
  ///
  /// - Returns: The number before; nil when it was unknown.
  /// - Throws: `DataProblems` when there is no such commune, or the number is no headcount.
  public func change(headcount eligible: Int, of unit: UnitCode) async throws -> Int? {
    try await hub.write { session in
      guard let name = try session.firstRow("SELECT name FROM unit WHERE code = ?1 AND level = 'commune'", [.text(unit.rawValue)])
      else {
        throw DataProblems([
          DataProblem(unit.rawValue, vi: "không phải là một xã của máy chủ.", en: "is not a commune of this hub.")
        ])
      }
      guard (0...Headcount.peopleMax).contains(eligible) else {
        throw DataProblems([
          DataProblem(
            "\(unit) \(name[0].text ?? "")", vi: "số người phải từ 0 đến \(Headcount.peopleMax), không phải \(eligible).",
            en: "the headcount must be 0 to \(Headcount.peopleMax), not \(eligible).")
        ])
      }
      let before = try session.firstRow("SELECT eligible FROM headcount WHERE code = ?1", [.text(unit.rawValue)])
      guard let before else {
        try session.execute(
          "INSERT INTO headcount (code, unit, eligible) VALUES (?1, ?1, ?2)", [.text(unit.rawValue), .integer(Int64(eligible))])
        return nil
      }
      if before[0] != .integer(Int64(eligible)) {
        try session.execute("UPDATE headcount SET eligible = ?2 WHERE code = ?1", [.text(unit.rawValue), .integer(Int64(eligible))])
      }
      return before[0].integer.map { Int(clamping: $0) }
    }
  }
}
