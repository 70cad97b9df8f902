public import Foundation

/// Part of a column's cell. Only `perKey` and `counter` columns have parts.
public enum CellPart: Sendable, Hashable {
  case whole
  /// A member of a `perKey` column's JSON object, its name in NFC.
  case member(String)
  /// An increment of a `counter` column, by the random number drawn when it was captured.
  case increment(UInt64)

  /// Compares names byte for byte, as every other program would.
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

  /// Name of the part in conflicts and logs; nil for a whole cell.
  public var name: String? {
    switch self {
    case .whole: nil
    case .member(let name): name
    case .increment(let id): "+" + String(id, radix: 16)
    }
  }
}

/// Name of a cell within its row: the column, and for JSON objects and counters the part of it.
public struct CellName: Sendable, Hashable, ExpressibleByStringLiteral {
  public var column: String
  public var part: CellPart

  public init(_ column: String, _ part: CellPart = .whole) {
    self.column = column
    self.part = part
  }

  public init(stringLiteral value: String) { self.init(value) }
}

/// New value of a cell, or of a part of one.
public struct CellChange: Hashable, Sendable {
  public var name: CellName
  /// New value. For a member: its canonical JSON as text, or NULL to remove it. For an increment: an integer.
  public var value: CellValue
  /// Number of times a person had overruled this cell's policy (`max`, `min`, `ranked`); 0 for every ordinary write.
  public var generation: UInt32

  public var column: String { name.column }

  public init(_ column: String, _ value: CellValue, part: CellPart = .whole, generation: UInt32 = 0) {
    name = CellName(column, part)
    self.value = value
    self.generation = generation
  }
}

/// Change of one row by one unit. `life` counts how often the row was born and deleted. An odd life writes `cells`; an even one
/// deletes the row, and has no cells.
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

/// Unit: transactions of one author that overwrote one another's cells. The hub merges all of them, or holds all of them.
public struct ChangeUnit: Hashable, Sendable {
  /// Timestamp of all changes: that of the unit's last transaction.
  public var stamp: HybridTimestamp
  public var changes: [RowChange]
  /// Faults for which the unit could not be stored as it was sent; none in what a SyncKit device seals.
  package private(set) var faults: [UnitFault] = []

  public init(stamp: HybridTimestamp, changes: [RowChange]) {
    self.stamp = stamp
    self.changes = changes
  }

  /// Records a fault once.
  mutating func note(_ fault: UnitFault) {
    if faults.count < UnitFault.notedMax && !faults.contains(fault) { faults.append(fault) }
  }

  mutating func note(_ why: UnitFault.Why, table: String) { note(UnitFault(why: why, table: table)) }
}

/// Content of a batch: units of one replica in one scope, the number of the batch in its chain, and the cursor, which tells what
/// the author had seen.
public struct BatchContent: Hashable, Sendable {
  public var replica: ReplicaID
  public var scope: String
  /// Number from 1, without gaps, for each replica and scope.
  public var number: UInt64
  /// SHA-256 of the previous batch as sent; empty for the first.
  public var previous: Data
  /// Newest cursor that the author had applied, as its hub issued it; empty if none.
  public var cursor: Data
  public var units: [ChangeUnit]
  /// Merge policies of whole cells by table and column, as the author's program has them, for a receiver that does not know a
  /// column. Empty in batches of earlier programs.
  package var rules: [String: [String: MergePolicy]] = [:]
  /// Recovery information; nil for an ordinary batch. A recovery batch repeats what stands at its author, for a hub that lost it.
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

/// Information that makes a batch a recovery batch. Its units are cells that stand at its author, under the stamps they have there.
package struct BatchRecovery: Hashable, Sendable {
  /// Earlier batches of the chain whose bytes their author no longer has: nobody need wait for them.
  package var gone: [Gone] = []
  /// Signed request of the hub; nil when a device repeats only what its own identities wrote.
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

  /// Batches that one recovery batch may declare gone.
  package static let goneMax = 5_000
}

/// Batch of a replica's changes as signed bytes. The bytes never change once made: HTTP, memory stick and courier carry the same
/// ones.
public struct SealedBatch: Hashable, Sendable {
  public let bytes: Data
  /// SHA-256 of `bytes`.
  public let hash: Data

  public init(bytes: Data) {
    self.bytes = bytes
    hash = bytes.sha256
  }
}
