internal import Foundation
internal import SwiftProtobuf
public import SyncCore
internal import SyncStore

/// Result of an exchange.
public struct SyncSummary: Sendable, Hashable, Codable {
  public var progress = SyncProgress()
  /// Own clock minus hub time in milliseconds, as measured when the hub was greeted.
  public var skewMs: Int64 = 0
  /// Unusual events, in order; also in `ReplicaStatus.notices`.
  public var notices: [SyncNotice] = []
  /// True when the hub has no room for attachments at present; they wait here.
  public var areBlobsDeferred = false
  /// True when `SyncOptions.bytesMax` ended the exchange; the next one continues exactly there.
  public var isBudgetSpent = false
  /// Least bytes of the next step, which cannot be divided; nil when unknown.
  public var bytesNeeded: Int?
  /// Address to which the hub has moved for good: calls go there from now on.
  public var movedTo: String?
  /// Rows that others changed and that this exchange brought, at most `changedMax` of them, in order.
  public var changed: [SyncedRow] = []

  /// Rows listed in `changed`.
  public static let changedMax = 200

  public init() {}
}

/// Row that an exchange brought, by its table and key as text.
public struct SyncedRow: Sendable, Hashable, Codable {
  public var table: String
  public var key: String
}

public struct SyncOptions: Sendable {
  /// Milliseconds for the whole exchange. What is not done by then waits for the next.
  public var deadlineMs = 10 * 60 * 1000
  public var retry = RetryPolicy()
  /// Bytes of HTTP that may be sent and received together, retries included; nil: no bound. Texts go first, attachments last. What
  /// does not fit waits, and large messages are sent in parts.
  public var bytesMax: Int?
  /// Called after each step, from the exchange's task.
  public var onProgress: (@Sendable (SyncProgress, _ batchesLeft: Int) -> Void)?

  public init() {}
}

extension Replica {
  /// Exchanges with the hub: sends sealed batches and packets, and fetches and applies the changes of others.
  ///
  /// Interrupt and repeat freely: every step that was done stays done, on both sides.
  ///
  /// - Throws: `SyncError`, whose `progress` says what was done before it stopped.
  public func sync(with transport: any Transport, options: SyncOptions = SyncOptions()) async throws -> SyncSummary {
    let driver = SyncDriver(replica: self, transport: transport, options: options)
    return try await driver.run()
  }
}

/// Performs the actions of a `SyncSession`: here alone storage, network and protocol meet.
final class SyncDriver {
  private let replica: Replica
  private var transport: any Transport
  private let options: SyncOptions
  private var session: SyncSession
  private(set) var summary = SyncSummary()
  /// Hub time as the hub last said; a bundle sets it from outside.
  var hubTimeMs: UInt64 = 0 {
    didSet { hubTimeAt = .now }
  }
  private var hubTimeAt = ContinuousClock.now
  /// Size of the pieces that one call carries.
  private var piece = PieceSize()
  /// Addresses followed so far.
  private var moves = 0
  private var left = 0
  /// Bytes of HTTP so far, both ways.
  private var spent = 0
  /// True when certificates were shown in this exchange.
  private var isIntroduced = false
  /// States of the batches when the hub was greeted.
  private var atStart: [Outbox.Standing] = []
  /// True when the hub took a part of a batch, acknowledged a unit, or is in another incarnation than before.
  private var hasMoved = false

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
      } catch is CancellationError {
        throw stopped(
          SyncError(.cancelled, vi: "Đã dừng theo yêu cầu; sẽ gửi tiếp lần sau.", en: "Stopped on request; the next exchange goes on."))
      } catch let error as SyncError {
        if error.code == .timeout && ContinuousClock.now >= deadline { throw stopped(error) }
        event = Self.turn(error, during: action) ?? .failed(error)
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
  private static let callBytesMax = 3_000
  /// Least bytes of a part of a batch, page or attachment.
  private static let partBytesMin = 4 << 10

  /// Bytes that the budget leaves for one call; nil: no bound.
  private var room: Int? { options.bytesMax.map { max(0, $0 - spent - Self.callBytesMax) } }
  /// Bytes that one call may carry, by the budget and by what the link has shown.
  private var callRoom: Int? { [room, piece.bytes].compactMap(\.self).min() }

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

  private func budgetSpent() -> SyncSession.Event {
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
      try BlobBook(session: transaction.session).note(lost: info.blobsLost)
      try BackedUpPackets(session: transaction.session).drop(backupsDone: info.backupsDone)
      return try state.value("placeForgotten") == .null ? .greeted : .greetedWithoutPlace
    }
    try replica.loadDropKeys()
    return greeted
  }

  /// Reads the hub's information, after its signature proved that this device is enrolled there.
  private static func greeting(_ response: HubResponse, of hub: VerifyingKey) throws -> WireHubInfo {
    let signed = try WireSigned.parse(response.body, named: LocalizedText(vi: "thông tin máy chủ", en: "hub information"))
    let info = try WireHubInfo.parse(signed.body, named: LocalizedText(vi: "thông tin máy chủ", en: "hub information"))
    guard info.hub == hub.replica.bytes else {
      throw SyncError(
        .wrongHub, vi: "Đây là một máy chủ khác với máy chủ đã ghi danh; kiểm tra địa chỉ.",
        en: "This is another hub than the one this device is enrolled with; check the address.")
    }
    _ = try hub.open(response.body, as: .hubInfo)
    return info
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

  private func push(_ entry: OutboxEntry, offset: Int) async throws -> SyncSession.Event {
    guard let bytes = try await replica.engineRead({ try $0.outbox.bytes(of: entry) }) else { return .pushed }
    let (rest, room) = (bytes.count - offset, callRoom)
    let isPart = room.map { rest > $0 } ?? false
    // Records that a large batch, or a part of one, is being sent: the next exchange asks how much arrived. A small batch is soon
    // sent again.
    if isPart || bytes.count > WireLimits.blobPieceBytesMax, !entry.isInDoubt {
      try await replica.engineWrite { try $0.outbox.begin(entry) }
    }
    var request = HubRequest("PUT", "/v1/batches/\(entry.hash.hex)", body: bytes.dropFirst(offset))
    if offset > 0 { request.headers["upload-offset"] = String(offset) }
    if let room, isPart {
      guard room >= Self.partBytesMin else { return budgetSpent() }
      request.body = request.body.prefix(room)
      request.headers["upload-part"] = "1"
      let response = try await exchangeSigned(request)
      hasMoved = true
      if let left = self.room, left < Self.partBytesMin { return budgetSpent() }
      guard let kept = response.headers["upload-offset"].flatMap({ Int($0) }), kept > offset else {
        throw SyncError(
          .hubFailed, vi: "Máy chủ không giữ phần vừa gửi; sẽ thử lại.", en: "The hub did not keep the part just sent; will try again.")
      }
      return .partPushed(offset: kept)
    }
    let response = try await exchangeSigned(request)
    let hub = try await replica.hubKey()
    let receipt = try WireReceipt.parse(
      try hub.open(response.body, as: .receipt), named: LocalizedText(vi: "biên nhận", en: "receipt"))
    guard receipt.batch == entry.hash, receipt.scope == entry.scope, receipt.number == entry.number else {
      throw SyncError(.damaged, vi: "Biên nhận không phải của gói vừa gửi.", en: "The receipt is not for the batch that was sent.")
    }
    let event = try await replica.store(receipt, bytes: response.body, of: entry)
    if case .resealed(let notice) = event { summary.notices += [notice].compactMap(\.self) }
    guard case .pushed = event else { return event }
    summary.progress.batchesSent += 1
    summary.progress.changesSent += Int(receipt.changes)
    summary.progress.held += Int(receipt.heldChanges)
    left = max(0, left - 1)
    return .pushed
  }

  private func askOffset(_ entry: OutboxEntry) async throws -> SyncSession.Event {
    let response = try await exchangeSigned(HubRequest("GET", "/v1/batches/\(entry.hash.hex)/offset"))
    return .offset(Int(response.headers["upload-offset"] ?? "") ?? 0)
  }

  private func nextPackets() async throws -> [[CellValue]] {
    try await replica.engineRead { transaction in
      try transaction.session.rows(
        "SELECT id, scope, bytes FROM sync_packet WHERE kept = 0 ORDER BY scope, id LIMIT ?1", [.integer(Int64(Self.packetsPerRequest))])
    }
  }

  private func drop() async throws -> SyncSession.Event {
    var packets = try await nextPackets()
    if let key = try replica.keyStore.load()?.unitKey,
      packets.contains(where: { Packets.isStale($0[2].blob ?? Data(), scope: $0[1].text ?? "", unitKey: key) })
    {
      try await replica.renewPackets()
      packets = try await nextPackets()
    }
    guard let scope = packets.first?[1].text else { return .dropped(more: false) }
    let ofScope = packets.filter { $0[1].text == scope }
    let fitting = Self.affordable(ofScope, room: callRoom)
    // Sends at least one packet, which cannot be divided.
    let mine = fitting.isEmpty ? Self.affordable(Array(ofScope.prefix(1)), room: room) : fitting
    guard !mine.isEmpty else { return budgetSpent() }
    var request = WireDropRequest()
    request.packets = try mine.map { try WirePacket.parse($0[2].blob ?? Data(), named: LocalizedText(vi: "phiếu kín", en: "packet")) }
    let body = try request.serializedData()
    let target = "/v1/drop/" + (scope.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? scope)
    // Sends without the device's signature: the packets carry the unit's own proof, and nothing in the call names the sender.
    let response = try await exchange(HubRequest("PUT", target, body: body))
    let hub = try await replica.hubKey()
    let answer = try WireDropResponse.parse(
      try hub.open(response.body, as: .drop), named: LocalizedText(vi: "trả lời nhận phiếu", en: "drop answer"))
    guard answer.request == body.sha256, answer.scope == scope, answer.kept == UInt32(mine.count) else {
      throw SyncError(
        .damaged, vi: "Máy chủ không xác nhận đủ phiếu; sẽ gửi lại.", en: "The hub did not confirm every packet; will send again.")
    }
    try await replica.engineWrite { transaction in
      // Counts each packet once: another process may have sent the same ones meanwhile.
      let kept = try mine.count {
        try !transaction.session.rows("UPDATE sync_packet SET kept = 1 WHERE id = ?1 AND kept = 0 RETURNING 1", [$0[0]]).isEmpty
      }
      try transaction.state.add("packetsKept", kept)
      try BackedUpPackets(session: transaction.session).note(backupsBegun: answer.backupsBegun)
    }
    summary.progress.packetsSent += mine.count
    return .dropped(more: true)
  }

  /// Returns the first packets that fit.
  private static func affordable(_ packets: [[CellValue]], room: Int?) -> [[CellValue]] {
    guard let room else { return packets }
    var size = 0
    return Array(
      packets.prefix { packet in
        size += (packet[2].blob?.count ?? 0) + 8
        return size <= room
      })
  }

  private func pull() async throws -> SyncSession.Event {
    let status = try await replica.status()
    let cursor = try await replica.engineRead { try $0.state.value("cursor").blob ?? Data() }
    var target = "/v1/feed?cursor=\(cursor.base64URL)&backlog=\(status.pendingChanges + status.sealedChanges)"
    target += "&packets=\(status.packetsWaiting)&skewMs=\(summary.skewMs)"
    let secrets = try replica.secrets()
    target += "&unitKey=\(secrets.unitKeyID.bytes.base64URL)&sealTo=\(try BundleKey.devicePublic(secrets.signingKey).base64URL)"
    func fetch(_ bytesMax: Int?) async throws -> HubResponse {
      try await exchangeSigned(HubRequest("GET", target + (bytesMax.map { "&bytesMax=\($0)" } ?? "")))
    }
    let response: HubResponse
    let asked = callRoom
    do {
      do { response = try await fetch(asked) } catch let error as SyncError where error.code == .tooLarge && asked != room {
        // Fetches the whole page, because it cannot be divided further.
        response = try await fetch(room)
      }
    } catch let error as SyncError where error.code == .tooLarge {
      guard room != nil else { throw error }
      summary.bytesNeeded = error.expected.map { Int(clamping: $0) + 2 * Self.callBytesMax }
      return budgetSpent()
    }
    let hub = try await replica.hubKey()
    let page = try PageCodec.open(response.body, hub: hub)
    // Checks the incarnation again: another device may have proved to the hub meanwhile that it was restored.
    guard try await replica.engineRead({ try $0.state.value("incarnation").blob }) == page.incarnation else { return .lifeChanged }
    let result = try await replica.apply(page, bytes: response.body, after: cursor)
    if let unitKey = page.unitKey { try await replica.take(unitKey, hub: hub.replica) }
    summary.progress.unitsApplied += result.applied.units
    summary.progress.acknowledged += result.applied.acknowledged
    summary.notices += result.applied.notices
    if result.applied.acknowledged > 0 || result.sealedMore { hasMoved = true }
    note(page)
    return .pulled(head: page.isHead && !result.applied.beginsAnew, sealedMore: result.sealedMore)
  }

  private func note(_ page: PageContent) {
    let known = Set(summary.changed)
    for change in page.units.flatMap(\.changes) {
      guard summary.changed.count < SyncSummary.changedMax else { return }
      let row = SyncedRow(table: change.table, key: change.key.text ?? "")
      if !known.contains(row) && summary.changed.last != row { summary.changed.append(row) }
    }
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

  /// Fetches one page of a snapshot. Begins the snapshot again when the hub does not know its continuation.
  private func fetch(_ scope: String) async throws -> SyncSession.Event {
    let (cursor, place) = try await replica.engineRead { transaction in
      (try transaction.state.value("cursor").blob ?? Data(), try SnapshotPlace(session: transaction.session).next(scope: scope))
    }
    var target = "/v1/snapshot?scope=\(scope.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? scope)"
    target += "&cursor=\(cursor.base64URL)&next=\(place.base64URL)"
    if let bytes = piece.bytes { target += "&bytesMax=\(bytes)" }
    let response: HubResponse
    do { response = try await exchangeSigned(HubRequest("GET", target)) } catch let error as SyncError where error.code == .badCursor {
      guard !place.isEmpty else { throw error }
      try await replica.engineWrite { try SnapshotPlace(session: $0.session).set(Data(), scope: scope) }
      return .fetched(isLast: false, sealedMore: false)
    }
    let page = try SnapshotCodec.open(response.body, hub: try await replica.hubKey())
    guard page.scope.utf8.elementsEqual(scope.utf8) else { throw ByteReader.short }
    let result = try await replica.apply(page, after: cursor, place: place)
    summary.progress.rowsFetched += page.rows.count
    summary.progress.acknowledged += page.acknowledgements.count
    if let notice = result.notice { summary.notices.append(notice) }
    return .fetched(isLast: page.next.isEmpty, sealedMore: result.sealedMore)
  }

  // MARK: Calls

  /// Sends a call that the device's key signs over hub time: the device's own clock does not matter. Shows the device's
  /// certificates to a hub that was restored to before its enrolment, which registers the device again.
  func exchangeSigned(_ request: HubRequest) async throws -> HubResponse {
    do {
      return try await exchangeProved(request)
    } catch let error as SyncError where error.code == .unknownReplica && !isIntroduced {
      isIntroduced = true
      for certificate in try await replica.certificates() {
        _ = try await exchange(HubRequest("PUT", "/v1/certificate", body: certificate))
      }
      return try await exchangeProved(request)
    }
  }

  /// Signs a call over present hub time, and sends it. When the hub finds the time too old, because its clock was set or this
  /// device slept, asks for the time once more.
  private func exchangeProved(_ request: HubRequest) async throws -> HubResponse {
    do { return try await exchange(try signed(request)) } catch let error as SyncError where error.code == .unauthorized {
      hubTimeMs = try Self.greeting(try await exchange(HubRequest("GET", "/v1/hub")), of: try await replica.hubKey()).hubTimeMs
      do { return try await exchange(try signed(request)) } catch let error as SyncError where error.code == .unauthorized {
        throw SyncError(
          .unauthorized,
          vi:
            "Máy chủ không thấy chữ ký của máy này hoặc coi là quá cũ: máy đứng trước máy chủ có thể bỏ mất tiêu đề Authorization. Báo cho tỉnh.",
          en:
            "The hub does not see this device's signature, or finds it too old: a proxy in front of it may take the header Authorization away. Tell its operator."
        )
      }
    }
  }

  private func signed(_ request: HubRequest) throws -> HubRequest {
    var request = request
    if !request.body.isEmpty, !request.path.hasPrefix("/v1/batches/") {
      request.headers["content-digest"] = RequestSignature.contentDigest(of: request.body)
    }
    let passedMs = UInt64(max(0, (ContinuousClock.now - hubTimeAt) / .milliseconds(1)))
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: hubTimeMs &+ passedMs, key: try replica.secrets().signingKey)
    return request
  }

  private func exchange(_ request: HubRequest) async throws -> HubResponse {
    summary.progress.bytesSent += request.body.count
    spent += request.wireBytes
    let response: HubResponse
    do {
      response = try await transport.exchange(request)
    } catch let error as SyncError where error.code == .moved {
      try await follow(error, from: request)
      return try await exchange(request)
    } catch let error as SyncError {
      // Shrinks the next pieces; for a question, the next answer.
      if error.code == .timeout { piece.stalled(carrying: request.method == "GET" ? nil : request.body.count) }
      if error.code == .cutSmaller { piece.wasTooLarge(request.body.count) }
      throw error
    }
    piece.passed(max(request.body.count, response.body.count))
    spent += response.wireBytes
    summary.progress.bytesReceived += response.body.count
    return response
  }

  /// Follows to another address, after the answer there proved to be of this device's hub. The address is stored when the hub moved
  /// for good and the device knew it by the address that says so.
  private func follow(_ error: SyncError, from request: HubRequest) async throws {
    let hub = try await replica.hubKey()
    let known = try await replica.enrolment()?.hubAddress ?? ""
    let before = transport.address
    // Keeps the old address until the new one is proved: a repeated call must not reach a stranger.
    var (place, move, asked) = (transport, error.moved, request)
    var isForGood = true
    while let step = move {
      moves += 1
      guard moves <= TransportLimits.movesMax, let next = place.following(step.location, of: asked) else { throw ForeignAnswer.loginPage }
      isForGood = isForGood && step.isForGood
      (place, move) = (next, nil)
      asked = HubRequest("GET", "/v1/hub")
      do {
        hubTimeMs = try Self.greeting(try await next.exchange(asked), of: hub).hubTimeMs
      } catch let error as SyncError where error.code == .moved {
        move = error.moved
      }
    }
    transport = place
    guard isForGood, HTTPTransport.isSame(known, before) else { return }
    try await replica.setHubAddress(transport.address)
    summary.movedTo = transport.address
  }

  /// Address to which the calls of this exchange go now.
  var address: String { transport.address }
}
