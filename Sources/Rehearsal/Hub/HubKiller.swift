internal import Foundation
internal import SurveyKit

/// Kills the hub with SIGKILL at seeded moments of a rehearsal, half of them inside a merge, and starts it again.
struct HubKiller {
  let hub: HubProcess
  let kills: Int
  let seed: UInt64

  private static let lookEvery = Duration.milliseconds(3)
  /// Merges let pass between two kills inside a merge, at most.
  private static let mergesSkippedMax = 2

  /// Kills the hub until the rehearsal is done.
  ///
  /// - Parameter share: Returns how much of the rehearsal is done, 0 to 1.
  func run(share: @Sendable () -> Double) async throws -> (total: Int, inMerge: Int) {
    var random = SeededGenerator(seed: seed)
    let inMergeWanted = kills / 2
    var moments = (0..<kills - inMergeWanted).map { _ in Double.random(in: 0.02..<0.95, using: &random) }.sorted()
    var (total, inMerge, skip) = (0, 0, 0)
    var offset = hub.logSize
    while total < kills {
      let done = share()
      let log = hub.log(after: offset)
      let merges = log.components(separatedBy: "merging ").count - 1
      if inMerge < inMergeWanted && merges > skip {
        hub.kill()
        // Kills inside a merge: the last merge in the log had begun and not ended.
        let last = hub.log(after: offset)
        if let began = last.range(of: "merging ", options: .backwards)?.lowerBound,
          last.range(of: "merged ", options: .backwards)?.lowerBound ?? last.startIndex < began
        {
          inMerge += 1
        }
        skip = Int.random(in: 0...Self.mergesSkippedMax, using: &random)
      } else if let moment = moments.first, done >= moment {
        moments.removeFirst()
        hub.kill()
      } else if done >= 1 {
        // Kills outside a merge at the end, because too few merges came by.
        hub.kill()
      } else {
        try await Task.sleep(for: Self.lookEvery)
        continue
      }
      total += 1
      try await hub.start()
      offset = hub.logSize
    }
    return (total, inMerge)
  }
}
