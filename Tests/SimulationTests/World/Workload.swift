import Foundation

@testable import SyncCore

/// What a person did to one row.
struct Deed: Sendable {
  enum Kind: Sendable {
    /// Wrote these places.
    case set
    /// Wrote every column: what is not in `values` got its default.
    case replaced
    case deleted
  }

  var row: RowName
  var kind: Kind
  var values: [Place: CellValue] = [:]
  /// What was added to `counter` columns.
  var amounts: [String: Int64] = [:]

  func covers(_ place: Place) -> Bool { kind != .set || values[place] != nil }
}

/// One transaction a person makes with plain SQL.
struct Transaction: Sendable {
  struct Statement: Sendable {
    var sql: String
    var values: [CellValue] = []
  }

  var statements: [Statement] = []
  var deeds: [Deed] = []
  /// What was taken for it, and is on the device before its rows are.
  var photos: [Data] = []
  /// Lines it must leave in the capture log.
  var entries = 0
  /// It ends with a rollback: nothing of it may remain.
  var isUndone = false
  /// It must be refused, for this.
  var refusal: SyncError.Code?
  var title = ""

  /// Whether a store may say that a key is another unit's.
  var isShared: Bool { deeds.contains { $0.row.isShared } }

  var text: String {
    title
      + deeds.map { deed in
        " \(deed.row.key)[" + deed.values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.short)" }.joined(separator: " ") + "]"
      }.joined() + (refusal.map { " refused: \($0)" } ?? "") + (isUndone ? " undone" : "")
  }
}

/// Makes transactions of every kind that capture has to understand.
struct Workload {
  var dice: Dice
  let scope: String
  /// Version of the program that writes.
  let version: Int
  /// Numbers the values that are told apart by the checkers.
  var nextValue: Int
  /// See `Scenario.Options.isLinked`.
  var isLinked = false
  /// See `Program.loose`.
  var isLoose = false
  /// See `Scenario.Options.hasPhotos`.
  var hasPhotos = false
  /// The rows as they stand, and those of them under shared keys that are another unit's.
  let standing: [RowName: [String: CellValue]]
  var foreign: Set<RowName> = []

  /// Photos taken for the transaction being made.
  private(set) var photos: [Data] = []

  static let keys = 4

  private enum Kind {
    case update, updateTwo, sameAgain, delete, replace, rename, bornAndGone, deleteAndInsert, manyRows, twoTables, undone, forbidden
  }

  mutating func transaction() -> Transaction {
    var made = Transaction()
    let kind = dice.pick(weighted: [
      (50, Kind.update), (8, .updateTwo), (3, .sameAgain), (8, .delete), (5, .replace), (4, .rename), (3, .bornAndGone),
      (4, .deleteAndInsert),
      (6, .manyRows), (6, .twoTables), (3, .undone), (2, .forbidden),
    ])
    let table = self.table()
    let row = row(in: table)
    made.title = "\(kind) \(row)"
    switch kind {
    case .update: write(row, columns: 1, into: &made)
    case .updateTwo: write(row, columns: 2, into: &made)
    case .sameAgain:
      guard let before = standing[row] else { break }
      let column = dice.pick(columns(of: table))
      made.statements.append(
        .init(sql: "UPDATE \(table) SET \(column.name) = ?1 WHERE id = ?2", values: [before[column.name] ?? .null, .text(row.key)]))
    case .delete: delete(row, into: &made)
    case .replace: replace(row, into: &made)
    case .rename: rename(row, into: &made)
    case .bornAndGone:
      let born = RowName(table: table, key: "\(scope)-tmp\(nextValue)")
      insert(born, values: [:], into: &made)
      made.statements.append(.init(sql: "DELETE FROM \(table) WHERE id = ?1", values: [.text(born.key)]))
      made.deeds.append(Deed(row: born, kind: .deleted))
      made.entries += 1
    case .deleteAndInsert:
      delete(row, into: &made)
      let column = dice.pick(columns(of: table))
      insert(row, values: [column.name: fresh(column, over: nil)], into: &made)
    case .manyRows:
      for number in 1...Self.keys where dice.chance(0.6) {
        write(RowName(table: table, key: "\(scope)-k\(number)"), columns: 1, into: &made)
      }
    case .twoTables:
      let tables =
        isLinked ? dice.pick([["note", "visit"], ["note", "visit"], ["task", "note"], ["team", "task"]]) : ["note", "visit"]
      for table in tables { write(self.row(in: table), columns: 1, into: &made) }
    case .undone:
      write(row, columns: 2, into: &made)
      made.isUndone = true
    case .forbidden:
      let foreign = Tables.units.first { $0 != scope } ?? Tables.province
      made.statements.append(
        .init(sql: "INSERT INTO note (id, unit) VALUES (?1, ?2)", values: [.text("\(foreign)-x\(nextValue)"), .text(foreign)]))
      made.refusal = .wrongScope
    }
    (made.photos, photos) = (photos, [])
    return made
  }

  /// What only the hub writes, for everyone.
  mutating func notice() -> Transaction {
    let row = RowName(table: "notice", key: "n\(1 + dice.below(3))")
    nextValue += 1
    let value = CellValue.text("w\(nextValue)")
    return Transaction(
      statements: [
        .init(
          sql: "INSERT INTO notice (id, unit, words) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET words = excluded.words",
          values: [.text(row.key), .text(Tables.province), value])
      ],
      deeds: [Deed(row: row, kind: .set, values: [Place(column: "words"): value])], title: "notice \(row)")
  }

  private mutating func table() -> String {
    if hasPhotos && dice.chance(0.15) { return "picture" }
    if !isLinked { return dice.pick(["note", "visit"]) }
    let table = dice.pick(weighted: [(32, "note"), (32, "visit"), (10, "team"), (14, "task"), (4, "badge")])
    // A program of an earlier version does not have them all.
    return columns(of: table).isEmpty ? "note" : table
  }

  private mutating func row(in table: String) -> RowName {
    if isLinked, Tables.sharing.contains(table), dice.chance(0.3) {
      let shared = RowName(table: table, key: dice.pick(Tables.sharedKeys))
      if !foreign.contains(shared) { return shared }
    }
    return RowName(table: table, key: "\(scope)-k\(1 + dice.below(Self.keys))")
  }

  private func columns(of table: String) -> [Column] { Tables.columns(of: table, version: version) }

  /// A new value for a column, made from what stands where its kind asks for that.
  private mutating func fresh(_ column: Column, over old: CellValue?) -> CellValue {
    nextValue += 1
    switch column.policy {
    case .max, .min: return .integer(Int64.random(in: 1...1000, using: &dice))
    case .ranked(let values): return .text(dice.pick(values))
    case .counter: return .integer((old?.integer ?? 0) + Int64.random(in: -3...9, using: &dice))
    case .perKey:
      var members = Members.read(old)
      let member = dice.pick(Tables.members)
      members[member] = dice.chance(0.2) ? nil : "w\(nextValue)"
      guard dice.chance(0.2), case .text(let text) = Members.write(members) else { return Members.write(members) }
      // Another spelling of the same.
      return .text(text.replacing("{", with: "{ ").replacing(":", with: " : "))
    case .lastWriter, .review: break
    }
    switch column.values {
    case .integer: return .integer(Int64(nextValue))
    case .amount:
      let number = Int64(nextValue)
      guard isLoose && dice.chance(0.5) else { return .integer(number) }
      return dice.pick([.text(String(number)), .real(Double(number)), column.defaultValue.isNull ? .text(String(number)) : .null])
    case .photo:
      if dice.chance(0.1) { return .null }
      // Now and then of several pieces, or nobody's in particular.
      let size = dice.pick([100, 100, 3000, 3000, 3000, 90_000])
      let photo = dice.chance(0.1) ? Data("blank".utf8) : Data("photo \(nextValue) ".utf8) + dice.bytes(size)
      photos.append(photo)
      return .text(BlobID(of: photo).hex)
    case .text: return dice.chance(0.1) ? .text("same") : .text("w\(nextValue)")
    case .name: return dice.chance(0.1) ? .null : .text(dice.pick(Tables.names))
    // One that nobody ever makes is among them.
    case .reference: return dice.chance(0.1) ? .null : .text("\(scope)-k\(1 + dice.below(Self.keys + 1))")
    case .any:
      switch dice.below(12) {
      case 0: return .null
      case 1: return .text("same")
      case 2: return .integer(Int64(nextValue))
      case 3: return .real(Double(nextValue) + 0.25)
      case 4: return .blob(Data("w\(nextValue)".utf8))
      case 5: return .text("đ\u{301}\(nextValue)")
      // Now and then too long for one message of the network.
      case 6: return .blob(Data("w\(nextValue)".utf8) + dice.bytes(dice.chance(0.3) ? 6000 + dice.below(9000) : 9))
      default: return .text("w\(nextValue)")
      }
    }
  }

  // MARK: Parts of a transaction

  private mutating func write(_ row: RowName, columns count: Int, into made: inout Transaction) {
    let before = standing[row]
    var values: [String: CellValue] = [:]
    for _ in 0..<count {
      let column = dice.pick(columns(of: row.table))
      values[column.name] = fresh(column, over: before?[column.name])
    }
    guard let before else { return insert(row, values: values, into: &made) }
    let names = values.keys.sorted()
    let sets = names.enumerated().map { "\($1) = ?\($0 + 2)" }.joined(separator: ", ")
    made.statements.append(
      .init(sql: "UPDATE \(row.table) SET \(sets) WHERE id = ?1", values: [.text(row.key)] + names.map { values[$0] ?? .null }))
    let changed = values.filter { before[$0.key] != $0.value }
    if changed.isEmpty { return }
    made.entries += 1
    add(Deed(row: row, kind: .set), changed, over: before, into: &made)
  }

  private func insert(
    _ row: RowName, values: [String: CellValue], verb: String = "INSERT", over old: [String: CellValue]? = nil, into made: inout Transaction
  ) {
    let names = values.keys.sorted()
    let places = (0..<names.count + 2).map { "?\($0 + 1)" }.joined(separator: ", ")
    made.statements.append(
      .init(
        sql: "\(verb) INTO \(row.table) (\((["id", "unit"] + names).joined(separator: ", "))) VALUES (\(places))",
        values: [.text(row.key), .text(scope)] + names.map { values[$0] ?? .null }))
    made.entries += 1
    add(Deed(row: row, kind: .replaced), values, over: old, into: &made)
  }

  /// Notes what a deed wrote, place by place, and whether a column's rule refuses it.
  private func add(_ deed: Deed, _ values: [String: CellValue], over old: [String: CellValue]?, into made: inout Transaction) {
    var deed = deed
    for column in columns(of: deed.row.table) {
      guard let value = values[column.name] else { continue }
      let before = old?[column.name] ?? column.defaultValue
      switch column.policy {
      case .perKey:
        let (new, standing) = (Members.read(value), Members.read(before))
        for member in Set(new.keys).union(standing.keys) where new[member] != standing[member] {
          deed.values[Place(column: column.name, part: member)] = Members.json(new[member])
        }
      case .counter: deed.amounts[column.name] = (value.integer ?? 0) - (before.integer ?? 0)
      case .max, .min, .ranked:
        if old != nil && column.isLower(value, than: before) { made.refusal = .undone }
      case .lastWriter, .review: deed.values[Place(column: column.name)] = value
      }
    }
    made.deeds.append(deed)
  }

  private mutating func replace(_ row: RowName, into made: inout Transaction) {
    let column = dice.pick(columns(of: row.table))
    let before = standing[row]
    // Where a rule could refuse to go back to the default, what stands is kept.
    var values = (before ?? [:]).filter { name, _ in
      columns(of: row.table).contains { $0.name == name && $0.policy != .lastWriter && $0.policy != .review }
    }
    values[column.name] = fresh(column, over: before?[column.name])
    insert(row, values: values, verb: "REPLACE", over: before, into: &made)
  }

  private func delete(_ row: RowName, into made: inout Transaction) {
    guard standing[row] != nil else { return }
    made.statements.append(.init(sql: "DELETE FROM \(row.table) WHERE id = ?1", values: [.text(row.key)]))
    made.deeds.append(Deed(row: row, kind: .deleted))
    made.entries += 1
  }

  private mutating func rename(_ row: RowName, into made: inout Transaction) {
    let other = self.row(in: row.table)
    guard let before = standing[row], standing[other] == nil else { return }
    made.statements.append(.init(sql: "UPDATE \(row.table) SET id = ?2 WHERE id = ?1", values: [.text(row.key), .text(other.key)]))
    made.deeds.append(Deed(row: row, kind: .deleted))
    made.entries += 2
    add(Deed(row: other, kind: .replaced), before, over: nil, into: &made)
  }
}

extension Column {
  /// Whether the column's rule would undo writing `value` over another.
  func isLower(_ value: CellValue, than other: CellValue) -> Bool {
    switch policy {
    case .max: (value.integer ?? .min) < (other.integer ?? .min)
    case .min: other.integer.map { (value.integer ?? .max) > $0 } ?? false
    case .ranked(let values): (values.firstIndex(of: value.text ?? "") ?? -1) < (values.firstIndex(of: other.text ?? "") ?? -1)
    default: false
    }
  }
}
