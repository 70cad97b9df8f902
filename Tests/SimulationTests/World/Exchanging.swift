import Foundation

@testable import SyncCore
@testable import SyncKit
@testable import SyncStore

/// Exchanges, carriers and crashes.
extension Simulation {
  /// An exchange that takes more does not end.
  static let actionsMax = 400

  /// Goes on with the device's exchange, action by action, beginning one where none is under way.
  func exchange(_ device: Device, actionsMax: Int, _ dice: inout Dice) async throws {
    var running: Device.Exchange
    if let under = device.exchange {
      running = under
    } else {
      var options = SyncOptions()
      options.retry = RetryPolicy(attemptsMax: 3, delayFirstMs: 100, delayMaxMs: 1000)
      let driver = SyncDriver(replica: try device.open(), transport: device.link, options: options)
      let session = SyncSession(retry: options.retry)
      running = Device.Exchange(driver: driver, session: session, action: session.start())
    }
    device.exchange = nil
    for _ in 0..<actionsMax {
      if running.action == .finish { break }
      let event = try await perform(running.action, running.driver, device)
      try await observe(device)
      running.action = running.session.handle(event, chance: Double.random(in: 0..<1, using: &dice))
    }
    if running.action == .finish {
      if let error = running.session.error {
        say("  ended with \(error.code): \(error.explanation.en)")
      } else if let error = try await running.driver.stillness() {
        throw Violation(check: "liveness", message: "\(device.name): \(error.explanation.en)")
      }
    } else if actionsMax == Self.actionsMax {
      throw Violation(check: "exchange", message: "\(device.name) went on for \(actionsMax) actions")
    } else {
      device.exchange = running
    }
  }

  private func perform(_ action: SyncSession.Action, _ driver: SyncDriver, _ device: Device) async throws -> SyncSession.Event {
    if case .wait(let ms) = action {
      time.advance(UInt64(ms))
      return .waited
    }
    do {
      return try await driver.perform(action)
    } catch let error as SyncError {
      if error.code == .revoked { try await noteRevoked() }
      if error.code == .rebase, let turn = SyncDriver.turn(error, during: action) {
        // Not signed: on its way another scope may have been put into it.
        if !device.readScopes.contains(error.scope ?? "") {
          try judge(error, device)
          device.isMisled = true
        }
        return turn
      }
      try judge(error, device)
      return SyncDriver.turn(error, during: action) ?? .failed(error)
    }
  }

  /// Errors that no enabled fault explains are mistakes of the engine.
  private func judge(_ error: SyncError, _ device: Device) throws {
    let seen = device.link.takeSeen()
    for fault in seen { note(fault) }
    if error.code == .diskFull && device.isDiskFull { return note(.deviceDiskFull) }
    if error.code == .hubFailed && hub.isDiskFull { return note(.hubDiskFull) }
    let isDamaged = seen.contains { [.requestFlipped, .answerFlipped, .answerCut, .portal].contains($0) }
    let isExplained =
      switch error.code {
      case .unreachable, .timeout, .busy: true
      case .badRequest, .unknownReplica: isDamaged || !scenario.options.faults.isDisjoint(with: [.clone, .deviceRestored, .hubRestored])
      // An error is not signed: one that names no scope any more, or another one, cannot be followed.
      // Packets under a key that a revocation ended.
      case .badSignature: isDamaged || !revoked.isEmpty || scenario.options.faults.contains(.hubRestored)
      case .notAHub, .loginPage, .proxyTrouble, .damaged, .wrongHub, .hubFailed, .rebase: isDamaged
      case .wrongScope: isDamaged || device.isMisled
      case .unauthorized: scenario.options.faults.contains(.hubClockJump) || isDamaged
      case .revoked: device.isRevoked
      case .fork, .badCursor: !scenario.options.faults.isDisjoint(with: [.clone, .deviceRestored, .hubRestored])
      default: false
      }
    if !isExplained { throw Violation(check: "errors", message: "\(device.name) was told \(error.code): \(error.explanation.en)") }
  }

  // MARK: Late and carried

  func takeLateAnswer(_ device: Device, _ dice: inout Dice) async throws {
    guard let late = device.link.takeLateAnswer(&dice), late.response.status == 200 else { return }
    let replica = try device.open()
    do {
      let hubKey = try await replica.hubKey()
      if late.request.path == "/v1/feed" {
        let asked = Data(base64URL: late.request.query("cursor") ?? "") ?? Data()
        let page = try PageCodec.open(late.response.body, hub: hubKey)
        try await observe(device)
        // One asked for at another place than the store is at is not applied.
        if try await replica.engineRead({ try $0.state.value("cursor").blob ?? Data() }) == asked {
          try noteDelivered(page, asked: asked, to: device, epoch: late.epoch)
        }
        _ = try await replica.apply(page, bytes: late.response.body, after: asked)
      } else if late.request.path == "/v1/snapshot" {
        // The log of a store that was put back since cannot be looked at any more.
        guard late.epoch == hub.port.epoch else { return }
        let page = try SnapshotCodec.open(late.response.body, hub: hubKey)
        try await observe(device)
        func place(_ name: String) -> Data { Data(base64URL: late.request.query(name) ?? "") ?? Data() }
        let standing = try await replica.engineRead {
          (try $0.state.value("cursor").blob ?? Data(), try SnapshotCursor(session: $0.session).next(scope: page.scope))
        }
        if standing == (place("cursor"), place("next")) {
          try await noteDelivered(page, asked: late.request, to: device, epoch: late.epoch)
        }
        _ = try await replica.apply(page, after: place("cursor"), place: place("next"))
      } else if late.request.method == "PUT", late.request.path.hasPrefix("/v1/batches/") {
        let receipt = try WireReceipt.parse(try hubKey.open(late.response.body, as: .receipt), named: LocalizedText("receipt"))
        try await replica.engineWrite { try $0.outbox.store(receipt, bytes: late.response.body) }
        if late.epoch == hub.port.epoch { history.received.insert(receipt.batch) }
      }
    } catch let error as SyncError {
      // Asked for before the device began the feed anew.
      if error.code == .badCursor { return }
      try judge(error, device)
    }
  }

  func courierTakes(from device: Device, _ dice: inout Dice) async throws {
    let batches = try await device.open().engineRead {
      // Of a batch that a restored hub lost after its device had let go of it there is nothing to carry.
      try $0.session.rows("SELECT bytes FROM sync_outbox WHERE received <> 1 AND length(bytes) > 0 ORDER BY seq")
    }
    .compactMap { $0[0].blob }
    guard !batches.isEmpty, carried.count < 20 else { return }
    carried.append(Carried(from: device.index, batch: SealedBatch(bytes: dice.pick(batches))))
    note(.courier)
  }

  /// One device hands in a batch of another; what the hub says reaches its author half of the time.
  func courierBrings(through device: Device, _ dice: inout Dice) async throws {
    guard !carried.isEmpty else { return }
    let one = carried.remove(at: dice.below(carried.count))
    let replica = try device.open()
    var request = HubRequest("PUT", "/v1/batches/\(one.batch.hash.hex)", body: one.batch.bytes)
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: hub.clock.nowMs(), key: try replica.secrets().signingKey)
    do {
      let response = try await device.link.exchange(request)
      let hubKey = try await replica.hubKey()
      let receipt = try WireReceipt.parse(try hubKey.open(response.body, as: .receipt), named: LocalizedText("receipt"))
      history.received.insert(receipt.batch)
      if receipt.state == .waiting { note(.courierOutOfOrder) }
      let author = devices[one.from]
      if dice.chance(0.5) && !author.isDiskFull {
        try await author.open().engineWrite { try $0.outbox.store(receipt, bytes: response.body) }
      }
    } catch let error as SyncError {
      if error.code == .revoked && devices[one.from].isRevoked { return }
      try judge(error, device)
    }
  }

  // MARK: Kills

  /// Kills a device in the midst of writing, sealing or an exchange.
  func kill(_ device: Device, _ dice: inout Dice) async throws {
    if dice.chance(0.3) { return try await write(on: device, &dice, killAfter: dice.below(4)) }
    let replica = try device.open()
    let trap = CrashTrap(disk: device.disk, image: device.disk.path + ".crash", afterSteps: dice.below(dice.chance(0.3) ? 12 : 60))
    replica.steps.listener = { try trap.reached($0.label) }
    do {
      if dice.chance(0.3) {
        try await replica.seal()
      } else {
        try await exchange(device, actionsMax: Self.actionsMax, &dice)
      }
      replica.steps.listener = nil
    } catch is Crashed {
      try await wake(device, trap)
    } catch let error as SyncError {
      replica.steps.listener = nil
      try judge(error, device)
    }
  }

  /// Starts a killed device again with the files it had at that instant.
  func wake(_ device: Device, _ trap: CrashTrap?) async throws {
    guard let trap, let label = trap.sprungAt else { return }
    say("  killed at: \(label)")
    note(.deviceKilled)
    try device.close()
    try trap.bringBack()
    time.advance(1)
    _ = try device.open()
    try await Always.checkIntegrity(device)
  }

  func killHub(by device: Device, _ dice: inout Dice) async throws {
    guard hub.port.hub != nil else { return }
    hub.arm(CrashTrap(disk: hub.disk, image: hub.disk.path + ".crash", afterSteps: dice.below(dice.chance(0.3) ? 10 : 80)))
    try await exchange(device, actionsMax: Self.actionsMax, &dice)
    if let label = try await hub.disarm() {
      say("  the hub killed at: \(label)")
      note(.hubKilled)
      try await Always.checkHub(self)
    }
  }
}
