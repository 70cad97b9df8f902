public import Foundation

/// One cell written by a change.
public struct CellChange: Hashable, Sendable {
  public var column: String
  public var value: CellValue

  public init(_ column: String, _ value: CellValue) {
    self.column = column
    self.value = value
  }
}

/// What a unit did to one row: `life` odd writes `cells`, `life` even deletes the row and has none.
public struct RowChange: Hashable, Sendable {
  public var table: String
  public var key: CellValue
  public var life: UInt32
  public var cells: [CellChange]

  public init(table: String, key: CellValue, life: UInt32, cells: [CellChange]) {
    self.table = table
    self.key = key
    self.life = life
    self.cells = cells
  }

  public var isAlive: Bool { life % 2 == 1 }
}

/// Transactions that overwrote one another's cells, merged whole or held whole.
public struct ChangeUnit: Hashable, Sendable {
  /// The timestamp all its changes carry: that of its last transaction.
  public var stamp: HybridTimestamp
  public var changes: [RowChange]

  public init(stamp: HybridTimestamp, changes: [RowChange]) {
    self.stamp = stamp
    self.changes = changes
  }
}

/// What a sealed batch says, read or about to be written.
public struct BatchContent: Hashable, Sendable {
  public var replica: ReplicaID
  public var scope: String
  /// From 1, without gaps, per (replica, scope).
  public var number: UInt64
  /// SHA-256 of the batch before as sent; empty for the first.
  public var previous: Data
  /// The newest cursor the author had applied, as its hub issued it; empty if none.
  public var cursor: Data
  public var units: [ChangeUnit]

  public init(replica: ReplicaID, scope: String, number: UInt64, previous: Data, cursor: Data, units: [ChangeUnit]) {
    self.replica = replica
    self.scope = scope
    self.number = number
    self.previous = previous
    self.cursor = cursor
    self.units = units
  }

  public var changeCount: Int { units.reduce(0) { $0 + $1.changes.count } }
}

/// The bytes of a batch: never changed once made, the same by HTTP, stick or courier.
public struct SealedBatch: Hashable, Sendable {
  public let bytes: Data
  /// SHA-256 of `bytes`.
  public let hash: Data

  public init(bytes: Data) {
    self.bytes = bytes
    hash = bytes.sha256
  }
}
