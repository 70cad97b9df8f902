import Foundation
import Testing

@testable import SyncCore

@Suite struct CellsTests {
  /// Names in any spelling, with parts: what a dictionary and a sort by bytes would give.
  private static let names: [CellName] =
    ["q1", "q10", "q2", "Đã", "ê", "e\u{302}x", "a", "tags", "n"].map { CellName($0) }
    + ["b", "a", "ă", ""].map { CellName("tags", .member($0)) } + [7, 1, .max].map { CellName("n", .increment($0)) }

  private static func cell(_ number: Int) throws -> Cell {
    let replica = try #require(ReplicaID(bytes: Data(repeating: UInt8(number % 251), count: 16)))
    let version = Version(HybridTimestamp(rawValue: UInt64(number)), replica)
    return Cell(origin: Origin(version: version, position: 0), value: .integer(Int64(number)))
  }

  /// The bytes a digest would put before a cell.
  private static func bytes(_ name: CellName) -> [UInt8] {
    let column = Array(name.column.utf8) + [0]
    return switch name.part {
    case .whole: column + [0]
    case .member(let member): column + [1] + Array(member.utf8)
    case .increment(let number): column + [2] + (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
    }
  }

  @Test func cellsAreADictionaryInByteOrder() throws {
    var random = SeededChance(1)
    for _ in 0..<200 {
      var (cells, model): (Cells, [CellName: Cell]) = ([:], [:])
      for step in 0..<60 {
        guard let name = Self.names.randomElement(using: &random) else { continue }
        let cell = Bool.random(using: &random) ? try Self.cell(step) : nil
        cells[name] = cell
        model[name] = cell
        #expect(cells[name] == cell && cells.count == model.count)
      }
      #expect(Dictionary(uniqueKeysWithValues: cells.map { ($0.key, $0.value) }) == model)
      let sorted = model.keys.sorted { Self.bytes($0).lexicographicallyPrecedes(Self.bytes($1)) }
      #expect(cells.map(\.key) == sorted)
      var other: Cells = [:]
      for name in sorted.reversed() { other[name] = model[name] }
      #expect(other == cells && other.hashValue == cells.hashValue)
      #expect(cells.filter { $0.key.part == .whole }.map(\.key) == sorted.filter { $0.part == .whole })
    }
  }

  @Test func identitiesKeepTheirBytesAndTheirOrder() throws {
    var random = SeededChance(2)
    let ids = try (0..<50).map { _ in
      try #require(ReplicaID(bytes: Data((0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })))
    }
    for id in ids {
      #expect(ReplicaID(bytes: id.bytes) == id && id.description == id.bytes.hex)
      #expect(try JSONDecoder().decode(ReplicaID.self, from: JSONEncoder().encode(id)) == id)
      #expect(ids.allSatisfy { (id < $0) == id.bytes.lexicographicallyPrecedes($0.bytes) })
    }
    #expect(ReplicaID(bytes: Data(count: 15)) == nil && ReplicaID(bytes: Data(count: 17)) == nil)
    let sixteen = Data((0..<16).map { UInt8($0) })
    #expect(
      try JSONSerialization.data(withJSONObject: ["bytes": sixteen.base64EncodedString()])
        == JSONEncoder().encode(try #require(ReplicaID(bytes: sixteen))))
  }
}
