internal import Foundation

/// How often and how long an exchange tries again. Pure; chance comes in as a value.
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

  /// The wait before attempt `failures + 1`: doubled each time, bounded, and spread from half to one and a half, so that
  /// two hundred devices that lost one hub do not come back together.
  ///
  /// - Parameter chance: From 0 up to 1.
  func delayMs(failures: Int, chance: Double, askedSeconds: Int?) -> Int {
    if let askedSeconds { return min(askedSeconds * 1000, delayMaxMs) }
    let doubled = delayFirstMs << min(max(failures - 1, 0), 16)
    return Int(Double(min(doubled, delayMaxMs)) * (0.5 + chance))
  }
}

/// One exchange with a hub, as a state machine: events in, the next action out. No I/O, no clock.
///
/// The order is fixed: greet, seal, push every batch, drop packets, pull to the head; if applying a page sealed something
/// new, push again; blobs come last. A batch the hub refuses for good does not keep the rest from moving: the refusal is remembered and
/// reported at the end.
package struct SyncSession {
  package enum Action: Hashable {
    case greet
    /// Seal what is pending and list what has no receipt.
    case seal
    case push(OutboxEntry, offset: Int)
    /// Ask how much of a batch arrived, after an upload broke off.
    case askOffset(OutboxEntry)
    case drop
    case pull
    /// Fetch the next page of a scope in bulk: the feed is gone, or too long to begin with.
    case fetch(scope: String)
    /// The hub has another batch of this number of ours: go on under a new identity (L8).
    case takeIdentity(scope: String, number: UInt64)
    /// The hub was restored: give back what it lost (L11).
    case rejoin
    /// The hub does not know the cursor, or this device forgot it: show the hub a page of each scope that it signed.
    case prove
    /// Nobody can vouch for the cursor: fetch the whole feed once more.
    case beginAnew
    /// Tell the hub that this device, at the head, holds other data, or no longer does; it may ask for what stands here.
    case agree
    /// Ask what the hub has of the blobs that rows refer to.
    case askBlobs(after: BlobID?)
    case sendBlob(BlobOffer)
    case wait(ms: Int)
    case finish
  }

  package enum Event {
    case greeted
    /// The device forgot how far it was (see `PageApplier.beginAnew`), and with it what tells a hub that it was put back.
    case greetedWithoutPlace
    case sealed([OutboxEntry])
    case pushed
    /// The hub has so much of the batch now, and the rest follows.
    case partPushed(offset: Int)
    /// The hub will never take a batch: what can be taken of it, and what is behind it, was sealed anew.
    case resealed(SyncNotice?)
    case offset(Int)
    case dropped(more: Bool)
    /// The hub does not know the packets' proof: the unit's key may have changed, and the feed brings the new one.
    case packetsRefused(SyncError)
    case pulled(head: Bool, sealedMore: Bool)
    /// The feed cannot go on from where this device is: the scope comes in bulk.
    case rebase(scope: String)
    case fetched(isLast: Bool, sealedMore: Bool)
    /// A push or a page showed another batch of this number under our name.
    case forked(scope: String, number: UInt64)
    case identityTaken
    /// The hub is in another life than the one this device knows.
    case lifeChanged
    case rejoined
    case cursorUnknown(SyncError)
    case proved(newLife: Bool)
    case begunAnew
    /// The hub heard how the comparison came out, where there was something to say.
    case agreed(sealedMore: Bool)
    /// Blobs to send, and where to go on asking.
    case blobsAsked([BlobOffer], next: BlobID?)
    /// The hub has so much of the blob now; nil: it or the device cannot go on with this one.
    case blobSent(offset: Int?)
    /// The hub has no room for blobs at present.
    case blobsPutOff
    /// The next step could go over what the exchange may send and receive.
    case budgetSpent
    case waited
    case failed(SyncError)
  }

  /// Batches that a hub refuses in one exchange; one that goes on refusing is not sane.
  static let refusalsMax = 1000
  /// Pushing again after applying sealed something; more rounds than this wait for the next exchange.
  static let roundsMax = 3
  /// Identities one exchange takes. Every one of them ends a fork for good; a hub that goes on finding new ones is not sane.
  static let identitiesMax = 3
  /// Scopes one exchange fetches in bulk; a hub that goes on asking for it is not sane.
  static let rebasesMax = WireLimits.tablesMax
  /// Lives of the hub one exchange joins.
  static let livesMax = 3
  /// Questions about blobs in one exchange; of further ones the next asks.
  static let blobPagesMax = 20
  /// Times a hub may have less of a blob than it said; one that goes on doing so is not sane.
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

  /// Where an exchange stands whose packets were refused for their proof. It tries once more, after the feed.
  private enum KeyChange { case none, dropDue, triedAgain }

  package init(retry: RetryPolicy) { self.retry = retry }

  package func start() -> Action { .greet }

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
      // First the hub may not know that it was restored; then, that nobody has the pages any more.
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
      guard failures < retry.attemptsMax else {
        error = error ?? failure
        return .finish
      }
      return .wait(ms: retry.delayMs(failures: failures, chance: chance, askedSeconds: failure.retryAfterSeconds))
    }
    error = error ?? failure
    // A batch or packet the hub will not take must not stop the rest; anything else ends the exchange.
    switch current {
    case .push(let entry, _), .askOffset(let entry):
      guard failure.concernsOneBatch else { return .finish }
      // Later batches of the chain would only wait behind this one.
      done.formUnion(queue.filter { $0.scope == entry.scope }.map(\.hash))
      done.insert(entry.hash)
      queue.removeAll { done.contains($0.hash) }
      return nextPush()
    case .drop where failure.concernsOneBatch: return .pull
    case .sendBlob where failure.concernsOneBatch:
      offers.removeFirst()
      return nextBlob()
    default: return .finish
    }
  }
}

extension SyncError {
  /// Whether the hub judged what was sent, not the sender or the connection.
  package var concernsOneBatch: Bool {
    switch code {
    case .badRequest, .badSignature, .damaged, .chainBroken, .fork, .tooLarge, .wrongScope, .badDropKey: true
    default: false
    }
  }
}
