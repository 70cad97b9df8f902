internal import Foundation
public import Testing

/// Tells the fast run of the tests (`make check`, by `SYNCKIT_TESTS=fast`) from the whole one (`make test`).
public enum Pace {
  public static let isFast = ProcessInfo.processInfo.environment["SYNCKIT_TESTS"] == "fast"

  /// Returns the first `fast` of `seeds` in the fast run, all of them in the whole one.
  public static func seeds<Seeds: Collection>(_ seeds: Seeds, fast: Int) -> [Seeds.Element] {
    Array(isFast ? seeds.prefix(fast) : seeds.prefix(seeds.count))
  }
}

extension Trait where Self == ConditionTrait {
  /// Leaves a storm, a kill loop, a browser's test or another long test to `make test`.
  public static var long: Self { .disabled(if: Pace.isFast, "Long: `make test` runs it.") }
}
