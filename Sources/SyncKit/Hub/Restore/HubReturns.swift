internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Operations by which devices give back to a restored hub what it lost (L11).
extension Hub {
  /// Returns the present incarnation of the store, and the positions of a device's cursor that it does not have, signed.
  func life(for device: HubDevice, cursor bytes: Data) async throws -> Data {
    let cursor = bytes.isEmpty ? WireCursor() : try WireCursor.parse(bytes, named: LocalizedText(vi: "con trỏ", en: "cursor"))
    guard cursor.scopes.count <= WireLimits.tablesMax else { throw ByteReader.short }
    var answer = try await store.read { session in
      let places = CursorTranslator(session: session)
      var answer = WireLife()
      if let present = try IncarnationTable(session: session).all().first {
        (answer.incarnation, answer.startedMs) = (present.incarnation, present.startedMs)
      }
      answer.lost = try cursor.scopes.filter { try !places.isHere($0) }.map(\.scope)
      for scope in device.readScopes {
        for end in try IncarnationTable(session: session).ends(scope: scope) {
          var place = WireLifeEnd()
          (place.scope, place.incarnation, place.position, place.feedHash) = (scope, end.incarnation, end.position, end.hash)
          answer.ends.append(place)
        }
      }
      return answer
    }
    answer.hub = replica.bytes
    answer.reader = device.replica.bytes
    return try keys.signing.sealed(try answer.serializedData(), as: .life)
  }

  /// Accepts a page that this hub signed once, for whichever device, and merges again what the store lost of it. Waits its turn among
  /// the batches.
  ///
  /// - Parameter sender: Device that gives the page back; nil when nobody knows.
  func takeBack(_ body: Data, from sender: ReplicaID? = nil) async throws -> Data {
    guard let own = VerifyingKey(rawRepresentation: keys.signing.publicKey) else { throw ByteReader.short }
    let page = try PageCodec.open(body, hub: own)
    let work: IngestQueue.Work = { ingest in
      let session = ingest.session
      let outcome = try RestoredUnits(transaction: ingest.transaction).take(page)
      try ingest.finish()
      try IncarnationTable(session: session).count(unitsBack: outcome.lost)
      var answer = WirePageReturn()
      answer.incarnation = try IncarnationTable(session: session).present()
      answer.units = UInt32(outcome.lost)
      answer.common = outcome.common
      answer.position = try ingest.order.state(page.scope).position
      return try answer.serializedData()
    }
    let answer = try await queue.run(work, from: sender ?? replica, changes: page.units.count, isAlone: true)
    var signed = try WirePageReturn(serializedBytes: answer)
    signed.hub = replica.bytes
    signed.page = body.sha256
    return try keys.signing.sealed(try signed.serializedData(), as: .pageReturn)
  }

  /// Registers a device again from its certificate, which this hub signed before the store was restored to an earlier state.
  func relearn(_ body: Data) async throws {
    guard let own = VerifyingKey(rawRepresentation: keys.signing.publicKey) else { throw ByteReader.short }
    let wire = try WireCertificate.parse(
      try own.open(body, as: .certificate), named: LocalizedText(vi: "chứng nhận", en: "certificate"))
    guard wire.hub == replica.bytes, let key = VerifyingKey(rawRepresentation: wire.publicKey), wire.common.count <= WireLimits.tablesMax
    else { throw ByteReader.short }
    let now = clock.nowMs()
    try await store.write { session in
      let added = try session.rows(
        """
        INSERT INTO hub_device (replica, public_key, label, scope, certificate, enrolled_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (replica) DO NOTHING RETURNING 1
        """,
        [
          .blob(key.replica.bytes), .blob(key.rawRepresentation), .text(wire.label), .text(wire.writeScope), .blob(body),
          .integer(Int64(clamping: wire.issuedMs)),
        ])
      guard !added.isEmpty else { return }
      try session.execute(
        "INSERT INTO hub_relearned (replica, at_ms) VALUES (?1, ?2) ON CONFLICT (replica) DO NOTHING",
        [.blob(key.replica.bytes), .integer(Int64(clamping: now))])
      let lineage = HubIdentityHistory(session: session)
      if let predecessor = ReplicaID(bytes: wire.predecessor) {
        for place in wire.common {
          try lineage.record(
            HubIdentityHistory.Base(predecessor: predecessor, number: place.number, hash: place.hash), replica: key.replica,
            scope: place.scope)
        }
      }
      if wire.replaces {
        // Revokes the predecessor and stops: a revoked predecessor says nothing about its successor, and the revocation may have
        // been lost.
        try session.execute(
          "UPDATE hub_device SET revoked_ms = ?2 WHERE replica = ?1 AND revoked_ms IS NULL",
          [.blob(wire.predecessor), .integer(Int64(clamping: now))])
        return
      }
      // Revokes the forgotten device when an identity that it succeeded, or that succeeded it, has been revoked since.
      for member in try lineage.family(of: key.replica) {
        guard try session.integer("SELECT revoked_ms FROM hub_device WHERE replica = ?1", [.blob(member.bytes)]) != nil else { continue }
        try session.execute(
          "UPDATE hub_device SET revoked_ms = ?2 WHERE replica = ?1", [.blob(key.replica.bytes), .integer(Int64(clamping: now))])
        return
      }
    }
  }
}
