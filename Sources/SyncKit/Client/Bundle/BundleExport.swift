internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
internal import SyncCore
internal import SyncStore

public struct BundleExportOptions: Sendable {
  /// Largest part in bytes, at least `BundleLimits.partBytesMin`: for chats that take no large attachment. Nil writes one file.
  public var partBytesMax: Int?
  /// True to write the bundle unencrypted: whoever holds it can then read all but its packets.
  public var isPlain = false
  /// True to leave attachments for another time: the file stays small.
  public var withoutBlobs = false

  public init() {}
}

/// Content of a written bundle.
public struct BundleExport: Sendable, Hashable, Codable {
  /// Paths of the file, or of its parts in order.
  public var paths: [String] = []
  public var batches = 0
  public var changes = 0
  public var packets = 0
  /// Attachments, and their bytes.
  public var blobs = 0
  public var blobBytes = 0
  /// Attachments that were left out by request.
  public var blobsLeft = 0
  /// Pages given back to a restored hub.
  public var pages = 0
  /// Parcels of other devices that were passed on.
  public var carried = 0
  public var bytes = 0
  public var isEncrypted = false
  /// True when the bundle asks for this device's enrolment, and holds nothing else of it.
  public var isEnrolment = false
}

extension Replica {
  /// Stores a code, so that the next bundle asks for enrolment with it: for a device without a network.
  ///
  /// The device is enrolled once a return bundle with the answer was imported. For an enrolled store see
  /// `enroll(code:label:through:)`.
  public func requestEnrolment(code: String, label: String) async throws {
    if let enrolment = try await enrolment() {
      _ = try await keyForReplacement(of: enrolment.replica)
      return try await engineWrite { try $0.state.set(Self.replaceCode, .text(code)) }
    }
    try keyStore.save(try loadedSecrets() ?? ReplicaSecrets())
    try steps.reached(.secretsSaved)
    try await engineWrite { transaction in
      try transaction.state.set("enrolCode", .text(code))
      try transaction.state.set("enrolLabel", .text(label))
    }
  }

  /// Writes everything that the hub does not have yet into a bundle: the same bytes that HTTP would send. Nothing changes here. The
  /// content counts as sent once a receipt has come back, by whatever way.
  ///
  /// - Parameters:
  ///   - path: Path of the bundle. An older bundle of that name is replaced, another file is not.
  ///   - courier: Collected parcels of other devices, which go along.
  /// - Throws: `SyncError`; no file is left at `path` then.
  public func exportBundle(
    to path: String, options: BundleExportOptions = BundleExportOptions(), courier: Courier? = nil
  ) async throws -> BundleExport {
    let plan = try await bundlePlan()
    guard plan.isEnrolment || options.isPlain || plan.hubBundleKey != nil else {
      throw SyncError(
        .badRequest,
        vi: "Máy này chưa biết khóa của tỉnh để mã hóa; đồng bộ hoặc nhập bọc trả lời một lần, hay dùng --plain (ai cũng đọc được).",
        en:
          "This device does not know the hub's key to encrypt to yet; sync or import one return bundle, or use --plain (anybody can read it)."
      )
    }
    let recipient = options.isPlain ? nil : plan.hubBundleKey
    let writer = try BundleWriter(
      path, partBytesMax: options.partBytesMax ?? BundleLimits.bytesMax, owners: try await ownIdentities(with: plan.key.replica))
    var export = BundleExport(isEncrypted: recipient != nil, isEnrolment: plan.isEnrolment)
    let parcel = try Parcel.begin(
      hub: plan.hub, from: plan.key.replica.bytes, to: plan.hub, recipient: recipient, writtenMs: plan.state.writtenMs)
    writer.begin(parcel)
    for certificate in plan.certificates { try writer.add(.certificate, certificate, isRepeated: true) }
    if let request = plan.enrolment { try writer.add(.enrolment, request, isRepeated: true) }
    if let request = plan.replacement { try writer.add(.succession, request, isRepeated: true) }
    let state = try plan.key.sealed(try plan.state.serializedData(), as: .device)
    try writer.add(.state, state, isRepeated: true)
    for request in plan.successions { try writer.add(.succession, request) }
    if !plan.isEnrolment, let report = try await agreementToSay() {
      try writer.add(.agreement, try plan.key.sealed(report, as: .comparison))
    }
    try await writePages(plan, to: writer, &export)
    for entry in plan.batches {
      try Task.checkCancellation()
      guard let bytes = try await engineRead({ try $0.outbox.bytes(of: entry.entry) }), !bytes.isEmpty else { continue }
      try writer.add(.batch, bytes)
      export.batches += 1
      export.changes += entry.changes
    }
    if !plan.isEnrolment {
      try await renewPackets()
      try await writePackets(to: writer, &export)
    }
    if let courier { export.carried = try courier.pass(to: writer) }
    if !plan.isEnrolment { try await writeBlobs(to: writer, options, &export) }
    export.paths = try writer.finish()
    export.bytes = writer.bytesWritten
    return export
  }

  /// Names under which this device has written bundles.
  private func ownIdentities(with present: ReplicaID) async throws -> Set<Data> {
    let known = try await enrolment()?.replica.bytes
    let past = try await engineRead { try $0.session.rows("SELECT replica FROM sync_identity").compactMap { $0[0].blob } }
    return Set(past + [present.bytes, known].compactMap(\.self))
  }

  /// Content about a bundle's device, from one snapshot.
  private struct BundlePlan: Sendable {
    var key: SigningKey
    var hub = Data()
    var hubBundleKey: Data?
    var state = WireDeviceState()
    var certificates: [Data] = []
    var enrolment: Data?
    /// Request for another identity of this store, with a code.
    var replacement: Data?
    var successions: [Data] = []
    var batches: [(entry: OutboxEntry, changes: Int)] = []
    /// Incarnation of the hub to which pages are given back, and the scopes of which it lost something.
    var life: (incarnation: Data, lost: Set<String>)?
    /// True when the hub may have been restored without knowing it: the newest pages prove it.
    var proves = false

    var isEnrolment: Bool { enrolment != nil || replacement != nil }
  }

  private func bundlePlan() async throws -> BundlePlan {
    guard let enrolment = try await enrolment() else { return try await enrolmentPlan() }
    if let code = try await engineRead({ try $0.state.value(Self.replaceCode).text }) {
      return try await replacementPlan(code, of: enrolment.replica)
    }
    try await seal()
    let secrets = try secrets()
    let key = secrets.signingKey
    let (now, returnKey) = (clock.nowMs(), try BundleKey.devicePublic(key))
    let fork = try await engineRead { try BundleFork(stored: $0.state.value("bundleFork").text) }
    let unconfirmed = try await blobsToConfirm(limit: WireLimits.blobsPerQuestionMax)
    var plan = try await engineRead { transaction in
      var plan = BundlePlan(key: key)
      let (session, state) = (transaction.session, transaction.state)
      plan.hub = try state.value("hub").blob ?? Data()
      plan.hubBundleKey = try state.value("bundleKey").blob
      let past = try session.rows("SELECT certificate FROM sync_identity ORDER BY seq").compactMap { $0[0].blob }
      plan.certificates = past + [try state.value("certificate").blob].compactMap { $0 }
      if let life = try state.value("bundleLife").blob.map({ try WireLife(serializedBytes: try WireSigned(serializedBytes: $0).body) }) {
        plan.life = (life.incarnation, Set(life.lost))
      }
      plan.proves = try state.integer("bundleProve") == 1 || state.value("placeForgotten") != .null
      let known = plan.life == nil ? "received <> 1" : "1"
      plan.batches = try session.rows(
        "SELECT scope, number, hash, length(bytes), changes FROM sync_outbox WHERE length(bytes) > 0 AND \(known) ORDER BY seq"
      ).compactMap { row in
        guard let scope = row[0].text, let number = row[1].integer, let hash = row[2].blob, let size = row[3].integer else { return nil }
        return (OutboxEntry(scope: scope, number: UInt64(number), hash: hash, byteCount: Int(size)), Int(row[4].integer ?? 0))
      }
      let status = try ReplicaStatus(in: session)
      plan.state = try Self.deviceState(of: key, returnKey: returnKey, state: state, nowMs: now)
      plan.state.unitKey = secrets.unitKeyID.bytes
      plan.state.backlog = UInt64(clamping: status.pendingChanges + status.sealedChanges)
      plan.state.packets = UInt64(clamping: status.packetsWaiting)
      plan.state.blobs = unconfirmed.reduce(into: Data()) { $0 += $1.bytes }
      plan.state.snapshots = try session.rows("SELECT code FROM sync_scope").compactMap { row in
        guard let scope = row[0].text, case let next = try SnapshotCursor(session: session).next(scope: scope), !next.isEmpty else {
          return nil
        }
        var place = WireSnapshotState()
        (place.scope, place.next) = (scope, next)
        return place
      }
      return plan
    }
    if let fork, let next = secrets.nextKey {
      for common in fork.candidates {
        plan.successions.append(try await successionRequest(from: key, to: next, scope: fork.scope, common: common))
      }
    }
    return plan
  }

  private func enrolmentPlan() async throws -> BundlePlan {
    let (code, label) = try await engineRead { (try $0.state.value("enrolCode").text, try $0.state.value("enrolLabel").text ?? "") }
    guard let code, let key = try loadedSecrets()?.signingKey else { throw Self.notEnrolled }
    var plan = BundlePlan(key: key)
    plan.enrolment = try Self.enrolRequest(code: code, label: label, key: key)
    let returnKey = try BundleKey.devicePublic(key)
    plan.state = try await engineRead { [clock] in
      try Self.deviceState(of: key, returnKey: returnKey, state: $0.state, nowMs: clock.nowMs())
    }
    return plan
  }

  /// State key of the code that is to give the store another identity.
  static let replaceCode = "replaceCode"

  private func replacementPlan(_ code: String, of old: ReplicaID) async throws -> BundlePlan {
    let key = try await keyForReplacement(of: old)
    var plan = BundlePlan(key: key)
    plan.replacement = try await replacementRequest(code: code, old: old, new: key)
    plan.certificates = try await certificates()
    let returnKey = try BundleKey.devicePublic(key)
    (plan.hub, plan.hubBundleKey, plan.state) = try await engineRead { [clock] transaction in
      let state = transaction.state
      let wire = try Self.deviceState(of: key, returnKey: returnKey, state: state, nowMs: clock.nowMs())
      return (wire.hub, try state.value("bundleKey").blob, wire)
    }
    return plan
  }

  private static func deviceState(of key: SigningKey, returnKey: Data, state: StateStore, nowMs: UInt64) throws -> WireDeviceState {
    var wire = WireDeviceState()
    wire.format = 1
    wire.hub = try state.value("hub").blob ?? Data()
    wire.publicKey = key.publicKey
    wire.returnKey = returnKey
    wire.cursor = try state.value("cursor").blob ?? Data()
    wire.incarnation = try state.value("incarnation").blob ?? Data()
    wire.writtenMs = UInt64(max(0, Int64(clamping: nowMs).addingReportingOverflow(try state.integer("offsetMs")).partialValue))
    return wire
  }

  private func writePages(_ plan: BundlePlan, to writer: BundleWriter, _ export: inout BundleExport) async throws {
    if plan.proves {
      for page in try await engineRead({ try KeptPages(session: $0.session).newest() }) { try writer.add(.page, page.bytes) }
    }
    guard let life = plan.life else { return }
    var seq: Int64 = 0
    while let page = try await engineRead({ [seq] in
      try KeptPages(session: $0.session).next(after: seq, for: life.incarnation, lost: life.lost)
    }) {
      try writer.add(.page, page.bytes)
      export.pages += 1
      seq = page.seq
    }
  }

  /// Writes attachments, after all texts, also those of other devices.
  private func writeBlobs(to writer: BundleWriter, _ options: BundleExportOptions, _ export: inout BundleExport) async throws {
    // Limits a piece to half a part, so that parts are filled and none exceeds its limit.
    let pieceMax = min(BundleLimits.blobPieceBytesMax, ((options.partBytesMax ?? .max) - (4 << 10)) / 2)
    var after: BlobID?
    while true {
      let ids = try await blobsToConfirm(after: after, limit: WireLimits.blobsPerQuestionMax)
      guard let last = ids.last else { return }
      for id in ids {
        try Task.checkCancellation()
        guard let size = blobs.byteCount(id) else { continue }
        guard !options.withoutBlobs else {
          export.blobsLeft += 1
          continue
        }
        var wire = WireBundleBlob()
        (wire.id, wire.size) = (id.bytes, UInt64(size))
        var offset = 0
        while offset < size, let piece = try blobs.read(id, from: offset, count: pieceMax), !piece.isEmpty {
          (wire.offset, wire.piece) = (UInt64(offset), piece)
          try writer.add(.blob, try wire.serializedData())
          offset += piece.count
        }
        export.blobs += 1
        export.blobBytes += size
      }
      after = last
    }
  }

  /// Writes each packet as a request of its own, so that its answer does not depend on what else was collected meanwhile.
  private func writePackets(to writer: BundleWriter, _ export: inout BundleExport) async throws {
    for scope in try await engineRead({ try $0.session.rows("SELECT DISTINCT scope FROM sync_packet WHERE kept = 0") }).compactMap({
      $0[0].text
    }) {
      var last = Data()
      while true {
        let rows = try await engineRead { [last] in
          try $0.session.rows(
            "SELECT id, bytes FROM sync_packet WHERE kept = 0 AND scope = ?1 AND id > ?2 ORDER BY id LIMIT \(BundlePackets.perSection)",
            [.text(scope), .blob(last)])
        }
        guard let end = rows.last?[0].blob else { break }
        var wire = WireBundlePackets()
        wire.scope = scope
        wire.requests = try rows.compactMap { try $0[1].blob.map(BundlePackets.request) }
        try writer.add(.packets, try wire.serializedData())
        export.packets += rows.count
        last = end
      }
    }
  }
}

/// Sections with packets.
enum BundlePackets {
  /// Packets in one section.
  static let perSection = 100

  /// Returns a request with a single packet.
  static func request(_ packet: Data) throws -> Data {
    var request = WireDropRequest()
    request.packets = [try WirePacket.parse(packet, named: LocalizedText(vi: "phiếu kín", en: "packet"))]
    return try request.serializedData()
  }
}

/// Fork of this device's chain, reported in a bundle: the next bundle asks for a new identity.
struct BundleFork: Hashable {
  var scope: String
  /// Number of which the hub has another batch.
  var number: UInt64

  /// Last common batches proposed in one bundle: with only one, a batch that the hub lacks would cost another journey.
  private static let candidatesMax: UInt64 = 8

  var candidates: [UInt64] {
    let highest = number > 0 ? number - 1 : 0
    return (0..<min(Self.candidatesMax, highest + 1)).map { highest - $0 }
  }

  var stored: String { "\(number) \(scope)" }

  init(scope: String, number: UInt64) {
    self.scope = scope
    self.number = number
  }

  init?(stored text: String?) {
    guard let parts = text?.split(separator: " ", maxSplits: 1), parts.count == 2, let number = UInt64(parts[0]) else { return nil }
    self.init(scope: String(parts[1]), number: number)
  }
}
