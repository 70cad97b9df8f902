internal import Foundation

/// Erased anonymous rows of one edition: only their number is left.
public struct ErasedRows: Sendable, Hashable, Codable {
  /// Edition, as a `RowVerdict` names it.
  public var edition: String
  /// Rows that stood under each scope's code.
  public var byScope: [String: Int]
  /// Hub time in milliseconds at which no trace of the rows was left in the store's files; nil while erasing is under way, or was
  /// interrupted.
  public var doneMs: UInt64?

  public var count: Int { byScope.values.reduce(0, +) }

  /// Returns the erased rows, in the order of their editions.
  public static func all(in session: any SQLSession) throws -> [ErasedRows] { try ErasureTable(session: session).all() }
}

/// Table of the editions whose rows were erased, and of their numbers. Belongs to one transaction.
struct ErasureTable {
  let session: any SQLSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_erasure (edition TEXT PRIMARY KEY NOT NULL, begun_ms INTEGER NOT NULL, done_ms INTEGER) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_erased (
      scope TEXT NOT NULL, edition TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (scope, edition)) WITHOUT ROWID;
    """

  /// Returns whether the table exists: an examined store may be of an earlier format.
  private func isThere() throws -> Bool { try session.firstRow("SELECT 1 FROM sqlite_master WHERE name = 'hub_erased'") != nil }

  func all() throws -> [ErasedRows] {
    guard try isThere() else { return [] }
    var counts: [String: [String: Int]] = [:]
    for row in try session.rows("SELECT edition, scope, count FROM hub_erased") {
      if let edition = row[0].text, let scope = row[1].text { counts[edition, default: [:]][scope] = Int(clamping: row[2].integer ?? 0) }
    }
    return try session.rows("SELECT edition, done_ms FROM hub_erasure ORDER BY edition").compactMap { row in
      row[0].text.map { ErasedRows(edition: $0, byScope: counts[$0] ?? [:], doneMs: row[1].integer.map { UInt64(max(0, $0)) }) }
    }
  }

  /// Returns how many rows of each scope were erased.
  func byScope() throws -> [String: Int] {
    guard try isThere() else { return [:] }
    return try session.rows("SELECT scope, sum(count) FROM hub_erased GROUP BY scope").reduce(into: [:]) { sums, row in
      if let scope = row[0].text { sums[scope] = Int(clamping: row[1].integer ?? 0) }
    }
  }

  /// Returns the editions whose rows are erased or are being erased. They accept no more answers, because a counted one could not
  /// be recognized.
  func editions() throws -> Set<String> { Set(try session.rows("SELECT edition FROM hub_erasure").compactMap { $0[0].text }) }

  /// Records the beginning.
  ///
  /// - Returns: The editions that are not done.
  func begin(_ editions: Set<String>, nowMs: UInt64) throws -> Set<String> {
    for edition in editions.sorted() {
      try session.execute(
        "INSERT INTO hub_erasure (edition, begun_ms) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        [.text(edition), .integer(Int64(clamping: nowMs))])
    }
    let done = try session.rows("SELECT edition FROM hub_erasure WHERE done_ms IS NOT NULL").compactMap { $0[0].text }
    return editions.subtracting(done)
  }

  func add(_ count: Int, scope: String, edition: String) throws {
    try session.execute(
      """
      INSERT INTO hub_erased (scope, edition, count) VALUES (?1, ?2, ?3)
      ON CONFLICT (scope, edition) DO UPDATE SET count = hub_erased.count + excluded.count
      """, [.text(scope), .text(edition), .integer(Int64(count))])
  }

  func finish(_ editions: Set<String>, nowMs: UInt64) throws {
    for edition in editions.sorted() {
      try session.execute(
        "UPDATE hub_erasure SET done_ms = ?2 WHERE edition = ?1 AND done_ms IS NULL", [.text(edition), .integer(Int64(clamping: nowMs))])
    }
  }
}

/// Erasing of editions' rows, a bounded number in each transaction.
private struct RowErasing {
  /// Rows read in one transaction, which must not delay other writers.
  static let rowsMax = 500

  let shape: TableShape
  let editions: Set<String>
  let receiver: any LotReceiver

  /// Reads rows after a key, and deletes those of the editions.
  ///
  /// - Returns: The last key read; nil when no rows are left.
  func eraseSome(after last: CellValue?, in session: any HubSession) throws -> CellValue? {
    let (table, key) = (quote(shape.name), quote(shape.keyColumn))
    let names = shape.packetColumns
    let (condition, arguments) = last.map { ("WHERE \(key) > ?1", [$0]) } ?? ("", [])
    let rows = try session.rows(
      "SELECT \(names.map { quote($0) }.joined(separator: ", ")) FROM \(table) \(condition) ORDER BY \(key) LIMIT \(Self.rowsMax)",
      arguments)
    var counts: [String: [String: Int]] = [:]
    var erased: [AnonymousRow] = []
    for cells in rows {
      let row = AnonymousRow(table: shape.name, cells: zip(names, cells).map { CellChange($0, $1) })
      let edition = shape.declaration.formColumn.map { row.value($0)?.text ?? "" } ?? shape.name
      guard editions.contains(edition) else { continue }
      try session.execute("DELETE FROM \(table) WHERE \(key) = ?1", [cells[0]])
      counts[edition, default: [:]][row.value(shape.declaration.scopeColumn)?.text ?? "", default: 0] += 1
      erased.append(row)
    }
    if !erased.isEmpty { try session.withoutCapture { try receiver.noteErased(erased, in: session) } }
    for (edition, scopes) in counts {
      for (scope, count) in scopes { try ErasureTable(session: session).add(count, scope: scope, edition: edition) }
    }
    return rows.count < Self.rowsMax ? nil : rows.last?[0]
  }
}

extension Hub {
  /// Erases the released rows of some editions for good, in short transactions, and then what deleting leaves in the store's files.
  ///
  /// The number of rows in each scope stays counted, and so does what was counted from them. Answers of these editions that arrive
  /// later are not accepted. An interrupted call goes on when it is repeated.
  ///
  /// Earlier backups still hold the rows: see `backupFiles()`.
  ///
  /// - Throws: `SyncError` `.badRequest` when the two newest backups do not hold all that was released; nothing is erased then.
  ///   Other errors leave the rest for the next call.
  /// - Complexity: O(rows of the table); rewrites the whole store.
  public func eraseReleased(_ editions: Set<String>, of table: String) async throws {
    guard let shape = store.tables.byName[table], shape.declaration.kind == .anonymous else {
      throw SyncError(
        .internalFault, vi: "Bảng \(table) không có phiếu kín.", en: "Table \(table) has no anonymous rows.")
    }
    let begun = clock.nowMs()
    let due = try await store.write { session in
      guard try BackupLog(session: session).holdsReleases() else {
        throw SyncError(
          .badRequest, vi: "Phiếu đã mở chưa nằm trong hai bản sao lưu mới nhất; chưa xóa gì. Chạy `hub backup` cho đến khi đủ hai bản.",
          en: "The answers released are not in the two newest backups yet; nothing was erased. Run `hub backup` until they are in both.")
      }
      return try ErasureTable(session: session).begin(editions, nowMs: begun)
    }
    guard !due.isEmpty else { return }
    let (erasing, receiver) = (RowErasing(shape: shape, editions: due, receiver: receiver), receiver)
    var last: CellValue?
    repeat {
      last = try await store.write { [last] in try erasing.eraseSome(after: last, in: $0) }
    } while last != nil
    while try await store.write({ session in try session.withoutCapture { try receiver.eraseMore(of: due, in: session) } }) {}
    try await store.rewrite()
    let done = clock.nowMs()
    try await store.write { try ErasureTable(session: $0).finish(due, nowMs: done) }
  }
}
