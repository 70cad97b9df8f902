internal import Foundation
public import SurveyKit
internal import SyncHub

/// Tables of calls and contacts: local to the hub.
enum CallTables {
  static let schema = """
    CREATE TABLE console_call (
      id INTEGER PRIMARY KEY, unit TEXT NOT NULL, at_ms INTEGER NOT NULL, who TEXT NOT NULL, outcome TEXT NOT NULL, until_ms INTEGER,
      note TEXT NOT NULL);
    CREATE INDEX console_call_unit ON console_call (unit, id);
    CREATE TABLE console_contact (
      unit TEXT NOT NULL, number INTEGER NOT NULL, role TEXT NOT NULL, name TEXT NOT NULL, phone TEXT NOT NULL, joined INTEGER NOT NULL,
      PRIMARY KEY (unit, number)) WITHOUT ROWID;
    """
}

extension SurveyHub {
  /// Records the outcome of a call.
  public func note(_ call: UnitCall) async throws {
    let note = String(ReportChange.cleaned(call.note).prefix(UnitCall.noteLengthMax))
    try await hub.write { session in
      try session.execute(
        "INSERT INTO console_call (unit, at_ms, who, outcome, until_ms, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [
          .text(call.unit.rawValue), .integer(call.atMs), .text(call.by), .text(call.outcome.rawValue),
          call.untilMs.map { .integer($0) } ?? .null, .text(note),
        ])
    }
  }

  /// Returns the calls of a unit, the newest first.
  public func calls(of unit: UnitCode, limit: Int = 50) async throws -> [UnitCall] {
    try await hub.read { session in
      try session.rows(
        "SELECT unit, at_ms, who, outcome, until_ms, note FROM console_call WHERE unit = ?1 ORDER BY id DESC LIMIT ?2",
        [.text(unit.rawValue), .integer(Int64(limit))]
      ).compactMap(UnitCall.init)
    }
  }

  /// Replaces all contacts.
  public func setContacts(_ contacts: [UnitContact]) async throws {
    try await hub.write { session in
      let known = Set(try HubPlan.read(session)?.tree.units(at: .commune).map(\.code) ?? [])
      if let stranger = contacts.first(where: { !known.contains($0.unit) }) {
        throw SyncError(.badRequest, vi: "Không có đơn vị \(stranger.unit).", en: "There is no unit \(stranger.unit).")
      }
      try session.execute("DELETE FROM console_contact", [])
      for (number, contact) in contacts.enumerated() {
        try session.execute(
          "INSERT INTO console_contact (unit, number, role, name, phone, joined) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
          [
            .text(contact.unit.rawValue), .integer(Int64(number)), .text(ReportChange.cleaned(contact.role)),
            .text(ReportChange.cleaned(contact.name)), .text(ReportChange.cleaned(contact.phone)), .integer(contact.hasJoined ? 1 : 0),
          ])
      }
    }
  }

  /// Returns all contacts, by unit and in their order.
  public func contacts() async throws -> [UnitContact] { try await hub.read { try Self.contacts(in: $0) } }

  static func contacts(in session: any HubSession) throws -> [UnitContact] {
    try session.rows("SELECT unit, role, name, phone, joined FROM console_contact ORDER BY unit, number").map { row in
      UnitContact(
        unit: UnitCode(row[0].text ?? ""), role: row[1].text ?? "", name: row[2].text ?? "", phone: row[3].text ?? "",
        hasJoined: row[4].integer == 1)
    }
  }

  /// Returns the latest call of each unit.
  static func latestCalls(in session: any HubSession) throws -> [String: UnitCall] {
    let calls = try session.rows(
      """
      SELECT unit, at_ms, who, outcome, until_ms, note FROM console_call WHERE id IN (SELECT max(id) FROM console_call GROUP BY unit)
      """
    ).compactMap(UnitCall.init)
    return Dictionary(calls.map { ($0.unit.rawValue, $0) }, uniquingKeysWith: { $1 })
  }
}

extension UnitCall {
  fileprivate init?(_ row: [CellValue]) {
    guard let unit = row[0].text, let outcome = row[3].text.flatMap({ CallOutcome(rawValue: $0) }) else { return nil }
    self.init(
      unit: UnitCode(unit), atMs: row[1].integer ?? 0, by: row[2].text ?? "", outcome: outcome, untilMs: row[4].integer,
      note: row[5].text ?? "")
  }
}
