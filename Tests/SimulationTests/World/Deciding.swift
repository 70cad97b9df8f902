import Foundation
import GRDB

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Rare work, counted where it was done.
enum Work: String, CaseIterable, Sendable {
  case decidedOnDevice, undoneOnDevice, decidedAtHub, undoneAtHub, lateTaken
  case held, heldBehind, heldForKey, heldForValue, repaired, repairedWithValue, declined
  case photosTaken, photosLeft, photosBrought, photosRepeated, photosAtHub
  /// A backup was put back that is not the newest; a device sealed once more what a hub had lost; an operator asked one for what it has.
  case olderBackup, recovered, mended

  /// Whether a campaign with these options must meet it.
  func isExpected(_ options: Scenario.Options) -> Bool {
    switch self {
    case .decidedOnDevice, .undoneOnDevice, .decidedAtHub, .undoneAtHub: true
    case .lateTaken: options.faults.contains(.revocation)
    case .held, .heldBehind, .heldForKey, .heldForValue, .repaired, .repairedWithValue, .declined: options.isLinked
    case .photosTaken, .photosLeft, .photosBrought, .photosRepeated: options.hasPhotos && options.faults.contains(.bundle)
    case .photosAtHub: options.hasPhotos
    case .olderBackup, .recovered, .mended: options.faults.contains(.oldBackup)
    }
  }
}

/// What people decide about conflicts, on devices and at the hub.
extension Simulation {
  /// A decision, and what it does to rows.
  private struct Decision {
    var conflict: Conflict
    var resolution: Resolution
    var deeds: [Deed] = []
    /// Lines it leaves in a device's capture log: its own, and those of what it writes.
    var entries = 1

    var row: RowName { RowName(table: conflict.table, key: conflict.key.text ?? "") }
    var place: Place { Place(column: conflict.column, part: conflict.part.name ?? "") }

    /// Nil where there is nothing to decide about.
    ///
    /// - Parameter foreign: Rows that are another unit's than the conflict's, given its scope.
    init?(
      _ conflicts: [Conflict], version: Int, standing: [RowName: [String: CellValue]], foreign: (String) -> Set<RowName>,
      nextValue: inout Int, _ dice: inout Dice
    ) {
      // A program of an earlier version cannot decide about a column it does not have.
      let conflicts = conflicts.filter { conflict in
        Tables.columns(of: conflict.table, version: version).contains { $0.name == conflict.column }
      }
      let undecided = conflicts.filter(\.isOpen)
      // Merged rows are brought back one by one.
      let decided = conflicts.filter { $0.resolution != nil && $0.resolution != "undone" && $0.rule != .duplicate }
      let isUndone = !decided.isEmpty && (undecided.isEmpty || dice.chance(0.25))
      guard let conflict = (isUndone ? decided : undecided).sorted(by: { $0.id < $1.id }).randomElement(using: &dice) else { return nil }
      self.conflict = conflict
      nextValue += 1
      resolution =
        isUndone ? .undo : dice.pick([.keepWinner, .takeLoser, .takeLoser, Self.anotherValue(conflict, "w\(nextValue)", nextValue, &dice)])
      switch conflict.rule {
      case .lastWriterWins, .review, .life, .declined:
        // What was declined for its key has nothing to write to.
        if !foreign(conflict.scope).contains(row) { settleCell(standing[row]) }
      case .orphan: settleOrphan(standing[row])
      case .duplicate: merge(standing)
      }
    }

    private static func anotherValue(_ conflict: Conflict, _ words: String, _ number: Int, _ dice: inout Dice) -> Resolution {
      guard let column = Tables.columns[conflict.table]?.first(where: { $0.name == conflict.column }) else { return .keepWinner }
      switch (column.policy, column.values) {
      case (.max, _), (.min, _), (.ranked, _), (.counter, _): return .keepWinner
      case (_, .photo): return .keepWinner
      case (.perKey, _): return .write(.text("\"\(words)\""))
      case (_, .integer), (_, .amount): return .write(.integer(Int64(number)))
      case (_, .name): return .write(.text(dice.pick(Tables.names)))
      case (_, .reference): return .write(.text("\(conflict.scope)-k\(1 + dice.below(Workload.keys))"))
      case (_, .any), (_, .text): return .write(.text(words))
      }
    }

    private mutating func settleCell(_ shown: [String: CellValue]?) {
      guard let column = Tables.columns[row.table]?.first(where: { $0.name == place.column }) else { return }
      // Of a row that is gone, only taking what lost brings it back.
      if shown == nil && resolution != .takeLoser { return }
      var deed = Deed(row: row, kind: shown == nil ? .replaced : .set)
      if case .counter = column.policy {
        if resolution == .takeLoser { deed.amounts[place.column] = conflict.losing.value.integer ?? 0 } else { entries -= 1 }
      }
      entries += 1
      deeds = [deed]
    }

    private mutating func settleOrphan(_ shown: [String: CellValue]?) {
      let parent: CellValue
      switch resolution {
      case .keepWinner, .undo: return
      case .takeLoser: parent = .null
      case .write(let value): parent = value
      }
      guard let before = shown?[place.column], before != parent else { return }
      entries += 1
      deeds = [Deed(row: row, kind: .set, values: [place: parent])]
    }

    private mutating func merge(_ standing: [RowName: [String: CellValue]]) {
      if resolution == .keepWinner { return }
      for key in DuplicateKeys.keys(in: conflict.losing.value).dropFirst() {
        let other = RowName(table: row.table, key: key.text ?? "")
        if standing[other] == nil { continue }
        entries += 1
        deeds.append(Deed(row: other, kind: .deleted))
      }
    }

    /// What was declined because its key is another unit's cannot be written under that key, and a value not where no table takes it.
    func isRefused(_ error: SyncError) -> Bool {
      guard conflict.rule == .declined else { return false }
      let isUnfit = resolution == .takeLoser && !Tables.takes(conflict.losing.value, in: conflict.column)
      return row.isShared && (error.code == .badRequest || error.code == .wrongScope) || isUnfit && error.code == .badRequest
    }

    /// Notes what the decision left in its cell.
    mutating func note(_ shown: [String: CellValue]?) {
      guard !deeds.isEmpty, let column = Tables.columns[row.table]?.first(where: { $0.name == place.column }) else { return }
      switch conflict.rule {
      case .orphan, .duplicate: return
      case .lastWriterWins, .review, .life, .declined: break
      }
      switch column.policy {
      case .lastWriter, .review, .perKey: deeds[0].values[place] = column.value(at: place, shown: shown?[place.column]) ?? .null
      case .counter, .max, .min, .ranked: break
      }
    }
  }

  /// Somebody at a device decides about a conflict, or takes a decision back.
  func decide(on device: Device, _ dice: inout Dice) async throws {
    let replica = try device.open()
    let own = try await replica.conflicts(includingClosed: true).filter { $0.scope == device.scope }
    let foreign = try await replica.engineRead { [scope = device.scope] in try Self.foreignRows(in: $0.session, scope: scope) }
    guard
      var decision = Decision(
        own, version: device.version, standing: try await rows(of: device), foreign: { _ in foreign }, nextValue: &nextValue, &dice)
    else { return }
    say("  \(decision.resolution) about \(decision.conflict.id.prefix(8)) of \(decision.row)")
    do {
      _ = try await replica.resolve(decision.conflict.id, as: decision.resolution, by: device.name, because: "")
    } catch let error as SyncError where error.code == .diskFull && device.isDiskFull {
      return note(.deviceDiskFull)
    } catch let error as SyncError where decision.isRefused(error) {
      return
    }
    decision.note(try await rows(of: device)[decision.row])
    for deed in decision.deeds {
      history.written.append(History.Written(store: device.index, deed: deed, units: device.known.applied, writes: device.known.writes))
      device.known.writes.insert(history.written.count - 1)
    }
    device.known.captured += decision.entries
    met(decision.resolution == .undo ? .undoneOnDevice : .decidedOnDevice)
  }

  /// The hub's operator decides.
  func decideAtHub(_ dice: inout Dice) async throws {
    guard let open = hub.port.hub else { return }
    let version = hub.version
    let standing = try await open.read { try Self.rows(in: $0, version: version) }
    let all = try await open.conflicts(includingClosed: true)
    let foreign = try await open.read { session in
      try Dictionary(uniqueKeysWithValues: Tables.units.map { ($0, try Self.foreignRows(in: session, scope: $0)) })
    }
    guard
      var decision = Decision(all, version: version, standing: standing, foreign: { foreign[$0] ?? [] }, nextValue: &nextValue, &dice)
    else { return }
    let seen = try await merged(in: decision.conflict.scope, at: open)
    say("  \(decision.resolution) about \(decision.conflict.id.prefix(8)) of \(decision.row)")
    do {
      _ = try await open.resolve(decision.conflict.id, as: decision.resolution, by: "hub", because: "")
    } catch let error as SyncError where error.code == .diskFull && hub.isDiskFull {
      return note(.hubDiskFull)
    } catch let error as SyncError where decision.isRefused(error) {
      return
    }
    decision.note(try await open.read { try Self.rows(in: $0, version: version) }[decision.row])
    for deed in decision.deeds {
      history.written.append(History.Written(store: Self.hubStore, deed: deed, units: seen, writes: hubWrites))
      hubWrites.insert(history.written.count - 1)
    }
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
    } catch let error as SyncError where error.code == .badRequest {
      // None waits.
    }
  }
}
