internal import Dispatch
internal import Foundation

/// Runs work that the first SIGINT or SIGTERM cancels, so that it can end cleanly and say what was done; the second ends the process.
public func interruptible<T: Sendable>(_ work: @Sendable @escaping () async throws -> T) async throws -> T {
  let task = Task { try await work() }
  let sources = [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler {
      task.cancel()
      signal(number, SIG_DFL)
    }
    source.resume()
    return source
  }
  defer {
    for source in sources { source.cancel() }
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }
  return try await task.value
}

/// Returns when the process is asked to end.
public func untilInterrupted() async {
  _ = try? await interruptible {
    while true { try await Task.sleep(for: .seconds(3600)) }
  }
}
