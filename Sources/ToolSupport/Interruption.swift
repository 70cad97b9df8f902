internal import Foundation
internal import Synchronization

/// Runs work that the first SIGINT or SIGTERM cancels, so that it can end cleanly and report what was done; the second ends the
/// process.
///
/// One piece of work may follow another, or run inside it: each hears of the first signal that comes while it runs.
public func interruptible<T: Sendable>(_ work: @Sendable @escaping () async throws -> T) async throws -> T {
  let task = Task { try await work() }
  let watcher = Interruptions.shared.add { task.cancel() }
  defer { Interruptions.shared.remove(watcher) }
  return try await task.value
}

/// Returns when the process is asked to end.
public func untilInterrupted() async {
  _ = try? await interruptible {
    while true { try await Task.sleep(for: .seconds(3600)) }
  }
}

/// Source of signals that ask the process to end.
///
/// The handler writes to a pipe that a thread reads. Dispatch's sources need the signal to be ignored, and hear nothing of an
/// ignored signal once the main thread has let go of its signals: the second piece of work of a process could then not be stopped.
private final class Interruptions: Sendable {
  static let shared = Interruptions()

  private struct State {
    var next = 0
    var watchers: [Int: @Sendable () -> Void] = [:]
  }

  private let state = Mutex(State())
  private static let signals = [SIGINT, SIGTERM]

  private init() {
    let reading = signalPipe.reading
    Thread.detachNewThread { [self] in
      var number: UInt8 = 0
      while true {
        let count = read(reading, &number, 1)
        if count == 1 { tell(Int32(number)) } else if count == 0 || errno != EINTR { return }
      }
    }
  }

  func add(_ watcher: @escaping @Sendable () -> Void) -> Int {
    state.withLock { state in
      state.next += 1
      state.watchers[state.next] = watcher
      if state.watchers.count == 1 { for number in Self.signals { signal(number, noteSignal) } }
      return state.next
    }
  }

  func remove(_ watcher: Int) {
    state.withLock { state in
      state.watchers[watcher] = nil
      if state.watchers.isEmpty { for number in Self.signals { signal(number, SIG_DFL) } }
    }
  }

  private func tell(_ number: Int32) {
    let watchers = state.withLock { state in
      signal(number, SIG_DFL)
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher() }
  }
}

/// Pipe made before a handler is set, so that the handler only reads it.
private let signalPipe: (reading: Int32, writing: Int32) = {
  var ends: [Int32] = [-1, -1]
  guard pipe(&ends) == 0 else { return (-1, -1) }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}()

/// Handles a signal, with async-signal-safe calls only.
private func noteSignal(_ number: Int32) {
  let reason = errno
  var byte = UInt8(truncatingIfNeeded: number)
  _ = write(signalPipe.writing, &byte, 1)
  errno = reason
}
