import Foundation

@testable import SyncKit

/// What the hub's operator does about work that it holds.
extension Simulation {
  /// Tries held work again, declines one unit, or says what it should have been.
  func moveHeld(_ dice: inout Dice) async throws {
    guard let open = hub.port.hub else { return }
    let held = try await open.heldUnits()
    guard !held.isEmpty else { return }
    for unit in held { met(isBehind(unit) ? .heldBehind : isTaken(unit) ? .heldForKey : .held) }
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

  private func isTaken(_ unit: HeldUnit) -> Bool { unit.reason == UnitCheck.Reason.scope.rawValue }
  private func isBehind(_ unit: HeldUnit) -> Bool { unit.reason == UnitCheck.Reason.behind.rawValue }

  private func decline(_ unit: HeldUnit, at hub: Hub) async throws {
    try await hub.declineHeld(unit.id, by: "hub", because: "")
    say("  declined \(unit.reason) \(unit.detail) of \(unit.replica.short) \(unit.batchNumber)")
    met(.declined)
  }

  /// Leaves out what it refers to, or gives it another key; declines it where that would be held again.
  private func repair(_ unit: HeldUnit, at hub: Hub, _ dice: inout Dice) async throws {
    nextValue += 1
    let isTaken = isTaken(unit) && unit.rows.count == 1
    let key = isTaken ? CellValue.text("\(unit.scope)-new\(nextValue)") : nil
    do {
      try await hub.repairHeld(
        unit.id, values: [:], dropping: isTaken ? [] : Set(Tables.references.values), key: key, by: "hub", because: "")
      say("  repaired \(unit.reason) \(unit.detail) of \(unit.replica.short) \(unit.batchNumber)")
      met(.repaired)
    } catch let error as SyncError where error.code == .badRequest {
      try await decline(unit, at: hub)
    }
  }
}
