internal import Crypto
internal import Foundation
package import SyncCore

/// Hash of one row, and sums of such hashes.
struct RowDigest: Hashable, Sendable {
  private(set) var value: UInt128

  static let zero = RowDigest(value: 0)
  private static let bytesExpected = 2048

  private init(value: UInt128) { self.value = value }

  /// Computes the digest of a row; zero for a row that is not alive, because tombstones do not count.
  init(_ state: RowState, table: String, key: CellValue) {
    guard state.isAlive else {
      self.init(value: 0)
      return
    }
    var data = Self.opening(table)
    data.reserveCapacity(Self.bytesExpected)
    key.append(to: &data)
    data.appendVarint(UInt64(state.life))
    // Encodes a version once for consecutive cells: most cells of a row have one version.
    var (close, closed): ([UInt8], (UInt32, Version)?) = ([], nil)
    for (name, cell) in state.cells {
      Self.append(name, to: &data)
      cell.value.append(to: &data)
      if closed.map({ $0 != (cell.generation, cell.origin.version) }) ?? true {
        close = Self.close(cell.generation, cell.origin.version)
        closed = (cell.generation, cell.origin.version)
      }
      data.append(contentsOf: close)
    }
    self.init(hashing: data)
  }

  /// Computes the digest of a living row whose cells have one version.
  ///
  /// - Parameter data: Buffer, which the next call uses again.
  init(_ plain: NewRow, plan: ColumnPlan, life: UInt32, version: Version, key: CellValue, in data: inout [UInt8]) {
    data.removeAll(keepingCapacity: true)
    data.append(contentsOf: plan.digestOpening)
    key.append(to: &data)
    data.appendVarint(UInt64(life))
    let close = Self.close(0, version)
    for place in plan.placesByName {
      guard let value = plain.values[place] else { continue }
      data.append(contentsOf: plan.digestNames[place])
      value.append(to: &data)
      data.append(contentsOf: close)
    }
    self.init(hashing: data)
  }

  /// Returns the bytes before the key.
  static func opening(_ table: String) -> [UInt8] { Array("synckit/row/1\0\(table)\0".utf8) }

  /// Appends the bytes before a cell's value.
  static func append(_ name: CellName, to data: inout [UInt8]) {
    data.append(contentsOf: name.column.utf8)
    data.append(0)
    switch name.part {
    case .whole: data.append(0)
    case .member(let member):
      data.append(1)
      data.appendVarint(UInt64(member.utf8.count))
      data.append(contentsOf: member.utf8)
    case .increment(let id):
      data.append(2)
      data.append(fixed64: id)
    }
  }

  /// Returns the bytes after a cell's value.
  private static func close(_ generation: UInt32, _ version: Version) -> [UInt8] {
    var data: [UInt8] = []
    data.appendVarint(UInt64(generation))
    data.appendVarint(version.timestamp.rawValue)
    data.append(contentsOf: version.replica.bytes)
    return data
  }

  private init(hashing data: [UInt8]) {
    self.init(value: SHA256.hash(data: data).withUnsafeBytes { UInt128(littleEndian: $0.loadUnaligned(as: UInt128.self)) })
  }

  /// Reads the first 16 bytes, little endian.
  init(_ bytes: Data) {
    var value: UInt128 = 0
    withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes.prefix(16)) }
    self.value = UInt128(littleEndian: value)
  }

  var bytes: Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }

  static func + (a: RowDigest, b: RowDigest) -> RowDigest { RowDigest(value: a.value &+ b.value) }
  static func - (a: RowDigest, b: RowDigest) -> RowDigest { RowDigest(value: a.value &- b.value) }
}

/// Table of the digests' sums, by scope and table. Updated in the transactions that change rows.
package struct DigestTable {
  package let session: any SQLSession

  package init(session: any SQLSession) {
    self.session = session
  }

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_digest (
      scope TEXT NOT NULL, tbl TEXT NOT NULL, sum BLOB NOT NULL, live INTEGER NOT NULL, PRIMARY KEY (scope, tbl)) WITHOUT ROWID;
    """

  struct Place: Hashable {
    var scope: String
    var table: String
  }

  struct Change {
    var sum = RowDigest.zero
    var rows = 0

    /// Replaces a row's digest in the sum.
    ///
    /// - Parameter old: Digest that counted until now; nil when none did.
    mutating func add(_ digest: RowDigest, _ isAlive: Bool, instead old: Data?) {
      sum = sum + digest - (old.map { RowDigest($0) } ?? .zero)
      rows += (isAlive ? 1 : 0) - (old == nil ? 0 : 1)
    }
  }

  func apply(_ change: Change, at place: Place) throws {
    let row = try session.firstRow(
      "SELECT sum, live FROM sync_digest WHERE scope = ?1 AND tbl = ?2", [.text(place.scope), .text(place.table)])
    let sum = (row?[0].blob.map { RowDigest($0) } ?? .zero) + change.sum
    try session.execute(
      """
      INSERT INTO sync_digest (scope, tbl, sum, live) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (scope, tbl) DO UPDATE SET sum = excluded.sum, live = excluded.live
      """,
      [
        .text(place.scope), .text(place.table), .blob(sum.bytes),
        .integer((row?[1].integer ?? 0) + Int64(change.rows)),
      ])
  }

  /// Returns the digests of a scope, without tables that have no rows.
  ///
  /// - Parameter without: Rows that do not count, by table: held units are on one side only.
  package func digests(of scope: String, without: [String: Set<CellValue>] = [:], shapes: [String: TableShape]) throws -> [TableDigest] {
    try session.rows("SELECT tbl, sum, live FROM sync_digest WHERE scope = ?1 ORDER BY tbl", [.text(scope)]).compactMap { row in
      guard let table = row[0].text, let bytes = row[1].blob, let count = row[2].integer else { return nil }
      var sum = RowDigest(bytes)
      var rows = Int(count)
      if let shape = shapes[table] {
        for key in without[table] ?? [] {
          let own = try session.firstRow(
            "SELECT digest FROM \(quote(shape.metadataTable)) WHERE key = ?1 AND scope = ?2 AND digest IS NOT NULL", [key, .text(scope)])
          guard let digest = own?[0].blob else { continue }
          sum = sum - RowDigest(digest)
          rows -= 1
        }
      }
      return rows == 0 && sum == .zero ? nil : TableDigest(scope: scope, table: table, sum: sum.bytes, rows: rows)
    }
  }
}
