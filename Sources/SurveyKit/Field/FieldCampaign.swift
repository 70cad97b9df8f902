internal import Foundation
internal import GRDB
public import SurveyKit
public import SyncKit

/// Edition of a form that has arrived on the device.
public struct FieldForm: Sendable, Hashable, Codable {
  public var id: String
  public var version: String
  public var title: LocalizedText
  /// State `open`, `closing` or `closed`, as the hub reports it.
  public var state: String
  public var questions: Int
}

/// Data from the province: the campaign, its forms, its units.
extension SurveyField {
  /// Returns the campaign that is asked; nil before one has arrived. See `Campaign.meant`.
  ///
  /// - Parameter form: Form whose campaign counts, when none is named.
  public func campaign(asking form: String? = nil) async throws -> Campaign? {
    let (campaigns, unreadable) = try await storedCampaigns()
    if campaigns.isEmpty, let unreadable { throw SurveyFieldError.unreadable(table: "campaign", id: unreadable) }
    return Campaign.meant(of: campaigns, named: campaignID, asking: form)
  }

  /// Returns the campaign that is asked, then the others that still expect answers or reports, by their first day.
  public func openCampaigns() async throws -> [Campaign] {
    guard let meant = try await campaign() else { return [] }
    let nowMs = try await hubTimeMs()
    let others = try await storedCampaigns().campaigns.map(\.campaign).filter { $0.id != meant.id && $0.isAwaited(atMs: nowMs) }
    return [meant] + others.sorted { ($0.firstDay, $0.id) < ($1.firstDay, $1.id) }
  }

  /// Returns the campaign of the report of a day.
  func campaign(having day: CalendarDay?) async throws -> Campaign? {
    try await campaign()?.orOther(of: try await storedCampaigns().campaigns.map(\.campaign), having: day)
  }

  func storedCampaigns() async throws -> (campaigns: [(campaign: Campaign, chosen: Int64?)], unreadable: String?) {
    let (rows, ends) = try await read { db in
      let rows = try Row.fetchAll(db, sql: "SELECT id, definition, chosen FROM campaign WHERE definition IS NOT NULL ORDER BY id").map {
        (id: $0.text("id") ?? "", definition: $0.text("definition") ?? "", chosen: $0.integer("chosen"))
      }
      // A device reads those of its own commune alone.
      let own = try Row.fetchAll(db, sql: "SELECT campaign, closes FROM unit_window WHERE campaign IS NOT NULL ORDER BY id").map {
        ($0.text("campaign") ?? "", $0.text("closes").flatMap { LocalTime($0) })
      }
      return (rows, Dictionary(own, uniquingKeysWith: { $1 }))
    }
    var campaigns: [(campaign: Campaign, chosen: Int64?)] = []
    var unreadable: String?
    for row in rows {
      do throws(DataProblems) {
        campaigns.append((try Campaign(json: Data(row.definition.utf8)).extended(to: ends[row.id] ?? nil), row.chosen))
      } catch {
        unreadable = row.id
      }
    }
    return (campaigns, unreadable)
  }

  func requireCampaign(asking form: String? = nil) async throws -> Campaign {
    if let campaign = try await campaign(asking: form) { return campaign }
    _ = try await unit()
    throw SurveyFieldError.noCampaign
  }

  /// Returns every edition of every form here, by id, the newest first.
  public func forms() async throws -> [FieldForm] {
    var forms: [FieldForm] = []
    for row in try await formRows() {
      guard let form = try? Self.form(row) else { continue }
      forms.append(
        FieldForm(
          id: form.id, version: form.version, title: form.title.localized, state: row.state,
          questions: form.questions.count { $0.kind.isAsked }))
    }
    return forms
  }

  /// Returns a form in its newest edition, or in the named one; nil when it is not here.
  public func form(id: String, version: String? = nil) async throws -> Form? {
    let rows = try await formRows().filter { $0.form == id && (version == nil || $0.version == version) }
    // Treats an unreadable named edition as missing: it is only shown.
    if version != nil { return rows.first.flatMap { try? Self.form($0) } }
    return try rows.first.map(Self.form)
  }

  /// Returns the edition in which a form is asked now: the newest.
  ///
  /// - Throws: `SurveyFieldError` `.noForm`, and `.formClosing` or `.formClosed` when nobody is asked any more.
  public func formToAsk(id: String) async throws -> Form {
    guard let newest = try await formRows().first(where: { $0.form == id }) else { throw SurveyFieldError.noForm(id: id, version: nil) }
    switch FormState(rawValue: newest.state) {
    case .closing: throw SurveyFieldError.formClosing(id: id)
    case .closed: throw SurveyFieldError.formClosed(id: id)
    case .open, nil: return try Self.form(newest)
    }
  }

  /// Returns the units of the campaign; nil before they have arrived.
  public func units() async throws -> UnitTree? { UnitTree.standing(try await unitRows()).tree }

  private func unitRows() async throws -> [SurveyUnit] {
    try await read { db in
      try Row.fetchAll(db, sql: "SELECT code, name, kind, level, parent FROM unit ORDER BY code").map { row in
        SurveyUnit(
          code: UnitCode(row.text("code") ?? ""), name: row.text("name") ?? "", kind: row.text("kind") ?? "",
          parentCode: row.text("parent").map { UnitCode($0) }, level: UnitLevel(rawValue: row.text("level") ?? "") ?? .commune
        )
      }
    }
  }

  /// Returns everything here that this program cannot read, with the reason. Other calls leave it out.
  public func unreadableRows() async throws -> [UnreadableRow] {
    var found = try await replica.misformedRows().map { UnreadableRow($0) }
    found += UnitTree.standing(try await unitRows()).others.map { code in
      UnreadableRow(
        table: "unit", key: code.rawValue,
        reason: LocalizedText(vi: "thiếu tên, hay cấp trên không có", en: "it has no name, or its parent is not there"))
    }
    let noDefinition = LocalizedText(vi: "định nghĩa không đúng dạng", en: "its definition is not well formed")
    let rows = try await formRows()
    for row in rows where (try? Self.form(row)) == nil { found.append(UnreadableRow(table: "form", key: row.key, reason: noDefinition)) }
    let (campaigns, reports) = try await read { db in
      (
        try Row.fetchAll(db, sql: "SELECT id, definition FROM campaign WHERE definition IS NOT NULL").map {
          (id: $0.text("id") ?? "", json: $0.text("definition") ?? "")
        },
        try Row.fetchAll(db, sql: "SELECT id, form FROM report WHERE form IS NOT NULL ORDER BY id").map {
          (id: $0.text("id") ?? "", form: $0.text("form") ?? "")
        }
      )
    }
    for campaign in campaigns where (try? Campaign(json: Data(campaign.json.utf8))) == nil {
      found.append(UnreadableRow(table: "campaign", key: campaign.id, reason: noDefinition))
    }
    let (known, named) = (Set(rows.map(\.key)), Set(found.filter { $0.table == "report" }.map(\.key)))
    for report in reports where !known.contains(report.form) && !named.contains(report.id) {
      found.append(
        UnreadableRow(
          table: "report", key: report.id,
          reason: LocalizedText(vi: "máy này chưa có biểu mẫu \(report.form)", en: "the form \(report.form) is not on this device"),
          remedy: LocalizedText(vi: "chạy field sync hoặc nâng cấp chương trình", en: "run field sync or upgrade this program")))
    }
    return found
  }

  private struct FormRow {
    var key: String
    var form: String
    var version: String
    var state: String
    var definition: String
  }

  private func formRows() async throws -> [FormRow] {
    let rows = try await read { db in
      try Row.fetchAll(db, sql: "SELECT id, form, version, state, definition FROM form WHERE definition IS NOT NULL").map { row in
        FormRow(
          key: row.text("id") ?? "", form: row.text("form") ?? "", version: row.text("version") ?? "",
          state: row.text("state") ?? "open",
          definition: row.text("definition") ?? "")
      }
    }
    return rows.sorted { a, b in a.form == b.form ? Self.isOlder(b.version, than: a.version) : a.form < b.form }
  }

  private static func form(_ row: FormRow) throws -> Form {
    do throws(FormDefinitionError) {
      return try Form(canonicalJSON: Data(row.definition.utf8))
    } catch {
      throw SurveyFieldError.unreadable(table: "form", id: row.key)
    }
  }

  /// Returns whether a version is older than another. Versions of digits compare as numbers, so that 10 comes after 9; others by
  /// their bytes.
  static func isOlder(_ a: String, than b: String) -> Bool {
    func isNumber(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) } }
    if isNumber(a), isNumber(b) {
      let (left, right) = (a.drop { $0 == "0" }, b.drop { $0 == "0" })
      if left.count != right.count { return left.count < right.count }
    }
    return a.utf8.lexicographicallyPrecedes(b.utf8)
  }
}
