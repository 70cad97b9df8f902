internal import Foundation
internal import SurveyKit
internal import SyncHub

/// Result of loading a campaign.
public struct CampaignLoad: Sendable, Hashable, Codable {
  /// New rows by table.
  public var added: [String: Int] = [:]
  /// Changed rows by table.
  public var changed: [String: Int] = [:]
  /// Units that the hub has and the folder does not name; they stay.
  public var kept: [String] = []
  /// Forms that got a drop key of their own: the recovery sheet lacks it until it is printed again.
  public var newKeys: [String] = []

  /// True when the hub had all of it already.
  public var isUnchanged: Bool { added.isEmpty && changed.isEmpty && newKeys.isEmpty }

  public init() {}
}

extension SurveyHub {
  /// Writes a campaign as the hub's own data, with the folder's days: it reaches every device through the feed. For a hub with
  /// which people may be at work: `proposal(_:movedTo:isChosen:)`.
  ///
  /// Only differences are written, in one transaction; loading the same folder again changes nothing. Nothing is deleted: a unit
  /// or a form that the folder no longer names stays. Forms that people answer get a drop key of their own first.
  ///
  /// - Throws: `DataProblems` when an edition of a form that has answers would change its questions, or something belongs to
  ///   another campaign of the hub; nothing is written then.
  public func load(_ folder: CampaignFolder) async throws -> CampaignLoad {
    try await load(folder, shiftDays: nil, isChosen: false, agreed: nil)
  }

  /// Loads a folder.
  ///
  /// - Parameter changes: Changes to which a person agreed; nil when nobody was asked.
  func load(_ folder: CampaignFolder, shiftDays: Int?, isChosen: Bool, agreed changes: [LocalizedText]?) async throws -> CampaignLoad {
    let (nowMs, spooled) = (nowMs, hub.spooledPackets())
    // Checks the folder before keys are made: a key must exist before devices receive its form, and a refused campaign gets none.
    try await hub.read { session in
      try CampaignReview(session: session, nowMs: nowMs, spooled: spooled).refuse(folder)
      try CampaignWriter(session: session, folder: folder).refuseChangedForms()
    }
    let newKeys = try await addFormKeys(folder.forms.filter { folder.campaign.forms.contains($0.id) }, campaign: folder.campaign.id)
    var load = try await hub.write { session in
      let review = CampaignReview(session: session, nowMs: nowMs, spooled: spooled)
      if let changes, try review.changes(folder) != changes { throw CampaignReview.changedMeanwhile }
      return try review.load(folder, shiftDays: shiftDays, isChosen: isChosen)
    }
    load.newKeys = newKeys
    return load
  }
}

/// Writes the rows of one campaign that differ, in one transaction.
struct CampaignWriter {
  let session: any HubSession
  let folder: CampaignFolder
  private var scope: CellValue { .text(folder.campaign.province.code.rawValue) }

  init(session: any HubSession, folder: CampaignFolder) {
    self.session = session
    self.folder = folder
  }

  private static func definition(of campaign: Campaign) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(campaign), as: UTF8.self)
  }

  /// Writes what a campaign that the hub has says now.
  static func write(_ campaign: Campaign, in session: any HubSession) throws {
    try session.execute("UPDATE campaign SET definition = ?2 WHERE id = ?1", [.text(campaign.id), .text(try definition(of: campaign))])
  }

  func write() throws -> CampaignLoad {
    try refuseChangedForms()
    var load = CampaignLoad()
    let campaign = folder.campaign
    try bring("campaign", ["id", "scope", "definition"], [[.text(campaign.id), scope, .text(try Self.definition(of: campaign))]], &load)
    try bring(
      "form", ["id", "scope", "form", "version", "campaign", "definition"],
      folder.forms.map { form in
        [
          .text(SurveySchema.formKey(id: form.id, version: form.version)), scope, .text(form.id), .text(form.version),
          .text(campaign.id), .text(String(decoding: form.canonicalJSON, as: UTF8.self)),
        ]
      }, &load)
    // Closes older editions, as publishing a form does: only the newest edition is asked.
    for form in folder.forms {
      try FormEditions(session: session).closeOlder(than: form)
    }
    try bring(
      "unit", ["code", "scope", "name", "kind", "level", "parent"],
      folder.tree.units.map { unit in
        [
          .text(unit.code.rawValue), scope, .text(unit.name), .text(unit.kind), .text(unit.level.rawValue),
          unit.parentCode.map { .text($0.rawValue) } ?? .null,
        ]
      }, &load)
    try bring(
      "headcount", ["code", "unit", "officials", "civil_servants", "part_time", "eligible"],
      folder.headcount.staff.sorted { $0.key < $1.key }.map { code, staff in
        [
          .text(code.rawValue), .text(code.rawValue), .integer(Int64(staff.officials)), .integer(Int64(staff.civilServants)),
          .integer(Int64(staff.partTime)), .integer(Int64(staff.eligible)),
        ]
      }, &load)
    load.kept = try session.rows("SELECT code FROM unit ORDER BY code").compactMap { row in
      row[0].text.flatMap { folder.tree[UnitCode($0)] == nil ? $0 : nil }
    }
    return load
  }

  /// Inserts missing rows and updates differing ones; the first column is the key.
  private func bring(_ table: String, _ columns: [String], _ rows: [[CellValue]], _ load: inout CampaignLoad) throws {
    let list = columns.joined(separator: ", ")
    var present: [CellValue: [CellValue]] = [:]
    for row in try session.rows("SELECT \(list) FROM \(table)") { present[row[0]] = row }
    let places = columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    let insert = "INSERT INTO \(table) (\(list)) VALUES (\(places))"
    let sets = columns.indices.dropFirst().map { "\(columns[$0]) = ?\($0 + 1)" }.joined(separator: ", ")
    let update = "UPDATE \(table) SET \(sets) WHERE \(columns[0]) = ?1"
    for row in rows {
      guard let known = present[row[0]] else {
        try session.execute(insert, row)
        load.added[table, default: 0] += 1
        continue
      }
      guard known != row else { continue }
      try session.execute(update, row)
      load.changed[table, default: 0] += 1
    }
  }

  /// Refuses changed questions: answers belong to one edition of a form, so neither its questions nor their meaning in the next
  /// edition may change.
  func refuseChangedForms() throws {
    var problems: [DataProblem] = []
    for form in folder.forms {
      do {
        try FormEditions(session: session).refuse(form, file: form.id + ".xlsform")
      } catch let found as DataProblems {
        problems += found.problems
      }
    }
    guard problems.isEmpty else { throw DataProblems(problems) }
  }
}
