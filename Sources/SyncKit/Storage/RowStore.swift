internal import Foundation

/// Reads and writes the states of replicated rows: the app's own table for the values, one metadata record a row for life
/// and versions. Belongs to one transaction.
final class RowStore {
  let session: any SQLSession
  private let shapes: [String: TableShape]
  private var replicaIDs: [Int64: ReplicaID] = [:]
  private var replicaNumbers: [ReplicaID: Int64] = [:]
  /// Names of tables whose rows were written, for observers.
  private(set) var touched: Set<String> = []

  init(session: any SQLSession, shapes: [String: TableShape]) {
    self.session = session
    self.shapes = shapes
  }

  func shape(_ table: String) -> TableShape? { shapes[table] }

  var all: some Sequence<TableShape> { shapes.values.sorted { $0.id < $1.id } }

  /// Observers of a table will hear that its rows were written.
  func note(_ table: String) { touched.insert(table) }

  /// What the rows written since the last `flush` change in the digests.
  private var digestChanges: [DigestBook.Place: DigestBook.Change] = [:]
  private struct Loaded {
    var table: Int
    var key: CellValue
    var digest: Data?
  }
  /// The row loaded last: nearly always the one that is saved next.
  private var loaded: Loaded?

  /// Writes the digests. To be called before the transaction ends.
  func flush() throws {
    for (place, change) in digestChanges { try DigestBook(session: session).apply(change, at: place) }
    digestChanges = [:]
  }

  /// A row as stored, and the scope it was first written in.
  struct Stored {
    var state: RowState
    var scope: String
  }

  /// One statement: metadata and values together. Nil for a row never heard of.
  func load(_ shape: TableShape, key: CellValue) throws -> Stored? {
    guard let row = try session.firstRow(Self.select(shape) + " WHERE m.key = ?1", [key]) else {
      loaded = Loaded(table: shape.id, key: key)
      return nil
    }
    let stored = try stored(row, shape)
    loaded = Loaded(table: shape.id, key: key, digest: row[8].blob)
    return stored
  }

  /// Rows of one scope by key, tombstones too.
  ///
  /// - Parameter after: Only rows with a greater key.
  func rows(of shape: TableShape, scope: String, after: CellValue?, limit: Int) throws -> [(key: CellValue, state: RowState)] {
    let isAfter = after == nil ? "" : " AND m.key > ?3"
    let arguments: [CellValue] = [.text(scope), .integer(Int64(limit))] + (after.map { [$0] } ?? [])
    return try session.rows(Self.select(shape) + " WHERE m.scope = ?1\(isAfter) ORDER BY m.key LIMIT ?2", arguments).map { row in
      (row[0], try stored(row, shape).state)
    }
  }

  private static func select(_ shape: TableShape) -> String {
    let columns = shape.columns.map { "t." + quote($0.name) }.joined(separator: ", ")
    return """
      SELECT m.key, m.scope, m.life, m.stamp, m.replica, m.position, m.mask, m.cells, m.digest, \(columns)
      FROM \(quote(shape.metadataTable)) m LEFT JOIN \(quote(shape.name)) t ON t.\(quote(shape.keyColumn)) = m.key
      """
  }

  private func stored(_ row: [CellValue], _ shape: TableShape) throws -> Stored {
    guard let scope = row[1].text, let life = row[2].integer, let stamp = row[3].integer, let replica = row[4].integer,
      let position = row[5].integer, let mask = row[6].integer
    else { throw ByteReader.short }
    let main = Origin(
      version: Version(HybridTimestamp(rawValue: UInt64(bitPattern: stamp)), try replicaID(replica)), position: UInt64(max(0, position)))
    let metadata = RowMetadata(life: UInt32(clamping: life), main: main, mask: mask, split: row[7].blob ?? Data())
    return Stored(state: try metadata.state(shape, values: row[9...], replica: replicaID), scope: scope)
  }

  /// Writes a merged row: its metadata record, and those values that changed.
  ///
  /// - Parameter previous: The state loaded before the merge.
  func save(_ outcome: MergeOutcome, over previous: RowState, shape: TableShape, key: CellValue, scope: String) throws {
    try saveMetadata(outcome.state, shape: shape, key: key, scope: scope)
    touched.insert(shape.name)
    let table = quote(shape.name)
    let keyColumn = quote(shape.keyColumn)
    if previous.isAlive && previous.life != outcome.state.life {
      try session.execute("DELETE FROM \(table) WHERE \(keyColumn) = ?1", [key])
    }
    guard outcome.state.isAlive else { return }
    let writtenColumns = Set(outcome.written.map(\.column))
    let cells = shape.columns.filter { writtenColumns.contains($0.name) }.compactMap { column in
      CellParts.value(of: column, policy: shape.policy(of: column), in: outcome.state.cells).map { (column.name, $0) }
    }
    if previous.life != outcome.state.life {
      let names = ([shape.keyColumn] + cells.map(\.0)).map(quote).joined(separator: ", ")
      let places = (1...cells.count + 1).map { "?\($0)" }.joined(separator: ", ")
      // A row may stand that nobody ever captured, put there before the table was replicated: it gives way whole.
      let all = shape.columns.map { "\(quote($0.name)) = excluded.\(quote($0.name))" }.joined(separator: ", ")
      try session.execute(
        "INSERT INTO \(table) (\(names)) VALUES (\(places)) ON CONFLICT (\(keyColumn)) DO UPDATE SET \(all)", [key] + cells.map(\.1))
    } else if !cells.isEmpty {
      let sets = cells.enumerated().map { "\(quote($1.0)) = ?\($0 + 2)" }.joined(separator: ", ")
      try session.execute("UPDATE \(table) SET \(sets) WHERE \(keyColumn) = ?1", [key] + cells.map(\.1))
    }
  }

  /// Writes a row as it is said to be, whatever stood before.
  ///
  /// - Parameter previous: The state loaded before.
  func replace(_ previous: RowState, with state: RowState, shape: TableShape, key: CellValue, scope: String) throws {
    if previous == state { return }
    var outcome = MergeOutcome(state: state, written: state.cells.filter { previous.cells[$0.key]?.value != $0.value.value }.map(\.key))
    outcome.written += previous.cells.keys.filter { state.cells[$0] == nil }
    var standing = previous
    let columns = Set(state.cells.keys.map(\.column))
    if previous.life != state.life {
      outcome.written = Array(state.cells.keys)
    } else if previous.isAlive && !Set(previous.cells.keys.map(\.column)).isSubset(of: columns) {
      // A column that nobody wrote reads as its default again: the row is made anew.
      outcome.written = Array(state.cells.keys)
      standing.life += 2
    }
    try save(outcome, over: standing, shape: shape, key: key, scope: scope)
  }

  /// Forgets a row altogether, as if it had never been heard of.
  func forget(_ shape: TableShape, key: CellValue) throws {
    guard let stored = try load(shape, key: key) else { return }
    touched.insert(shape.name)
    if stored.state.isAlive {
      try session.execute("DELETE FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?1", [key])
    }
    try noteDigest(.zero, isAlive: false, shape: shape, key: key, scope: stored.scope)
    try session.execute("DELETE FROM \(quote(shape.metadataTable)) WHERE key = ?1", [key])
  }

  /// Keys from over `after` up to `through`, each with its row's scope; nil leaves the range open there.
  func keys(of shape: TableShape, after: CellValue?, through: CellValue?) throws -> [(key: CellValue, scope: String)] {
    let bounds = [("key >", after), ("key <=", through)].compactMap { name, key in key.map { (name, $0) } }
    let conditions = bounds.enumerated().map { "\($1.0) ?\($0 + 1)" }.joined(separator: " AND ")
    return try session.rows(
      "SELECT key, scope FROM \(quote(shape.metadataTable))\(bounds.isEmpty ? "" : " WHERE " + conditions)", bounds.map(\.1)
    ).compactMap { row in row[1].text.map { (row[0], $0) } }
  }

  /// Writes only the metadata: the values already stand, as after a local write or a new stamp.
  func saveMetadata(_ state: RowState, shape: TableShape, key: CellValue, scope: String) throws {
    guard let metadata = try RowMetadata(state, shape: shape, number: number) else { return }
    let main = metadata.main
    let digest = RowDigest(state, table: shape.name, key: key)
    try noteDigest(digest, isAlive: state.isAlive, shape: shape, key: key, scope: scope)
    try session.execute(
      """
      INSERT INTO \(quote(shape.metadataTable)) (key, scope, life, stamp, replica, position, mask, cells, digest)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      ON CONFLICT (key) DO UPDATE SET life = excluded.life, stamp = excluded.stamp, replica = excluded.replica,
        position = excluded.position, mask = excluded.mask, cells = excluded.cells, digest = excluded.digest
      """,
      [
        key, .text(scope), .integer(Int64(state.life)), .integer(Int64(bitPattern: main.version.timestamp.rawValue)),
        .integer(try number(of: main.version.replica)), .integer(Int64(clamping: main.position)), .integer(metadata.mask),
        metadata.split.isEmpty ? .null : .blob(metadata.split), state.isAlive ? .blob(digest.bytes) : .null,
      ])
  }

  private func noteDigest(_ digest: RowDigest, isAlive: Bool, shape: TableShape, key: CellValue, scope: String) throws {
    let old: Data?
    if let loaded, loaded.table == shape.id, loaded.key == key {
      old = loaded.digest
    } else {
      old = try session.firstRow("SELECT digest FROM \(quote(shape.metadataTable)) WHERE key = ?1", [key])?[0].blob
    }
    loaded = nil
    var change = digestChanges[DigestBook.Place(scope: scope, table: shape.name)] ?? DigestBook.Change()
    change.sum = change.sum + digest - (old.map { RowDigest($0) } ?? .zero)
    change.rows += (isAlive ? 1 : 0) - (old == nil ? 0 : 1)
    digestChanges[DigestBook.Place(scope: scope, table: shape.name)] = change
  }

  /// The number a replica has in this store's records; given at first use.
  func number(of replica: ReplicaID) throws -> Int64 {
    if let known = replicaNumbers[replica] { return known }
    try session.execute("INSERT INTO sync_replica (bytes) VALUES (?1) ON CONFLICT (bytes) DO NOTHING", [.blob(replica.bytes)])
    let number = try session.integer("SELECT id FROM sync_replica WHERE bytes = ?1", [.blob(replica.bytes)]) ?? 0
    replicaNumbers[replica] = number
    replicaIDs[number] = replica
    return number
  }

  private func replicaID(_ number: Int64) throws -> ReplicaID {
    if let known = replicaIDs[number] { return known }
    guard let bytes = try session.firstRow("SELECT bytes FROM sync_replica WHERE id = ?1", [.integer(number)])?.first?.blob,
      let replica = ReplicaID(bytes: bytes)
    else {
      throw SyncError(
        .storeDamaged, vi: "Cơ sở dữ liệu nhắc đến một thiết bị không có trong danh sách; khôi phục từ bản sao.",
        en: "The database names a replica missing from its list; restore from a copy.")
    }
    replicaIDs[number] = replica
    replicaNumbers[replica] = number
    return replica
  }
}
