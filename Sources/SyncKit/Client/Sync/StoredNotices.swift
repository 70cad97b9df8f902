internal import SyncCore
internal import SyncStore

/// Notices in a device's store; only the newest are kept.
extension SyncNotice {
  /// Notices that a store keeps.
  static let keptMax = 20

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_notice (
      seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, at_ms INTEGER NOT NULL, vi TEXT NOT NULL, en TEXT NOT NULL);
    """

  func save(in session: any SQLSession) throws {
    try session.execute(
      "INSERT INTO sync_notice (kind, at_ms, vi, en) VALUES (?1, ?2, ?3, ?4)",
      [.text(kind.rawValue), .integer(Int64(clamping: atMs)), .text(explanation.vi), .text(explanation.en)])
    try session.execute(
      "DELETE FROM sync_notice WHERE seq <= (SELECT max(seq) FROM sync_notice) - ?1", [.integer(Int64(Self.keptMax))])
  }

  /// Returns the stored notices, oldest first.
  static func all(in session: any SQLSession) throws -> [SyncNotice] {
    try session.rows("SELECT kind, at_ms, vi, en FROM sync_notice ORDER BY seq").compactMap { row in
      guard let kind = row[0].text.flatMap(Kind.init(rawValue:)), let vi = row[2].text, let en = row[3].text else { return nil }
      return SyncNotice(kind: kind, atMs: UInt64(max(0, row[1].integer ?? 0)), explanation: LocalizedText(vi: vi, en: en))
    }
  }
}
