internal import Foundation
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// Counts and caps the open connections of the process, and cuts off those that keep their places without using them.
///
/// Beyond the cap a new connection takes the place of one that only waits, the longest first, then of one that sends a body without having
/// proved whose it is. Where all others are at work the new one is told to come later.
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
    /// Bytes a second that come of a body at least, on an average, once `bodyGraceSeconds` are over.
    static let bodyBytesPerSecondMin = 128
    static let bodyGraceSeconds = 20
    /// Seconds in the middle of an answer that nobody takes.
    static let answerStallSecondsMax = 120
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

  /// Picks the connection whose end costs least: waiting longest, or else sending longest without a proof. Nil when all are at work.
  private static func leastUseful(_ connections: some Sequence<Connection>) -> Connection? {
    var (waiting, sending): ((Connection, ContinuousClock.Instant)?, (Connection, ContinuousClock.Instant)?)
    for connection in connections where !connection.isRefused {
      switch connection.use {
      case .waiting(let since): if since < waiting?.1 ?? .now { waiting = (connection, since) }
      case .sending(let since): if since < sending?.1 ?? .now { sending = (connection, since) }
      case .working: break
      }
    }
    return waiting?.0 ?? sending?.0
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
  enum Use {
    case waiting(since: ContinuousClock.Instant)
    /// A body whose sender proved nothing.
    case sending(since: ContinuousClock.Instant)
    case working
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
    var received = 0
    /// Calls whose head came, and whose last byte did.
    var begun = 0
    var whole = 0
    /// The call that is being answered.
    var answered = 0
    var isProved = false
    var isCut = false
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
  private let state = Mutex(State())

  init(_ channel: any Channel, isRefused: Bool) {
    self.channel = channel
    self.isRefused = isRefused
  }

  var use: Use {
    state.withLock { state in
      switch state.phase {
      case .waiting, .ended: .waiting(since: state.since)
      case .body where !state.isProved: .sending(since: state.since)
      default: .working
      }
    }
  }

  // MARK: What the channel tells

  func headCame() {
    state.withLock { state in
      state.begun += 1
      guard state.begun == state.answered + 1 else { return }
      state.enter(.body)
      (state.received, state.isProved) = (0, false)
    }
  }

  func bodyCame(_ bytes: Int) {
    state.withLock { state in
      state.received += bytes
      state.moved = .now
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
      (state.received, state.isProved) = (0, false)
      return state.endsAfterAnswer
    }
  }

  // MARK: What the call tells

  /// The sender's key proved that it sends.
  func prove() { state.withLock { $0.isProved = true } }

  /// Ends the connection with the present answer: what is left of the body is not wanted.
  func endAfterAnswer() { state.withLock { $0.endsAfterAnswer = true } }

  var endsAfterAnswer: Bool { state.withLock { $0.endsAfterAnswer } }
  /// Tells if the last byte of the present call came.
  var isCallWhole: Bool { state.withLock { $0.whole > $0.answered } }
  /// Tells if the body was cut off here, for being too slow.
  var isCut: Bool { state.withLock { $0.isCut } }

  // MARK: Time

  /// Ends what is over its time: a slow body so that the call can still be answered, all else at once.
  func end(ifOverdueAt now: ContinuousClock.Instant) {
    typealias Limits = Connections.Limits
    let (closes, cuts) = state.withLock { state -> (Bool, Bool) in
      func seconds(_ from: ContinuousClock.Instant) -> Int { Int((now - from).components.seconds) }
      switch state.phase {
      case .waiting:
        return (seconds(state.since) >= (state.begun == 0 ? Limits.firstHeadSecondsMax : Limits.idleSecondsMax), false)
      case .body:
        let age = seconds(state.since)
        let isSlow = age >= Limits.bodyGraceSeconds && state.received < age * Limits.bodyBytesPerSecondMin
        guard isSlow || age >= Limits.bodySecondsMax || seconds(state.moved) >= Limits.bodyStallSecondsMax else { return (false, false) }
        // Cut off once, and closed when even that did not end the call.
        defer { state.isCut = true }
        return state.isCut ? (age >= Limits.bodySecondsMax + Limits.idleSecondsMax, false) : (false, true)
      case .answering: return (seconds(state.moved) >= Limits.answerStallSecondsMax, false)
      case .working: return (false, false)
      case .ended: return (seconds(state.since) >= Int(Limits.lingerSeconds) + 2, false)
      }
    }
    if cuts { channel.close(mode: .input, promise: nil) }
    if closes { channel.close(promise: nil) }
  }
}
