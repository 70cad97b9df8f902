import Foundation
import GRDB

@testable import SyncKit

/// Rare work, counted where it was done.
enum Work: String, CaseIterable, Sendable {
  case decidedOnDevice, undoneOnDevice, decidedAtHub, undoneAtHub, lateTaken

  /// Faults without which it cannot be met.
  var needs: Set<Fault> { self == .lateTaken ? [.revocation] : [] }
}

/// What people decide about conflicts, on devices and at the hub.
extension Simulation {
  /// A decision, and what it does to the row it is about.
  private struct Decision {
    var conflict: Conflict
    var resolution: Resolution
    var deed: Deed
    /// Lines it leaves in a device's capture log.
    var entries: Int

    /// Nil where there is nothing to decide about.
    init?(_ conflicts: [Conflict], version: Int, standing: [RowName: [String: CellValue]], nextValue: inout Int, _ dice: inout Dice) {
      // A program of an earlier version cannot decide about a column it does not have.
      let conflicts = conflicts.filter { conflict in
        Tables.columns(of: conflict.table, version: version).contains { $0.name == conflict.column }
      }
      let undecided = conflicts.filter(\.isOpen)
      let decided = conflicts.filter { $0.resolution != nil && $0.resolution != "undone" }
      let isUndone = !decided.isEmpty && (undecided.isEmpty || dice.chance(0.25))
      guard let conflict = (isUndone ? decided : undecided).sorted(by: { $0.id < $1.id }).randomElement(using: &dice) else { return nil }
      self.conflict = conflict
      let row = RowName(table: conflict.table, key: conflict.key.text ?? "")
      let place = Place(column: conflict.column, part: conflict.part.name ?? "")
      guard let column = Tables.columns[row.table]?.first(where: { $0.name == place.column }) else { return nil }
      let shown = standing[row]
      nextValue += 1
      let fresh: Resolution =
        switch column.policy {
        case .perKey: .write(.text("\"w\(nextValue)\""))
        case .lastWriter, .review: .write(column.values == .integer ? .integer(Int64(nextValue)) : .text("w\(nextValue)"))
        case .max, .min, .ranked, .counter: .keepWinner
        }
      resolution = isUndone ? .undo : dice.pick([.keepWinner, .takeLoser, .takeLoser, fresh])
      deed = Deed(row: row, kind: .set)
      entries = 2
      if shown == nil {
        // Only taking what lost brings the row back.
        guard resolution == .takeLoser else {
          entries = 1
          return
        }
        deed.kind = .replaced
      }
      let before = column.value(at: place, shown: shown?[place.column]) ?? .null
      let value =
        switch resolution {
        case .keepWinner: before
        case .takeLoser: conflict.losing.value
        case .write(let new): new
        case .undo: conflict.undoValue
        }
      switch column.policy {
      case .counter: if resolution == .takeLoser { deed.amounts[place.column] = value.integer ?? 0 } else { entries = 1 }
      case .lastWriter, .review, .perKey: deed.values[place] = value
      case .max, .min, .ranked: break
      }
    }
  }

  /// Somebody at a device decides about a conflict, or takes a decision back.
  func decide(on device: Device, _ dice: inout Dice) async throws {
    let replica = try device.open()
    let own = try await replica.conflicts(includingClosed: true).filter { $0.scope == device.scope }
    guard let decision = Decision(own, version: device.version, standing: try await rows(of: device), nextValue: &nextValue, &dice) else {
      return
    }
    say("  \(decision.resolution) about \(decision.conflict.id.prefix(8)) of \(decision.deed.row)")
    do {
      _ = try await replica.resolve(decision.conflict.id, as: decision.resolution, by: device.name, because: "")
    } catch let error as SyncError where error.code == .diskFull && device.isDiskFull {
      return note(.deviceDiskFull)
    }
    history.written.append(
      History.Written(store: device.index, deed: decision.deed, units: device.known.applied, writes: device.known.writes))
    device.known.writes.insert(history.written.count - 1)
    device.known.captured += decision.entries
    met(decision.resolution == .undo ? .undoneOnDevice : .decidedOnDevice)
  }

  /// The hub's operator decides.
  func decideAtHub(_ dice: inout Dice) async throws {
    guard let open = hub.port.hub else { return }
    let version = hub.version
    let standing = try await open.read { try Self.rows(in: $0, version: version) }
    let all = try await open.conflicts(includingClosed: true)
    guard let decision = Decision(all, version: version, standing: standing, nextValue: &nextValue, &dice) else { return }
    let seen = try await merged(in: decision.conflict.scope, at: open)
    say("  \(decision.resolution) about \(decision.conflict.id.prefix(8)) of \(decision.deed.row)")
    do {
      _ = try await open.resolve(decision.conflict.id, as: decision.resolution, by: "hub", because: "")
    } catch let error as SyncError where error.code == .diskFull && hub.isDiskFull {
      return note(.hubDiskFull)
    }
    history.written.append(History.Written(store: Self.hubStore, deed: decision.deed, units: seen, writes: hubWrites))
    hubWrites.insert(history.written.count - 1)
    met(decision.resolution == .undo ? .undoneAtHub : .decidedAtHub)
  }

  /// The hub's operator decides about what is brought of a revoked device.
  func decideLate(_ dice: inout Dice) async throws {
    guard let open = hub.port.hub, let device = devices.first(where: \.isRevoked) else { return }
    let replica = try device.open().secrets().signingKey.replica
    let decision: LateDecision = dice.chance(0.6) ? .take : .refuse
    do {
      _ = try await open.decideLate(replica, decision, by: "hub", reason: "")
      say("  late batches of \(replica.short): \(decision)")
      if decision == .take { met(.lateTaken) }
    } catch let error as SyncError where error.code == .diskFull && hub.isDiskFull {
      note(.hubDiskFull)
    } catch let error as SyncError where error.code == .badRequest && decision == .refuse {
      // They were taken before.
    }
  }
}
