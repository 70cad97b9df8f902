public import Foundation
internal import GRDB
internal import SwiftProtobuf
public import SyncCore
internal import SyncStore

/// Enrolment of a replica at its hub.
public struct Enrolment: Sendable, Hashable {
  public var replica: ReplicaID
  public var hub: ReplicaID
  public var label: String
  /// Scope that the device writes.
  public var writeScope: String
  /// Scopes that the device reads, widest first; the last is `writeScope`.
  public var readScopes: [String]
  /// Address of the hub from the enrolment; empty when there was none.
  public var hubAddress: String
}

extension Replica {
  /// Returns this device's enrolment; nil before it.
  public func enrolment() async throws -> Enrolment? {
    try await engineRead { transaction in
      guard let certificate = try transaction.state.value("certificate").blob, let key = try transaction.state.value("hubKey").blob,
        let hub = VerifyingKey(rawRepresentation: key)
      else { return nil }
      let body = try hub.open(certificate, as: .certificate)
      let wire = try WireCertificate.parse(body, named: LocalizedText(vi: "chứng nhận", en: "certificate"))
      return Enrolment(
        replica: ReplicaID(publicKey: wire.publicKey), hub: hub.replica, label: wire.label, writeScope: wire.writeScope,
        readScopes: wire.readScopes, hubAddress: try transaction.state.value("hubAddress").text ?? "")
    }
  }

  /// Stores the address of the hub.
  public func setHubAddress(_ address: String) async throws {
    try await engineWrite { try $0.state.set("hubAddress", .text(address)) }
  }

  /// Stores the address of `transport`, or the one to which it leads, after the answer there proved to be of this device's hub.
  ///
  /// - Returns: The address.
  /// - Throws: `SyncError`, `.wrongHub` for another hub; the address stays as it was then.
  public func moveHub(to transport: any Transport) async throws -> String {
    let driver = SyncDriver(replica: self, transport: transport, options: SyncOptions())
    _ = try await driver.perform(.greet)
    try await setHubAddress(driver.address)
    return driver.address
  }

  /// Enrols with a code over `transport`, and stores its address. Repeating the call with the same code after a lost answer gives
  /// the same enrolment.
  ///
  /// An enrolled store takes a new identity, if the code was made for it: its key is gone, or it was revoked by mistake.
  ///
  /// - Throws: `SyncError` `.wrongCode`, `.codeUsed`, or an error of the transport; the store is unchanged then.
  public func enroll(code: String, label: String, through transport: any Transport) async throws {
    if try await enrolment() != nil {
      _ = try await replaceIdentity(code: code, through: transport)
      return
    }
    let secrets = try keyStore.load() ?? ReplicaSecrets()
    try keyStore.save(secrets)
    try steps.reached(.secretsSaved)
    let request = try Self.enrolRequest(code: code, label: label, key: secrets.signingKey)
    let answer = try await transport.exchangeUnproved(HubRequest("POST", "/v1/enroll", body: request))
    let response = try WireEnrolResponse.parse(answer.body, named: LocalizedText(vi: "trả lời ghi danh", en: "enrolment answer"))
    try await accept(response, secrets: secrets, address: transport.address)
  }

  /// Returns a typed code in the hub's spelling.
  static func typed(_ code: String) -> String { code.uppercased().filter { !$0.isWhitespace && $0 != "-" } }

  /// Returns a request for enrolment.
  ///
  /// - Parameter code: Code as a person typed it.
  static func enrolRequest(code: String, label: String, key: SigningKey) throws -> Data {
    guard label.utf8.count <= WireLimits.nameBytesMax else {
      throw SyncError(
        .badRequest, vi: "Tên thiết bị dài quá \(WireLimits.nameBytesMax) byte; hãy rút ngắn.",
        en: "The device's label is longer than \(WireLimits.nameBytesMax) bytes; shorten it.")
    }
    let code = typed(code)
    var request = WireEnrolRequest()
    request.code = code
    request.publicKey = key.publicKey
    request.label = label
    request.proof = try key.sign(Data(code.utf8), as: .enrol)
    request.sealKey = try BundleKey.devicePublic(key)
    request.sealProof = try key.sign(request.sealKey, as: .seal)
    return try request.serializedData()
  }

  /// Enrols from a file that the hub made for this device: key, certificate, and the data to begin with.
  public func enroll(file: Data) async throws {
    if try await enrolment() != nil { throw Self.alreadyEnrolled }
    guard file.count <= WireLimits.pageBytesMax else { throw Self.badEnrolmentFile }
    let wire = try WireEnrolmentFile.parse(file, named: LocalizedText(vi: "tệp ghi danh", en: "enrolment file"))
    guard wire.format == 1, let key = SigningKey(rawRepresentation: wire.privateKey) else { throw Self.badEnrolmentFile }
    try await accept(
      wire.response, secrets: ReplicaSecrets(signingKey: key), address: wire.hubAddress, isFile: true)
    let hub = try await hubKey()
    for page in wire.snapshotPages {
      let content = try SnapshotCodec.open(try page.serializedData(), hub: hub)
      let (cursor, place) = try await engineRead { transaction in
        (try transaction.state.value("cursor").blob ?? Data(), try SnapshotCursor(session: transaction.session).next(scope: content.scope))
      }
      _ = try await apply(content, after: cursor, place: place)
    }
    for page in wire.pages {
      let bytes = try page.serializedData()
      _ = try await apply(try PageCodec.open(bytes, hub: hub), bytes: bytes)
    }
  }

  /// Stores an enrolment.
  ///
  /// - Parameter isFile: True when the answer is from a file of unknown age: its hub time is used only against a clock that is
  ///   behind it.
  func accept(_ response: WireEnrolResponse, secrets: ReplicaSecrets, address: String, isFile: Bool = false) async throws {
    let info = try WireHubInfo.parse(response.hubInfo.body, named: LocalizedText(vi: "thông tin máy chủ", en: "hub information"))
    guard let hub = VerifyingKey(rawRepresentation: info.publicKey) else { throw Self.badEnrolmentFile }
    let certificate = try Self.checked(response, by: hub, for: secrets.signingKey)
    let certificateBytes = try response.certificate.serializedData()
    var secrets = secrets
    (secrets.unitKeyID, secrets.unitKey) = try Self.unitKey(in: response, certificate, hub: hub.replica, for: secrets.signingKey)
    try keyStore.save(secrets)
    try steps.reached(.secretsSaved)
    let measured = Int64(clamping: info.hubTimeMs) - Int64(clamping: clock.nowMs())
    let offset = isFile ? max(0, measured) : measured
    let reading = ClockReading(clock)
    try await engineWrite { transaction in
      let state = transaction.state
      try state.set("certificate", .blob(certificateBytes))
      try state.set("hub", .blob(hub.replica.bytes))
      try state.set("hubKey", .blob(hub.rawRepresentation))
      try DropKeys.remember(info, in: state)
      if info.bundleKey.count == 32 { try state.set("bundleKey", .blob(info.bundleKey)) }
      try state.set("incarnation", .blob(info.incarnation))
      try state.set("offsetMs", .integer(offset))
      if let reading { try reading.store(in: state) }
      if !address.isEmpty { try state.set("hubAddress", .text(address)) }
      for scope in certificate.readScopes {
        try transaction.session.execute(
          "INSERT INTO sync_scope (code, writable) VALUES (?1, ?2) ON CONFLICT (code) DO UPDATE SET writable = excluded.writable",
          [.text(scope), .integer(scope == certificate.writeScope ? 1 : 0)])
      }
    }
    try loadDropKeys()
  }

  /// Returns the certificate in an answer to enrolment, after checking that both parts are this hub's and that it names the key.
  static func checked(_ response: WireEnrolResponse, by hub: VerifyingKey, for key: SigningKey) throws -> WireCertificate {
    let info = try WireHubInfo.parse(
      try hub.open(try response.hubInfo.serializedData(), as: .hubInfo),
      named: LocalizedText(vi: "thông tin máy chủ", en: "hub information"))
    let certificate = try WireCertificate.parse(
      try hub.open(try response.certificate.serializedData(), as: .certificate), named: LocalizedText(vi: "chứng nhận", en: "certificate"))
    guard hub.replica.bytes == info.hub, response.hasSealedUnitKey || response.unitKey.count == 32,
      certificate.publicKey == key.publicKey, !certificate.writeScope.isEmpty
    else { throw badEnrolmentFile }
    return certificate
  }

  /// Returns the unit key in an answer to enrolment. The key is encrypted to the device, or readable: from a hub of an earlier
  /// program, and in an enrolment file, which is secret as a whole.
  static func unitKey(
    in response: WireEnrolResponse, _ certificate: WireCertificate, hub: ReplicaID, for key: SigningKey
  ) throws -> (UnitKeyID, Data) {
    guard response.hasSealedUnitKey else { return (.first, response.unitKey) }
    return try UnitKeySeal.open(response.sealedUnitKey, hub: hub, scope: certificate.writeScope, with: key)
  }

  func hubKey() async throws -> VerifyingKey {
    guard let bytes = try await engineRead({ try $0.state.value("hubKey").blob }), let key = VerifyingKey(rawRepresentation: bytes) else {
      throw Self.notEnrolled
    }
    return key
  }

  /// Gives the packet-making function its keys, if there are any yet.
  func loadDropKeys() throws {
    let dropKeys = try database.read { db in try DropKeys.remembered(in: StateStore(session: SQLiteSession(db: db))) }
    guard let dropKeys, let unitKey = try loadedSecrets()?.unitKey else { return }
    dropBox.set(DropBoxContext.Keys(dropKeys: dropKeys, unitKey: unitKey))
  }

  static var alreadyEnrolled: SyncError {
    SyncError(.badRequest, vi: "Thiết bị này đã ghi danh rồi.", en: "This device is already enrolled.")
  }

  static var badEnrolmentFile: SyncError {
    SyncError(
      .damaged, vi: "Thông tin ghi danh bị hỏng hoặc không dành cho thiết bị này; xin cấp lại ở tỉnh.",
      en: "The enrolment is damaged or not for this device; ask the hub for a new one.")
  }
}
