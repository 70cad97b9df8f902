import Foundation
import SyncHub
import SyncKit

/// W8: a hub takes the work of some devices out of one bundle, beside the same batches as signed calls.
///
/// The calls are answered in this process, without a socket: what HTTP itself costs comes on top of theirs, so the quotient is the
/// higher one.
struct BundleWork {
  let folder: String
  let devices: Int
  /// Batches of each device.
  let batchesEach: Int
  let rowsEach: Int

  struct Run {
    /// CPU seconds.
    var calls = 0.0, bundle = 0.0
    /// The most the process held while it read the bundle, in MiB: all of it, the store's cache and what was made before included.
    var memory = 0.0
  }

  struct Prepared {
    let scratch: Scratch
    let hub: HubFolder
    let clock: HandClock
    let bundle: String
    let calls: [HubRequest]
    /// What the bundle takes beyond its batches, in percent.
    let overhead: Double
  }

  func prepare() async throws -> Prepared {
    let scratch = try Scratch(folder)
    let clock = HandClock()
    let home = HubFolder(path: try LocalWork.made(scratch.path + "/hub"))
    var phones: [Phone] = []
    var maker = RowMaker(seed: 8)
    let hub = try await home.open(clock: clock)
    for number in 0..<devices {
      let commune = String(format: "%05d", 7000 + number)
      let phone = try Phone(scratch.path + "/phone-\(number).sqlite", clock: clock)
      try await phone.enroll(hub, commune)
      for _ in 0..<batchesEach {
        try await phone.insert(maker.make(rowsEach, commune), transactionOf: 1)
        // Writing a bundle seals what is pending.
        _ = try await phone.replica.exportBundle(to: scratch.path + "/phone-\(number).skb")
      }
      phones.append(phone)
    }
    try hub.close()
    let courier = Courier(store: scratch.path + "/phone-0.sqlite")
    for number in 1..<devices { _ = try courier.collect(scratch.path + "/phone-\(number).skb") }
    let bundle = try await phones[0].replica.exportBundle(to: scratch.path + "/all.skb", courier: courier)
    let copy = try await home.copy(to: scratch.path + "/recorded").open(clock: clock)
    let wire = Wire(copy)
    for phone in phones {
      _ = try await phone.replica.sync(with: wire)
      try phone.close()
    }
    try copy.close()
    let bytes = wire.calls.reduce(0) { $0 + $1.body.count }
    guard wire.calls.count == devices * batchesEach, bundle.paths.count == 1 else {
      throw SQLiteFailure(description: "\(wire.calls.count) batches where \(devices * batchesEach) were expected")
    }
    return Prepared(
      scratch: scratch, hub: home, clock: clock, bundle: bundle.paths[0], calls: wire.calls,
      overhead: 100 * (Double(bundle.bytes) / Double(bytes) - 1))
  }

  func run(_ prepared: Prepared) async throws -> Run {
    let scratch = try Scratch(prepared.scratch.path)
    var run = Run()
    let one = try await prepared.hub.copy(to: scratch.path + "/calls").open(clock: prepared.clock)
    run.calls = try await Cost.of {
      for call in prepared.calls {
        guard await one.answer(call).status == 200 else { throw SQLiteFailure(description: "a batch was not taken") }
      }
    }.cpu
    try await check(one)
    let other = try await prepared.hub.copy(to: scratch.path + "/bundle").open(clock: prepared.clock)
    PeakMemory.forget()
    run.bundle = try await Cost.of {
      guard try await other.importBundles([prepared.bundle]).isWhole else { throw SQLiteFailure(description: "not all was taken") }
    }.cpu
    run.memory = PeakMemory.mib()
    try await check(other)
    return run
  }

  private func check(_ hub: Hub) async throws {
    let rows = try await hub.read { try $0.rows("SELECT count(*) FROM survey", [])[0][0].integer ?? 0 }
    try hub.close()
    guard rows == Int64(devices * batchesEach * rowsEach) else { throw SQLiteFailure(description: "\(rows) rows arrived") }
  }
}

extension Bench {
  static func bundles(_ settings: Settings, _ folder: String) async throws -> [Figure] {
    let work =
      settings.isQuick
      ? BundleWork(folder: folder, devices: 8, batchesEach: 5, rowsEach: 500)
      : BundleWork(folder: folder, devices: 20, batchesEach: 10, rowsEach: 500)
    let prepared = try await work.prepare()
    var runs: [BundleWork.Run] = []
    for _ in 0..<settings.runs { runs.append(try await work.run(prepared)) }
    return [
      Figure("W8.bundle.import", "÷ calls", runs.map { $0.bundle / $0.calls }), Figure("W8.bundle.overhead", "%", [prepared.overhead]),
      Figure("W8.bundle.memory", "MiB", runs.map(\.memory)),
    ]
  }
}
