internal import SyncCore
internal import Synchronization

/// Progress of long work: a redrawn bar on a terminal, a plain line now and then elsewhere, on standard error; nothing with
/// `--json`.
public final class ProgressBar: Sendable {
  private struct State {
    var shown = -1
    /// Time of the last plain line; short work stays silent where no bar can be drawn.
    var lastLine = ContinuousClock.now
  }

  private let title: String
  private let console: Console
  private let state = Mutex(State())
  private static let width = 30
  /// Time between two plain lines.
  private static let lineEvery = Duration.seconds(5)

  public init(_ title: String, console: Console) {
    self.title = title.printable
    self.console = console
  }

  /// Shows the progress.
  ///
  /// - Parameter note: Text behind the bar, such as a rate.
  public func show(done: Int, of total: Int, note: String = "") {
    guard !console.isJSON else { return }
    let percent = total > 0 ? min(100, done * 100 / total) : 100
    state.withLock { state in
      if console.isTerminal {
        let full = Self.width * percent / 100
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: Self.width - full)
        StandardStream.error.write("\r\(title) \(bar) \(percent)% \(done)/\(total) \(note.printable)\u{1b}[K")
        state.shown = percent
      } else if ContinuousClock.now - state.lastLine > Self.lineEvery && percent != state.shown {
        Console.err("\(title): \(done)/\(total) \(note)")
        state.lastLine = .now
        state.shown = percent
      }
    }
  }

  /// Ends the bar's line.
  public func finish() {
    if console.isTerminal && state.withLock({ $0.shown >= 0 }) { StandardStream.error.write("\n") }
  }
}
