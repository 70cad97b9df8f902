public import SyncCore
public import SyncStore

/// Blobs on a device, and what is known of them at the hub.
struct BlobBook {
  let session: any SQLSession

  /// Names of blobs that the hub said it has whole, in its present life.
  /// And those that it said it will never take, with its reason.
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

  /// Notes that the hub will never take a blob; what is here of it stays.
  ///
  /// - Returns: What to tell the person, once.
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

  /// - Parameter lost: What the hub counts: it grew when it lost some since it was heard last.
  func note(lost: UInt64) throws {
    let (state, lost) = (StateStore(session: session), Int64(clamping: lost))
    guard try state.integer("blobsLost") != lost else { return }
    try forget()
    try state.set("blobsLost", .integer(lost))
  }

  /// The hub was restored, or lost blobs: it is asked about all of them again.
  func forget() throws {
    try session.execute("DELETE FROM sync_blob_kept")
    try session.execute("DELETE FROM sync_blob_unfit")
  }
}

extension Replica {
  /// Where the blobs of this store are.
  public var blobs: BlobStore { BlobStore(folder: path + BlobStore.deviceSuffix) }

  /// Whether the hub has said that it has a blob whole.
  public func isBlobAtHub(_ id: BlobID) async throws -> Bool {
    try await engineRead { try BlobBook(session: $0.session).isKept(id) }
  }

  /// Rows of tables of which something waits on this device: changes not sealed yet, or in batches without a receipt.
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

  /// Blobs that the hub said it will never take, with its reasons. They are here still.
  public func unfitBlobs() async throws -> [BlobID: LocalizedText] {
    try await engineRead { transaction in
      try transaction.session.rows("SELECT id, vi, en FROM sync_blob_unfit").reduce(into: [:]) { reasons, row in
        guard let id = row[0].text.flatMap({ BlobID(hex: $0) }), let vi = row[1].text, let en = row[2].text else { return }
        reasons[id] = LocalizedText(vi: vi, en: en)
      }
    }
  }

  /// Blobs that rows of the scopes written here refer to and the hub has neither confirmed nor refused for good, in the order of their
  /// names.
  ///
  /// - Parameters:
  ///   - after: Only greater names.
  ///   - limit: How many at most.
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
