import Foundation

@testable import SyncCore

/// Chance that repeats: SplitMix64.
struct SeededChance: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }
}

/// Batches drawn at random, in the order in which the wire gives them back: changes by table, cells by column, both by first
/// appearance.
struct ContentDraw {
  var chance: SeededChance
  private static let tables = ["note", "report", "đơn vị", "e\u{301}t", "x"]
  private static let columns = ["unit", "a", "b", "tên", "ten\u{302}", "Z", "long_column_name_with_words"]
  private static let texts = [
    "", "mưa", "mu\u{31b}a", "é", "e\u{301}", "🌧", "𝔘", "\u{feff}", "a b\nc\td", "\"'\\;--", String(repeating: "nước ", count: 40),
    "\u{7f}",
  ]
  private static let reals: [Double] = [
    0, -0.0, 1, -1.5, .pi, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude,
    .greatestFiniteMagnitude, 1e-300,
  ]
  private static let integers: [Int64] = [0, 1, -1, 2, 127, 128, -128, 1 << 31, .max, .min, .max - 1, .min + 1]

  init(seed: UInt64) { chance = SeededChance(seed) }

  mutating func value(kind: Int) -> CellValue {
    switch kind {
    case 0: return .null
    case 1: return .integer(chance.below(2) == 0 ? chance.pick(Self.integers) : Int64(bitPattern: chance.next()))
    case 2: return .real(chance.pick(Self.reals))
    case 3: return .text(chance.pick(Self.texts))
    case 4: return .blob(Data((0..<chance.below(20)).map { _ in UInt8(truncatingIfNeeded: chance.next()) }))
    case 5: return .blob(Data((0..<16).map { _ in UInt8(truncatingIfNeeded: chance.next()) }))
    case 6: return .blob(Data())
    default: return value(kind: chance.below(7))
    }
  }

  mutating func units() -> [ChangeUnit] {
    // One kind a column in most columns, so that every encoding is met; a mixture in the rest.
    let kinds = Dictionary(uniqueKeysWithValues: (0..<Self.columns.count).map { ($0, chance.below(9)) })
    let keyKind = chance.pick([1, 3, 4, 5])
    let units = (0..<1 + chance.below(6)).map { _ in
      ChangeUnit(
        stamp: HybridTimestamp(rawValue: chance.below(8) == 0 ? chance.next() : UInt64(chance.below(1 << 40))),
        changes: (0..<chance.below(8)).map { _ in
          var key = value(kind: keyKind)
          if let text = key.text { key = .text(String(text.prefix(20))) }
          let life = UInt32(1 + chance.below(chance.below(10) == 0 ? Int(WireLimits.lifeMax) : 4))
          let cells = (0..<Self.columns.count).compactMap { index in
            life % 2 == 1 && chance.below(3) > 0 ? CellChange(Self.columns[index], value(kind: kinds[index] ?? 9)) : nil
          }
          return RowChange(table: chance.pick(Self.tables), key: key, life: life, cells: cells)
        })
    }
    return Self.inWireOrder(units)
  }

  mutating func batch() -> BatchContent {
    let number = chance.below(2) == 0 ? 1 : UInt64(2 + chance.below(1 << 20))
    return BatchContent(
      replica: ReplicaID(publicKey: Data([UInt8(chance.below(256))])), scope: chance.pick(["07201", "xã", "x"]), number: number,
      previous: number == 1 ? Data() : Data((0..<32).map { _ in UInt8(chance.below(256)) }),
      cursor: Data((0..<chance.below(50)).map { _ in UInt8(chance.below(256)) }), units: units())
  }

  static func inWireOrder(_ units: [ChangeUnit]) -> [ChangeUnit] {
    var tables: [String] = []
    var columns: [String: [String]] = [:]
    for change in units.flatMap(\.changes) {
      if !tables.contains(change.table) { tables.append(change.table) }
      for cell in change.cells where !columns[change.table, default: []].contains(cell.column) {
        columns[change.table, default: []].append(cell.column)
      }
    }
    return units.map { unit in
      var unit = unit
      unit.changes = tables.flatMap { table in
        unit.changes.filter { $0.table == table }.map { change in
          var change = change
          change.cells = (columns[table] ?? []).flatMap { name in change.cells.filter { $0.column == name } }
          return change
        }
      }
      return unit
    }
  }
}
