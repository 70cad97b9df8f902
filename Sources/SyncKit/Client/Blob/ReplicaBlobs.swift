public import SyncCore
public import SyncStore

/// Table of a device's blobs, and of what the hub said about them.
struct BlobTable {
  let session: any SQLSession

  /// Names of blobs that the hub has whole, in its present incarnation, and of those that it will never keep, with the reason.
  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_blob_kept (id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_blob_unfit (id TEXT PRIMARY KEY NOT NULL, vi TEXT NOT NULL, en TEXT NOT NULL) WITHOUT ROWID;
    """

  func isKept(_ id: BlobID) throws -> Bool {
    try session.firstRow("SELECT 1 FROM sync_blob_kept WHERE id = ?1", [.text(id.hex)]) != nil
  }

  func noteKept(_ id: BlobID) throws {
    try session.execute("INSERT INTO sync_blob_kept (id) VALUES (?1) ON CONFLICT DO NOTHING", [.text(id.hex)])
  }

  /// Records that the hub will never keep a blob; the blob itself stays here.
  ///
  /// - Returns: Notice for the person; nil when it was given before.
  func noteUnfit(_ id: BlobID, _ reason: LocalizedText, hubTimeMs: UInt64) throws -> SyncNotice? {
    let isNew = try session.rows(
      "INSERT INTO sync_blob_unfit (id, vi, en) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING 1",
      [.text(id.hex), .text(reason.vi), .text(reason.en)])
    guard !isNew.isEmpty else { return nil }
    let notice = SyncNotice(
      kind: .blobUnfit, atMs: hubTimeMs,
      explanation: LocalizedText(
        vi:
          "Tỉnh không nhận tệp đính kèm \(id.hex.prefix(8)): \(reason.vi) Tệp còn nguyên trên máy này; hãy thêm lại ảnh bằng chương trình này.",
        en:
          "The hub does not take the attachment \(id.hex.prefix(8)): \(reason.en) It stays on this device; add the picture anew with this program."
      ))
    try notice.save(in: session)
    return notice
  }

  /// Records how many blobs the hub has lost. When the number grew, the hub is asked about all blobs again.
  ///
  /// - Parameter lost: The hub's count.
  func note(lost: UInt64) throws {
    let (state, lost) = (StateStore(session: session), Int64(clamping: lost))
    guard try state.integer("blobsLost") != lost else { return }
    try forget()
    try state.set("blobsLost", .integer(lost))
  }

  /// Forgets what the hub has, after it was restored or lost blobs: it is asked about all of them again.
  func forget() throws {
    try session.execute("DELETE FROM sync_blob_kept")
    try session.execute("DELETE FROM sync_blob_unfit")
  }
}

extension Replica {
  /// Store of the blobs' files.
  public var blobs: BlobStore { BlobStore(folder: path + BlobStore.deviceSuffix) }

  /// Returns whether the hub said that it has a whole blob.
  public func isBlobAtHub(_ id: BlobID) async throws -> Bool {
    try await engineRead { try BlobTable(session: $0.session).isKept(id) }
  }

  /// Returns the keys of rows with changes that are not sealed yet, or in batches without a receipt.
  ///
  /// - Complexity: decodes every batch that waits.
  public func unsentKeys(of tables: Set<String>) async throws -> Set<CellValue> {
    let numbers = tables.compactMap { shapes[$0]?.id }
    return try await engineRead { transaction in
      let list = numbers.map(String.init).joined(separator: ", ")
      var keys = Set(try transaction.session.rows("SELECT DISTINCT key FROM sync_pending WHERE tbl IN (\(list))").map { $0[0] })
      for row in try transaction.session.rows("SELECT bytes FROM sync_outbox WHERE received <> 1 AND length(bytes) > 0") {
        guard let bytes = row[0].blob else { continue }
        for change in try BatchCodec.reopen(SealedBatch(bytes: bytes)).units.flatMap(\.changes) where tables.contains(change.table) {
          keys.insert(change.key)
        }
      }
      return keys
    }
  }

  /// Returns the blobs that the hub will never keep, with its reasons. They are still here.
  public func unfitBlobs() async throws -> [BlobID: LocalizedText] {
    try await engineRead { transaction in
      try transaction.session.rows("SELECT id, vi, en FROM sync_blob_unfit").reduce(into: [:]) { reasons, row in
        guard let id = row[0].text.flatMap({ BlobID(hex: $0) }), let vi = row[1].text, let en = row[2].text else { return }
        reasons[id] = LocalizedText(vi: vi, en: en)
      }
    }
  }

  /// Returns blobs to which rows of the written scopes refer, and which the hub has neither confirmed nor refused for good, in the
  /// order of their names.
  ///
  /// - Parameters:
  ///   - after: Returns only greater names.
  ///   - limit: Blobs in the result.
  public func blobsToConfirm(after: BlobID? = nil, limit: Int) async throws -> [BlobID] {
    try await engineRead { [shapes] transaction in
      try BlobReferences(session: transaction.session, shapes: shapes.values).referred(
        after: after, limit: limit,
        where:
          "scope IN (SELECT code FROM sync_scope WHERE writable = 1) AND id NOT IN (SELECT id FROM sync_blob_kept UNION SELECT id FROM sync_blob_unfit)"
      )
    }
  }
}
