internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Names a page as it is looked at, apart from the person: all who look at the same page share a rendering.
struct LiveView: Hashable {
  let campaign: String?
  /// Path with its parameters.
  let address: String
  let language: Language
  let part: UnitScope
  let capabilities: Set<Capability>
  /// Programs watch pages without forms.
  let hasForms: Bool
}

/// Renders pages for those who watch them, each once for everybody who looks at the same, and counts who watches.
actor LiveDesk {
  /// Watchers at once, and of one person.
  static let (watchersMax, watchersOfOneMax) = (200, 40)
  /// A rendering serves for so long; so often each watcher is told what has changed.
  static let renderedFor = Duration.seconds(2)
  /// So often a watcher hears that all is well.
  static let beatEvery = Duration.seconds(5)

  private var rendered: [LiveView: (task: Task<LiveParts?, any Error>, until: ContinuousClock.Instant)] = [:]
  private var watchers: [String: Int] = [:]
  private(set) var renderings = 0

  /// Stands in a rendering where each watcher's own token goes.
  let formToken = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined()

  /// - Returns: False where no more may watch.
  func enter(_ person: String) -> Bool {
    let all = watchers.values.reduce(0, +)
    guard all < Self.watchersMax, watchers[person, default: 0] < Self.watchersOfOneMax else { return false }
    watchers[person, default: 0] += 1
    return true
  }

  func leave(_ person: String) {
    let left = (watchers[person] ?? 1) - 1
    watchers[person] = left > 0 ? left : nil
    if watchers.isEmpty { rendered = [:] }
  }

  /// The parts of a page as they are, or were a moment ago; nil where there is no such page.
  func parts(_ view: LiveView, render: @escaping @Sendable () async throws -> String?) async throws -> LiveParts? {
    let now = ContinuousClock.now
    if let known = rendered[view], now < known.until { return try await known.task.value }
    rendered = rendered.filter { now < $0.value.until }
    renderings += 1
    let task = Task { try await render().map { LiveParts(page: $0) } }
    rendered[view] = (task, now + Self.renderedFor)
    return try await task.value
  }

  /// Renders anew next time: somebody has changed something.
  func forget() { rendered = [:] }
}
