import Foundation

@testable import SyncCore
@testable import SyncHub

/// What the hub's operator does about work that it holds.
extension Simulation {
  /// Tries held work again, declines one unit, or says what it should have been.
  func moveHeld(_ dice: inout Dice) async throws {
    guard let open = hub.port.hub else { return }
    let held = try await open.heldUnits()
    guard !held.isEmpty else { return }
    for unit in held { met(isBehind(unit) ? .heldBehind : isTaken(unit) ? .heldForKey : isUnfit(unit) ? .heldForValue : .held) }
    let unit = dice.pick(held)
    do {
      // One that waits behind another is not for people to move.
      switch isBehind(unit) ? 0 : dice.below(5) {
      case 0: _ = try await open.retryHeld(dice.chance(0.5) ? unit.id : nil)
      case 1, 2: try await decline(unit, at: open)
      default: try await repair(unit, at: open, &dice)
      }
    } catch let error as SyncError where error.code == .diskFull && hub.isDiskFull {
      note(.hubDiskFull)
    }
  }

  /// At the end nothing is left that only people could move.
  ///
  /// - Returns: Whether anything was held.
  func declineAllHeld(_ dice: inout Dice) async throws -> Bool {
    let open = try await hub.open()
    var any = false
    while let unit = try await open.heldUnits().first(where: { !isBehind($0) }) {
      any = true
      if dice.chance(0.5) { try await repair(unit, at: open, &dice) } else { try await decline(unit, at: open) }
    }
    return any
  }

  private func isTaken(_ unit: HeldUnit) -> Bool { unit.reason == HeldReason.scope.rawValue }
  private func isUnfit(_ unit: HeldUnit) -> Bool { unit.reason == HeldReason.value.rawValue }
  private func isBehind(_ unit: HeldUnit) -> Bool { unit.reason == HeldReason.behind.rawValue }

  private func decline(_ unit: HeldUnit, at hub: Hub) async throws {
    try await hub.declineHeld(unit.id, by: "hub", because: "")
    say("  declined \(unit.reason) \(unit.detail) of \(unit.replica.short) \(unit.batchNumber)")
    met(.declined)
  }

  /// Leaves out what it refers to, gives it another key, or says a value that fits; declines it where that would be held again.
  private func repair(_ unit: HeldUnit, at open: Hub, _ dice: inout Dice) async throws {
    nextValue += 1
    let isTaken = isTaken(unit) && unit.rows.count == 1
    let key = isTaken ? CellValue.text("\(unit.scope)-new\(nextValue)") : nil
    var dropping = isTaken ? [] : Set(Tables.references.values)
    var values: [String: CellValue] = [:]
    for column in Set(unit.rows.flatMap(\.cells).filter { !Tables.takes($0.value, in: $0.column) }.map(\.column)).sorted() {
      nextValue += 1
      if dice.chance(0.7) { values[column] = .integer(Int64(nextValue)) } else { dropping.insert(column) }
    }
    do {
      try await open.repairHeld(unit.id, values: values, dropping: dropping, key: key, by: "hub", because: "")
      say("  repaired \(unit.reason) \(unit.detail) of \(unit.replica.short) \(unit.batchNumber) \(values.mapValues(\.short))")
      met(values.isEmpty ? .repaired : .repairedWithValue)
      note(values, instead: unit, key: key)
    } catch let error as SyncError where error.code == .badRequest {
      try await decline(unit, at: open)
    }
  }

  /// The operator's words are a person's, too. What they overwrite is kept where the unit's author had not seen it.
  private func note(_ values: [String: CellValue], instead unit: HeldUnit, key: CellValue?) {
    for row in unit.rows where row.isAlive {
      let said = values.filter { column, _ in row.cells.contains { $0.column == column } }
      if said.isEmpty { continue }
      let deed = Deed(
        row: RowName(table: row.table, key: (key ?? row.key).text ?? ""), kind: .set,
        values: Dictionary(uniqueKeysWithValues: said.map { (Place(column: $0.key), $0.value) }))
      history.written.append(History.Written(store: Self.hubStore, deed: deed))
      hubWrites.insert(history.written.count - 1)
    }
  }
}
