public import Foundation
internal import SwiftProtobuf
public import SyncCore
internal import SyncStore

/// Device as its hub knows it.
public struct HubDevice: Sendable, Hashable {
  public var replica: ReplicaID
  public var label: String
  /// Scope that the device writes.
  public var scope: String
  public var readScopes: [String]
  public var enrolledMs: UInt64
  public var revokedMs: UInt64?
  /// Hub time of the device's last signed call; nil when the device never called.
  public var contactMs: UInt64?
  /// Device's clock minus hub time in milliseconds, as the device measured it.
  public var skewMs: Int64?
  /// Changes that the hub did not have, by the device's last call.
  public var backlog: Int?
  /// Packets that were waiting on the device, by its last call.
  public var packets: Int?
  /// Identity that this one succeeded: the device was copied, or restored from an old copy (L8).
  public var predecessor: ReplicaID?
  /// True when the device was registered again from its certificate after a restore, and no operator has checked whether it had
  /// been revoked.
  public var isToBeConfirmed = false
  /// True when an operator let the device take its predecessor's place, with the predecessor's store.
  public var isReplacement = false
  let key: VerifyingKey

  static var unknownError: SyncError {
    SyncError(
      .unknownReplica, vi: "Máy chủ không biết thiết bị này; ghi danh lại với tỉnh. Dữ liệu trên máy còn nguyên.",
      en: "The hub does not know this device; enrol it again. What is on it is intact.")
  }

  static var revokedError: SyncError {
    SyncError(
      .revoked, vi: "Thiết bị này đã bị tỉnh thu hồi quyền. Dữ liệu trên máy còn nguyên; liên hệ tỉnh.",
      en: "The hub has revoked this device. What is on it is intact; contact the hub's operator.")
  }
}

extension Hub {
  /// Characters of enrolment codes: no 0, O, 1 or I.
  static let codeAlphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
  /// Characters in a code: 50 bits.
  public static let codeLength = 10

  /// Makes an enrolment code for one device of a scope, valid once. Only its hash is kept.
  ///
  /// - Parameter readScopes: Scopes that the device may read, widest first; the last is `scope`.
  public func makeCode(scope: String, readScopes: [String]) async throws -> String {
    try await makeCodes([(scope, readScopes)])[0]
  }

  /// Makes one code for each scope, in one transaction, in order.
  public func makeCodes(_ scopes: [(scope: String, readScopes: [String])]) async throws -> [String] {
    let made = scopes.map { _ in String((0..<Self.codeLength).map { _ in Self.codeAlphabet.randomElement() ?? "A" }) }
    let now = clock.nowMs()
    try await store.write { session in
      for (code, target) in zip(made, scopes) {
        try session.execute(
          "INSERT INTO hub_code (hash, scope, read_scopes, made_ms) VALUES (?1, ?2, ?3, ?4)",
          [
            .blob(Data(code.utf8).sha256), .text(target.scope), .text(target.readScopes.joined(separator: "\n")),
            .integer(Int64(clamping: now)),
          ])
      }
    }
    return made
  }

  /// Returns how many codes are unused and can still be used.
  public func unusedCodes() async throws -> Int {
    let now = clock.nowMs()
    return try await store.read { session in
      Int(
        clamping: try session.integer(
          """
          SELECT count(*) FROM hub_code c LEFT JOIN hub_code_end e ON e.hash = c.hash
          WHERE c.replica IS NULL AND (e.ends_ms IS NULL OR e.ends_ms > ?1)
          """, [.integer(Int64(clamping: now))]) ?? 0)
    }
  }

  /// Enrols a device.
  ///
  /// - Parameter source: See `HubRequest.source`.
  func enroll(_ body: Data, from source: String? = nil) async throws -> Data {
    let request = try WireEnrolRequest.parse(body, named: LocalizedText(vi: "yêu cầu ghi danh", en: "enrolment request"))
    guard let key = VerifyingKey(rawRepresentation: request.publicKey), request.label.utf8.count <= WireLimits.nameBytesMax,
      key.verifies(request.proof, over: Data(request.code.utf8), as: .enrol),
      request.sealKey.isEmpty || key.verifies(request.sealProof, over: request.sealKey, as: .seal)
    else { throw ByteReader.short }
    let hash = Data(request.code.utf8).sha256
    try await refuseUnknown(code: hash, from: source)
    let now = clock.nowMs()
    let (signing, label) = (keys.signing, request.label)
    let result = try await store.write { session -> (scope: String, certificate: Data)? in
      guard let row = try session.firstRow("SELECT scope, read_scopes, replica FROM hub_code WHERE hash = ?1", [.blob(hash)]),
        let scope = row[0].text, let readScopes = row[1].text
      else { return nil }
      try ReplacingCodes(session: session).refuse(hash)
      if let user = row[2].blob {
        // Repeats the enrolment when the same device asks again: the answer was lost.
        guard user == key.replica.bytes,
          let known = try session.firstRow("SELECT certificate FROM hub_device WHERE replica = ?1", [.blob(user)]),
          let certificate = known[0].blob
        else {
          throw SyncError(
            .codeUsed, vi: "Mã này đã được một thiết bị khác dùng; xin mã mới.", en: "Another device has used this code; ask for a new one."
          )
        }
        return (scope, certificate)
      }
      try CodeEnds(session: session).check(hash, nowMs: now)
      let certificate = try Self.register(
        key, scope: scope, readScopes: readScopes.split(separator: "\n").map(String.init), label: label, now: now, signing: signing,
        in: session)
      try session.execute("UPDATE hub_code SET replica = ?2 WHERE hash = ?1", [.blob(hash), .blob(key.replica.bytes)])
      return (scope, certificate)
    }
    guard let result else { throw Self.wrongCode }
    return try await enrolResponse(
      to: key.replica, scope: result.scope, certificate: result.certificate, sealedTo: request.sealKey
    ).serializedData()
  }

  /// Refuses an unknown code; the refusal waits when its address sent many unknown codes. The lookup only reads, so wrong codes do
  /// not delay writers.
  func refuseUnknown(code hash: Data, from source: String?) async throws {
    let isKnown = try await store.read { session in try session.firstRow("SELECT 1 FROM hub_code WHERE hash = ?1", [.blob(hash)]) != nil }
    guard !isKnown else { return }
    if let source {
      try await codeGuard.pass(source)
      codeGuard.failed(source)
    }
    throw Self.wrongCode
  }

  static let wrongCode = SyncError(
    .wrongCode, vi: "Mã ghi danh không đúng; kiểm tra lại từng chữ.", en: "The enrolment code is wrong; check each character.")

  /// Returns the answer to an enrolment.
  ///
  /// - Parameter recipient: X25519 public key, 32 bytes, to which the unit key is encrypted. When empty, the unit key is readable:
  ///   for a program that cannot decrypt, and for an enrolment file, which is secret as a whole.
  /// - Throws: `SyncError` `.revoked`: a revoked device that asks again does not learn the present key.
  func enrolResponse(to device: ReplicaID, scope: String, certificate: Data, sealedTo recipient: Data) async throws -> WireEnrolResponse {
    var response = WireEnrolResponse()
    response.certificate = try WireSigned(serializedBytes: certificate)
    response.hubInfo = try WireSigned(serializedBytes: try await info())
    let keys = keys
    let id = try await store.read { session in
      try Self.checkActive(device, in: session)
      return try UnitKeyTable(session: session, keys: keys).present(scope)
    }
    let unitKey = keys.unitKey(scope: scope, id: id)
    if recipient.isEmpty {
      response.unitKey = unitKey
    } else {
      response.sealedUnitKey = try UnitKeySeal.seal(unitKey, id: id, hub: replica, device: device, scope: scope, to: recipient)
    }
    return response
  }

  /// Registers a device, and signs its certificate.
  ///
  /// - Parameters:
  ///   - after: The predecessor, and the last common batch of each scope.
  ///   - replaces: True when an operator revoked the predecessor together with this registration.
  static func register(
    _ key: VerifyingKey, scope: String, readScopes: [String], label: String, now: UInt64, signing: SigningKey,
    after: (predecessor: ReplicaID, common: [String: (number: UInt64, hash: Data)])? = nil, replaces: Bool = false,
    in session: any HubSession
  ) throws -> Data {
    var certificate = WireCertificate()
    certificate.hub = signing.replica.bytes
    certificate.publicKey = key.rawRepresentation
    certificate.writeScope = scope
    certificate.readScopes = readScopes
    certificate.label = label
    certificate.issuedMs = now
    certificate.replaces = replaces
    if let after {
      certificate.predecessor = after.predecessor.bytes
      certificate.common = after.common.sorted { $0.key < $1.key }.map { scope, last in
        var place = WireChainPlace()
        (place.scope, place.number, place.hash) = (scope, last.number, last.hash)
        return place
      }
    }
    let signed = try signing.sealed(try certificate.serializedData(), as: .certificate)
    try session.execute(
      "INSERT INTO hub_device (replica, public_key, label, scope, certificate, enrolled_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      [
        .blob(key.replica.bytes), .blob(key.rawRepresentation), .text(label), .text(scope), .blob(signed), .integer(Int64(clamping: now)),
      ])
    return signed
  }

  /// Makes an enrolment as a file, for a device without a network: its key, its certificate and the feed so far. The file is
  /// secret.
  public func makeEnrolmentFile(scope: String, readScopes: [String], label: String, hubAddress: String) async throws -> Data {
    let device = SigningKey()
    guard let key = VerifyingKey(rawRepresentation: device.publicKey) else { throw ByteReader.short }
    let (signing, now) = (keys.signing, clock.nowMs())
    let certificate = try await store.write { session in
      try Self.register(key, scope: scope, readScopes: readScopes, label: label, now: now, signing: signing, in: session)
    }
    var file = WireEnrolmentFile()
    file.format = 1
    file.privateKey = device.rawRepresentation
    file.response = try await enrolResponse(to: key.replica, scope: scope, certificate: certificate, sealedTo: Data())
    file.hubAddress = hubAddress
    guard let record = try await self.device(key.replica) else { throw ByteReader.short }
    try await addPages(to: &file, for: record)
    return try file.serializedData()
  }

  /// Bytes of all pages in an enrolment file. The device fetches the rest once it has a network.
  static let enrolmentPagesBytesMax = WireLimits.pageBytesMax - WireLimits.controlBytesMax

  /// Adds the device's scopes to the file: those with a long feed as snapshots, then the feed from there on.
  private func addPages(to file: inout WireEnrolmentFile, for device: HubDevice) async throws {
    var inBulk: [String] = []
    while true {
      do {
        (file.snapshotPages, file.pages) = try await pages(for: device, inBulk: inBulk)
        return
      } catch let error as SyncError where error.code == .rebase {
        // Puts snapshots first: the cursor then leads through everything.
        guard let scope = error.scope, !inBulk.contains(scope) else { throw error }
        inBulk.append(scope)
      }
    }
  }

  private func pages(for device: HubDevice, inBulk: [String]) async throws -> (snapshot: [WireSigned], feed: [WireSigned]) {
    var (snapshots, feed): ([WireSigned], [WireSigned]) = ([], [])
    var (cursor, bytesLeft) = (Data(), Self.enrolmentPagesBytesMax)
    for scope in inBulk {
      var place = Data()
      repeat {
        let page = try await snapshot(of: scope, for: device, cursor: cursor, place: place)
        guard page.count <= bytesLeft else { return (snapshots, feed) }
        bytesLeft -= page.count
        let signed = try WireSigned(serializedBytes: page)
        let content = try WireSnapshotPage(serializedBytes: signed.body)
        place = content.next
        if place.isEmpty { cursor = content.cursor }
        snapshots.append(signed)
      } while !place.isEmpty
    }
    while true {
      let page = try await page(for: device, cursor: cursor)
      guard page.count <= bytesLeft else { return (snapshots, feed) }
      bytesLeft -= page.count
      let signed = try WireSigned(serializedBytes: page)
      let content = try WireFeedPage(serializedBytes: signed.body)
      cursor = content.cursor
      feed.append(signed)
      if content.head { return (snapshots, feed) }
    }
  }

  /// Revokes a device, with all its predecessors and successors: whoever has the key of one has, or could have made, the others.
  /// The device's unit gets another key, so that packets under the old key prove nothing any more. What the device sent before
  /// stays.
  ///
  /// - Returns: The identities that were revoked now; none when the device is unknown or was revoked already.
  @discardableResult
  public func revoke(_ replica: ReplicaID) async throws -> [ReplicaID] {
    let (keys, now) = (keys, clock.nowMs())
    return try await store.write { try Self.revoke(replica, keys: keys, nowMs: now, in: $0) }
  }

  static func revoke(_ replica: ReplicaID, keys: HubKeys, nowMs now: UInt64, in session: any HubSession) throws -> [ReplicaID] {
    let revoked = try HubIdentityHistory(session: session).family(of: replica).filter { member in
      try !session.rows(
        "UPDATE hub_device SET revoked_ms = ?2 WHERE replica = ?1 AND revoked_ms IS NULL RETURNING 1",
        [.blob(member.bytes), .integer(Int64(clamping: now))]
      ).isEmpty
    }
    let table = UnitKeyTable(session: session, keys: keys)
    for scope in Set(try revoked.compactMap { try HubDevice.all(in: session, where: "replica = ?1", [.blob($0.bytes)]).first?.scope }) {
      try table.begin(scope, nowMs: now)
    }
    return revoked
  }

  /// Returns every enrolled device, by scope and label.
  public func devices() async throws -> [HubDevice] {
    try await store.read { session in try HubDevice.all(in: session, where: "1 ORDER BY scope, label, replica", []) }
  }

  func device(_ replica: ReplicaID) async throws -> HubDevice? {
    try await store.read { session in try HubDevice.all(in: session, where: "replica = ?1", [.blob(replica.bytes)]).first }
  }

  /// Records what a device reports about itself when it asks for the feed.
  func noteContact(_ device: HubDevice, skewMs: Int64?, backlog: Int?, packets: Int?) async throws {
    let now = clock.nowMs()
    try await store.write { session in
      try session.execute(
        "UPDATE hub_device SET contact_ms = ?2, skew_ms = coalesce(?3, skew_ms), backlog = ?4, packets = ?5 WHERE replica = ?1",
        [
          .blob(device.replica.bytes), .integer(Int64(clamping: now)), skewMs.map { .integer($0) } ?? .null,
          backlog.map { .integer(Int64($0)) } ?? .null, packets.map { .integer(Int64($0)) } ?? .null,
        ])
    }
  }
}

extension HubDevice {
  /// Returns the enrolled devices for which an SQL condition on `hub_device` holds.
  static func all(in session: any HubSession, where condition: String, _ arguments: [CellValue]) throws -> [HubDevice] {
    try session.rows(
      """
      SELECT public_key, label, scope, certificate, enrolled_ms, revoked_ms, contact_ms, skew_ms, backlog, packets,
        EXISTS (SELECT 1 FROM hub_relearned r WHERE r.replica = hub_device.replica AND r.confirmed_ms IS NULL)
      FROM hub_device
      WHERE \(condition)
      """, arguments
    ).compactMap { row in
      guard let bytes = row[0].blob, let key = VerifyingKey(rawRepresentation: bytes), let label = row[1].text, let scope = row[2].text,
        let certificate = row[3].blob.flatMap({ try? WireSigned(serializedBytes: $0) }).flatMap({
          try? WireCertificate(serializedBytes: $0.body)
        })
      else { return nil }
      func ms(_ value: CellValue) -> UInt64? { value.integer.map { UInt64(max(0, $0)) } }
      return HubDevice(
        replica: key.replica, label: label, scope: scope, readScopes: certificate.readScopes, enrolledMs: ms(row[4]) ?? 0,
        revokedMs: ms(row[5]), contactMs: ms(row[6]), skewMs: row[7].integer, backlog: row[8].integer.map { Int($0) },
        packets: row[9].integer.map { Int($0) }, predecessor: ReplicaID(bytes: certificate.predecessor),
        isToBeConfirmed: row[10].integer == 1, isReplacement: certificate.replaces, key: key)
    }
  }
}
