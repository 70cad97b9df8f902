internal import Synchronization

/// Bounds on what one page may carry and on how often pages are asked for.
public enum WebLimits {
  /// A posted page, in bytes.
  public static let bodyBytesMax = 256 << 10
  /// All answers on their way, as JSON, in bytes: what fits into a packet.
  static let answersBytesMax = 48 << 10
  /// Times a repeat can be filled in on a page.
  static let instancesMax = 20
  /// Pages asked for in a second by good links, by everybody together, over a while.
  public static let callsPerSecondMax = 200
  /// Pages asked for at once, after a quiet while.
  public static let callsAtOnceMax = 600
  /// The same of one link, which a whole commune has.
  public static let linkCallsPerSecondMax = 25
  public static let linkCallsAtOnceMax = 300
  /// The same of all calls whose link is none of ours, together.
  static let strangeCallsPerSecondMax = 10
  static let strangeCallsAtOnceMax = 60
  /// Links whose calls are counted, in memory only: more than that many in use share one bound.
  static let linksCountedMax = 20_000
  /// How long somebody is asked to wait when there are too many, in seconds.
  static let waitSeconds = 5
  /// Answers sent last whose page is known to be done with; ids only, in memory only.
  static let sentKnownMax = 10_000
  /// A draft is kept between its pages for this long after the last one, and for less than twice as long, in milliseconds.
  static let draftPeriodMs: Int64 = 12 * 3_600_000
  /// All drafts between their pages together, in bytes: beyond it pages are answered without an address of their own.
  static let draftsBytesMax = 256 << 20
}

/// Lets so many calls through in a second, whoever makes them: no address is remembered.
final class RateBound: Sendable {
  private struct State {
    var left: Double
    var seen: ContinuousClock.Instant?
  }

  private let perSecond: Double
  private let atOnce: Double
  private let state: Mutex<State>

  init(perSecond: Int, atOnce: Int) {
    self.perSecond = Double(perSecond)
    self.atOnce = Double(atOnce)
    state = Mutex(State(left: Double(atOnce)))
  }

  /// Tells if it lets through as many as one that is new.
  func isRested(at now: ContinuousClock.Instant) -> Bool {
    state.withLock { state -> Bool in
      guard let seen = state.seen else { return true }
      return perSecond > 0 && now - seen >= .seconds(atOnce / perSecond)
    }
  }

  func allows(at now: ContinuousClock.Instant) -> Bool {
    state.withLock { state in
      if let seen = state.seen, now > seen {
        let (seconds, attoseconds) = (now - seen).components
        state.left = min(atOnce, state.left + perSecond * (Double(seconds) + Double(attoseconds) * 1e-18))
      }
      state.seen = now
      guard state.left >= 1 else { return false }
      state.left -= 1
      return true
    }
  }
}

/// Lets so many calls of each link through in a second, so that who floods by one link shuts out nobody who has another.
final class LinkBounds: Sendable {
  private let perSecond: Int
  private let atOnce: Int
  private let bounds = Mutex<[FormLink: RateBound]>([:])
  /// For links beyond `WebLimits.linksCountedMax`.
  private let others: RateBound

  init(perSecond: Int, atOnce: Int) {
    self.perSecond = perSecond
    self.atOnce = atOnce
    others = RateBound(perSecond: perSecond, atOnce: atOnce)
  }

  var count: Int { bounds.withLock { $0.count } }

  func allows(_ link: FormLink, at now: ContinuousClock.Instant) -> Bool {
    bounds.withLock { bounds -> RateBound in
      if let bound = bounds[link] { return bound }
      if bounds.count >= WebLimits.linksCountedMax { bounds = bounds.filter { !$0.value.isRested(at: now) } }
      guard bounds.count < WebLimits.linksCountedMax else { return others }
      let bound = RateBound(perSecond: perSecond, atOnce: atOnce)
      bounds[link] = bound
      return bound
    }.allows(at: now)
  }
}

/// The answers sent last: their pages are not shown again, and a second click is not a second packet.
///
/// A help, not the guarantee: after a restart, or at another process, the hub still keeps an answer once, by its id.
final class SentAnswers: Sendable {
  private struct State {
    var known: Set<String> = []
    var ring: [String] = []
    var next = 0
  }

  private let state = Mutex(State())
  private let underWay = Mutex<[String: Task<Void, any Error>]>([:])

  func contains(_ id: String) -> Bool { state.withLock { $0.known.contains(id) } }

  /// Does `work` once for an id: who asks while it is under way waits for the same end. It goes on when the caller is gone.
  func once(_ id: String, _ work: @escaping @Sendable () async throws -> Void) async throws {
    let task: Task<Void, any Error>? = underWay.withLock { tasks in
      if let task = tasks[id] { return task }
      guard !contains(id) else { return nil }
      let task = Task {
        defer { _ = underWay.withLock { $0.removeValue(forKey: id) } }
        try await work()
        insert(id)
      }
      tasks[id] = task
      return task
    }
    try await task?.value
  }

  func insert(_ id: String) {
    state.withLock { state in
      guard state.known.insert(id).inserted else { return }
      if state.ring.count < WebLimits.sentKnownMax {
        state.ring.append(id)
      } else {
        state.known.remove(state.ring[state.next])
        state.ring[state.next] = id
        state.next = (state.next + 1) % WebLimits.sentKnownMax
      }
    }
  }
}
