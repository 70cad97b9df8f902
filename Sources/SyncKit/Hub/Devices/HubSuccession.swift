internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

extension Hub {
  /// Successors of one identity. A device in trouble makes a few; a thief's flood stops here.
  static let successorsMax = 64

  /// Gives a new identity with the same rights to a device that was copied, or restored from an old copy (L8). Also serves a device
  /// that shows an operator's code in place of its key: see `replace`.
  ///
  /// - Parameter source: See `HubRequest.source`.
  /// - Throws: `SyncError` `.revoked` when the old identity was, `.fork` with the number to go below when the hub has another batch
  ///   where the device says both have the same, `.badRequest` when the hub knows of no fork.
  func succeed(_ body: Data, from source: String? = nil) async throws -> Data {
    let name = LocalizedText(vi: "yêu cầu đổi danh tính", en: "succession request")
    let request = try WireSuccessionRequest.parse(body, named: name)
    let wire = try WireSuccession.parse(request.body, named: name)
    guard let key = VerifyingKey(rawRepresentation: wire.publicKey), let predecessor = ReplicaID(bytes: wire.predecessor),
      key.replica != predecessor
    else { throw ByteReader.short }
    if !wire.code.isEmpty {
      guard key.verifies(request.newSignature, over: request.body, as: .succession) else { throw Self.badSuccession }
      return try await replace(wire, key: key, predecessor: predecessor, from: source)
    }
    guard wire.common.count == 1, let place = wire.common.first, place.number < 1 << 62,
      place.hash.count == (place.number == 0 ? 0 : 32), [0, 32].contains(place.next.count)
    else { throw ByteReader.short }
    guard let old = try await device(predecessor) else { throw HubDevice.unknownError }
    guard old.key.verifies(request.oldSignature, over: request.body, as: .succession),
      key.verifies(request.newSignature, over: request.body, as: .succession)
    else { throw Self.badSuccession }
    guard old.scope.utf8.elementsEqual(place.scope.utf8) else { throw ByteReader.short }
    let (signing, now) = (keys.signing, clock.nowMs())
    let certificate = try await store.write { session in
      guard let old = try HubDevice.all(in: session, where: "replica = ?1", [.blob(predecessor.bytes)]).first, old.revokedMs == nil else {
        throw HubDevice.revokedError
      }
      try Self.checkActive(key.replica, in: session)
      let lineage = HubIdentityHistory(session: session)
      if let known = try session.firstRow("SELECT certificate FROM hub_device WHERE replica = ?1", [.blob(key.replica.bytes)]) {
        // Repeats the succession when the same device asks again: the answer was lost.
        guard let certificate = known[0].blob, try lineage.base(of: key.replica, scope: old.scope)?.predecessor == predecessor else {
          throw ByteReader.short
        }
        return certificate
      }
      let count = try session.integer("SELECT count(*) FROM hub_succession WHERE predecessor = ?1", [.blob(predecessor.bytes)]) ?? 0
      guard count < Self.successorsMax else {
        throw SyncError(
          .busy, vi: "Danh tính này đã được thay quá nhiều lần; báo cho tỉnh.",
          en: "This identity has been succeeded too often; tell the hub's operator.",
          retryAfterSeconds: 3600)
      }
      try Self.checkFork(place, of: predecessor, lineage: lineage, in: session)
      let certificate = try Self.register(
        key, scope: old.scope, readScopes: old.readScopes, label: old.label, now: now, signing: signing,
        after: (predecessor, [place.scope: (place.number, place.hash)]), in: session)
      try lineage.record(
        HubIdentityHistory.Base(predecessor: predecessor, number: place.number, hash: place.hash), replica: key.replica, scope: old.scope)
      return certificate
    }
    pace?.inherit(key.replica, from: predecessor)
    return try await enrolResponse(to: key.replica, scope: old.scope, certificate: certificate, sealedTo: wire.sealKey).serializedData()
  }

  private static var badSuccession: SyncError {
    SyncError(.badSignature, vi: "Chữ ký của yêu cầu đổi danh tính không đúng.", en: "The succession request's signatures are wrong.")
  }

  /// Checks that both sides have the last common batch, and that the hub has another one after it. The device acts on unsigned
  /// errors, and must not take a new identity without need.
  private static func checkFork(
    _ place: WireChainPlace, of predecessor: ReplicaID, lineage: HubIdentityHistory, in session: any HubSession
  ) throws {
    let chain = HubChain(session: session, lineage: lineage)
    let common = try chain.hashes(of: place.number, replica: predecessor, scope: place.scope)
    guard place.number == 0 || common.isEmpty || common.contains(place.hash) else { throw SyncError.fork(place.number) }
    guard try chain.hashes(of: place.number + 1, replica: predecessor, scope: place.scope).contains(where: { $0 != place.next }) else {
      throw SyncError(
        .badRequest, vi: "Máy chủ không thấy hai thiết bị nào cùng danh tính này; chạy đồng bộ lại.",
        en: "The hub sees no second device of this identity; sync again.")
    }
  }
}

/// Chain of a replica's batches in a scope, as the hub knows it: the hashes, by number.
struct HubChain {
  let session: any HubSession
  let lineage: HubIdentityHistory

  /// Returns the batch before `number` in the chain that `replica` continues.
  ///
  /// - Returns: Its hash, nil when the hub knows no fitting batch, and whether the batch is merged. Before the first batch the hash
  ///   is empty.
  func before(_ number: UInt64, previous: Data, replica: ReplicaID, scope: String) throws -> (hash: Data?, isMerged: Bool) {
    guard number > 1 else { return (Data(), true) }
    let author = try lineage.author(of: number - 1, replica: replica, scope: scope)
    let place: [CellValue] = [.text(scope), .blob(author.bytes), .integer(Int64(clamping: number - 1))]
    if let row = try session.firstRow("SELECT hash, state FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3", place),
      let hash = row[0].blob
    {
      return (hash, row[1].integer == BatchState.merged)
    }
    // Looks at restored pages: a batch merged in an ended incarnation counts as merged when pages brought its units. A batch that
    // pages only name cannot be continued yet.
    let isKnown = try session.firstRow(
      """
      SELECT 1 FROM hub_known_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3 AND hash = ?4
        AND (NOT EXISTS (SELECT 1 FROM hub_returned WHERE hash = ?4 AND position IS NULL)
          OR EXISTS (SELECT 1 FROM hub_gone WHERE hash = ?4))
      """, place + [.blob(previous)])
    return isKnown == nil ? (nil, false) : (previous, true)
  }

  /// Returns the hash of every batch `number` that the hub knows in the chain that `replica` continues: more than one after a fork.
  func hashes(of number: UInt64, replica: ReplicaID, scope: String) throws -> Set<Data> {
    let author = try lineage.author(of: number, replica: replica, scope: scope)
    let rows = try session.rows(
      """
      SELECT hash FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3
      UNION SELECT hash FROM hub_known_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3
      """, [.text(scope), .blob(author.bytes), .integer(Int64(clamping: number))])
    return Set(rows.compactMap { $0[0].blob })
  }

  /// Returns whether a batch may be the one that the hub lacks before later ones: the next batch continues it, or is known by name
  /// only.
  func isMissing(_ hash: Data, _ content: BatchContent) throws -> Bool {
    let number = content.number + 1
    let author = try lineage.author(of: number, replica: content.replica, scope: content.scope)
    let next = try session.firstRow(
      "SELECT bytes FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3",
      [.text(content.scope), .blob(author.bytes), .integer(Int64(clamping: number))])
    if let bytes = next?[0].blob, !bytes.isEmpty { return try BatchCodec.reopen(SealedBatch(bytes: bytes)).previous == hash }
    return try !hashes(of: number, replica: content.replica, scope: content.scope).isEmpty
  }

  /// Returns the first number of a batch's chain that is neither merged nor waiting at the hub.
  ///
  /// - Parameter merged: Number of the newest merged batch.
  func missing(before content: BatchContent, after merged: UInt64) throws -> UInt64 {
    var number = merged + 1
    while number < content.number {
      let author = try lineage.author(of: number, replica: content.replica, scope: content.scope)
      let isKnown = try session.firstRow(
        """
        SELECT 1 FROM hub_known_batch k WHERE scope = ?1 AND replica = ?2 AND number = ?3
          AND (NOT EXISTS (SELECT 1 FROM hub_returned WHERE hash = k.hash AND position IS NULL)
            OR EXISTS (SELECT 1 FROM hub_gone WHERE hash = k.hash))
        """, [.text(content.scope), .blob(author.bytes), .integer(Int64(clamping: number))])
      if isKnown == nil { break }
      number += 1
    }
    return number
  }

  /// Returns the newest merged batch of the chain that `replica` continues, and its hash; number 0 and no hash before the first.
  func merged(replica: ReplicaID, scope: String) throws -> (number: UInt64, hash: Data) {
    var at = replica
    var below = Int64.max
    for _ in 0..<HubIdentityHistory.generationsMax {
      if let row = try session.firstRow(
        """
        SELECT number, hash FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND state = 1 AND number <= ?3
        ORDER BY number DESC LIMIT 1
        """, [.text(scope), .blob(at.bytes), .integer(below)]), let number = row[0].integer, let hash = row[1].blob
      {
        return (UInt64(max(0, number)), hash)
      }
      guard let base = try lineage.base(of: at, scope: scope) else { break }
      below = min(below, Int64(clamping: base.number))
      at = base.predecessor
    }
    return (0, Data())
  }
}
