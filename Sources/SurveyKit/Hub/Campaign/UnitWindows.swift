internal import Foundation
public import SurveyKit
internal import SyncHub

extension UnitWindow {
  /// Reads the units that end later than a campaign, and when.
  static func all(of campaign: Campaign, in session: any HubSession) throws -> [UnitCode: LocalTime] {
    var ends: [UnitCode: LocalTime] = [:]
    for row in try session.rows("SELECT unit, closes FROM unit_window WHERE campaign = ?1 AND closes IS NOT NULL", [.text(campaign.id)]) {
      guard let unit = row[0].text, let closes = row[1].text.flatMap({ LocalTime($0) }), closes > campaign.closes else { continue }
      ends[UnitCode(unit)] = closes
    }
    return ends
  }

  /// A campaign as it is for one unit.
  static func campaign(_ campaign: Campaign, of unit: UnitCode, in session: any HubSession) throws -> Campaign {
    let key = key(unit: unit, campaign: campaign.id)
    return campaign.extended(
      to: try session.firstRow("SELECT closes FROM unit_window WHERE id = ?1", [.text(key)])?[0].text.flatMap { LocalTime($0) })
  }
}

extension HubPlan {
  /// The campaign as it is for one unit: with an end of its own where it has one.
  public func campaign(of unit: UnitCode) -> Campaign { campaign.extended(to: windows[unit]) }
}

extension ActLook {
  /// When the campaign ends for one unit.
  public static func window(of unit: UnitCode, campaign: String?) -> Look {
    { session in
      guard let campaign = try HubPlan.campaign(session, campaign) else { return [:] }
      return [unit.rawValue: try UnitWindow.campaign(campaign, of: unit, in: session).closes.description]
    }
  }
}

extension SurveyHub {
  /// Lets the campaign end later for one unit than for the others, or with them again.
  ///
  /// - Parameter closes: The campaign's own end, or an earlier time, takes an extension back.
  /// - Returns: When it ended for the unit, and when it ends now; both the same where nothing changed.
  /// - Throws: `DataProblems` when there is no such unit, or the extension is longer than `UnitWindow.daysMax`; nothing is written then.
  public func extend(_ unit: UnitCode, to closes: LocalTime) async throws -> (before: LocalTime, after: LocalTime) {
    try await hub.write { [campaign] session in
      guard let campaign = try HubPlan.campaign(session, campaign) else { throw SurveyHub.noCampaign }
      guard try session.firstRow("SELECT 1 FROM unit WHERE code = ?1 AND level = 'commune'", [.text(unit.rawValue)]) != nil else {
        throw DataProblems([
          DataProblem(unit.rawValue, vi: "không phải là một xã của máy chủ.", en: "is not a commune of this hub.")
        ])
      }
      guard closes.day.daysSince1970 - campaign.closes.day.daysSince1970 <= UnitWindow.daysMax else {
        throw DataProblems([
          DataProblem(
            unit.rawValue, vi: "gia hạn đến \(closes) dài quá \(UnitWindow.daysMax) ngày.",
            en: "an extension to \(closes) is longer than \(UnitWindow.daysMax) days.")
        ])
      }
      let before = try UnitWindow.campaign(campaign, of: unit, in: session).closes
      let after = max(campaign.closes, closes)
      guard before != after else { return (before, after) }
      try session.execute(
        """
        INSERT INTO unit_window (id, unit, campaign, closes) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (id) DO UPDATE SET closes = excluded.closes
        """,
        [
          .text(UnitWindow.key(unit: unit, campaign: campaign.id)), .text(unit.rawValue), .text(campaign.id),
          after == campaign.closes ? .null : .text(after.description),
        ])
      return (before, after)
    }
  }
}
