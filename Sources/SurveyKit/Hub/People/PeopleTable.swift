internal import Crypto
internal import Foundation
internal import SurveyKit
internal import SyncHub

/// People of the operators' pages and their keys, in one transaction. Local to the hub: no device receives them.
struct PeopleTable {
  let session: any HubSession

  static let schema = """
    CREATE TABLE console_person (
      id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, password TEXT, capabilities TEXT NOT NULL, scope TEXT, made_ms INTEGER NOT NULL)
      WITHOUT ROWID;
    CREATE TABLE console_key (
      hash BLOB PRIMARY KEY NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL, made_ms INTEGER NOT NULL,
      ends_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX console_key_person ON console_key (person);
    """

  /// Returns a name in the form in which names are compared.
  static func id(_ name: String) -> String { FoldedText(name).text }

  func all() throws -> [Person] {
    try session.rows("SELECT name, capabilities, scope, password IS NOT NULL, tag FROM console_person ORDER BY id").compactMap(Self.person)
  }

  func person(_ name: String) throws -> Person? {
    try session.firstRow(
      "SELECT name, capabilities, scope, password IS NOT NULL, tag FROM console_person WHERE id = ?1", [.text(Self.id(name))]
    ).flatMap(Self.person)
  }

  private static func person(_ row: [CellValue]) -> Person? {
    guard let name = row[0].text, let capabilities = row[1].text else { return nil }
    return Person(
      name: name, capabilities: Set(capabilities.split(separator: " ").compactMap { Capability(rawValue: String($0)) }),
      scope: row[2].text.map { UnitCode($0) }, tag: row[4].text, isReady: row[3].integer == 1)
  }

  func password(of name: String) throws -> String? {
    try session.firstRow("SELECT password FROM console_person WHERE id = ?1", [.text(Self.id(name))])?[0].text
  }

  func put(_ person: Person, nowMs: Int64) throws {
    let capabilities = Capability.allCases.filter(person.may).map(\.rawValue).joined(separator: " ")
    try session.execute(
      """
      INSERT INTO console_person (id, name, capabilities, scope, made_ms, tag) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
      ON CONFLICT (id) DO UPDATE
        SET name = excluded.name, capabilities = excluded.capabilities, scope = excluded.scope, tag = excluded.tag, password = NULL
      """,
      [
        .text(Self.id(person.name)), .text(person.name), .text(capabilities), person.scope.map { .text($0.rawValue) } ?? .null,
        .integer(nowMs), person.tag.map { .text($0) } ?? .null,
      ])
  }

  func set(password: String, of name: String) throws {
    try session.execute("UPDATE console_person SET password = ?2 WHERE id = ?1", [.text(Self.id(name)), .text(password)])
  }

  func remove(_ name: String) throws {
    try endKeys(of: name)
    try session.execute("DELETE FROM console_person WHERE id = ?1", [.text(Self.id(name))])
  }

  // MARK: Keys

  func add(_ secret: String, _ kind: ConsoleKeyKind, of name: String, label: String = "", nowMs: Int64) throws {
    try session.execute("DELETE FROM console_key WHERE ends_ms <= ?1", [.integer(nowMs)])
    try session.execute(
      "INSERT INTO console_key (hash, person, kind, label, made_ms, ends_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      [.blob(Self.hash(secret)), .text(Self.id(name)), .text(kind.rawValue), .text(label), .integer(nowMs), .integer(nowMs + kind.lifeMs)])
  }

  /// Returns the person of a key; nil for an unknown or ended key.
  func owner(of secret: String, _ kind: ConsoleKeyKind, nowMs: Int64) throws -> Person? {
    let row = try session.firstRow(
      "SELECT person FROM console_key WHERE hash = ?1 AND kind = ?2 AND ends_ms > ?3",
      [.blob(Self.hash(secret)), .text(kind.rawValue), .integer(nowMs)])
    return try row?[0].text.flatMap { try person($0) }
  }

  /// Returns the label of a key; nil for an unknown or ended key.
  func label(of secret: String, _ kind: ConsoleKeyKind, nowMs: Int64) throws -> String? {
    try session.firstRow(
      "SELECT label FROM console_key WHERE hash = ?1 AND kind = ?2 AND ends_ms > ?3",
      [.blob(Self.hash(secret)), .text(kind.rawValue), .integer(nowMs)])?[0].text
  }

  func endKey(_ secret: String) throws { try session.execute("DELETE FROM console_key WHERE hash = ?1", [.blob(Self.hash(secret))]) }

  func endKeys(of name: String, _ kind: ConsoleKeyKind? = nil) throws {
    try session.execute(
      "DELETE FROM console_key WHERE person = ?1 AND (?2 IS NULL OR kind = ?2)",
      [.text(Self.id(name)), kind.map { .text($0.rawValue) } ?? .null])
  }

  private static func hash(_ secret: String) -> Data { Data(SHA256.hash(data: Data(secret.utf8))) }
}
