internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Performs the actions of a `SyncSession`: here alone storage, network and protocol meet.
final class SyncDriver {
  let replica: Replica
  var transport: any Transport
  let options: SyncOptions
  private var session: SyncSession
  var summary = SyncSummary()
  /// Hub time as the hub last said; a bundle sets it from outside.
  var hubTimeMs: UInt64 = 0 {
    didSet { hubTimeAt = .now }
  }
  var hubTimeAt = ContinuousClock.now
  /// Size of the pieces that one call carries.
  var piece = PieceSize()
  /// Addresses followed so far.
  var moves = 0
  var left = 0
  /// Bytes of HTTP so far, both ways.
  var spent = 0
  /// True when certificates were shown in this exchange.
  var isIntroduced = false
  /// States of the batches when the hub was greeted.
  private var atStart: [Outbox.Standing] = []
  /// True when the hub took a part of a batch, acknowledged a unit, or is in another incarnation than before.
  var hasMoved = false
  /// Error that stopped the step that is being tried again; nil once it was done.
  private var lastFailure: SyncError?

  /// Packets sent in one request.
  static let packetsPerRequest = 100
  init(replica: Replica, transport: any Transport, options: SyncOptions) {
    self.replica = replica
    self.transport = transport
    self.options = options
    session = SyncSession(retry: options.retry)
  }

  func run() async throws -> SyncSummary {
    let deadline = ContinuousClock.now + .milliseconds(options.deadlineMs)
    transport = DeadlineTransport(transport, deadline: deadline)
    var action = session.start()
    while action != .finish {
      let event: SyncSession.Event
      do {
        try Task.checkCancellation()
        guard ContinuousClock.now < deadline else {
          throw DeadlineTransport.outOfTime
        }
        var next = action
        // Shortens a pause that would outlast the exchange.
        if case .wait(let ms) = action { next = .wait(ms: min(ms, DeadlineTransport.leftMs(until: deadline))) }
        event = affordable(next) ? try await perform(next) : budgetSpent()
        if case .waited = event {} else { lastFailure = nil }
      } catch is CancellationError {
        throw stopped(
          SyncError(.cancelled, vi: "Đã dừng theo yêu cầu; sẽ gửi tiếp lần sau.", en: "Stopped on request; the next exchange goes on."))
      } catch let error as SyncError {
        if error == DeadlineTransport.outOfTime { throw stopped(lastFailure.map(DeadlineTransport.outOfTime(after:)) ?? error) }
        if error.code == .timeout && ContinuousClock.now >= deadline { throw stopped(error) }
        event = Self.turn(error, during: action) ?? .failed(error)
        if case .failed = event { lastFailure = error }
      }
      options.onProgress?(summary.progress, left)
      action = session.handle(event, chance: Double.random(in: 0..<1))
    }
    if let error = session.error { throw stopped(error) }
    if let error = try await stillness() { throw stopped(error) }
    return summary
  }

  /// Returns the error of an exchange that had something to send but moved nothing: the next one would do no better. Nil otherwise.
  func stillness() async throws -> SyncError? {
    guard !hasMoved, !summary.isBudgetSpent else { return nil }
    let now = try await replica.engineRead { try $0.outbox.standings(isAtHead: false) }
    guard now == atStart, let left = now.first(where: { $0.standing == .waiting }) else { return nil }
    return SyncError(
      .chainBroken,
      vi:
        "Gói số \(left.entry.number) của máy này đang chờ ở tỉnh vì thiếu gói số \(left.expected), và lần này không có gì chuyển thêm. Đừng xóa gì; báo cho tỉnh.",
      en:
        "Batch \(left.entry.number) of this device waits at the hub for batch \(left.expected), and nothing moved this time. Delete nothing; tell the hub's operator.",
      expected: left.expected)
  }

  /// Returns the event of an error that is no failure: a fork, a restored hub, a feed that is gone. Nil for a failure.
  static func turn(_ error: SyncError, during action: SyncSession.Action) -> SyncSession.Event? {
    switch (error.code, action) {
    case (.badCursor, .pull), (.badCursor, .fetch): .cursorUnknown(error)
    case (.fork, .push(let entry, _)): error.expected.map { .forked(scope: entry.scope, number: $0) }
    case (.fork, .pull), (.fork, .fetch):
      if let number = error.expected, let scope = error.scope { .forked(scope: scope, number: number) } else { nil }
    case (.badSignature, .drop): .packetsRefused(error)
    case (.rebase, .pull): error.scope.map { .rebase(scope: $0) }
    default: nil
    }
  }

  private func stopped(_ error: SyncError) -> SyncError {
    var error = error
    error.progress = summary.progress
    error.notices = summary.notices
    return error
  }

  /// Performs one step of the exchange. The caller asks the session for the next one.
  func perform(_ action: SyncSession.Action) async throws -> SyncSession.Event {
    switch action {
    case .greet: return try await greet()
    case .seal: return try await seal()
    case .push(let entry, let offset): return try await push(entry, offset: offset)
    case .askOffset(let entry): return try await askOffset(entry)
    case .drop: return try await drop()
    case .pull: return try await pull()
    case .fetch(let scope): return try await fetch(scope)
    case .takeIdentity(let scope, let number):
      summary.notices.append(try await replica.takeIdentity(scope: scope, number: number, through: transport, hubTimeMs: hubTimeMs))
      hasMoved = true
      return .identityTaken
    case .rejoin:
      if let notice = try await rejoin().run(hubTimeMs: hubTimeMs) { summary.notices.append(notice) }
      hasMoved = true
      return .rejoined
    case .prove:
      let newLife = try await rejoin().prove()
      try await replica.engineWrite { try $0.session.execute("DELETE FROM sync_state WHERE name = 'placeForgotten'") }
      return .proved(newLife: newLife)
    case .beginAnew:
      try await replica.engineWrite { try PageApplier.beginAnew(in: $0.session) }
      return .begunAnew
    case .agree: return .agreed(sealedMore: try await agree())
    case .askBlobs(let after): return try await askBlobs(after: after)
    case .sendBlob(let offer): return try await send(offer)
    case .wait(let ms):
      try await Task.sleep(for: .milliseconds(ms))
      return .waited
    case .finish: return .waited
    }
  }

  // MARK: Budget

  /// Bytes of an answer to a batch, a question or a piece, with the headers of a call both ways.
  static let callBytesMax = 3_000
  /// Least bytes of a part of a batch, page or attachment.
  static let partBytesMin = 4 << 10

  /// Bytes that the budget leaves for one call; nil: no bound.
  var room: Int? { options.bytesMax.map { max(0, $0 - spent - Self.callBytesMax) } }
  /// Bytes that one call may carry, by the budget and by what the link has shown.
  var callRoom: Int? { [room, piece.bytes].compactMap(\.self).min() }

  /// Returns whether the budget allows a call. Calls of unknown size are not made when it is nearly spent.
  private func affordable(_ action: SyncSession.Action) -> Bool {
    guard let room else { return true }
    switch action {
    case .greet, .seal, .wait, .finish, .beginAnew: return true
    case .push, .askOffset, .drop, .agree, .askBlobs, .sendBlob, .takeIdentity: return room > 0
    case .pull: return room >= Self.partBytesMin
    // Requires room for the largest page, because these pages cannot be divided.
    case .fetch, .rejoin, .prove: return room >= WireLimits.pageBytesMax
    }
  }

  func budgetSpent() -> SyncSession.Event {
    summary.isBudgetSpent = true
    return .budgetSpent
  }

  // MARK: Steps

  private func greet() async throws -> SyncSession.Event {
    atStart = try await replica.engineRead { try $0.outbox.standings(isAtHead: false) }
    let hub = try await replica.hubKey()
    let before = replica.clock.nowMs()
    let response: HubResponse
    do {
      response = try await exchange(HubRequest("GET", "/v1/hub"))
    } catch let error as SyncError where [.clockWrong, .certificateExpired].contains(error.code) {
      throw try await replica.naming(error)
    }
    let after = replica.clock.nowMs()
    let info = try Self.greeting(response, of: hub)
    hubTimeMs = info.hubTimeMs
    // Compares with the middle of our two readings: the hub read its clock between them.
    let middle = Int64(clamping: before / 2 + after / 2)
    let offset = Int64(clamping: info.hubTimeMs) &- middle
    summary.skewMs = 0 &- offset
    let (contact, bundleKey, reading) = (info.hubTimeMs, info.bundleKey, ClockReading(replica.clock))
    let greeted: SyncSession.Event = try await replica.engineWrite { transaction in
      let state = transaction.state
      try state.set("offsetMs", .integer(offset))
      if let reading { try reading.store(in: state) }
      try state.set("lastContactMs", .integer(Int64(clamping: contact)))
      try DropKeys.remember(info, in: state)
      if bundleKey.count == 32, try state.value("bundleKey").blob != bundleKey { try state.set("bundleKey", .blob(bundleKey)) }
      if try state.value("incarnation") == .null { try state.set("incarnation", .blob(info.incarnation)) }
      guard try state.value("incarnation").blob == info.incarnation else {
        try state.set("backupsDoneAtRestore", .integer(Int64(clamping: info.backupsDone)))
        return .lifeChanged
      }
      try BlobTable(session: transaction.session).note(lost: info.blobsLost)
      try BackedUpPackets(session: transaction.session).drop(backupsDone: info.backupsDone)
      return try state.value("placeForgotten") == .null ? .greeted : .greetedWithoutPlace
    }
    try replica.loadDropKeys()
    return greeted
  }

  private func rejoin() async throws -> Rejoin {
    Rejoin(replica: replica, call: { [self] in try await exchangeSigned($0) }, hub: try await replica.hubKey())
  }

  private func seal() async throws -> SyncSession.Event {
    let key = try replica.secrets().signingKey
    let entries = try await replica.engineWrite { [replica] transaction in
      _ = try replica.seal(in: transaction, key: key)
      return try transaction.outbox.toSend()
    }
    left = entries.count
    return .sealed(entries)
  }

  /// Reports the comparison to the hub.
  ///
  /// - Returns: Whether the hub asked for this device's rows, and they were sealed.
  private func agree() async throws -> Bool {
    guard let report = try await replica.agreementToSay() else { return false }
    let response: HubResponse
    do {
      response = try await exchangeSigned(HubRequest("PUT", "/v1/agreement", body: report))
    } catch let error as SyncError where error.code == .badRequest {
      // Ignores a hub of an earlier program, which has no such call.
      return false
    }
    return try await replica.noteSaid(report, answer: response.body)
  }

  // MARK: Blobs

  private func blobExchange() async throws -> BlobExchange {
    BlobExchange(
      replica: replica, call: { try await self.exchangeSigned($0) }, hub: try await replica.hubKey(),
      hubTimeMs: hubTimeMs)
  }

  private func askBlobs(after: BlobID?) async throws -> SyncSession.Event {
    // Limits the question by the budget: a name takes 32 bytes in the question and about as many in the answer.
    let limit = room.map { max(1, min(WireLimits.blobsPerQuestionMax, $0 / 80)) } ?? WireLimits.blobsPerQuestionMax
    guard let answer = try await blobExchange().ask(after: after, limit: limit) else { return .blobsAsked([], next: nil) }
    summary.areBlobsDeferred = summary.areBlobsDeferred || answer.isDeferred
    summary.progress.blobsLeft += answer.offers.count
    summary.notices += answer.notices
    return .blobsAsked(answer.offers, next: answer.next)
  }

  private func send(_ offer: BlobOffer) async throws -> SyncSession.Event {
    let piece = min(WireLimits.blobPieceBytesMax, offer.size - offer.offset)
    let affordable = min(piece, callRoom ?? piece)
    guard affordable == piece || affordable >= Self.partBytesMin else { return budgetSpent() }
    do {
      let have = try await blobExchange().send(offer, count: affordable)
      if have == offer.size {
        summary.progress.blobsSent += 1
        summary.progress.blobsLeft -= 1
      }
      return .blobSent(offset: have)
    } catch let error as SyncError where error.code == .noSuchBlob {
      return .blobSent(offset: nil)
    } catch let error as SyncError where error.code == .blobUnfit {
      // Asks again for a signed refusal: an error proves nothing.
      let answer = try await blobExchange().ask(about: [offer.id])
      summary.notices += answer.notices
      if !answer.notices.isEmpty { summary.progress.blobsLeft -= 1 }
      return .blobSent(offset: nil)
    } catch let error as SyncError where error.code == .noRoom {
      summary.areBlobsDeferred = true
      return .blobsPutOff
    }
  }

  func fetchBlob(_ id: BlobID) async throws { try await blobExchange().fetch(id) }

  /// Address to which the calls of this exchange go now.
  var address: String { transport.address }
}
