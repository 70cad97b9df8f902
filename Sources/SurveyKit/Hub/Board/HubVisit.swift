internal import Foundation
public import SurveyKit
internal import SyncHub

/// Context of somebody who answers for a commune: the campaign, the commune's name, and the forms.
public struct FormVisit: Sendable {
  public var campaign: Campaign
  public var unit: UnitCode
  public var unitName: String
  /// Name of the unit above: names of communes repeat.
  public var district: String?
  /// Editions of all forms that people answer, in the campaign's order of forms, the newest edition of each first.
  public var editions: [HubPlan.FormRecord]

  public init(campaign: Campaign, unit: UnitCode, unitName: String, district: String?, editions: [HubPlan.FormRecord]) {
    self.campaign = campaign
    self.unit = unit
    self.unitName = unitName
    self.district = district
    self.editions = editions
  }
}

extension SurveyHub {
  /// Returns what somebody who answers for a commune finds; nil when there is no campaign or no such commune.
  ///
  /// - Parameter isMeant: Returns whether a campaign's id is the requested one; when none is, the shown campaign counts.
  /// - Complexity: a handful of rows, from one snapshot.
  public func visit(
    to unit: UnitCode, of isMeant: @escaping @Sendable (_ campaign: String) -> Bool = { _ in false }
  ) async throws -> FormVisit? {
    try await hub.read { [asked = campaign] session in
      let sql = "SELECT unit.name, above.name FROM unit LEFT JOIN unit AS above ON above.code = unit.parent WHERE unit.code = ?1"
      guard
        let campaign = try HubPlan.campaigns(session).first(where: { isMeant($0.id) }) ?? HubPlan.campaign(session, asked),
        let row = try session.firstRow(sql + " AND unit.level = 'commune'", [.text(unit.rawValue)])
      else { return nil }
      let records = try HubPlan.forms(session)
      let editions = campaign.forms.flatMap { form in
        records.filter { $0.form == form }.sorted { ($0.version.count, $0.version) > ($1.version.count, $1.version) }
      }
      return FormVisit(
        campaign: try UnitWindow.campaign(campaign, of: unit, in: session), unit: unit, unitName: row[0].text ?? unit.rawValue,
        district: row[1].text, editions: editions)
    }
  }

  /// Returns the validator of an edition, its day still to be set; nil when the hub has no edition with that key.
  ///
  /// - Parameter digest: Digest of the definition, when another one may have the name now.
  public func validator(of edition: String, digest: String? = nil) async throws -> AnswerValidator? {
    let shelf = shelf
    return try await hub.read { session in try shelf.edition(edition, digest: digest, in: session)?.validator }
  }

  /// Stores one answered form that was entered at the hub: encrypted at once, kept in the drop box, released in a lot, as a
  /// device's is.
  ///
  /// - Throws: `SyncError`; nothing was kept then.
  public func submit(_ submission: AnswerSubmission) async throws {
    let campaign = try await hub.read { session in try HubPlan.campaign(session, asking: submission.answers.formID)?.id }
    guard let campaign else { throw SurveyHub.noCampaign }
    let form = SurveySchema.formKey(id: submission.answers.formID, version: submission.answers.formVersion)
    let cells: [String: CellValue] = [
      "id": .text(submission.id ?? SurveySchema.randomID()), "unit": .text(submission.unit.rawValue), "campaign": .text(campaign),
      "form": .text(form), "day": submission.day.map { .text($0.description) } ?? .null, "language": .text(submission.language),
      "answers": .text(String(decoding: submission.answers.canonicalJSON, as: UTF8.self)),
      "edition": .text(submission.answers.formDigest),
    ]
    try await hub.drop(cells, into: "answer", scope: submission.unit.rawValue)
  }
}
