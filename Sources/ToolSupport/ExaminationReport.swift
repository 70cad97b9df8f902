internal import SurveyKit
public import SyncCore
public import SyncStore
internal import Synchronization

/// Examination of a store as both tools run and show it.
public struct ExaminationReport: Sendable {
  private struct Result: Encodable {
    var isSound: Bool
    var examination: Examination
  }

  private let console: Console

  public init(_ console: Console) { self.console = console }

  /// Runs an examination under a progress bar.
  public func run(_ examine: (@escaping Examination.Progress) async throws -> Examination) async throws -> Examination {
    let bars = Bars(console)
    defer { bars.finish() }
    return try await examine { bars.show($0, done: $1, of: $2) }
  }

  /// Prints the result.
  ///
  /// - Parameter counts: What was examined, as one line.
  /// - Throws: `ToolExit.failed` when there are problems, after printing them.
  public func show(_ examination: Examination, counts: LocalizedText) throws {
    try console.result(Result(isSound: examination.isSound, examination: examination))
    console.say(counts.vi, counts.en)
    guard !examination.isSound else { return console.say("→ không thấy gì sai", "→ nothing wrong was found") }
    if !console.isJSON {
      for finding in examination.findings { console.warn(finding.explanation) }
      if examination.unlisted > 0 {
        console.warn(
          LocalizedText(
            vi: "… và \(console.words.number(examination.unlisted)) điều nữa.",
            en: "… and \(console.words.number(examination.unlisted)) more."))
      }
    }
    throw ToolExit.failed
  }

  /// Progress bars of the stages, one after another.
  private final class Bars: Sendable {
    private struct State {
      var stage: Examination.Stage?
      var bar: ProgressBar?
      var percent = -1
    }

    private let console: Console
    private let state = Mutex(State())

    init(_ console: Console) { self.console = console }

    func show(_ stage: Examination.Stage, done: Int, of total: Int) {
      state.withLock { state in
        if state.stage != stage {
          state.bar?.finish()
          state = State(stage: stage, bar: ProgressBar(Self.title(stage, console), console: console))
        }
        let percent = total > 0 ? done * 100 / total : 100
        guard percent != state.percent else { return }
        state.percent = percent
        state.bar?.show(done: done, of: total)
      }
    }

    func finish() { state.withLock { $0.bar?.finish() } }

    private static func title(_ stage: Examination.Stage, _ console: Console) -> String {
      switch stage {
      case .rows: console.words.text("So các dòng", "Comparing rows")
      case .batches: console.words.text("Kiểm các gói", "Checking batches")
      case .replay: console.words.text("Diễn lại nhật ký", "Replaying the journal")
      }
    }
  }
}
