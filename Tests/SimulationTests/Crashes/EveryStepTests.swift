import Foundation
import Testing

@testable import SyncCore
@testable import SyncKit
@testable import SyncStore

/// L4 and L10: a kill at every storage step, the first, then the second, until the work comes through untouched. After each
/// the store is whole and the counts add up, and once the work was done again everything is where it belongs.
@Suite struct EveryStepTests {
  @Test(.enabled(if: SimulationTests.environment["SIM_STEPS"] == "1", "Asked for by `make steps`."), arguments: CrashStory.asked)
  func aKillAtAnyStepLosesNothing(_ story: CrashStory) async throws {
    var labels: [String] = []
    for number in 0... {
      let simulation = try await Self.begin(story)
      let label = try await Self.play(story, simulation, killedAfter: number).killedAt
      do {
        for device in simulation.devices { try await Always.checkIntegrity(device) }
        try await Always.checkHub(simulation)
        try await story.work(simulation)
        if story.beginning == .nothing { try await simulation.begin() }
        try await story.hasOracle ? simulation.end() : simulation.settle()
      } catch {
        Issue.record("killed at step \(number), \(label ?? "none"): \(error)")
        return
      }
      guard let label else { break }
      labels.append(label)
    }
    #expect(!labels.isEmpty)
    print("crash: \(story.testDescription): \(labels.count) steps")
  }

  /// The list of steps is the code's own: each statement of the engine that writes, and each moment it names, is cut off in
  /// some story.
  @Test(.disabled(if: SimulationTests.isFast, "Long: `make test` runs it.")) func everyStepOfTheCodeIsInAStory() async throws {
    var reached: Set<String> = []
    for story in CrashStory.all {
      let simulation = try await Self.begin(story)
      let apps = Set(simulation.program.tables.map(\.name))
      reached.formUnion(try await Self.play(story, simulation, killedAfter: .max).steps.map { CodeSteps.folded($0, apps: apps) })
    }
    let all = try CodeSteps.all()
    #expect(all.count > 40)
    for step in all.subtracting(reached).subtracting(CodeSteps.outsideTransactions.keys).sorted() {
      Issue.record("\(step) is cut off in no story: add one to CrashStory, or say why not in CodeSteps")
    }
    let stale = Set(CodeSteps.outsideTransactions.keys).subtracting(all)
    #expect(stale.isEmpty, "excused and not in the code")
    print(
      "crash: \(all.count) kinds of steps in the code, \(reached.intersection(all).count) of them cut off in \(CrashStory.all.count) stories"
    )
  }

  // MARK: One run

  private static func begin(_ story: CrashStory) async throws -> Simulation {
    var options = Scenario.Options()
    (options.faults, options.deviceCount, options.stepCount) = ([], story.deviceCount, 0)
    let simulation = try Simulation(Scenario(seed: 5, options: options), program: story.program)
    switch story.machine {
    case .hub: simulation.hub.version = story.version
    case .device: simulation.devices[0].version = story.version
    }
    switch story.beginning {
    case .enrolled: try await simulation.begin()
    case .firstNotEnrolled: try await simulation.begin(enrolling: Array(simulation.devices.dropFirst()))
    case .nothing: break
    }
    try await story.prepare(simulation)
    return simulation
  }

  /// Does the work until the step comes, and starts the machine again with the files it had then.
  private static func play(
    _ story: CrashStory, _ simulation: Simulation, killedAfter steps: Int
  ) async throws -> (killedAt: String?, steps: [String]) {
    let disk = story.machine == .hub ? simulation.hub.disk : simulation.devices[0].disk
    let trap = CrashTrap(disk: disk, image: disk.path + ".crash", afterSteps: steps)
    switch story.machine {
    case .hub:
      simulation.hub.arm(trap)
      do {
        try await story.work(simulation)
      } catch is Crashed {
      } catch let error as SyncError where error.code == .unreachable && trap.sprungAt != nil {}
      _ = try await simulation.hub.disarm()
    case .device:
      let device = simulation.devices[0]
      let replica = try device.open()
      replica.steps.listener = { try trap.reached($0.label) }
      do { try await story.work(simulation) } catch is Crashed {}
      replica.steps.listener = nil
      try await simulation.wake(device, trap)
    }
    return (trap.sprungAt, trap.reached)
  }
}

/// The kinds of storage steps as the engine's sources have them.
enum CodeSteps {
  /// Steps that no kill between statements can reach, and why.
  static let outsideTransactions = [
    "INSERT sync_table": "numbers of tables, in the one transaction of open",
    "INSERT sync_column": "numbers of columns, in the one transaction of open",
    "INSERT sync_declared": "what was declared, in the one transaction of open",
    "INSERT sync_packet": "by a trigger, in the writer's own statement",
    "INSERT sync_packet_aside": "by a trigger, in the writer's own statement",
    "DELETE sync_packet_aside": "by a trigger, in the writer's own statement",
    "UPDATE sync_state": "by a trigger, in the writer's own statement",
  ]

  static func all() throws -> Set<String> {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../../Sources/SyncKit")
      .standardizedFileURL
    var steps = Set(StorageMoment.allCases.map(\.rawValue))
    let files = FileManager.default.enumerator(atPath: sources.path)
    let statement = /(INSERT(?: OR [A-Z]+)? INTO|DELETE FROM|UPDATE) (\\\([^ ]*|[a-z_]+)/
    while let path = files?.nextObject() as? String {
      guard path.hasSuffix(".swift") else { continue }
      for found in try String(contentsOf: sources.appending(path: path), encoding: .utf8).matches(of: statement) {
        let verb = found.1.prefix { $0.isLetter }
        let place = found.2.hasPrefix("\\") ? found.2.contains("metadataTable") ? "metadata" : "row" : String(found.2)
        steps.insert("\(verb) \(place)")
      }
    }
    return steps
  }

  /// A step's label with tables of the app and of its metadata under one name each.
  static func folded(_ label: String, apps: Set<String>) -> String {
    let parts = label.split(separator: " ").map(String.init)
    guard parts.count == 2 else { return label }
    return parts[0] + " " + (parts[1].hasPrefix("sync_meta_") ? "metadata" : apps.contains(parts[1]) ? "row" : parts[1])
  }
}
