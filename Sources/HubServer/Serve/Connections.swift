internal import Foundation
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// Counts and caps the open connections of the process, and cuts off those that keep their places without using them.
///
/// Beyond the cap a new connection takes the place of one that only waits, then of one whose answers nobody reads, then of one that sends a
/// body without having proved whose it is, then of a device that has more than `Limits.devicePlacesMax`: each time of the sender that holds
/// most places so, and there the longest. Where all others are at work the new one is told to come later.
final class Connections: Service {
  /// Bounds on connections of all listeners together.
  enum Limits {
    /// Open at once, where the process may open so many files.
    static let countMax = 1_024
    static let countMin = 16
    /// Pause between two looks at all connections.
    static let lookEvery = Duration.seconds(1)
    /// Descriptors left to stores and backups, beside those that are open when the hub begins to listen.
    static let descriptorsKept = 64
    /// Connections beyond the cap that are told so; further ones are closed at once.
    static let refusedMax = 32
    /// Seconds until the first call's head is there.
    static let firstHeadSecondsMax = 30
    /// Seconds from an answer to the next call's head.
    static let idleSecondsMax = 60
    /// Seconds without a byte in the middle of a body.
    static let bodyStallSecondsMax = 30
    /// Seconds from a head to the body's end.
    static let bodySecondsMax = 900
    /// Bytes a second that come of a body at least, over its last `bodyRateSeconds`, once `bodyGraceSeconds` are over.
    static let bodyBytesPerSecondMin = 128
    static let bodyGraceSeconds = 20
    static let bodyRateSeconds = 30
    /// Seconds of a body before it may be cut off for another's sake, and in which what came of it counts as lately.
    static let bodyCutSecondsMin = 5
    static let bodyLateSeconds = 10
    /// Seconds in the middle of an answer that nobody takes.
    static let answerStallSecondsMax = 120
    /// Seconds in which nothing is taken of earlier answers, of whoever asks on without reading them.
    static let unreadSecondsMax = 30
    /// The same, after which a sender who proved nothing makes room for another.
    static let unreadSecondsKept = 5
    /// Places that a device keeps where others want some.
    static let devicePlacesMax = 16
    /// Seconds for which what comes after an answer that ends the connection is dropped, so that the answer is read.
    static let lingerSeconds: Int64 = 3
    /// The buffers of one connection: read at once, and on their way out, in bytes.
    static let readBytesMax = 16 << 10
    static let writeBytesMax = 64 << 10
  }

  private let countMax: Int
  private let turnedAwayCount = Atomic(0)
  private let open = Mutex<[ObjectIdentifier: Connection]>([:])

  /// - Parameter descriptorsMax: Files that the process may open.
  init(descriptorsMax: Int, descriptorsOpen: Int) {
    let room = descriptorsMax - descriptorsOpen - Limits.descriptorsKept - Limits.refusedMax
    countMax = max(Limits.countMin, min(Limits.countMax, room))
  }

  var count: Int { open.withLock { $0.count } }
  /// Connections and bodies since the start for which there was no room.
  var turnedAway: Int { turnedAwayCount.load(ordering: .relaxed) }

  func noteTurnedAway() { turnedAwayCount.add(1, ordering: .relaxed) }

  /// Takes a connection in, making room for it. On its event loop.
  ///
  /// - Returns: Nil when it is to be closed without a word.
  func admit(_ channel: any Channel) -> Connection? {
    let (connection, victim) = open.withLock { open -> (Connection?, Connection?) in
      let busy = open.count { !$0.value.isRefused }
      let victim = busy < countMax ? nil : Self.leastUseful(open.values)
      let isRefused = busy >= countMax && victim == nil
      guard !isRefused || open.count - busy < Limits.refusedMax else { return (nil, nil) }
      if let victim { open[ObjectIdentifier(victim.channel)] = nil }
      let connection = Connection(channel, isRefused: isRefused)
      open[ObjectIdentifier(channel)] = connection
      return (connection, victim)
    }
    victim?.channel.close(promise: nil)
    if connection?.isRefused ?? true { noteTurnedAway() }
    channel.closeFuture.whenComplete { [self, id = ObjectIdentifier(channel)] _ in
      open.withLock { if $0[id]?.channel === channel { $0[id] = nil } }
    }
    return connection
  }

  func connection(of channel: any Channel) -> Connection? { open.withLock { $0[ObjectIdentifier(channel)] } }

  /// A sender's connections of one use.
  private struct Claim: Hashable {
    var use: Connection.Use
    var sender: BodyBudget.Account
  }

  /// Picks the connection whose end costs least: by its use, then of the sender who has most of them, then the longest. Nil when all are at
  /// work.
  private static func leastUseful(_ connections: some Sequence<Connection>) -> Connection? {
    let now = ContinuousClock.now
    let all = connections.filter { !$0.isRefused }.map { (connection: $0, standing: $0.standing(at: now)) }
    var places: [BodyBudget.Account: Int] = [:]
    for each in all { places[each.standing.sender, default: 0] += 1 }
    var held: [Claim: Int] = [:]
    let ends: [(connection: Connection, claim: Claim, since: ContinuousClock.Instant)] = all.compactMap { connection, standing in
      var use = standing.use
      if use == .working, case .device = standing.sender, places[standing.sender] ?? 0 > Limits.devicePlacesMax { use = .crowding }
      guard use != .working else { return nil }
      let claim = Claim(use: use, sender: standing.sender)
      held[claim, default: 0] += 1
      return (connection, claim, standing.since)
    }
    return ends.min { one, other in
      let (more, fewer) = (held[one.claim] ?? 0, held[other.claim] ?? 0)
      return (one.claim.use.rawValue, fewer, one.since) < (other.claim.use.rawValue, more, other.since)
    }?.connection
  }

  /// Looks at all connections every `Limits.lookEvery`, and ends those that are over their time.
  func run() async throws {
    while !Task.isCancelled && !Task.isShuttingDownGracefully {
      let now = ContinuousClock.now
      for connection in open.withLock({ Array($0.values) }) { connection.end(ifOverdueAt: now) }
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Limits.lookEvery) }
    }
  }
}

/// Knows where the present call of one connection stands.
final class Connection: Sendable {
  /// Uses of a place, with that in front which can be missed first.
  enum Use: Int {
    case waiting
    /// Answers that a sender who proved nothing does not read.
    case unread
    /// A body whose sender proved nothing.
    case sending
    /// Beyond the places that a device keeps.
    case crowding
    case working
  }

  struct Standing {
    var sender: BodyBudget.Account
    var use: Use
    var since: ContinuousClock.Instant
  }

  private enum Phase {
    case waiting, body, working, answering
    /// The last answer is out.
    case ended
  }

  private struct State {
    var phase = Phase.waiting
    /// Since when, and when something moved last.
    var since = ContinuousClock.now
    var moved = ContinuousClock.now
    /// Bytes of the present body.
    var arrivals = Arrivals()
    /// Since when the other side takes nothing, though more is to go out.
    var unwritableSince: ContinuousClock.Instant?
    /// Sender, by the connection, by the present call, or by its proof.
    var sender: BodyBudget.Account
    /// Calls whose head came, and whose last byte did.
    var begun = 0
    var whole = 0
    /// The call that is being answered.
    var answered = 0
    var isProved = false
    /// When the body was cut off.
    var cutAt: ContinuousClock.Instant?
    var endsAfterAnswer = false

    mutating func enter(_ phase: Phase) {
      self.phase = phase
      since = .now
      moved = since
    }
  }

  let channel: any Channel
  /// Came when there was no place; it is told so, and ends.
  let isRefused: Bool
  private let state: Mutex<State>

  init(_ channel: any Channel, isRefused: Bool) {
    self.channel = channel
    self.isRefused = isRefused
    let source = CallContext.source(peer: channel.remoteAddress?.ipAddress, forwarded: nil)
    state = Mutex(State(sender: .address(source)))
  }

  func standing(at now: ContinuousClock.Instant) -> Standing {
    state.withLock { state -> Standing in
      var its = Standing(sender: state.sender, use: .working, since: state.since)
      switch state.phase {
      case .waiting, .ended: its.use = .waiting
      case .body where !state.isProved: its.use = .sending
      default:
        if !state.isProved, let since = state.unwritableSince, now - since >= .seconds(Connections.Limits.unreadSecondsKept) {
          (its.use, its.since) = (.unread, since)
        }
      }
      return its
    }
  }

  // MARK: What the channel tells

  func headCame() {
    state.withLock { state in
      state.begun += 1
      guard state.begun == state.answered + 1 else { return }
      state.enter(.body)
      (state.arrivals, state.isProved) = (Arrivals(), false)
    }
  }

  func bodyCame(_ bytes: Int) {
    state.withLock { state in
      state.moved = .now
      state.arrivals.add(bytes, at: state.moved - state.since)
    }
  }

  func callEnded() {
    state.withLock { state in
      state.whole += 1
      if case .body = state.phase { state.enter(.working) }
    }
  }

  func answerMoved() {
    state.withLock { state in
      if state.phase == .answering { state.moved = .now } else { state.enter(.answering) }
    }
  }

  /// - Returns: Whether the connection ends with it.
  func answerEnded() -> Bool {
    state.withLock { state in
      state.answered += 1
      // A call sent before this answer is under way already, and its body is held to its time like any other.
      let next: Phase = state.begun == state.answered ? .waiting : state.whole >= state.begun ? .working : .body
      state.enter(state.endsAfterAnswer ? .ended : next)
      (state.arrivals, state.isProved) = (Arrivals(), false)
      return state.endsAfterAnswer
    }
  }

  /// Tells when the other side stops taking what goes out, and when it goes on.
  func writabilityChanged(to isWritable: Bool) { state.withLock { $0.unwritableSince = isWritable ? nil : .now } }

  // MARK: What the call tells

  /// Keeps the network address that the present call comes from.
  func comes(from source: String) { state.withLock { $0.sender = .address(source) } }

  /// Keeps who was proved to make the present call; a person at the pages stays with the address.
  func prove(_ device: BodyBudget.Account? = nil) {
    state.withLock { state in
      state.isProved = true
      if let device { state.sender = device }
    }
  }

  /// Ends the connection with the present answer: what is left of the body is not wanted.
  func endAfterAnswer() { state.withLock { $0.endsAfterAnswer = true } }

  var endsAfterAnswer: Bool { state.withLock { $0.endsAfterAnswer } }
  /// Tells if the last byte of the present call came.
  var isCallWhole: Bool { state.withLock { $0.whole > $0.answered } }
  /// Tells if the body was cut off here, for being too slow.
  var isCut: Bool { state.withLock { $0.cutAt != nil } }

  // MARK: Room for others

  /// Returns which part of the bytes that a body has in memory came lately; nil for one that nobody may cut off.
  func recentShare(of held: Int, at now: ContinuousClock.Instant) -> Double? {
    typealias Limits = Connections.Limits
    return state.withLock { state -> Double? in
      guard state.phase == .body, !state.isProved, state.cutAt == nil, held > 0 else { return nil }
      guard now - state.since >= .seconds(Limits.bodyCutSecondsMin) else { return nil }
      guard now - state.moved < .seconds(Limits.bodyCutSecondsMin) else { return 0 }
      return min(1, Double(state.arrivals.bytes(inLast: Limits.bodyLateSeconds, at: now - state.since)) / Double(held))
    }
  }

  /// Cuts off a body whose sender proved nothing. The call can still be answered.
  func cut() {
    let cuts = state.withLock { state -> Bool in
      guard state.phase == .body, !state.isProved, state.cutAt == nil else { return false }
      state.cutAt = .now
      return true
    }
    if cuts { channel.close(mode: .input, promise: nil) }
  }

  // MARK: Time

  /// Ends what is over its time: a slow body so that the call can still be answered, all else at once.
  func end(ifOverdueAt now: ContinuousClock.Instant) {
    typealias Limits = Connections.Limits
    let (closes, cuts) = state.withLock { state -> (Bool, Bool) in
      func seconds(_ from: ContinuousClock.Instant) -> Int { Int((now - from).components.seconds) }
      let isUnread = state.unwritableSince.map { seconds($0) >= Limits.unreadSecondsMax } ?? false
      switch state.phase {
      case .waiting:
        return (seconds(state.since) >= (state.begun == 0 ? Limits.firstHeadSecondsMax : Limits.idleSecondsMax), false)
      case .body:
        // Cut off once, and closed when even that did not end the call.
        if let cut = state.cutAt { return (seconds(cut) >= Limits.idleSecondsMax, false) }
        let age = seconds(state.since)
        let isSlow =
          age >= Limits.bodyGraceSeconds
          && state.arrivals.bytes(inLast: Limits.bodyRateSeconds, at: now - state.since)
            < min(age, Limits.bodyRateSeconds - Arrivals.spanSeconds) * Limits.bodyBytesPerSecondMin
        guard isSlow || age >= Limits.bodySecondsMax || seconds(state.moved) >= Limits.bodyStallSecondsMax else { return (false, false) }
        state.cutAt = now
        return (false, true)
      case .answering:
        // Whoever asks on before the answer is there has to read; others may have a poor link.
        let isPiledUp = isUnread && state.begun > state.answered + 1
        return (isPiledUp || seconds(state.moved) >= Limits.answerStallSecondsMax, false)
      case .working: return (isUnread, false)
      case .ended: return (seconds(state.since) >= Int(Limits.lingerSeconds) + 2, false)
      }
    }
    if cuts { channel.close(mode: .input, promise: nil) }
    if closes { channel.close(promise: nil) }
  }
}

/// Bytes of one body by when they came, to the last `Connections.Limits.bodyRateSeconds`.
struct Arrivals {
  static let spanSeconds = 5
  private static let spans = Connections.Limits.bodyRateSeconds / spanSeconds

  private var counts = [Int](repeating: 0, count: Arrivals.spans)
  /// The span of the last byte, counted from the body's beginning.
  private var last = 0

  init() {}

  mutating func add(_ bytes: Int, at age: Duration) {
    let span = Self.span(at: age)
    // Forgets what is older than all spans.
    if span > last {
      for past in max(last + 1, span - Self.spans + 1)...span { counts[past % Self.spans] = 0 }
      last = span
    }
    counts[last % Self.spans] += bytes
  }

  /// Counts what came in the last seconds, to `spanSeconds` exactly: never more than those seconds, nor less by more than one span.
  func bytes(inLast seconds: Int, at age: Duration) -> Int {
    let span = Self.span(at: age)
    let oldest = max(0, span - seconds / Self.spanSeconds + 1, last - Self.spans + 1)
    guard oldest <= last else { return 0 }
    return (oldest...last).reduce(0) { $0 + counts[$1 % Self.spans] }
  }

  private static func span(at age: Duration) -> Int { max(0, Int(age.components.seconds)) / spanSeconds }
}
