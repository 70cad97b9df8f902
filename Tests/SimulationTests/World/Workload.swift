import Foundation
import GRDB

@testable import SyncKit

/// What a person did to one row.
struct Deed: Sendable {
  enum Kind: Sendable {
    /// Wrote these columns.
    case set
    /// Wrote every column: what is not in `values` got its default.
    case replaced
    case deleted
  }

  var row: RowName
  var kind: Kind
  var values: [String: CellValue] = [:]

  func covers(_ column: String) -> Bool { kind != .set || values[column] != nil }
}

/// One transaction a person makes with plain SQL.
struct Transaction: Sendable {
  struct Statement: Sendable {
    var sql: String
    var values: [CellValue] = []
  }

  var statements: [Statement] = []
  var deeds: [Deed] = []
  /// Lines it must leave in the capture log.
  var entries = 0
  /// It ends with a rollback: nothing of it may remain.
  var isUndone = false
  /// It writes where this device may not, and must be refused.
  var isForbidden = false
  var title = ""
}

/// Makes transactions of every kind that capture has to understand.
struct Workload {
  var dice: Dice
  let scope: String
  /// Version of the program that writes.
  let version: Int
  /// Numbers the values that are told apart by the checkers.
  var nextValue: Int
  /// Reads a row as it stands: nil when there is none.
  let read: (RowName) throws -> [String: CellValue]?

  static let keys = 4

  private enum Kind: CaseIterable {
    case update, updateTwo, sameAgain, delete, replace, rename, bornAndGone, deleteAndInsert, manyRows, twoTables, undone, forbidden
  }

  mutating func transaction() throws -> Transaction {
    var made = Transaction()
    let kind = dice.pick(weighted: [
      (50, Kind.update), (8, .updateTwo), (3, .sameAgain), (8, .delete), (5, .replace), (4, .rename), (3, .bornAndGone),
      (4, .deleteAndInsert),
      (6, .manyRows), (6, .twoTables), (3, .undone), (2, .forbidden),
    ])
    let table = dice.pick(["note", "note", "visit"])
    let row = row(in: table)
    made.title = "\(kind) \(row)"
    switch kind {
    case .update: try write(row, columns: 1, into: &made)
    case .updateTwo: try write(row, columns: 2, into: &made)
    case .sameAgain:
      guard let before = try read(row) else { return made }
      let column = dice.pick(columns(of: table))
      made.statements.append(
        .init(sql: "UPDATE \(table) SET \(column.name) = ?1 WHERE id = ?2", values: [before[column.name] ?? .null, .text(row.key)]))
    case .delete: try delete(row, into: &made)
    case .replace:
      let columns = dice.pick(columns(of: table))
      replace(row, values: [columns.name: fresh(columns)], exists: try read(row) != nil, into: &made)
    case .rename: try rename(row, into: &made)
    case .bornAndGone:
      let born = RowName(table: table, key: "\(scope)-tmp\(nextValue)")
      insert(born, values: [:], into: &made)
      made.statements.append(.init(sql: "DELETE FROM \(table) WHERE id = ?1", values: [.text(born.key)]))
      made.deeds.append(Deed(row: born, kind: .deleted))
      made.entries += 1
    case .deleteAndInsert:
      try delete(row, into: &made)
      let column = dice.pick(columns(of: table))
      insert(row, values: [column.name: fresh(column)], into: &made)
    case .manyRows:
      for number in 1...Self.keys where dice.chance(0.6) {
        try write(RowName(table: table, key: "\(scope)-k\(number)"), columns: 1, into: &made)
      }
    case .twoTables:
      for table in ["note", "visit"] { try write(self.row(in: table), columns: 1, into: &made) }
    case .undone:
      try write(row, columns: 2, into: &made)
      made.isUndone = true
    case .forbidden:
      let foreign = Tables.units.first { $0 != scope } ?? Tables.province
      made.statements.append(
        .init(sql: "INSERT INTO note (id, unit) VALUES (?1, ?2)", values: [.text("\(foreign)-x\(nextValue)"), .text(foreign)]))
      made.isForbidden = true
    }
    return made
  }

  private mutating func row(in table: String) -> RowName {
    RowName(table: table, key: "\(scope)-k\(1 + dice.below(Self.keys))")
  }

  private func columns(of table: String) -> [Column] { Tables.columns(of: table, version: version) }

  private mutating func fresh(_ column: Column) -> CellValue {
    nextValue += 1
    switch column.values {
    case .integer: return .integer(Int64(nextValue))
    case .text: return dice.chance(0.1) ? .text("same") : .text("w\(nextValue)")
    case .any:
      switch dice.below(12) {
      case 0: return .null
      case 1: return .text("same")
      case 2: return .integer(Int64(nextValue))
      case 3: return .real(Double(nextValue) + 0.25)
      case 4: return .blob(Data("w\(nextValue)".utf8))
      case 5: return .text("đ\u{301}\(nextValue)")
      case 6 where dice.chance(0.3): return .blob(Data("w\(nextValue)".utf8) + dice.bytes(6000 + dice.below(9000)))
      default: return .text("w\(nextValue)")
      }
    }
  }

  // MARK: Parts of a transaction

  private mutating func write(_ row: RowName, columns count: Int, into made: inout Transaction) throws {
    var values: [String: CellValue] = [:]
    for _ in 0..<count {
      let column = dice.pick(columns(of: row.table))
      values[column.name] = fresh(column)
    }
    guard let before = try read(row) else { return insert(row, values: values, into: &made) }
    let names = values.keys.sorted()
    let sets = names.enumerated().map { "\($1) = ?\($0 + 2)" }.joined(separator: ", ")
    made.statements.append(
      .init(sql: "UPDATE \(row.table) SET \(sets) WHERE id = ?1", values: [.text(row.key)] + names.map { values[$0] ?? .null }))
    let changed = values.filter { before[$0.key] != $0.value }
    if !changed.isEmpty {
      made.entries += 1
      made.deeds.append(Deed(row: row, kind: .set, values: changed))
    }
  }

  private func insert(_ row: RowName, values: [String: CellValue], verb: String = "INSERT", into made: inout Transaction) {
    let names = values.keys.sorted()
    let places = (0..<names.count + 2).map { "?\($0 + 1)" }.joined(separator: ", ")
    made.statements.append(
      .init(
        sql: "\(verb) INTO \(row.table) (\((["id", "unit"] + names).joined(separator: ", "))) VALUES (\(places))",
        values: [.text(row.key), .text(scope)] + names.map { values[$0] ?? .null }))
    made.deeds.append(Deed(row: row, kind: .replaced, values: values))
    made.entries += 1
  }

  private func replace(_ row: RowName, values: [String: CellValue], exists: Bool, into made: inout Transaction) {
    insert(row, values: values, verb: "REPLACE", into: &made)
  }

  private func delete(_ row: RowName, into made: inout Transaction) throws {
    guard try read(row) != nil else { return }
    made.statements.append(.init(sql: "DELETE FROM \(row.table) WHERE id = ?1", values: [.text(row.key)]))
    made.deeds.append(Deed(row: row, kind: .deleted))
    made.entries += 1
  }

  private mutating func rename(_ row: RowName, into made: inout Transaction) throws {
    let other = self.row(in: row.table)
    guard let before = try read(row), try read(other) == nil else { return }
    made.statements.append(.init(sql: "UPDATE \(row.table) SET id = ?2 WHERE id = ?1", values: [.text(row.key), .text(other.key)]))
    made.deeds.append(Deed(row: row, kind: .deleted))
    made.deeds.append(Deed(row: other, kind: .replaced, values: before))
    made.entries += 2
  }
}
