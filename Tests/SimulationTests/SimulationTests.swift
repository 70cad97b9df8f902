import Foundation
import Testing

@testable import SyncKit

/// Replicas, carriers and a hub over real stores, with everything that goes wrong; see docs/architecture.md.
@Suite struct SimulationTests {
  static let environment = ProcessInfo.processInfo.environment

  /// What `make test` runs: every kind of fault at least once, and no check fails.
  @Test(.enabled(if: environment["SIM_SEED"] == nil && environment["SIM_SEEDS"] == nil))
  func manySeedsKeepThePromise() async {
    await Campaign(first: 1, count: 200, options: Scenario.Options()).run()
  }

  /// `make sim SEEDS=1000 FIRST=1`.
  @Test(.enabled(if: environment["SIM_SEEDS"] != nil))
  func seedsAskedFor() async {
    let first = Self.environment["SIM_FIRST"].flatMap { UInt64($0) } ?? 1
    let count = Self.environment["SIM_SEEDS"].flatMap { UInt64($0) } ?? 1000
    await Campaign(first: first, count: count, options: Scenario.Options()).run()
  }

  /// `make sim SEED=42`, or a shrunk one with KEEP.
  @Test(.enabled(if: environment["SIM_SEED"] != nil))
  func oneSeed() async throws {
    let seed = try #require(Self.environment["SIM_SEED"].flatMap { UInt64($0) }, "SEED is a number")
    var scenario = Scenario(seed: seed)
    if let keep = Self.environment["SIM_KEEP"], !keep.isEmpty { scenario.kept = keep.split(separator: ",").compactMap { Int($0) } }
    let outcome = await Runner.run(scenario)
    print(Runner.report(outcome))
    print("hash \(outcome.hash)")
    #expect(outcome.violation == nil)
  }

  @Test(.enabled(if: environment["SIM_SEED"] == nil && environment["SIM_SEEDS"] == nil))
  func oneSeedIsOneStory() async {
    let scenario = Scenario(seed: 7)
    let (first, second) = (await Runner.run(scenario), await Runner.run(scenario))
    #expect(first.hash == second.hash)
    #expect(await Runner.run(Scenario(seed: 8)).hash != first.hash)
  }
}

/// Many seeds, with a count of what was met.
struct Campaign {
  let first: UInt64
  let count: UInt64
  let options: Scenario.Options

  func run() async {
    let start = ContinuousClock.now
    var done = 0
    var faults: [Fault: Int] = [:]
    var failed: Outcome?
    await Runner.run(seeds: first..<first + count, options: options) { outcome in
      done += 1
      faults.merge(outcome.faults, uniquingKeysWith: +)
      if outcome.violation != nil { failed = outcome }
      if done % 50 == 0 || done == count { print("sim: \(done) of \(count) seeds, \(pace(done, since: start)) a minute") }
      return outcome.violation == nil
    }
    if let failed {
      print("sim: seed \(failed.scenario.seed) failed: \(failed.violation.map(\.description) ?? "")")
      Issue.record(Comment(rawValue: Runner.report(await Runner.shrink(failed))))
      return
    }
    print(
      "sim: \(done) seeds, \(done * options.stepCount) steps, \(options.deviceCount) devices each, \(pace(done, since: start)) seeds a minute"
    )
    print("sim: faults met: " + Fault.allCases.filter(options.faults.contains).map { "\($0) \(faults[$0] ?? 0)" }.joined(separator: ", "))
    if count >= 100 {
      for fault in options.faults { #expect(faults[fault] ?? 0 > 0, "no seed met \(fault)") }
    }
  }

  private func pace(_ done: Int, since start: ContinuousClock.Instant) -> Int {
    let seconds = Double((ContinuousClock.now - start).components.seconds) + 0.001
    return Int(Double(done) / seconds * 60)
  }
}
