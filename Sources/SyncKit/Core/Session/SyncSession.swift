internal import Foundation

/// Number and delay of retries in an exchange. Pure; chance comes in as a value.
public struct RetryPolicy: Sendable, Hashable {
  /// Failures in a row after which the exchange ends; what was done before stays done.
  public var attemptsMax = 5
  public var delayFirstMs = 400
  public var delayMaxMs = 20_000

  public init(attemptsMax: Int = 5, delayFirstMs: Int = 400, delayMaxMs: Int = 20_000) {
    self.attemptsMax = attemptsMax
    self.delayFirstMs = delayFirstMs
    self.delayMaxMs = delayMaxMs
  }

  /// Returns the wait before attempt `failures + 1`: doubled each time, bounded, and spread from half to one and a half. The spread
  /// keeps two hundred devices that lost one hub from coming back together.
  ///
  /// - Parameter chance: From 0 up to 1.
  func delayMs(failures: Int, chance: Double, askedSeconds: Int?) -> Int {
    if let askedSeconds { return min(askedSeconds * 1000, delayMaxMs) }
    let doubled = delayFirstMs << min(max(failures - 1, 0), 16)
    return Int(Double(min(doubled, delayMaxMs)) * (0.5 + chance))
  }
}

/// State machine of one exchange with a hub: takes an event, returns the next action. No I/O, no clock.
///
/// The order is fixed: greet, seal, push every batch, drop packets, pull to the head. Applying a page may seal new batches, which
/// are then pushed. Blobs come last. A batch that the hub refuses for good does not stop the others: the refusal is kept and
/// reported at the end.
package struct SyncSession {
  package enum Action: Hashable {
    case greet
    /// Seal what is pending, and list what has no receipt.
    case seal
    case push(OutboxEntry, offset: Int)
    /// Ask how much of a batch arrived, after an upload broke off.
    case askOffset(OutboxEntry)
    case drop
    case pull
    /// Fetch the next page of a scope's snapshot: the feed is gone, or too long to begin with.
    case fetch(scope: String)
    /// Take a new identity: the hub has another batch of this number of ours (L8).
    case takeIdentity(scope: String, number: UInt64)
    /// Give back what the hub lost in a restore (L11).
    case rejoin
    /// Show the hub one of its signed pages for each scope: it does not know the cursor, or this device lost it.
    case prove
    /// Fetch the whole feed again, because nobody knows the cursor.
    case beginAnew
    /// Tell the hub that this device, at the head, holds other data, or no longer does. The hub may ask for the device's rows.
    case agree
    /// Ask what the hub has of the blobs that rows refer to.
    case askBlobs(after: BlobID?)
    case sendBlob(BlobOffer)
    case wait(ms: Int)
    case finish
  }

  package enum Event {
    case greeted
    /// The device lost its cursor (see `PageApplier.beginAnew`), and with it what tells a hub that it was restored.
    case greetedWithoutPlace
    case sealed([OutboxEntry])
    case pushed
    /// The hub has this many bytes of the batch; the rest follows.
    case partPushed(offset: Int)
    /// The hub refused a batch for good: what can be merged of it, and the batches behind it, were sealed again.
    case resealed(SyncNotice?)
    case offset(Int)
    case dropped(more: Bool)
    /// The hub does not know the packets' authentication: the unit's key may have changed, and the feed brings the new one.
    case packetsRefused(SyncError)
    case pulled(head: Bool, sealedMore: Bool)
    /// The feed cannot continue from this device's cursor: fetch the scope as a snapshot.
    case rebase(scope: String)
    case fetched(isLast: Bool, sealedMore: Bool)
    /// A push or a page showed another batch of this number under this identity.
    case forked(scope: String, number: UInt64)
    case identityTaken
    /// The hub is in another incarnation than the device knows.
    case lifeChanged
    case rejoined
    case cursorUnknown(SyncError)
    case proved(newLife: Bool)
    case begunAnew
    /// The hub was told the result of the comparison, if there was something to tell.
    case agreed(sealedMore: Bool)
    /// Blobs to send, and the blob after which to ask on.
    case blobsAsked([BlobOffer], next: BlobID?)
    /// The hub has this many bytes of the blob; nil: the hub or the device cannot go on with it.
    case blobSent(offset: Int?)
    /// The hub has no room for blobs at present.
    case blobsPutOff
    /// The next step could exceed the exchange's budget of bytes.
    case budgetSpent
    case waited
    case failed(SyncError)
  }

  /// Batches that a hub may refuse in one exchange; more indicate a faulty hub.
  static let refusalsMax = 1000
  /// Rounds of pushing again what applying sealed; the rest waits for the next exchange.
  static let roundsMax = 3
  /// Identities that one exchange takes. Each ends a fork for good, so more indicate a faulty hub.
  static let identitiesMax = 3
  /// Scopes that one exchange fetches as snapshots; more indicate a faulty hub.
  static let rebasesMax = WireLimits.tablesMax
  /// Incarnations of the hub that one exchange joins.
  static let livesMax = 3
  /// Questions about blobs in one exchange; the next exchange asks the rest.
  static let blobPagesMax = 20
  /// Times one call is cut smaller: from the largest body to the smallest piece, halved each time.
  static let cutsMax = 16
  /// Times that a hub may have less of a blob than it said; more indicate a faulty hub.
  static let setbacksMax = 10

  let retry: RetryPolicy
  package private(set) var error: SyncError?
  private var current: Action = .greet
  private var queue: [OutboxEntry] = []
  private var failures = 0
  private var rounds = 0
  private var identities = 0
  private var rebases = 0
  private var lives = 0
  private var unknownCursors = 0
  /// Batches sent or refused in this exchange, by hash: not tried again in it.
  private var done: Set<Data> = []
  private var refusals = 0
  private var sealedMore = false
  private var keyChange = KeyChange.none
  private var offers: [BlobOffer] = []
  private var blobPages = 0
  private var setbacks = 0

  /// Progress of an exchange whose packets were refused for their authentication: it tries once more, after the feed.
  private enum KeyChange { case none, dropDue, triedAgain }

  package init(retry: RetryPolicy) { self.retry = retry }

  package func start() -> Action { .greet }

  /// Takes an event, and returns the next action.
  ///
  /// - Parameter chance: From 0 up to 1, drawn by the caller for each event.
  package mutating func handle(_ event: Event, chance: Double) -> Action {
    let next = step(event, chance: chance)
    if case .wait = next {} else { current = next }
    return next
  }

  private mutating func step(_ event: Event, chance: Double) -> Action {
    switch event {
    case .failed(let error):
      return failed(error, chance: chance)
    case .waited:
      if case .push(let entry, _) = current { return .askOffset(entry) }
      return current
    case .greeted:
      failures = 0
      return .seal
    case .greetedWithoutPlace:
      failures = 0
      return .prove
    case .sealed(let entries):
      queue = entries.filter { !done.contains($0.hash) }
      return nextPush()
    case .pushed:
      failures = 0
      if !queue.isEmpty { done.insert(queue.removeFirst().hash) }
      return queue.isEmpty ? .seal : nextPush()
    case .resealed:
      failures = 0
      queue = []
      refusals += 1
      return refusals < Self.refusalsMax ? .seal : .drop
    case .partPushed(let offset):
      failures = 0
      return step(.offset(offset), chance: chance)
    case .offset(let offset):
      guard let entry = queue.first else { return .seal }
      return .push(entry, offset: min(max(offset, 0), entry.byteCount))
    case .forked(let scope, let number):
      guard identities < Self.identitiesMax else { return failed(.fork(number, scope: scope), chance: chance) }
      identities += 1
      failures = 0
      return .takeIdentity(scope: scope, number: number)
    case .identityTaken:
      failures = 0
      (queue, done, rounds, unknownCursors) = ([], [], 0, 0)
      return .prove
    case .lifeChanged:
      guard lives < Self.livesMax else { return failed(Self.restless, chance: chance) }
      lives += 1
      failures = 0
      return .rejoin
    case .rejoined:
      failures = 0
      (queue, done, rounds) = ([], [], 0)
      return .seal
    case .cursorUnknown(let error):
      // Allows two such answers: first the hub may not know that it was restored, then nobody may have the pages any more.
      guard unknownCursors < 2 else { return failed(error, chance: chance) }
      unknownCursors += 1
      failures = 0
      return unknownCursors == 1 ? .prove : .beginAnew
    case .proved(let newLife):
      failures = 0
      if newLife { return step(.lifeChanged, chance: chance) }
      return unknownCursors > 0 ? .beginAnew : .seal
    case .begunAnew:
      failures = 0
      return .pull
    case .dropped(let more):
      failures = 0
      return more ? .drop : .pull
    case .packetsRefused(let error):
      guard keyChange == .none else { return failed(error, chance: chance) }
      failures = 0
      keyChange = .dropDue
      return .pull
    case .rebase(let scope):
      guard rebases < Self.rebasesMax else { return failed(.rebase(scope), chance: chance) }
      rebases += 1
      failures = 0
      return .fetch(scope: scope)
    case .fetched(let isLast, let more):
      failures = 0
      sealedMore = sealedMore || more
      return isLast ? .pull : current
    case .pulled(let head, let more):
      failures = 0
      sealedMore = sealedMore || more
      guard head else { return .pull }
      if keyChange == .dropDue {
        keyChange = .triedAgain
        return .drop
      }
      guard sealedMore, rounds < Self.roundsMax else { return .agree }
      sealedMore = false
      rounds += 1
      return .seal
    case .agreed(let more):
      failures = 0
      guard more, rounds < Self.roundsMax else { return .askBlobs(after: nil) }
      sealedMore = false
      rounds += 1
      return .seal
    case .blobsAsked(let found, let next):
      failures = 0
      offers += found
      blobPages += 1
      if let next, blobPages < Self.blobPagesMax { return .askBlobs(after: next) }
      return nextBlob()
    case .blobSent(let offset):
      failures = 0
      guard let offer = offers.first else { return .finish }
      if let offset, offset < offer.size, offset > offer.offset || setbacks < Self.setbacksMax {
        if offset <= offer.offset { setbacks += 1 }
        offers[0].offset = max(0, offset)
      } else {
        offers.removeFirst()
      }
      return nextBlob()
    case .blobsPutOff, .budgetSpent:
      return .finish
    }
  }

  private func nextBlob() -> Action {
    offers.first.map { .sendBlob($0) } ?? .finish
  }

  private func nextPush() -> Action {
    guard let entry = queue.first else { return .drop }
    return entry.isInDoubt ? .askOffset(entry) : .push(entry, offset: 0)
  }

  private static var restless: SyncError {
    SyncError(.hubFailed, vi: "Máy chủ đang được khôi phục; thử lại sau.", en: "The hub is being restored; try again later.")
  }

  private mutating func failed(_ failure: SyncError, chance: Double) -> Action {
    if failure.isRetryable {
      failures += 1
      let isCut = failure.code == .cutSmaller
      guard failures < (isCut ? max(retry.attemptsMax, Self.cutsMax) : retry.attemptsMax) else {
        error = error ?? (isCut ? ForeignAnswer.takesNothing : failure)
        return .finish
      }
      if isCut { return .wait(ms: retry.delayMs(failures: 1, chance: chance, askedSeconds: nil)) }
      return .wait(ms: retry.delayMs(failures: failures, chance: chance, askedSeconds: failure.retryAfterSeconds))
    }
    error = error ?? failure
    // Continues after a refused batch or packet, which must not stop the rest, and after a full box of packets; every other error
    // ends the exchange.
    switch current {
    case .push(let entry, _), .askOffset(let entry):
      guard failure.concernsOneBatch else { return .finish }
      // Skips later batches of the chain, which would only wait behind this one.
      done.formUnion(queue.filter { $0.scope == entry.scope }.map(\.hash))
      done.insert(entry.hash)
      queue.removeAll { done.contains($0.hash) }
      return nextPush()
    case .drop where failure.concernsOneBatch || failure.code == .noRoom: return .pull
    case .sendBlob where failure.concernsOneBatch:
      offers.removeFirst()
      return nextBlob()
    default: return .finish
    }
  }
}

extension SyncError {
  /// True when the hub judged what was sent, not the sender or the connection.
  package var concernsOneBatch: Bool {
    switch code {
    case .badRequest, .badSignature, .damaged, .chainBroken, .fork, .tooLarge, .wrongScope, .badDropKey: true
    default: false
    }
  }
}
