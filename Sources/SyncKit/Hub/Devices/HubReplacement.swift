internal import Foundation
internal import SwiftProtobuf
public import SyncCore
internal import SyncStore

/// Codes with which a store goes on under another identity, because its device lost its key or was revoked by mistake. Belongs to
/// one transaction.
struct ReplacingCodes {
  let session: any SQLSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_code_replaces (
      hash BLOB PRIMARY KEY NOT NULL, replica BLOB NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
    """

  struct Word {
    var replaced: ReplicaID
    /// Name of the person who made the code; the reason follows.
    var by: String
    var reason: String
  }

  func word(_ hash: Data) throws -> Word? {
    guard let row = try session.firstRow("SELECT replica, who, reason FROM hub_code_replaces WHERE hash = ?1", [.blob(hash)]),
      let replaced = row[0].blob.flatMap(ReplicaID.init(bytes:))
    else { return nil }
    return Word(replaced: replaced, by: row[1].text ?? "", reason: row[2].text ?? "")
  }

  func add(_ hash: Data, _ word: Word) throws {
    try session.execute(
      "INSERT INTO hub_code_replaces (hash, replica, who, reason) VALUES (?1, ?2, ?3, ?4)",
      [.blob(hash), .blob(word.replaced.bytes), .text(word.by), .text(word.reason)])
  }

  /// Refuses a code that was made to replace an identity: enrolling an empty store is not its purpose.
  func refuse(_ hash: Data) throws {
    guard let word = try word(hash) else { return }
    throw SyncError(
      .badRequest,
      vi: "Mã này để kho dữ liệu của thiết bị \(word.replaced.short) đi tiếp; trên máy chưa có kho ấy hãy dùng mã thường (`hub enroll`).",
      en:
        "This code lets the store of device \(word.replaced.short) go on; on a device without that store use an ordinary code (`hub enroll`)."
    )
  }
}

extension Hub {
  /// Makes a code with which the store of a device goes on under another identity: the device's key is gone, or it was revoked by
  /// mistake. Using the code revokes the device and its family, if they are not revoked, in the same transaction.
  ///
  /// - Parameters:
  ///   - readScopes: Scopes that the new identity may read, widest first; the last is the device's scope.
  ///   - person: Name of the person who vouches for the code's user; kept, with the reason, and recorded as an act when the code is
  ///     used.
  /// - Throws: `SyncError` `.badRequest` when the hub knows the device as one of another scope.
  public func makeCode(
    replacing replica: ReplicaID, scope: String, readScopes: [String], by person: String, reason: String
  ) async throws -> String {
    let code = String((0..<Self.codeLength).map { _ in Self.codeAlphabet.randomElement() ?? "A" })
    let (hash, now) = (Data(code.utf8).sha256, clock.nowMs())
    try await store.write { session in
      // Passes a device that a restored hub has forgotten: it shows its certificate with the code.
      if let known = try HubDevice.all(in: session, where: "replica = ?1", [.blob(replica.bytes)]).first, known.scope != scope {
        throw SyncError(
          .badRequest, vi: "Thiết bị \(replica.short) thuộc đơn vị \(known.scope), không phải \(scope).",
          en: "Device \(replica.short) is of unit \(known.scope), not of \(scope).")
      }
      try session.execute(
        "INSERT INTO hub_code (hash, scope, read_scopes, made_ms) VALUES (?1, ?2, ?3, ?4)",
        [.blob(hash), .text(scope), .text(readScopes.joined(separator: "\n")), .integer(Int64(clamping: now))])
      try ReplacingCodes(session: session).add(hash, ReplacingCodes.Word(replaced: replica, by: person, reason: reason))
    }
    return code
  }

  /// Returns the identities that a replacement of `replica` would revoke: itself, and the identities in use of its device and of
  /// copies of it.
  public func activeFamily(of replica: ReplicaID) async throws -> [ReplicaID] {
    try await read { session in
      try HubIdentityHistory(session: session).family(of: replica).filter {
        try session.firstRow("SELECT 1 FROM hub_device WHERE replica = ?1 AND revoked_ms IS NULL", [.blob($0.bytes)]) != nil
      }
    }
  }

  /// Answers a store that shows a code in place of its identity's signature.
  ///
  /// - Parameters:
  ///   - wire: The request; its signature by `key` was checked.
  ///   - source: See `HubRequest.source`.
  func replace(_ wire: WireSuccession, key: VerifyingKey, predecessor: ReplicaID, from source: String?) async throws -> Data {
    guard wire.common.count <= WireLimits.successionPlacesMax, wire.common.allSatisfy({ $0.number < 1 << 62 && $0.hash.count == 32 }) else {
      throw ByteReader.short
    }
    let hash = Data(wire.code.utf8).sha256
    try await refuseUnknown(code: hash, from: source)
    let (signing, keys, now, clock) = (keys.signing, keys, clock.nowMs(), clock)
    let result = try await store.write { session -> (scope: String, certificate: Data)? in
      guard let row = try session.firstRow("SELECT scope, read_scopes, replica FROM hub_code WHERE hash = ?1", [.blob(hash)]),
        let scope = row[0].text, let readScopes = row[1].text
      else { return nil }
      guard let word = try ReplacingCodes(session: session).word(hash) else { throw Self.codeOfEmptyStore(predecessor, scope: scope) }
      guard row[2].blob != predecessor.bytes else {
        throw SyncError(
          .badRequest, vi: "Thiết bị này đã dùng mã này rồi và đi tiếp dưới tên \(predecessor.short); chạy field sync.",
          en: "This device has used this code already and goes on as \(predecessor.short); run field sync.")
      }
      guard word.replaced == predecessor else {
        throw SyncError(
          .badRequest,
          vi: "Mã này dành cho kho của thiết bị \(word.replaced.short), còn kho này là của \(predecessor.short); xin đúng mã.",
          en: "This code is for the store of device \(word.replaced.short), and this is that of \(predecessor.short); ask for its own.")
      }
      let lineage = HubIdentityHistory(session: session)
      if let user = row[2].blob {
        guard user == key.replica.bytes,
          let certificate = try session.firstRow("SELECT certificate FROM hub_device WHERE replica = ?1", [.blob(user)])?[0].blob
        else {
          throw SyncError(
            .codeUsed, vi: "Mã này đã được một thiết bị khác dùng; xin mã mới.", en: "Another device has used this code; ask for a new one."
          )
        }
        return (scope, certificate)
      }
      try CodeEnds(session: session).check(hash, nowMs: now)
      guard let old = try HubDevice.all(in: session, where: "replica = ?1", [.blob(predecessor.bytes)]).first else {
        throw HubDevice.unknownError
      }
      guard old.scope == scope, try HubDevice.all(in: session, where: "replica = ?1", [.blob(key.replica.bytes)]).isEmpty else {
        throw ByteReader.short
      }
      let common = try HubChain(session: session, lineage: lineage).lastHeld(of: wire.common, replica: predecessor, scope: scope)
      let revoked = try Self.revoke(predecessor, keys: keys, nowMs: now, in: session)
      let certificate = try Self.register(
        key, scope: scope, readScopes: readScopes.split(separator: "\n").map(String.init), label: old.label, now: now, signing: signing,
        after: (predecessor, [scope: (common.number, common.hash)]), replaces: true, in: session)
      try lineage.record(
        HubIdentityHistory.Base(predecessor: predecessor, number: common.number, hash: common.hash), replica: key.replica, scope: scope)
      try session.execute("UPDATE hub_code SET replica = ?2 WHERE hash = ?1", [.blob(hash), .blob(key.replica.bytes)])
      let act = try IntendedAct("devices replace", subject: predecessor.description, by: word.by, reason: word.reason)
      try ActRecorder(act, clock: clock).note(
        before: ["revoked": "\(old.revokedMs != nil)"],
        after: [
          "revoked": revoked.isEmpty ? "true" : revoked.map(\.short).joined(separator: ", "), "goes on as": key.replica.description,
          "after batch": "\(common.number)",
        ], in: session)
      return (scope, certificate)
    }
    guard let result else { throw Self.wrongCode }
    // Merges what waits since the revocation and is known to be the store's own.
    let (tables, observer) = (store.tables, options.observer)
    var isLeft = true
    while isLeft {
      isLeft = try await store.write { session in
        let ingest = Ingest(session: session, tables: tables, key: signing, wallMs: now, observer: observer)
        let isAny = try RevokedBatches(ingest: ingest).takeVouched(of: predecessor, scope: result.scope)
        try ingest.finish()
        return isAny
      }
    }
    return try await enrolResponse(
      to: key.replica, scope: result.scope, certificate: result.certificate, sealedTo: wire.sealKey
    ).serializedData()
  }

  private static func codeOfEmptyStore(_ replica: ReplicaID, scope: String) -> SyncError {
    SyncError(
      .badRequest,
      vi:
        "Thiết bị này đã ghi danh (\(replica.short)) và mã này dành cho máy mới; nếu máy mất khóa hay bị thu hồi nhầm, xin tỉnh mã riêng: hub enroll \(scope) --replaces \(replica.short)",
      en:
        "This device is already enrolled (\(replica.short)), and this code is for a new one; if its key is gone or it was revoked by mistake, ask for its own code: hub enroll \(scope) --replaces \(replica.short)"
    )
  }
}

extension HubChain {
  /// Returns the last batch that both a store and the hub have, with all batches before it. The batch may be merged, or wait for a
  /// decision since its device was revoked.
  ///
  /// - Parameter places: Batches of the store. The hash of a batch vouches for all before it.
  /// - Returns: Number 0 and no hash when there is none.
  func lastHeld(of places: [WireChainPlace], replica: ReplicaID, scope: String) throws -> (number: UInt64, hash: Data) {
    for place in places.sorted(by: { $0.number > $1.number }) where place.number > 0 && place.scope.utf8.elementsEqual(scope.utf8) {
      let before = try before(place.number + 1, previous: place.hash, replica: replica, scope: scope)
      guard before.hash == place.hash else { continue }
      if before.isMerged { return (place.number, place.hash) }
      if try isLinked(place, replica: replica, scope: scope) { return (place.number, place.hash) }
    }
    return (0, Data())
  }

  /// Returns whether an undecided batch continues, batch by batch, from a merged one or from the beginning.
  func isLinked(_ place: WireChainPlace, replica: ReplicaID, scope: String) throws -> Bool {
    var (number, hash) = (place.number, place.hash)
    while number > 0 {
      let author = try lineage.author(of: number, replica: replica, scope: scope)
      guard
        let row = try session.firstRow(
          "SELECT state, bytes FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3 AND hash = ?4",
          [.text(scope), .blob(author.bytes), .integer(Int64(clamping: number)), .blob(hash)])
      else {
        let found = try before(number + 1, previous: hash, replica: replica, scope: scope)
        return found.hash == hash && found.isMerged
      }
      if row[0].integer == BatchState.merged { return true }
      guard row[0].integer == Int64(BatchState.undecided), let bytes = row[1].blob else { return false }
      hash = try BatchCodec.reopen(SealedBatch(bytes: bytes)).previous
      number -= 1
    }
    return hash.isEmpty
  }
}

extension RevokedBatches {
  /// Merges some of the held batches of a revoked identity that another one replaced. The successor's certificate names the last of
  /// them, and hashes lead from there to the ones before. A restored hub gets them again from the device.
  ///
  /// - Returns: Whether there was any.
  func takeVouched(of replica: ReplicaID, scope: String) throws -> Bool {
    let session = ingest.session
    let lineage = HubIdentityHistory(session: session)
    var isAny = false
    for member in try lineage.family(of: replica) {
      guard let device = try HubDevice.all(in: session, where: "replica = ?1", [.blob(member.bytes)]).first, device.isReplacement,
        let base = try lineage.base(of: member, scope: scope), base.number > 0
      else { continue }
      var place = WireChainPlace()
      (place.scope, place.number, place.hash) = (scope, base.number, base.hash)
      let chain = HubChain(session: session, lineage: lineage)
      let held = try chain.before(base.number + 1, previous: base.hash, replica: base.predecessor, scope: scope)
      guard held.hash == base.hash, !held.isMerged, try chain.isLinked(place, replica: base.predecessor, scope: scope) else { continue }
      for (author, end) in try lineage.line(of: base.predecessor, scope: scope).sorted(by: { $0.value < $1.value }) {
        if try mergeSome(of: author, through: min(end, base.number)) > 0 { isAny = true }
      }
    }
    return isAny
  }
}
