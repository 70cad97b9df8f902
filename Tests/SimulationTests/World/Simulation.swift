import Foundation
import GRDB

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Devices, carriers and one hub with real stores, in one thread, from one seed: each step is awaited before the next begins,
/// and all time and chance come from the scenario.
final class Simulation {
  let scenario: Scenario
  let program: Program
  let folder: String
  let time = SimTime()
  let hub: SimHub
  var devices: [Device] = []
  var history = History()
  var carried: [Carried] = []
  var stick = Stick()
  /// Every photo that somebody took.
  var photos: [BlobID: Data] = [:]
  /// Keys of the anonymous rows that devices accepted.
  var answers: Set<String> = []
  var nextValue = 0
  /// A code that was given out and whose use is under way.
  var enrolmentCode: String?
  /// Devices by the one they were copied from; a step names the first, and its seed one of them.
  var families: [[Int]] = []
  var copies: [Int: DeviceCopy] = [:]
  var hubCopies: [HubCopy] = []
  var hubWrites = Numbers()
  /// Whether the oracle hears of what happens.
  var isObserved = true
  /// Identities the hub has revoked.
  var revoked: Set<ReplicaID> = []
  /// Writes and answers that were on a store when it was put back to a copy without them. They may be lost, where nobody else had them.
  var gone: Set<Int> = []
  var goneAnswers: Set<String> = []
  /// At the end: conflicts that causality did not ask for, of how many.
  var needless = (count: 0, of: 0)
  /// What happened, a line each; the same for the same seed.
  private(set) var log: [String] = []
  private(set) var faults: [Fault: Int] = [:]
  private(set) var work: [Work: Int] = [:]

  /// A batch on its way with somebody else.
  struct Carried {
    var from: Int
    var batch: SealedBatch
  }

  init(_ scenario: Scenario, program: Program = .usual) throws {
    self.scenario = scenario
    self.program = program
    folder = try Disk.makeFolder()
    var dice = Dice(seed: derive(scenario.seed, 2))
    let isOld = scenario.options.faults.contains(.oldHub) && dice.chance(0.5)
    hub = try SimHub(folder: folder, clock: SimClock(time), version: isOld ? 1 : Tables.newest, dice: &dice, program: program)
    hub.isTrimmed = scenario.options.faults.contains(.logCleared)
    for index in 0..<scenario.options.deviceCount {
      // Some devices read a second unit beside their own.
      let scope = Tables.units[index < (scenario.options.deviceCount + 1) / 2 ? 0 : 1]
      let readScopes = scope == Tables.units[0] ? [Tables.province, scope] : [Tables.province, Tables.units[0], scope]
      let isOld = scenario.options.faults.contains(.oldClient) && dice.chance(0.4)
      let isLoose = scenario.options.isLinked && dice.chance(0.4)
      let device = Device(
        index: index, folder: folder, clock: SimClock(time, errorMs: Int64.random(in: -3000...3000, using: &dice)), scope: scope,
        readScopes: readScopes, version: isOld ? 1 : Tables.newest, link: link(), seed: derive(scenario.seed, 7),
        program: isLoose ? .loose : program)
      try device.makeKey(&dice)
      devices.append(device)
      families.append([index])
      if isOld { note(.oldClient) }
    }
    if isOld { note(.oldHub) }
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func link() -> Link {
    let port = hub.port
    return Link(deliver: { await port.deliver($0) }, keepPartial: { await port.keepPartial($0) }, epoch: { port.epoch })
  }

  func note(_ fault: Fault, _ count: Int = 1) { faults[fault, default: 0] += count }
  func met(_ kind: Work) { work[kind, default: 0] += 1 }
  func say(_ line: String) { log.append(line) }

  // MARK: A run

  /// Runs the steps, lets everything heal, and checks.
  ///
  /// - Throws: `Violation` for what a check found.
  func run() async throws {
    try await begin()
    for (number, step) in scenario.taken {
      let family = families[step.device % families.count]
      let device = devices[family[Int(derive(step.seed, 6) % UInt64(family.count))]]
      say("\(number) \(step.kind) \(device.name)")
      try await perform(step, device)
      for fault in device.link.takeSeen() { note(fault) }
      try await observe(device)
      try await Always.check(device)
      log[log.count - 1] += " " + summary(of: device)
    }
    try await end()
  }

  /// Starts the hub and enrols devices, in fair weather.
  func begin(enrolling some: [Device]? = nil) async throws {
    let opened = try await hub.open()
    for device in some ?? devices {
      let code = try await opened.makeCode(scope: device.scope, readScopes: device.readScopes)
      try await device.open().enroll(code: code, label: device.name, through: device.link)
      _ = device.link.takeAnswers()
    }
  }

  /// Lets everything heal, and checks what must hold then.
  func end() async throws {
    say("heal")
    if isAnyCopyRestored {
      try await drain()
    } else {
      try await heal()
      try await Finally.check(self)
    }
    for device in devices { try device.close() }
    try hub.close()
  }

  /// Lets everything heal after what the oracle has no account of: all stores agree, and prove it.
  func settle() async throws {
    try hub.close()
    _ = try await hub.open()
    for device in devices { try device.close() }
    for _ in 0..<3 {
      for device in devices where !device.isRevoked { try await sync(device) }
      var isSettled = true
      for device in devices where !device.isRevoked {
        if try await device.open().status().agreement == .outstanding { isSettled = false }
      }
      if isSettled { break }
    }
    try await Always.checkHub(self)
    for device in devices {
      try await Always.checkIntegrity(device)
      if device.isRevoked { continue }
      let status = try await device.open().status()
      guard status.pendingChanges + status.sealedChanges + status.waitingChanges + status.packetsWaiting == 0 else {
        throw Violation(check: "healing", message: "\(device.name) still has work to send: \(status)")
      }
      switch status.agreement {
      case .proved where status.heldChanges == 0: break
      case .provedButHeld where status.heldChanges > 0: break
      // What the hub never takes stays here, and is not the hub's.
      case .outstanding where status.refusedChanges > 0: break
      default: throw Violation(check: "converge", message: "\(device.name) and the hub: \(status.agreement), \(status.heldChanges) held")
      }
      try device.close()
    }
    try hub.close()
  }

  private func summary(of device: Device) -> String {
    let places = device.known.position.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: " ")
    return "| \(device.known.captured) captured, \(device.known.batches) batches, at \(places)"
  }

  private func perform(_ step: Step, _ device: Device) async throws {
    var dice = Dice(seed: step.seed)
    time.advance(UInt64(1 + dice.below(1500)))
    device.link.weather(Dice(seed: derive(step.seed, 3)), badLuck: scenario.options.badLuck, faults: scenario.options.faults)
    switch step.kind {
    case .write: try await write(on: device, &dice)
    case .answer: try await answer(on: device, &dice)
    case .hubWrite: try await writeAtHub(&dice)
    case .decide: try await decide(on: device, &dice)
    case .hubDecide: try await decideAtHub(&dice)
    case .moveHeld: try await moveHeld(&dice)
    case .exchange: try await exchange(device, actionsMax: Self.actionsMax, &dice)
    case .act: try await exchange(device, actionsMax: 1 + dice.below(3), &dice)
    case .lateRequest:
      if let request = device.link.takeLateRequest(&dice) { _ = await hub.port.deliver(request) }
    case .lateAnswer: try await takeLateAnswer(device, &dice)
    case .courierTakes: try await courierTakes(from: device, &dice)
    case .courierBrings: try await courierBrings(through: device, &dice)
    case .bundleTakes: try await bundleTakes(from: device, &dice)
    case .bundleArrives: try await bundleArrives(&dice)
    case .bundleReturns: try await bundleReturns(to: device, &dice)
    case .kill: try await kill(device, &dice)
    case .killHub: try await killHub(by: device, &dice)
    case .restart:
      if device.exchange != nil { note(.exchangeAbandoned) }
      try device.close()
      time.advance(1)
      _ = try device.open()
    case .restartHub:
      try hub.close()
      _ = try await hub.open()
    case .fillDisk: try await device.limitDisk(pages: dice.below(4))
    case .freeDisk: if device.isDiskFull { try await device.limitDisk(pages: nil) }
    case .fillHubDisk: try await hub.limitDisk(pages: dice.below(4))
    case .freeHubDisk: if hub.isDiskFull { try await hub.limitDisk(pages: nil) }
    case .clock:
      device.clock.set(errorMs: jump(&dice))
      note(.deviceClockJump)
    case .hubClock:
      hub.clock.set(errorMs: jump(&dice))
      note(.hubClockJump)
    case .partition: device.link.isDown.toggle()
    case .upgrade: try upgrade(device)
    case .upgradeHub: try await upgradeHub()
    case .revoke: try await revoke(device)
    case .decideLate: try await decideLate(&dice)
    case .clearLog: try await clearLog()
    case .keepCopy: try keepCopy(of: device)
    case .cloneDevice: try cloneDevice(device, &dice)
    case .restoreDevice: try await restoreDevice(device, &dice)
    case .keepHubCopy: try await keepHubCopy(&dice)
    case .restoreHub: try await restoreHub(&dice)
    }
  }

  /// Right again, minutes off, or years, either way.
  private func jump(_ dice: inout Dice) -> Int64 {
    let year: Int64 = 365 * 86_400_000
    return dice.pick([0, 0, 0, 200_000, -400_000, 700_000, 5 * year, -5 * year, 75 * year, -60 * year])
  }

  func upgrade(_ device: Device) throws {
    guard device.version < Tables.newest else { return }
    try device.close()
    time.advance(1)
    device.version = Tables.newest
    _ = try device.open()
  }

  func upgradeHub() async throws {
    guard hub.version < Tables.newest else { return }
    try hub.close()
    hub.version = Tables.newest
    _ = try await hub.open()
  }

  /// Which devices are cut off, by the identity each has now.
  func markRevoked() throws {
    for device in devices { device.isRevoked = try revoked.contains(device.open().secrets().signingKey.replica) }
  }

  /// A restored hub that meets a forgotten successor of a revoked identity cuts it off, too.
  func noteRevoked() async throws {
    guard let open = hub.port.hub else { return }
    revoked.formUnion(try await open.devices().filter { $0.revokedMs != nil }.map(\.replica))
    try markRevoked()
  }

  private func revoke(_ device: Device) async throws {
    guard !devices.contains(where: \.isRevoked), let key = try? device.open().secrets().signingKey, let open = hub.port.hub else {
      return
    }
    do {
      let now = try await open.revoke(key.replica)
      if !now.isEmpty {
        revoked.formUnion(now)
        try markRevoked()
        note(.revocation)
      }
    } catch let error as SyncError where error.code == .diskFull && hub.isDiskFull {}
  }
}
