internal import Foundation
internal import SwiftProtobuf
public import SyncCore
internal import SyncStore

/// Calls about blobs, and what a device does with their answers. Every step may be repeated.
struct BlobExchange {
  let replica: Replica
  let call: (HubRequest) async throws -> HubResponse
  let hub: VerifyingKey
  let hubTimeMs: UInt64

  /// Result of one question to the hub.
  struct Answer {
    var offers: [BlobOffer] = []
    /// Blob after which to ask on; nil when all were asked about.
    var next: BlobID?
    /// True when the hub has no room for blobs now.
    var isDeferred = false
    /// Notices about blobs that the hub will never keep.
    var notices: [SyncNotice] = []
    /// True when the hub's program is too old for blobs.
    var isUnknown = false
  }

  /// Asks about the next blobs that the hub has not confirmed, and records those that it has.
  ///
  /// - Parameter limit: Blobs in the question.
  /// - Returns: Nil when there is none to ask about.
  func ask(after: BlobID?, limit: Int) async throws -> Answer? {
    let ids = try await replica.blobsToConfirm(after: after, limit: limit)
    guard let last = ids.last else { return nil }
    var answer = try await ask(about: ids)
    if ids.count == limit && !answer.isUnknown { answer.next = last }
    return answer
  }

  /// Asks about some blobs, and records those that the hub has or will never keep.
  func ask(about ids: [BlobID]) async throws -> Answer {
    let body = ids.reduce(into: Data()) { $0 += $1.bytes }
    let response: HubResponse
    do { response = try await call(HubRequest("POST", "/v1/blobs", body: body)) } catch let error as SyncError
      where error.code == .badRequest
    {
      // Waits: the hub's program is too old for blobs.
      return Answer(isDeferred: true, isUnknown: true)
    }
    let states = try self.states(in: response, to: body, count: ids.count)
    let store = replica.blobs
    var answer = Answer(isDeferred: states.isDeferred)
    var kept: [BlobID] = []
    var unfit: [(BlobID, LocalizedText)] = []
    for (id, state) in zip(ids, states.states) {
      switch state.place {
      case .kept: kept.append(id)
      case .lacking:
        if let size = store.byteCount(id), !states.isDeferred {
          answer.offers.append(BlobOffer(id: id, size: size, offset: min(size - 1, Int(clamping: state.bytes))))
        }
      case .unfit: unfit.append((id, LocalizedText(vi: state.vi, en: state.en)))
      case .unreferred, .UNRECOGNIZED: break
      }
    }
    try await note(kept)
    answer.notices = try await note(unfit)
    return answer
  }

  private func note(_ unfit: [(BlobID, LocalizedText)]) async throws -> [SyncNotice] {
    guard !unfit.isEmpty else { return [] }
    let now = hubTimeMs
    return try await replica.engineWrite { transaction in
      try unfit.compactMap { try BlobTable(session: transaction.session).noteUnfit($0, $1, hubTimeMs: now) }
    }
  }

  /// Sends one piece.
  ///
  /// - Parameter count: Bytes of the piece.
  /// - Returns: How many bytes of the blob the hub has now.
  func send(_ offer: BlobOffer, count: Int) async throws -> Int {
    guard let piece = try replica.blobs.read(offer.id, from: offer.offset, count: count), !piece.isEmpty else {
      throw SyncError(
        .noSuchBlob, vi: "Tệp đính kèm \(offer.id.hex.prefix(8)) không còn trên máy này.",
        en: "The attachment \(offer.id.hex.prefix(8)) is not on this device any more.")
    }
    var request = HubRequest("PUT", "/v1/blobs/\(offer.id.hex)?size=\(offer.size)", body: piece)
    request.headers["upload-offset"] = String(offer.offset)
    do {
      let states = try self.states(in: try await call(request), to: piece, count: 1)
      if states.states[0].place == .kept { try await note([offer.id]) }
      return min(offer.size, Int(clamping: states.states[0].bytes))
    } catch let error as SyncError where error.code == .badRequest && error.expected.map({ $0 < UInt64(offer.offset) }) ?? false {
      // Continues from what the hub has: less than it said, because the rest was damaged, or it was restored.
      return Int(clamping: error.expected ?? 0)
    }
  }

  /// Fetches a blob, continuing from what is here of it.
  func fetch(_ id: BlobID) async throws {
    let store = replica.blobs
    while !store.has(id) {
      let offset = store.partCount(id)
      let response = try await call(HubRequest("GET", "/v1/blobs/\(id.hex)?offset=\(offset)"))
      guard let size = response.headers["blob-size"].flatMap({ Int($0) }), !response.body.isEmpty else { throw ByteReader.short }
      try store.put(response.body, of: id, at: offset, size: size)
    }
  }

  private func note(_ kept: [BlobID]) async throws {
    guard !kept.isEmpty else { return }
    try await replica.engineWrite { transaction in
      for id in kept { try BlobTable(session: transaction.session).noteKept(id) }
    }
  }

  private func states(in response: HubResponse, to request: Data, count: Int) throws -> WireBlobStates {
    let states = try WireBlobStates.parse(
      try hub.open(response.body, as: .blobStates), named: LocalizedText(vi: "tình trạng tệp đính kèm", en: "state of attachments"))
    guard states.hub == hub.replica.bytes, states.request == request.sha256, states.states.count == count else { throw ByteReader.short }
    return states
  }
}

extension Replica {
  /// Fetches blobs from the hub; incomplete ones are continued.
  ///
  /// - Returns: The blobs that the hub does not have either.
  /// - Throws: `SyncError`; what was fetched stays.
  public func fetchBlobs(_ ids: [BlobID], through transport: any Transport) async throws -> [BlobID] {
    let wanted = ids.filter { !blobs.has($0) }
    guard !wanted.isEmpty else { return [] }
    let driver = SyncDriver(replica: self, transport: transport, options: SyncOptions())
    _ = try await driver.perform(.greet)
    var missing: [BlobID] = []
    for id in wanted {
      do { try await driver.fetchBlob(id) } catch let error as SyncError where error.code == .noSuchBlob { missing.append(id) }
    }
    return missing
  }
}
