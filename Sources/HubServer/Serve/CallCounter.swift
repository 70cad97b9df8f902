internal import Synchronization

/// Counts calls. Of those that carry answers nothing else is known: no time, no address.
final class CallCounter: Sendable {
  private let calls = Atomic(0)
  private let dropCalls = Atomic(0)
  private let failures = Atomic(0)

  var total: Int { calls.load(ordering: .relaxed) }
  var drops: Int { dropCalls.load(ordering: .relaxed) }
  /// Answers of 500 and above, since the start.
  var failed: Int { failures.load(ordering: .relaxed) }

  func note(isDrop: Bool, status: Int) {
    calls.add(1, ordering: .relaxed)
    if isDrop { dropCalls.add(1, ordering: .relaxed) }
    if status >= 500 { failures.add(1, ordering: .relaxed) }
  }
}
