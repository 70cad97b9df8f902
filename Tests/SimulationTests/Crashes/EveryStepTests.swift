import Foundation
import Testing

@testable import SyncKit

/// L4 and L10: a kill at every storage step, the first, then the second, until the work comes through untouched. After each
/// the store is whole and the counts add up, and once the work was done again everything is where it belongs.
@Suite struct EveryStepTests {
  @Test func sealing() async throws {
    try await killAtEveryStep("seal", of: .device, least: 12) { simulation in
      try await Self.write(12, on: simulation.devices[0], simulation)
    } work: { simulation in
      try await simulation.devices[0].open().seal()
    }
  }

  @Test func applyingPages() async throws {
    try await killAtEveryStep("apply", of: .device, least: 30) { simulation in
      try await Self.write(10, on: simulation.devices[0], simulation)
      for device in simulation.devices { try await Self.exchange(device, simulation) }
      // Both wrote the same rows unknown to one another, and one has not sealed yet.
      try await Self.write(6, on: simulation.devices[1], simulation)
      try await Self.exchange(simulation.devices[1], simulation)
      try await Self.write(6, on: simulation.devices[0], simulation)
    } work: { simulation in
      try await Self.exchange(simulation.devices[0], simulation)
    }
  }

  @Test func ingesting() async throws {
    try await killAtEveryStep("ingest", of: .hub, least: 30) { simulation in
      try await Self.write(8, on: simulation.devices[1], simulation)
      try await Self.exchange(simulation.devices[1], simulation)
      try await Self.write(8, on: simulation.devices[0], simulation)
    } work: { simulation in
      try await Self.exchange(simulation.devices[0], simulation)
    }
  }

  @Test func releasingLots() async throws {
    try await killAtEveryStep("lot release", of: .hub, least: 20) { simulation in
      for _ in 0..<7 { try await Self.answer(on: simulation.devices[0], simulation) }
    } work: { simulation in
      try await Self.exchange(simulation.devices[0], simulation)
      try? await simulation.hub.port.hub?.releaseRemainders(of: Tables.units)
    }
  }

  @Test func sendingPackets() async throws {
    try await killAtEveryStep("packets", of: .device, least: 8) { simulation in
      for _ in 0..<3 { try await Self.answer(on: simulation.devices[0], simulation) }
    } work: { simulation in
      try await Self.exchange(simulation.devices[0], simulation)
    }
  }

  @Test func hubsOwnWrites() async throws {
    try await killAtEveryStep("hub write", of: .hub, least: 8) { simulation in
      try await Self.write(6, on: simulation.devices[0], simulation)
      try await Self.exchange(simulation.devices[0], simulation)
    } work: { simulation in
      guard let hub = simulation.hub.port.hub else { return }
      _ = try? await hub.write { try $0.execute("UPDATE note SET a = 'from the hub'") }
    }
  }

  @Test(arguments: [Machine.device, .hub])
  func enrolling(machine: Machine) async throws {
    try await killAtEveryStep("enrol", of: machine, least: 4, isEnrolled: false) { _ in
    } work: { simulation in
      let device = simulation.devices[0]
      guard try await device.open().enrolment() == nil, let hub = simulation.hub.port.hub else { return }
      let code: String
      if let known = simulation.enrolmentCode {
        code = known
      } else {
        code = try await hub.makeCode(scope: device.scope, readScopes: device.readScopes)
        simulation.enrolmentCode = code
      }
      do {
        try await device.open().enroll(code: code, label: device.name, through: device.link)
      } catch let error as SyncError where error.code == .unreachable {}
      _ = device.link.takeAnswers()
    }
  }

  // MARK: The loop

  enum Machine: Sendable { case device, hub }

  /// - Parameter least: Fewer steps than this mean that they were not seen.
  private func killAtEveryStep(
    _ name: String, of machine: Machine, least: Int, isEnrolled: Bool = true, prepare: (Simulation) async throws -> Void,
    work: (Simulation) async throws -> Void
  ) async throws {
    var labels: [String] = []
    for number in 0... {
      var options = Scenario.Options()
      (options.faults, options.deviceCount, options.stepCount) = ([], 2, 0)
      let simulation = try Simulation(Scenario(seed: 5, options: options))
      try await simulation.begin(enrolling: isEnrolled ? simulation.devices : Array(simulation.devices.dropFirst()))
      try await prepare(simulation)
      let label = try await killed(machine, afterSteps: number, simulation, work)
      do {
        try await Always.checkIntegrity(simulation.devices[0])
        try await Always.checkHub(simulation)
        try await work(simulation)
        try await simulation.end()
      } catch {
        Issue.record("\(name), killed at step \(number) (\(label ?? "never")): \(error)")
        return
      }
      guard let label else { break }
      labels.append(label)
    }
    #expect(labels.count >= least)
    let kinds = Dictionary(grouping: labels, by: { $0 }).map { "\($0.key) \($0.value.count)" }.sorted()
    print("killed \(name) at \(labels.count) steps: \(kinds.joined(separator: ", "))")
  }

  /// Does the work until the step comes, and starts the machine again with the files it had then.
  private func killed(
    _ machine: Machine, afterSteps number: Int, _ simulation: Simulation, _ work: (Simulation) async throws -> Void
  ) async throws -> String? {
    switch machine {
    case .hub:
      simulation.hub.arm(CrashTrap(disk: simulation.hub.disk, image: simulation.hub.disk.path + ".crash", afterSteps: number))
      try await work(simulation)
      return try await simulation.hub.disarm()
    case .device:
      let device = simulation.devices[0]
      let trap = CrashTrap(disk: device.disk, image: device.disk.path + ".crash", afterSteps: number)
      let replica = try device.open()
      replica.steps.listener = { try trap.reached($0.label) }
      defer { replica.steps.listener = nil }
      do { try await work(simulation) } catch is Crashed {}
      try await simulation.wake(device, trap)
      return trap.sprungAt
    }
  }

  // MARK: Work

  private static func write(_ count: Int, on device: Device, _ simulation: Simulation) async throws {
    var dice = Dice(seed: UInt64(count + device.index))
    for _ in 0..<count {
      simulation.time.advance(1000)
      try await simulation.write(on: device, &dice)
    }
  }

  private static func answer(on device: Device, _ simulation: Simulation) async throws {
    var dice = Dice(seed: UInt64(simulation.answers.count))
    try await simulation.answer(on: device, &dice)
  }

  private static func exchange(_ device: Device, _ simulation: Simulation) async throws {
    var dice = Dice(seed: 1)
    try await simulation.exchange(device, actionsMax: Simulation.actionsMax, &dice)
  }
}
