public import Foundation

/// Which part of a column's cell is meant. Only `perKey` and `counter` columns have parts.
public enum CellPart: Sendable, Hashable {
  case whole
  /// A member of a `perKey` column's JSON object, its name in NFC.
  case member(String)
  /// One increment of a `counter` column, by the random number drawn when it was captured.
  case increment(UInt64)

  /// Names are compared byte for byte, as every other program would.
  public static func == (a: CellPart, b: CellPart) -> Bool {
    switch (a, b) {
    case (.whole, .whole): true
    case (.member(let x), .member(let y)): x.hasBytes(of: y)
    case (.increment(let x), .increment(let y)): x == y
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .whole: hasher.combine(0)
    case .member(let name): name.hashBytes(into: &hasher)
    case .increment(let id): hasher.combine(id)
    }
  }

  /// How conflicts and logs name the part; nil for a whole cell.
  public var name: String? {
    switch self {
    case .whole: nil
    case .member(let name): name
    case .increment(let id): "+" + String(id, radix: 16)
    }
  }
}

/// Where a value stands within a row.
public struct CellName: Sendable, Hashable, ExpressibleByStringLiteral {
  public var column: String
  public var part: CellPart

  public init(_ column: String, _ part: CellPart = .whole) {
    self.column = column
    self.part = part
  }

  public init(stringLiteral value: String) { self.init(value) }
}

/// One cell, or one part of one, written by a change.
public struct CellChange: Hashable, Sendable {
  public var name: CellName
  /// Of a member: its canonical JSON as text, or NULL for its removal. Of an increment: an integer.
  public var value: CellValue
  /// How often a person had put this cell's rule aside (`max`, `min`, `ranked`); 0 for every ordinary write.
  public var generation: UInt32

  public var column: String { name.column }

  public init(_ column: String, _ value: CellValue, part: CellPart = .whole, generation: UInt32 = 0) {
    name = CellName(column, part)
    self.value = value
    self.generation = generation
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
  /// What of it could not stand as it was sent; none in what a SyncKit device seals.
  package private(set) var faults: [UnitFault] = []

  public init(stamp: HybridTimestamp, changes: [RowChange]) {
    self.stamp = stamp
    self.changes = changes
  }

  /// Each is noted once.
  mutating func note(_ fault: UnitFault) {
    if faults.count < UnitFault.notedMax && !faults.contains(fault) { faults.append(fault) }
  }

  mutating func note(_ why: UnitFault.Why, table: String) { note(UnitFault(why: why, table: table)) }
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
  /// By table and column, how the author's program merges whole cells: for a receiver that does not know the column. None in
  /// batches of earlier programs.
  package var rules: [String: [String: MergePolicy]] = [:]
  /// Set where the batch says again what stands at its author, for a hub that lost it.
  package var recovery: BatchRecovery?

  public init(replica: ReplicaID, scope: String, number: UInt64, previous: Data, cursor: Data, units: [ChangeUnit]) {
    self.replica = replica
    self.scope = scope
    self.number = number
    self.previous = previous
    self.cursor = cursor
    self.units = units
  }

  package init(
    replica: ReplicaID, scope: String, number: UInt64, previous: Data, cursor: Data, units: [ChangeUnit],
    rules: [String: [String: MergePolicy]]
  ) {
    self.init(replica: replica, scope: scope, number: number, previous: previous, cursor: cursor, units: units)
    self.rules = rules
  }

  public var changeCount: Int { units.reduce(0) { $0 + $1.changes.count } }
}

/// What makes a batch a recovery batch: its units are cells that stand at its author, under the stamps they have there.
package struct BatchRecovery: Hashable, Sendable {
  /// Earlier batches of the chain whose bytes their author does not have any more: nobody need wait for them.
  package var gone: [Gone] = []
  /// The hub's signed request; nil when a device says again only what its own identities wrote.
  package var asked: Data?

  package init(gone: [Gone] = [], asked: Data? = nil) {
    self.gone = gone
    self.asked = asked
  }

  package struct Gone: Hashable, Sendable {
    package var number: UInt64
    /// SHA-256 of the batch as sent.
    package var hash: Data

    package init(number: UInt64, hash: Data) {
      self.number = number
      self.hash = hash
    }
  }

  /// Batches that one may declare gone.
  package static let goneMax = 5_000
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
