import Foundation

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Once faults end and links are up, every device drains within a stated number of exchanges, whatever was restored, in any order, any
/// number of times.
extension Simulation {
  /// Whether copies of the hub are put back that nobody kept anything for. The oracle has no account of what is sealed once more then.
  var isAnyCopyRestored: Bool { scenario.options.faults.contains(.oldBackup) }

  /// Exchanges after which a device with so many batches has drained.
  static func exchangesMax(batches: Int) -> Int { 3 * batches + 10 }

  /// Everything works again: each device exchanges until nothing of it is left to send and it is proved equal to the hub. Where a device
  /// differs and nothing moves any more, the hub's operator asks for what it has.
  func drain() async throws {
    try await mendEverything()
    var before: [Int: [RowName: RowState]] = [:]
    for device in working { before[device.index] = try await versions(on: device) }
    var left: [Int: Int] = [:]
    for device in working {
      let batches = try await device.open().engineRead { try $0.session.integer("SELECT count(*) FROM sync_outbox") ?? 0 }
      left[device.index] = Self.exchangesMax(batches: Int(batches))
    }
    var dice = Dice(seed: derive(scenario.seed, 8))
    while true {
      var isQuiet = true
      for device in working {
        let state = try await isDrained(device)
        let count = left[device.index] ?? 0
        // Even a drained one may hear of more.
        if count == 0 && !state { throw try await notDrained(device) }
        if count == 0 { continue }
        left[device.index] = count - 1
        let place = try await place(of: device)
        try await exchange(device, actionsMax: Self.actionsMax, &dice)
        try await observe(device)
        try await Always.check(device)
        if try await place != self.place(of: device) { isQuiet = false }
        if try await isDrained(device) != state { isQuiet = false }
      }
      if !isQuiet { continue }
      var stuck: Device?
      for device in working where try await !isDrained(device) { stuck = device }
      guard let stuck else { break }
      // One command of the operator, as often as somebody says DIFFERENT.
      let open = try await hub.open()
      guard try await !open.disagreements().filter({ !$0.isAsked }).isEmpty else { throw try await notDrained(stuck) }
      _ = try await open.askForRecovery()
      met(.mended)
    }
    for device in working {
      if try await device.open().status().recovered > 0 { met(.recovered) }
      try compare(before[device.index] ?? [:], try await versions(on: device), on: device)
      try await Always.checkIntegrity(device)
    }
    try await Always.checkHub(self)
  }

  private var working: [Device] { devices.filter { !$0.isRevoked } }

  private func isDrained(_ device: Device) async throws -> Bool {
    let status = try await device.open().status()
    guard status.pendingChanges + status.sealedChanges + status.waitingChanges + status.packetsWaiting == 0 else { return false }
    return switch status.agreement {
    case .proved, .provedButHeld: true
    default: false
    }
  }

  /// How far a device is: its cursor and its newest batches.
  private func place(of device: Device) async throws -> [[CellValue]] {
    try await device.open().engineRead { transaction in
      [[try transaction.state.value("cursor"), try transaction.state.value("incarnation")]]
        + (try transaction.session.rows("SELECT scope, max(number), hash, sum(received), sum(acknowledged) FROM sync_outbox GROUP BY scope"))
    }
  }

  private func notDrained(_ device: Device) async throws -> Violation {
    let status = try await device.open().status()
    let standings = try await device.open().engineRead { try $0.outbox.standings(isAtHead: true) }
      .map { "\($0.entry.number) \($0.standing)" }.joined(separator: ", ")
    return Violation(
      check: "liveness",
      message:
        "\(device.name) did not drain: \(status.agreement), \(status.waitingChanges) waiting, \(status.sealedChanges) sealed; \(standings)")
  }

  // MARK: Nothing goes back

  private func versions(on device: Device) async throws -> [RowName: RowState] {
    let shapes = try device.open().shapes
    return try await device.open().engineRead { transaction in
      var found: [RowName: RowState] = [:]
      for shape in shapes.values
      where shape.declaration.kind == .replicated && !MetadataSchema.ownTables.contains(where: { $0.name == shape.name }) {
        for row in try transaction.session.rows("SELECT key FROM \(quote(shape.metadataTable))") {
          guard let state = try transaction.rows.load(shape, key: row[0], in: nil)?.state else { continue }
          found[RowName(table: shape.name, key: row[0].text ?? "")] = state
        }
      }
      return found
    }
  }

  /// What stood on a device before it healed stands still, or something later does. A key that two units use may be found to be the other's.
  private func compare(_ before: [RowName: RowState], _ after: [RowName: RowState], on device: Device) throws {
    let shapes = try device.open().shapes
    for (row, old) in before where !Tables.sharedKeys.contains(row.key) {
      guard let new = after[row], new.life >= old.life else {
        throw Violation(check: "lost", message: "\(row) of life \(old.life) is no longer on \(device.name)")
      }
      if new.life > old.life { continue }
      let policies = shapes[row.table]?.policies ?? [:]
      for (name, cell) in old.cells {
        // Stamps that were ahead are lowered; the value stays then.
        guard let now = new.cells[name] else {
          throw Violation(check: "lost", message: "\(row) \(name.column) was \(cell.value.short) on \(device.name), and is nothing")
        }
        if now.value == cell.value { continue }
        let write = CellChange(name.column, cell.value, part: name.part, generation: cell.generation)
        let incoming = IncomingChange(life: old.life, cells: [write], origin: cell.origin, seenThrough: .max)
        if Merge.join(new, incoming, policies: policies).state.cells[name] == now { continue }
        throw Violation(check: "lost", message: "\(row) \(name.column) was \(cell.value.short) on \(device.name), and went back")
      }
    }
  }
}
