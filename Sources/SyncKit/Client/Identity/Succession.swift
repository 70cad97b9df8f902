internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Change of identity of a device that was copied, or restored from an old copy (L8).
///
/// The order of steps makes every interruption harmless. The new key is saved before the hub is told, and the hub gives the same
/// certificate to the same key again. One transaction of the database then installs the certificate, the batches that were sealed
/// again, and the rows' new versions. The certificate tells which key is in use (`Replica.secrets`).
extension Replica {
  /// Tries of one change of identity, each with an earlier last common batch, as the hub asks.
  private static let triesMax = 100

  /// Takes a new identity because the hub has another batch `number` of this one's.
  ///
  /// - Returns: Notice of what was done.
  /// - Throws: `SyncError`, such as `.revoked`; the device keeps its identity, and nothing is lost.
  func takeIdentity(scope: String, number: UInt64, through transport: any Transport, hubTimeMs: UInt64) async throws -> SyncNotice {
    var secrets = try secrets()
    let old = secrets.signingKey
    let hub = try await hubKey()
    var common = number > 0 ? number - 1 : 0
    for _ in 0..<Self.triesMax {
      let new = secrets.nextKey ?? keyStore.makeKey()
      if secrets.nextKey == nil {
        secrets.nextKey = new
        try keyStore.save(secrets)
        try steps.reached(.secretsSaved)
      }
      do {
        let request = try await successionRequest(from: old, to: new, scope: scope, common: common)
        let answer = try await transport.exchange(HubRequest("POST", "/v1/succession", body: request))
        let response = try WireEnrolResponse.parse(answer.body, named: LocalizedText(vi: "trả lời ghi danh", en: "enrolment answer"))
        let certificate = try Self.checked(response, by: hub, for: new)
        guard try await follows(certificate, old.replica) else {
          // Drops the next key of an attempt that is unknown to this database, which was put back from an older copy.
          secrets.nextKey = nil
          continue
        }
        let notice = try await becomeSuccessor(
          certificate, signed: try response.certificate.serializedData(), of: old.replica, oldKey: old, new: new, hubTimeMs: hubTimeMs
        ) { resealed in
          LocalizedText(
            vi:
              "Máy này từng bị sao chép hoặc được khôi phục từ bản cũ: máy đổi danh tính \(old.replica.short) thành \(new.replica.short),"
              + " gửi lại \(resealed) gói dưới tên mới; không mất gì.",
            en:
              "This device was copied, or restored from an old copy: it took the new identity \(new.replica.short) in place of"
              + " \(old.replica.short) and sends \(resealed) batches under it; nothing is lost."
          )
        }
        _ = try self.secrets()
        try steps.reached(.secretsSaved)
        return notice
      } catch let error as SyncError where error.code == .fork && (error.expected ?? 0) > 0 && (error.expected ?? 0) <= common {
        common = (error.expected ?? 1) - 1
      }
    }
    throw SyncError.fork(number, scope: scope)
  }

  /// Returns whether a certificate makes its identity the successor of this one, from a batch that this store has too.
  func follows(_ certificate: WireCertificate, _ old: ReplicaID) async throws -> Bool {
    guard certificate.predecessor == old.bytes else { return false }
    return try await engineRead { transaction in
      try certificate.common.allSatisfy { try transaction.outbox.hash(scope: $0.scope, number: $0.number) ?? Data() == $0.hash }
    }
  }

  func successionRequest(from old: SigningKey, to new: SigningKey, scope: String, common: UInt64) async throws -> Data {
    let place = try await engineRead { transaction in
      let outbox = transaction.outbox
      var place = WireChainPlace()
      place.scope = scope
      place.number = min(common, try outbox.lastNumber(scope: scope))
      place.hash = try outbox.hash(scope: scope, number: place.number) ?? Data()
      place.next = try outbox.hash(scope: scope, number: place.number + 1) ?? Data()
      return place
    }
    var wire = WireSuccession()
    wire.predecessor = old.replica.bytes
    wire.publicKey = new.publicKey
    wire.common = [place]
    wire.sealKey = try BundleKey.devicePublic(new)
    var request = WireSuccessionRequest()
    request.body = try wire.serializedData()
    request.oldSignature = try old.sign(request.body, as: .succession)
    request.newSignature = try new.sign(request.body, as: .succession)
    return try request.serializedData()
  }

  /// Makes a certificate's identity this store's, and seals again what the old chain has after the last common batch.
  ///
  /// - Parameters:
  ///   - oldKey: Key of the old identity; nil when it is gone, and then the new key seals what is pending.
  ///   - explanation: Returns the notice's text for the number of batches sealed again.
  func becomeSuccessor(
    _ certificate: WireCertificate, signed: Data, of old: ReplicaID, oldKey: SigningKey?, new: SigningKey, hubTimeMs: UInt64,
    explanation: @Sendable @escaping (_ resealed: Int) -> LocalizedText
  ) async throws -> SyncNotice {
    let ends = Dictionary(certificate.common.map { ($0.scope, $0.number) }, uniquingKeysWith: min)
    return try await engineWrite { [self] transaction in
      // Seals what is pending under the old identity, which wrote it: a page may have shown the fork before the changes were
      // sealed.
      if let oldKey { _ = try seal(in: transaction, key: oldKey) }
      let lineage = try IdentityHistory.load(current: old, in: transaction.session)
      // Fetches the feed again when it acknowledged batches after the fork: a restored hub merged this device's batch as well as
      // its copy's. Under the old identity those units are another's from now on.
      let isPassed = try transaction.outbox.isAcknowledged(after: ends)
      let (resealed, forgotten) = try capture.suspended {
        try transaction.outbox.reseal(after: ends, lineage: lineage, key: new, rows: transaction.rows)
      }
      guard let retired = try transaction.state.value("certificate").blob else { throw Self.notEnrolled }
      if isPassed { try PageApplier.beginAnew(in: transaction.session) }
      try lineage.retire(certificate: retired, ends: ends, in: transaction.session)
      try transaction.state.set("certificate", .blob(signed))
      try transaction.session.execute("DELETE FROM sync_state WHERE name = ?1", [.text(Self.replaceCode)])
      if oldKey == nil { _ = try seal(in: transaction, key: new) }
      let order = FieldOrder(clock: try transaction.state.clock)
      let recovery = Recovery(
        rows: transaction.rows, outbox: transaction.outbox, key: new,
        lineage: try IdentityHistory.load(current: new.replica, in: transaction.session),
        order: order)
      for (scope, authors) in forgotten.sorted(by: { $0.key < $1.key }) { try recovery.recover(scope: scope, of: authors) }
      try transaction.state.save(order.clock)
      let notice = SyncNotice(kind: .newIdentity, atMs: hubTimeMs, explanation: explanation(resealed))
      try notice.save(in: transaction.session)
      return notice
    }
  }
}

extension Outbox {
  /// Returns the newest number sealed in a scope; 0 before the first.
  func lastNumber(scope: String) throws -> UInt64 {
    UInt64(max(0, try session.integer("SELECT max(number) FROM sync_outbox WHERE scope = ?1", [.text(scope)]) ?? 0))
  }

  /// Returns whether the feed acknowledged, in any incarnation of the hub, a batch after the last common one of its scope.
  fileprivate func isAcknowledged(after ends: [String: UInt64]) throws -> Bool {
    try session.rows("SELECT scope, max(number) FROM sync_ack GROUP BY scope").contains { row in
      guard let scope = row[0].text, let number = row[1].integer else { return false }
      return UInt64(max(0, number)) > ends[scope] ?? 0
    }
  }

  /// Seals every batch after the last common one of its scope again under `key`, one for one: same units, stamps and cursor, and
  /// the same number unless an earlier batch is no longer here. Rows that carry the old versions get the new ones.
  ///
  /// - Parameter ends: Last common number by scope; 0 for a scope that is missing.
  /// - Returns: How many batches were sealed again, and by scope the authors of those whose bytes are gone.
  func reseal(
    after ends: [String: UInt64], lineage: IdentityHistory, key: SigningKey, rows: RowStore
  ) throws -> (count: Int, forgotten: [String: Set<ReplicaID>]) {
    var count = 0
    var forgotten: [String: Set<ReplicaID>] = [:]
    var last: [String: UInt64] = ends
    for row in try session.rows("SELECT scope, number FROM sync_outbox ORDER BY scope, number") {
      guard let scope = row[0].text, let number = row[1].integer.map({ UInt64(max(0, $0)) }), number > ends[scope] ?? 0 else { continue }
      let place: [CellValue] = [.text(scope), .integer(Int64(clamping: number))]
      let author = lineage.author(scope: scope, number: number)
      guard var content = try content(scope: scope, number: number) else {
        try forget(scope: scope, number: number)
        forgotten[scope, default: []].insert(author)
        continue
      }
      let stamps = try Acknowledgements(session: session).stamps(of: content)
      for (index, unit) in content.units.enumerated() {
        let new = Version(unit.stamp, key.replica)
        let old = Set(stamps.carried(index).map { Version($0, author) })
        try rows.move(unit.changes, from: old, to: new, born: new, scope: scope)
      }
      content.replica = key.replica
      content.recovery?.gone.removeAll { $0.number > ends[scope] ?? 0 }
      content.number = (last[scope] ?? 0) + 1
      content.previous = try hash(scope: scope, number: content.number - 1) ?? Data()
      let batch = try BatchCodec.seal(content, with: key)
      try session.execute(
        """
        UPDATE sync_outbox SET number = ?3, hash = ?4, bytes = ?5, received = 0, held = 0, acknowledged = 0, receipt = NULL
        WHERE scope = ?1 AND number = ?2
        """, place + [.integer(Int64(clamping: content.number)), .blob(batch.hash), .blob(batch.bytes)])
      try session.execute("DELETE FROM sync_ack WHERE scope = ?1 AND number = ?2", place)
      last[scope] = content.number
      count += 1
    }
    return (count, forgotten)
  }

  /// Takes a batch without bytes out of the chain. The hub had merged it, so it stays counted as merged.
  private func forget(scope: String, number: UInt64) throws {
    let place: [CellValue] = [.text(scope), .integer(Int64(clamping: number))]
    let changes = try session.integer("SELECT changes FROM sync_outbox WHERE scope = ?1 AND number = ?2", place) ?? 0
    try StateStore(session: session).add("changesForgotten", Int(changes))
    for table in ["sync_outbox", "sync_ack"] { try session.execute("DELETE FROM \(table) WHERE scope = ?1 AND number = ?2", place) }
  }
}
