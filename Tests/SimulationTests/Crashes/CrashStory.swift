import Foundation
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Work that tests cut off at each of its storage steps, and what it begins from. Doing the work once more after a kill must
/// lead where it leads undisturbed.
struct CrashStory: Sendable, CustomTestStringConvertible {
  enum Machine: Sendable { case device, hub }
  enum Beginning: Sendable {
    /// The hub runs and every device is enrolled; so all but the first; not even the hub was ever opened.
    case enrolled, firstNotEnrolled, nothing
  }

  typealias Part = @Sendable (Simulation) async throws -> Void

  var name: String
  /// Whose storage steps are cut off: the hub's, or those of the first device.
  var machine: Machine
  var beginning = Beginning.enrolled
  var deviceCount = 2
  /// Of the program on the machine; the others have the newest.
  var version = Tables.newest
  var program = Program.usual
  /// Whether the simulation's oracle knows all that happens here; otherwise the stores are compared with one another.
  var hasOracle = true
  var prepare: Part = { _ in }
  var work: Part

  var testDescription: String { "\(name), on the \(machine)" }

  static let all = everyday + trouble + refusals
  /// All, or with STORY those whose names contain it.
  static let asked = all.filter { story in SimulationTests.environment["SIM_STORY"].map { $0.isEmpty || story.name.contains($0) } ?? true }
}

// MARK: What everybody does every day

extension CrashStory {
  static let everyday = [
    CrashStory(
      name: "seal", machine: .device, prepare: { try await $0.writeMuch(12, on: $0.devices[0]) },
      work: { try await $0.devices[0].open().seal() }),
    CrashStory(
      name: "apply", machine: .device,
      prepare: { simulation in
        try await simulation.writeMuch(10, on: simulation.devices[0])
        for device in simulation.devices { try await simulation.exchangeAll(device) }
        // Both wrote unknown to one another, and one has not sealed yet.
        try await simulation.writeMuch(6, on: simulation.devices[1])
        try await simulation.exchangeAll(simulation.devices[1])
        try await simulation.writeMuch(6, on: simulation.devices[0])
      }, work: { try await $0.exchangeAll($0.devices[0]) }),
    CrashStory(
      name: "ingest", machine: .hub,
      prepare: { simulation in
        try await simulation.writeMuch(10, on: simulation.devices[1])
        try await simulation.exchangeAll(simulation.devices[1])
        try await simulation.writeMuch(14, on: simulation.devices[0])
      }, work: { try await $0.exchangeAll($0.devices[0]) }),
    CrashStory(
      name: "the hub's own writes", machine: .hub,
      prepare: { simulation in
        try await simulation.writeMuch(6, on: simulation.devices[0])
        try await simulation.exchangeAll(simulation.devices[0])
      },
      work: { simulation in
        _ = try await simulation.hub.port.hub?.write { try $0.execute("UPDATE note SET a = 'from the hub'") }
      }),
    CrashStory(
      name: "packets", machine: .device, prepare: { for _ in 0..<3 { try await $0.answerOnce(on: $0.devices[0]) } },
      work: { try await $0.exchangeAll($0.devices[0]) }),
    CrashStory(
      name: "packets after a colleague's revocation", machine: .device, deviceCount: 3,
      prepare: { simulation in
        for _ in 0..<3 { try await simulation.answerOnce(on: simulation.devices[0]) }
        try await simulation.revokeSecond()
      }, work: { try await $0.exchangeAll($0.devices[0]) }),
    CrashStory(name: "revocation", machine: .hub, deviceCount: 3, work: { try await $0.revokeSecond() }),
    CrashStory(
      name: "packets under an earlier key", machine: .hub, deviceCount: 3, hasOracle: false,
      prepare: { simulation in
        for _ in 0..<3 { try await simulation.answerOnce(on: simulation.devices[0]) }
        _ = try await simulation.devices[0].open().exportBundle(to: simulation.folder + "/late.skb")
        try await simulation.revokeSecond()
      }, work: { try await $0.takeLatePackets() }),
    CrashStory(
      name: "lot release", machine: .hub,
      prepare: { simulation in
        try await simulation.hub.addFormKey()
        for _ in 0..<7 { try await simulation.answerOnce(on: simulation.devices[0]) }
      },
      work: { simulation in
        try await simulation.exchangeAll(simulation.devices[0])
        try await simulation.hub.port.hub?.releaseEverything()
      }),
    CrashStory(
      name: "released answers erased", machine: .hub, hasOracle: false,
      prepare: { simulation in
        for _ in 0..<7 { try await simulation.answerOnce(on: simulation.devices[0]) }
        try await simulation.exchangeAll(simulation.devices[0])
        try await simulation.hub.open().releaseEverything()
        for _ in 0..<2 { try await simulation.backUp() }
      }, work: { try await $0.eraseAnswers() }),
    CrashStory(name: "enrolment", machine: .device, beginning: .firstNotEnrolled, work: { try await $0.enrolFirst() }),
    CrashStory(name: "enrolment", machine: .hub, beginning: .firstNotEnrolled, work: { try await $0.enrolFirst() }),
    CrashStory(
      name: "an operator's acts", machine: .hub,
      prepare: { simulation in
        let device = simulation.devices[0]
        _ = try await simulation.hub.open().makeCode(scope: device.scope, readScopes: device.readScopes)
      }, work: { try await $0.actByName() }),
    CrashStory(name: "a new hub", machine: .hub, beginning: .nothing, work: { _ = try await $0.hub.open() }),
  ]
}

extension Simulation {
  fileprivate func writeMuch(_ count: Int, on device: Device) async throws {
    var dice = Dice(seed: UInt64(count + device.index))
    for _ in 0..<count {
      time.advance(1000)
      try await write(on: device, &dice)
    }
  }

  fileprivate func answerOnce(on device: Device) async throws {
    var dice = Dice(seed: UInt64(answers.count))
    try await answer(on: device, &dice)
  }

  fileprivate func eraseAnswers() async throws {
    let hub = try await hub.open()
    try await hub.eraseReleased(["answer"], of: "answer")
    let (rows, erased) = try await hub.read { (try $0.integer("SELECT count(*) FROM answer"), try ErasedRows.all(in: $0)) }
    try #require(rows == 0 && erased.map(\.count) == [7] && erased[0].doneMs != nil)
  }

  fileprivate func takeLatePackets() async throws {
    let hub = try await hub.open()
    _ = try await hub.importBundles([folder + "/late.skb"])
    // After a kill behind the last step none waits.
    do {
      _ = try await hub.decideLatePackets(of: devices[0].scope, .take, by: "operator", reason: "known")
    } catch let error as SyncError where error.code == .badRequest {}
  }

  fileprivate func revokeSecond() async throws {
    let identity = try devices[1].open().secrets().signingKey.replica
    revoked.formUnion(try await hub.open().revoke(identity))
    try await noteRevoked()
  }

  /// Each act is noted once, with what it changes: never without it, and never again.
  fileprivate func actByName() async throws {
    let hub = try await hub.open()
    func act(_ kind: String, counting table: String) throws -> IntendedAct {
      try IntendedAct(kind, by: "operator") { session in
        [table: "\(try session.integer("SELECT count(*) FROM \(table)") ?? 0)"]
      }
    }
    let scope = devices[0].scope
    let identity = try devices[0].open().secrets().signingKey.replica
    // A code made twice would be two acts.
    if try await hub.read({ try $0.firstRow("SELECT 1 FROM hub_code_replaces") }) == nil {
      try await hub.acting(try act("enroll --replaces", counting: "hub_code_replaces")) {
        _ = try await hub.makeCode(
          replacing: identity, scope: scope, readScopes: devices[0].readScopes, by: "operator", reason: "its key is lost")
      }
    }
    try await hub.acting(try act("codes expire", counting: "hub_code_end")) {
      _ = try await hub.endCodes(units: [scope], ids: [], endsMs: UInt64(Int64.max))
    }
    try await hub.acting(try act("devices label", counting: "hub_device_note")) {
      try await hub.note(identity, label: "tablet", owner: nil)
    }
    let noted = try await hub.acts()
    try #require(noted.map(\.kind) == ["devices label", "codes expire", "enroll --replaces"])
    try #require(noted.allSatisfy { $0.before != $0.after && $0.by == "operator" })
  }

  fileprivate func exchangeAll(_ device: Device) async throws {
    var dice = Dice(seed: 1)
    try await exchange(device, actionsMax: Self.actionsMax, &dice)
  }

  /// With the code that was given out before, if there is one.
  fileprivate func enrolFirst() async throws {
    let device = devices[0]
    guard try await device.open().enrolment() == nil, let hub = hub.port.hub else { return }
    let code: String
    if let known = enrolmentCode {
      code = known
    } else {
      code = try await hub.makeCode(scope: device.scope, readScopes: device.readScopes)
      enrolmentCode = code
    }
    try await device.open().enroll(code: code, label: device.name, through: device.link)
    _ = device.link.takeAnswers()
  }
}
