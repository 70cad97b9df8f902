internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

extension Hub {
  /// Answers one call of the protocol. Never throws: an error becomes an error answer.
  ///
  /// With the header `accept: application/json` control messages and errors come as JSON, without their signature.
  public func answer(_ request: HubRequest) async -> HubResponse {
    let response = await answerInBytes(request)
    return JSONAnswer.isWanted(by: request) ? JSONAnswer.make(response, to: request) : response
  }

  private func answerInBytes(_ request: HubRequest) async -> HubResponse {
    do {
      var response = try await route(request)
      response.headers["content-type"] = HubResponse.contentType
      response.headers["cache-control"] = "no-store"
      return response
    } catch {
      return Self.response(to: error)
    }
  }

  /// Returns the answer to a call that failed, perhaps before it came here; in JSON when the call asks for JSON.
  public static func answer(_ error: any Error, to request: HubRequest) -> HubResponse {
    JSONAnswer.isWanted(by: request) ? JSONAnswer.make(response(to: error), to: request) : response(to: error)
  }

  private static func response(to error: any Error) -> HubResponse {
    if let error = error as? SyncError { return error.asSeenByDevices.response }
    return SyncError(
      .hubFailed, vi: "Máy chủ gặp lỗi bên trong; người vận hành xem nhật ký.",
      en: "The hub failed inside; its operator should see the log."
    ).response
  }

  /// Returns the largest body that a call may have, in bytes. Refuse a larger one before reading it.
  public static func bodyBytesMax(for request: HubRequest) -> Int {
    if request.path.hasPrefix("/v1/batches/") { return WireLimits.batchBytesMax }
    if request.path.hasPrefix("/v1/drop/") { return WireLimits.dropBytesMax }
    if request.path.hasPrefix("/v1/blobs/") || request.path.hasPrefix("/v1/bundles/") { return WireLimits.blobPieceBytesMax }
    if request.path == "/v1/pages" { return WireLimits.pageBytesMax }
    if let call = call(of: request), !call.isSigned { return WireLimits.openBytesMax }
    return WireLimits.controlBytesMax
  }

  /// Returns the answer to a body over `bodyBytesMax`.
  public static func tooLarge(_ request: HubRequest) -> HubResponse {
    let bytes = bodyBytesMax(for: request)
    let error = SyncError(
      .tooLarge, vi: "Dữ liệu gửi lớn hơn \(bytes) byte.", en: "The body is larger than \(bytes) bytes.", expected: UInt64(bytes))
    return answer(error, to: request)
  }

  /// Call of the protocol, by its method and path.
  struct Call {
    /// True when a device signs the call in its headers.
    var isSigned: Bool
  }

  /// Returns the call; nil when the protocol has no such call. `route` answers every one of these.
  static func call(of request: HubRequest) -> Call? {
    let parts = request.path.split(separator: "/")
    guard parts.first == "v1", parts.count >= 2 else { return nil }
    switch (request.method, parts[1], parts.count) {
    case ("GET", "hub", 2), ("POST", "enroll", 2), ("POST", "succession", 2), ("PUT", "certificate", 2), ("PUT", "drop", 3):
      return Call(isSigned: false)
    case ("PUT", "batches", 3), ("GET", "feed", 2), ("GET", "snapshot", 2), ("GET", "life", 2), ("PUT", "pages", 2),
      ("PUT", "agreement", 2), ("PUT", "bundles", 3), ("POST", "blobs", 2), ("PUT", "blobs", 3), ("GET", "blobs", 3):
      return Call(isSigned: true)
    case ("GET", "batches", 4) where parts[3] == "offset": return Call(isSigned: true)
    default: return nil
    }
  }

  /// Returns a call's kind, as logs name it: one of the protocol's, or `unknown`.
  public static func kind(of request: HubRequest) -> String {
    call(of: request) == nil ? "unknown" : request.path.split(separator: "/").dropFirst().first.map(String.init) ?? "unknown"
  }

  private func route(_ request: HubRequest) async throws -> HubResponse {
    guard Self.call(of: request) != nil else { throw Self.noSuchCall }
    let parts = request.path.split(separator: "/").map(String.init)
    switch (request.method, parts[1], parts.count) {
    case ("GET", "hub", 2):
      return HubResponse(status: 200, body: try await info())
    case ("POST", "enroll", 2):
      return HubResponse(status: 200, body: try await enroll(request.body, from: request.source))
    case ("POST", "succession", 2):
      return HubResponse(status: 200, body: try await succeed(request.body, from: request.source))
    case ("PUT", "batches", 3) where request.headers["upload-part"] != nil:
      try await keepPartial(request)
      return HubResponse(status: 200, headers: ["upload-offset": String(try await uploadOffset(try Self.hash(parts[2])))])
    case ("PUT", "batches", 3):
      let device = try await authenticate(request)
      try admit(request, of: device, needing: .bytesAndChanges)
      let receipt = try await ingest(try await assemble(request, hash: parts[2], from: device))
      pace?.charge(device.replica, changes: try Self.changes(in: receipt))
      return HubResponse(status: 200, body: receipt)
    case ("GET", "batches", 4) where parts[3] == "offset":
      _ = try await authenticate(request)
      let offset = try await uploadOffset(try Self.hash(parts[2]))
      return HubResponse(status: 200, headers: ["upload-offset": String(offset)])
    case ("GET", "feed", 2):
      let device = try await authenticate(request)
      let recipient = try Self.place("sealTo", in: request)
      let unitKey =
        recipient.isEmpty
        ? nil : try await unitKey(for: device, holding: try Self.place("unitKey", in: request), sealedTo: recipient)
      let page = try await page(
        for: device, cursor: try Self.place("cursor", in: request), bytesMax: Self.count(request.query("bytesMax")), unitKey: unitKey)
      // Answers a device over its limits, too, but writes nothing for it: reading makes nobody else wait.
      if (try? admit(request, of: device, needing: .bytes)) != nil {
        try await noteContact(
          device, skewMs: request.query("skewMs").flatMap { Int64($0) }, backlog: Self.count(request.query("backlog")),
          packets: Self.count(request.query("packets")))
      }
      return HubResponse(status: 200, body: page)
    case ("GET", "snapshot", 2):
      let device = try await authenticate(request)
      return HubResponse(
        status: 200,
        body: try await snapshot(
          of: request.query("scope") ?? "", for: device, cursor: try Self.place("cursor", in: request),
          place: try Self.place("next", in: request), bytesMax: Self.count(request.query("bytesMax"))))
    case ("GET", "life", 2):
      let device = try await authenticate(request)
      return HubResponse(status: 200, body: try await life(for: device, cursor: try Self.place("cursor", in: request)))
    case ("PUT", "pages", 2):
      let device = try await authenticate(request)
      try admit(request, of: device, needing: .bytes)
      return HubResponse(status: 200, body: try await takeBack(request.body, from: device.replica))
    case ("PUT", "agreement", 2):
      let device = try await authenticate(request)
      try admit(request, of: device, needing: .bytes)
      return HubResponse(status: 200, body: try await takeAgreement(request.body, from: device))
    case ("PUT", "bundles", 3):
      let device = try await authenticate(request)
      return HubResponse(status: 200, body: try await takeBundle(parts[2], request: request, from: device))
    case ("PUT", "certificate", 2):
      try await relearn(request.body)
      return HubResponse(status: 200)
    case ("POST", "blobs", 2):
      let device = try await authenticate(request)
      return HubResponse(status: 200, body: try await blobStates(request.body, for: device))
    case ("PUT", "blobs", 3):
      let device = try await authenticate(request)
      return HubResponse(status: 200, body: try await takeBlob(parts[2], request: request, from: device))
    case ("GET", "blobs", 3):
      let device = try await authenticate(request)
      let (piece, size) = try await giveBlob(parts[2], offset: request.query("offset").flatMap { Int($0) } ?? 0, to: device)
      return HubResponse(status: 200, headers: ["blob-size": String(size)], body: piece)
    case ("PUT", "drop", 3):
      let scope = parts[2].removingPercentEncoding ?? parts[2]
      return HubResponse(status: 200, body: try await keep(request.body, scope: scope))
    default:
      throw Self.noSuchCall
    }
  }

  /// Lets a call in that writes, and charges its device for it, also when it will be refused: a flood of what is refused is a flood.
  /// The only place where calls are let in; each caller adds the changes that it merged.
  ///
  /// - Throws: `SyncError` `.busy` while the device is over its limits: senders of each of these calls keep what they have, wait and
  ///   send it again.
  func admit(_ request: HubRequest, of device: HubDevice, needing need: DevicePace.Need) throws {
    guard let pace else { return }
    try pace.check(device.replica, for: need)
    // Charges the pieces of a bundle as calls alone: most of their bytes may be attachments.
    let bytes = request.path.hasPrefix("/v1/bundles/") ? 0 : request.body.count
    pace.charge(device.replica, bytes: max(bytes, DevicePace.callBytesMin))
  }

  private static func changes(in receipt: Data) throws -> Int {
    Int(try WireReceipt(serializedBytes: WireSigned(serializedBytes: receipt).body).changes)
  }

  private static func place(_ name: String, in request: HubRequest) throws -> Data {
    guard let place = Data(base64URL: request.query(name) ?? ""), place.count <= WireLimits.cursorBytesMax else { throw ByteReader.short }
    return place
  }

  private static func count(_ text: String?) -> Int? { text.flatMap { Int($0) }.map { min(max($0, 0), 1_000_000_000) } }

  static var noSuchCall: SyncError {
    SyncError(
      .badRequest, vi: "Máy chủ không có lời gọi này; có thể cần nâng cấp.", en: "The hub has no such call; one side may need an upgrade.")
  }

  // MARK: Uploads that broke off

  /// Bytes of all unfinished uploads; beyond them the largest are deleted first, so that no flood displaces a small one.
  static let uploadBytesMax = 64 << 20
  /// Least bytes of an unfinished upload that are kept: fewer are soon sent again.
  static let uploadPieceBytesMin = 4 << 10

  private static func hash(_ text: String) throws -> Data {
    guard let hash = Data(hex: text), hash.count == 32 else { throw ByteReader.short }
    return hash
  }

  /// Returns the batch, with what arrived earlier in front of the body. Checks that the whole has the hash in its name.
  private func assemble(_ request: HubRequest, hash text: String, from device: HubDevice) async throws -> SealedBatch {
    let hash = try Self.hash(text)
    let offset = Int(request.headers["upload-offset"] ?? "0") ?? -1
    var bytes = request.body
    if offset != 0 {
      let stored = try await storedUpload(hash)
      guard offset > 0, offset <= stored.count else {
        throw SyncError(
          .badRequest, vi: "Tỉnh chỉ có \(stored.count) byte đầu; gửi tiếp từ đó.",
          en: "The hub has only the first \(stored.count) bytes; go on from there.",
          expected: UInt64(stored.count))
      }
      bytes = stored.prefix(offset) + request.body
    }
    let batch = SealedBatch(bytes: Data(bytes))
    guard batch.hash == hash else {
      try await forgetUpload(hash, for: device)
      throw SyncError(
        .damaged, vi: "Gói dữ liệu không khớp tên của nó: hỏng trên đường. Gửi lại.",
        en: "The batch does not match its name: damaged on the way. Send it again.")
    }
    // Deletes an earlier beginning: a batch that fits one call is sent whole again.
    try await forgetUpload(hash, for: device)
    return batch
  }

  /// Keeps what arrived of a batch before the connection broke, so that the device continues from there.
  public func keepPartial(_ request: HubRequest) async throws {
    let parts = request.path.split(separator: "/").map(String.init)
    guard request.method == "PUT", parts.count == 3, parts[1] == "batches", !request.body.isEmpty else { return }
    let device = try await authenticate(request)
    try admit(request, of: device, needing: .bytesAndChanges)
    let hash = try Self.hash(parts[2])
    let body = request.body
    guard let start = Int(request.headers["upload-offset"] ?? "0"), (0...WireLimits.batchBytesMax).contains(start) else { return }
    let work: IngestQueue.Work = { ingest in
      let session = ingest.session
      let have = try session.integer("SELECT coalesce(max(start + length(bytes)), 0) FROM hub_upload WHERE hash = ?1", [.blob(hash)]) ?? 0
      let end = Int64(start + body.count)
      guard Int64(start) <= have, end - have >= Self.uploadPieceBytesMin, end <= Int64(WireLimits.batchBytesMax) else { return Data() }
      while try (session.integer("SELECT coalesce(sum(length(bytes)), 0) FROM hub_upload") ?? 0) + end - have > Int64(Self.uploadBytesMax),
        let largest = try session.firstRow(
          "SELECT hash FROM hub_upload WHERE hash <> ?1 GROUP BY hash ORDER BY sum(length(bytes)) DESC LIMIT 1", [.blob(hash)])
      {
        try session.execute("DELETE FROM hub_upload WHERE hash = ?1", largest)
      }
      try session.execute(
        "INSERT INTO hub_upload (hash, start, bytes) VALUES (?1, ?2, ?3) ON CONFLICT (hash, start) DO UPDATE SET bytes = excluded.bytes",
        [.blob(hash), .integer(have), .blob(body.dropFirst(Int(have) - start))])
      return Data()
    }
    _ = try await queue.run(work, from: device.replica, changes: 0, isAlone: true)
  }

  /// Returns what is here of a batch: a part of it, or all of it when it was ingested before.
  private func storedUpload(_ hash: Data) async throws -> Data {
    try await store.read { session in
      if let whole = try session.firstRow("SELECT bytes FROM hub_batch WHERE hash = ?1", [.blob(hash)])?[0].blob { return whole }
      var bytes = Data()
      for row in try session.rows("SELECT start, bytes FROM hub_upload WHERE hash = ?1 ORDER BY start", [.blob(hash)]) {
        guard row[0].integer == Int64(bytes.count), let part = row[1].blob else { break }
        bytes.append(part)
      }
      return bytes
    }
  }

  private func uploadOffset(_ hash: Data) async throws -> Int { try await storedUpload(hash).count }

  private func forgetUpload(_ hash: Data, for device: HubDevice) async throws {
    let isHere = try await store.read { try $0.firstRow("SELECT 1 FROM hub_upload WHERE hash = ?1 LIMIT 1", [.blob(hash)]) != nil }
    guard isHere else { return }
    let work: IngestQueue.Work = { ingest in
      try ingest.session.execute("DELETE FROM hub_upload WHERE hash = ?1", [.blob(hash)])
      return Data()
    }
    _ = try await queue.run(work, from: device.replica, changes: 0, isAlone: true)
  }
}

extension SyncError {
  fileprivate static var insideHub: SyncError {
    SyncError(
      .hubFailed, vi: "Máy chủ gặp lỗi bên trong; người vận hành xem nhật ký. Dữ liệu trên máy này còn nguyên.",
      en: "The hub failed inside; its operator should see the log. What is on this device is intact.")
  }

  /// Error as devices are told: trouble with the hub's own store must not read like trouble with the device's, nor name its paths.
  fileprivate var asSeenByDevices: SyncError {
    switch code {
    case .diskFull:
      SyncError(
        .hubFailed, vi: "Đĩa của máy chủ đã đầy; báo người vận hành. Dữ liệu trên máy này còn nguyên.",
        en: "The hub's disk is full; tell its operator. What is on this device is intact.")
    case .storeBusy:
      SyncError(.busy, vi: "Máy chủ đang bận; sẽ thử lại.", en: "The hub is busy; will try again.", retryAfterSeconds: 5)
    case .internalFault, .storeDamaged, .storeMissing, .storeNewer, .badSchema, .keyUnusable: .insideHub
    default: self
    }
  }
}

/// Transport to a hub in the same process: the whole protocol without a network.
public struct LocalTransport: Transport {
  let hub: Hub

  public init(hub: Hub) { self.hub = hub }

  public func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
    guard request.body.count <= Hub.bodyBytesMax(for: request) else { return Hub.tooLarge(request) }
    return await hub.answer(request)
  }
}
