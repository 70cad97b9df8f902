internal import Synchronization

/// Counts calls. Of those that carry answers nothing else is known: no time, no address.
final class CallCounter: Sendable {
  private let calls = Atomic(0)
  private let dropCalls = Atomic(0)
  private let failures = Atomic(0)
  private let isInTrouble = Atomic(false)

  var total: Int { calls.load(ordering: .relaxed) }
  var drops: Int { dropCalls.load(ordering: .relaxed) }
  /// Answers of 500 and above, since the start. One that asks to come later, 503, is no failure.
  var failed: Int { failures.load(ordering: .relaxed) }

  func note(isDrop: Bool, status: Int) {
    calls.add(1, ordering: .relaxed)
    if isDrop { dropCalls.add(1, ordering: .relaxed) }
    if Self.isFailure(status) { failures.add(1, ordering: .relaxed) }
  }

  /// Notes if calls fail for the store's sake, and returns true where they begin to.
  func begins(_ trouble: Bool) -> Bool {
    !isInTrouble.exchange(trouble, ordering: .relaxed) && trouble
  }

  static func isFailure(_ status: Int) -> Bool { status >= 500 && status != 503 }
}
