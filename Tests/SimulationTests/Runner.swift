import Crypto
import Foundation

@testable import SyncKit

/// How one scenario ended.
struct Outcome: Sendable {
  var scenario: Scenario
  var violation: Violation?
  /// A line for each thing that happened.
  var log: [String]
  var faults: [Fault: Int]
  var work: [Work: Int] = [:]
  /// Conflicts that causality did not ask for, of how many.
  var needless = (count: 0, of: 0)

  /// The same for the same scenario, whenever and wherever it runs.
  var hash: String { Data(SHA256.hash(data: Data(log.joined(separator: "\n").utf8)).prefix(8)).hex }
}

enum Runner {
  static func run(_ scenario: Scenario) async -> Outcome {
    var outcome = Outcome(scenario: scenario, violation: nil, log: [], faults: [:])
    do {
      let simulation = try Simulation(scenario)
      do {
        try await simulation.run()
      } catch let violation as Violation {
        outcome.violation = violation
      } catch {
        outcome.violation = Violation(check: "engine", message: "threw \(error)")
      }
      (outcome.log, outcome.faults, outcome.needless) = (simulation.log, simulation.faults, simulation.needless)
      outcome.work = simulation.work
    } catch {
      outcome.violation = Violation(check: "set-up", message: "\(error)")
    }
    return outcome
  }

  /// Runs many seeds, as many at once as there are processors, and tells each outcome in the order they end.
  static func run(seeds: [UInt64], options: Scenario.Options, each: (Outcome) -> Bool) async {
    await withTaskGroup(of: Outcome.self) { group in
      var left = seeds[...]
      func begin() {
        guard let seed = left.popFirst() else { return }
        let scenario = Scenario(seed: seed, options: options)
        group.addTask { await run(scenario) }
      }
      for _ in 0..<max(1, ProcessInfo.processInfo.activeProcessorCount) { begin() }
      while let outcome = await group.next() {
        if each(outcome) { begin() } else { left = [] }
      }
    }
  }

  /// Leaves out steps, ever fewer at once, as long as the same check still fails (delta debugging).
  ///
  /// - Parameter runsMax: Runs that may be spent on it.
  static func shrink(_ failed: Outcome, runsMax: Int = 120) async -> Outcome {
    guard let check = failed.violation?.check else { return failed }
    var best = failed
    var kept = Array(failed.scenario.steps.indices)
    // Nothing after the step that failed matters, but for checks at the end.
    var runs = 0
    func attempt(_ indices: [Int]) async -> Bool {
      runs += 1
      let outcome = await run(failed.scenario.keeping(indices))
      guard outcome.violation?.check == check else { return false }
      (best, kept) = (outcome, indices)
      return true
    }
    var chunk = max(1, kept.count / 2)
    while runs < runsMax {
      var start = 0
      var isSmaller = false
      while start < kept.count && runs < runsMax {
        let rest = Array(kept[..<start]) + Array(kept[min(start + chunk, kept.count)...])
        if await attempt(rest) { isSmaller = true } else { start += chunk }
      }
      if chunk == 1 && !isSmaller { break }
      chunk = max(1, isSmaller ? min(chunk, kept.count / 2) : chunk / 2)
    }
    best.scenario.kept = kept
    return best
  }

  /// What a person needs of a failure: the seed, the shrunk scenario, and how to see it again.
  static func report(_ outcome: Outcome) -> String {
    let keep = outcome.scenario.kept.map { " KEEP=" + $0.map(String.init).joined(separator: ",") } ?? ""
    let faults = outcome.scenario.options.faults
    let only = faults == Fault.known ? "" : " FAULTS=" + faults.map(\.rawValue).sorted().joined(separator: ",")
    let linked = (outcome.scenario.options.isLinked ? " LINKED=1" : "") + (outcome.scenario.options.hasPhotos ? " PHOTOS=1" : "")
    return """
      seed \(outcome.scenario.seed): \(outcome.violation.map(\.description) ?? "passed")
      \(outcome.log.map { "  " + $0 }.joined(separator: "\n"))
      again: make sim SEED=\(outcome.scenario.seed)\(keep)\(only)\(linked)
      """
  }
}

extension Scenario {
  /// The same run with only these steps.
  func keeping(_ indices: [Int]) -> Scenario {
    var scenario = self
    scenario.kept = indices
    return scenario
  }

  /// The steps to take, with their numbers.
  var taken: [(number: Int, step: Step)] { (kept ?? Array(steps.indices)).filter(steps.indices.contains).map { ($0, steps[$0]) } }
}
