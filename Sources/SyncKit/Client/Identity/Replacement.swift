internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Replacement of a device's identity on an operator's word: its key is gone, or it was revoked by mistake (docs/adr/0043).
///
/// The store keeps its rows. `Outbox.reseal` seals again what the hub does not have, one batch for one, as after a fork. An
/// interruption is harmless: the new key is saved before the hub is told, and the hub gives the same certificate to the same key
/// again.
extension Replica {
  /// Newest batches named to the hub; of older ones ever fewer are named.
  private static let placesNewest: UInt64 = 256

  /// Takes a new identity for this store with a code that was made for it. Repeating the call with the same code gives the same
  /// identity.
  ///
  /// - Returns: Notice of what was done; saved already.
  /// - Throws: `SyncError` `.wrongCode`, `.codeUsed`, `.badRequest` when the code is not for this store, or an error of the
  ///   transport; the store is unchanged then.
  func replaceIdentity(code: String, through transport: any Transport) async throws -> SyncNotice {
    let old = try await presentIdentity()
    let hub = try await hubKey()
    let new = try await keyForReplacement(of: old)
    let request = try await replacementRequest(code: code, old: old, new: new)
    let answer: HubResponse
    do {
      answer = try await transport.exchangeUnproved(HubRequest("POST", "/v1/succession", body: request))
    } catch let error as SyncError where error.code == .unknownReplica {
      // Shows the certificates: a hub restored to before this device's enrolment registers the device again from them.
      for certificate in try await certificates() {
        _ = try await transport.exchangeUnproved(HubRequest("PUT", "/v1/certificate", body: certificate))
      }
      answer = try await transport.exchangeUnproved(HubRequest("POST", "/v1/succession", body: request))
    }
    let response = try WireEnrolResponse.parse(answer.body, named: LocalizedText(vi: "trả lời ghi danh", en: "enrolment answer"))
    let certificate = try Self.checked(response, by: hub, for: new)
    guard try await follows(certificate, old) else { throw Self.badEnrolmentFile }
    let info = try WireHubInfo.parse(response.hubInfo.body, named: LocalizedText(vi: "thông tin máy chủ", en: "hub information"))
    guard var secrets = try loadedSecrets() else { throw Self.notEnrolled }
    (secrets.unitKeyID, secrets.unitKey) = try Self.unitKey(in: response, certificate, hub: hub.replica, for: new)
    try keyStore.save(secrets)
    try steps.reached(.secretsSaved)
    let notice = try await becomeSuccessor(
      certificate, signed: try response.certificate.serializedData(), of: old,
      oldKey: secrets.signingKey.replica == old ? secrets.signingKey : nil, new: new, hubTimeMs: info.hubTimeMs
    ) { resealed in
      LocalizedText(
        vi:
          "Tỉnh cho máy này danh tính mới \(new.replica.short) thay cho \(old.short): những gì tỉnh chưa có đi dưới tên mới, \(resealed) gói đã được đóng lại; không mất gì.",
        en:
          "The hub gave this device the new identity \(new.replica.short) in place of \(old.short): what the hub does not have goes under it, \(resealed) batches were sealed anew; nothing is lost."
      )
    }
    // Begins to use the key that the certificate names.
    _ = try self.secrets()
    try steps.reached(.secretsSaved)
    try loadDropKeys()
    return notice
  }

  /// Returns the certificates of this store's identities, oldest first.
  func certificates() async throws -> [Data] {
    try await engineRead { transaction in
      let past = try transaction.session.rows("SELECT certificate FROM sync_identity ORDER BY seq").compactMap { $0[0].blob }
      return past + [try transaction.state.value("certificate").blob].compactMap { $0 }
    }
  }

  /// Returns the store's identity, whatever became of its key.
  func presentIdentity() async throws -> ReplicaID {
    guard let enrolment = try await enrolment() else { throw Self.notEnrolled }
    return enrolment.replica
  }

  /// Returns the next identity's key, saved before the hub is told. A key file that cannot be used, or is another device's, is
  /// moved to another name.
  func keyForReplacement(of old: ReplicaID) async throws -> SigningKey {
    var kept: ReplicaSecrets?
    do { kept = try secrets() } catch let error as SyncError where error.code == .keyUnusable {}
    if var kept, kept.signingKey.replica == old {
      if let next = kept.nextKey { return next }
      let new = keyStore.makeKey()
      kept.nextKey = new
      try keyStore.save(kept)
      try steps.reached(.secretsSaved)
      return new
    }
    // Continues an attempt that was interrupted.
    if let kept, kept.isPrepared { return kept.signingKey }
    try keyStore.setAside()
    let new = keyStore.makeKey()
    try keyStore.save(ReplicaSecrets(signingKey: new, nextKey: new))
    try steps.reached(.secretsSaved)
    return new
  }

  /// Returns a request for a new identity.
  ///
  /// - Parameter code: Code as a person typed it.
  func replacementRequest(code: String, old: ReplicaID, new: SigningKey) async throws -> Data {
    let places = try await engineRead { transaction in
      let rows = try transaction.session.rows(
        """
        SELECT scope, number, hash FROM sync_outbox o WHERE scope = (SELECT code FROM sync_scope WHERE writable = 1)
        ORDER BY number DESC
        """)
      let newest = UInt64(max(0, rows.first?[1].integer ?? 0))
      return rows.compactMap { row -> WireChainPlace? in
        guard let scope = row[0].text, let number = row[1].integer.map({ UInt64(max(0, $0)) }), let hash = row[2].blob,
          Self.isNamed(newest - number)
        else { return nil }
        var place = WireChainPlace()
        (place.scope, place.number, place.hash) = (scope, number, hash)
        return place
      }
    }
    var wire = WireSuccession()
    wire.predecessor = old.bytes
    wire.publicKey = new.publicKey
    wire.common = places
    wire.sealKey = try BundleKey.devicePublic(new)
    wire.code = Self.typed(code)
    var request = WireSuccessionRequest()
    request.body = try wire.serializedData()
    request.newSignature = try new.sign(request.body, as: .succession)
    return try request.serializedData()
  }

  /// Returns whether a batch so many numbers behind the newest is named to the hub.
  private static func isNamed(_ distance: UInt64) -> Bool {
    distance < placesNewest || distance & (distance - 1) == 0
  }
}
