internal import Foundation

/// Something out of the ordinary that a device noticed in an exchange, and what it did about it: one sentence for people.
public struct SyncNotice: Sendable, Hashable, Codable {
  public enum Kind: String, Sendable, Codable {
    /// The device was copied, or restored from an old copy: it took a new identity.
    case newIdentity
    /// The hub was restored from an older copy: the device gave back what it had of it.
    case hubRestored
    /// The feed was too long or gone: the rows came in bulk.
    case rebased
    /// The hub will never take an attachment: it stays on this device.
    case blobUnfit
    /// The hub will never take a batch as it was sealed: what could be taken of it was sealed anew.
    case batchRefused
    /// The hub lost work of which this device had no batches any more: what stands was sealed once more.
    case workRecovered
  }

  public var kind: Kind
  /// Hub time in milliseconds.
  public var atMs: UInt64
  public var explanation: LocalizedText

  /// Notices a store keeps.
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

  /// What the store remembers, oldest first.
  static func all(in session: any SQLSession) throws -> [SyncNotice] {
    try session.rows("SELECT kind, at_ms, vi, en FROM sync_notice ORDER BY seq").compactMap { row in
      guard let kind = row[0].text.flatMap(Kind.init(rawValue:)), let vi = row[2].text, let en = row[3].text else { return nil }
      return SyncNotice(kind: kind, atMs: UInt64(max(0, row[1].integer ?? 0)), explanation: LocalizedText(vi: vi, en: en))
    }
  }
}
