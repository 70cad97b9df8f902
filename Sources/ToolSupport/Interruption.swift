internal import Dispatch
internal import Foundation

/// Waiting for Ctrl-C or a request to stop.
public enum Interruption {
  /// Returns when the process is asked to end, by SIGINT or SIGTERM.
  public static func wait() async {
    await withCheckedContinuation { continuation in
      let sources = [SIGINT, SIGTERM].map { number in
        signal(number, SIG_IGN)
        return DispatchSource.makeSignalSource(signal: number, queue: .global())
      }
      nonisolated(unsafe) var isDone = false
      let queue = DispatchQueue(label: "interruption")
      for source in sources {
        source.setEventHandler {
          queue.sync {
            if !isDone {
              isDone = true
              continuation.resume()
            }
            for source in sources { source.cancel() }
          }
        }
        source.resume()
      }
    }
  }
}
