internal import Crypto
internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
internal import SyncCore
internal import SyncStore

/// Import of bundles into a hub, which also writes the answers. One value serves one import, in one task.
final class BundleIntake {
  /// Parcel that is being read, and the device that its answers go to.
  private final class Sender {
    let parcel: Parcel
    var mark: DeliveryDigest
    /// New key of a device that asks for its enrolment.
    var newKey: VerifyingKey?
    /// True when the hub has heard nothing from the device since this parcel was written.
    var isNewest = false
    var replica: ReplicaID?
    var returnKey: Data?
    /// Answers kept until the device's state says where they go.
    var early: [(SectionKind, Data)] = []
    var earlyBytes = 0

    init(_ parcel: Parcel) {
      self.parcel = parcel
      mark = DeliveryDigest(parcel)
    }
  }

  private let hub: Hub
  private let options: Hub.BundleOptions
  private let key: Curve25519.KeyAgreement.PrivateKey
  /// Writer of the answers; nil when nobody wants answers.
  private let returns: ReturnWriter?
  private var report = BundleReport()
  /// Bytes and changes read so far, for which the bundle's bringer is charged.
  private(set) var text = BroughtText()
  private var devices: [ReplicaID: BundleReport.Device] = [:]
  private var known: [ReplicaID: HubDevice] = [:]
  private var file = BundleReport.File(path: "")
  private var senders: [Data: Sender] = [:]
  private var marks: [Data] = []
  private var wholes = DeliveryDigests()
  /// Newest state of each device that may get an answer.
  private var states: [ReplicaID: WireDeviceState] = [:]
  private let blobs: BlobIntake
  /// Batches that waited for an earlier one when they were read.
  private var waiting: [(hash: Data, replica: ReplicaID, number: UInt64, carrier: ReplicaID?)] = []

  /// Bytes of answers kept for a parcel whose state has not been read yet.
  private static let earlyBytesMax = 4 << 20
  /// Devices in one import.
  private static let devicesMax = 100_000

  init(hub: Hub, options: Hub.BundleOptions) throws {
    self.hub = hub
    self.options = options
    blobs = BlobIntake(hub: hub)
    key = try hub.bundleKey()
    returns = try options.returnPath.map { try ReturnWriter($0, hub: hub, options: options) }
  }

  // MARK: One file

  func take(_ path: String, onProgress: (Int) -> Void) async throws {
    file = BundleReport.File(path: path)
    senders = [:]
    defer { report.files.append(file) }
    let reader: BundleReader
    do {
      reader = try BundleReader(path)
    } catch let error as SyncError {
      file.isRefused = true
      file.note(error.explanation)
      return
    }
    file.bytes = reader.size
    while let item = try reader.next() {
      try Task.checkCancellation()
      switch item {
      case .damage(let text, let parcel):
        file.note(text)
        if let from = parcel.flatMap({ senders[$0.tag]?.replica ?? ReplicaID(bytes: $0.wire.from) }) {
          try await count(from) { $0.damaged += 1 }
        }
      case .parcel(let parcel): begin(parcel, in: reader)
      case .section(let section, let body):
        guard let parcel = section.parcel, let sender = senders[parcel.tag] else { continue }
        sender.mark.add(section.head)
        wholes.add(section.head, of: parcel)
        await Task.yield()
        try await take(section, body, from: sender)
      }
      onProgress(reader.offset)
    }
    file.sections = reader.sections
    marks += senders.values.map(\.mark.value)
  }

  private func begin(_ parcel: Parcel, in reader: BundleReader) {
    guard senders[parcel.tag] == nil else { return }
    let own = hub.replica.bytes
    guard parcel.wire.hub.isEmpty || parcel.wire.hub == own else {
      file.others += 1
      return file.note(
        LocalizedText(
          vi: "Có phần gửi cho một máy chủ khác (\(parcel.wire.hub.hex.prefix(8))), không nhận.",
          en: "A part of it is for another hub (\(parcel.wire.hub.hex.prefix(8))) and is not taken."))
    }
    guard parcel.wire.from != own, parcel.wire.to.isEmpty || parcel.wire.to == own else {
      file.others += 1
      return
    }
    do {
      let sender = Sender(try parcel.opened(with: key))
      reader.use(sender.parcel)
      // Takes the state from another part of the device's bundle, because this part came without one.
      if let from = ReplicaID(bytes: parcel.wire.from), let state = states[from] {
        (sender.replica, sender.returnKey) = (from, state.returnKey)
      }
      senders[parcel.tag] = sender
    } catch let error as SyncError {
      file.note(error.explanation)
    } catch {}
  }

  private func take(_ section: BundleReader.Section, _ body: Data, from sender: Sender) async throws {
    let plain: Data
    do {
      plain = try sender.parcel.open(body, kind: section.head.kind, index: section.head.index)
    } catch let error as SyncError {
      return file.note(error.explanation)
    }
    guard let kind = section.kind else {
      file.unknown += 1
      return
    }
    if kind != .blob { text.add(plain) }
    do {
      switch kind {
      case .state: try await takeState(plain, from: sender)
      case .certificate: try await hub.relearn(plain)
      case .enrolment: try await enrol(plain, for: sender)
      case .succession: try await succeed(plain, for: sender)
      case .page: try await takeBack(plain, from: sender)
      case .batch: try await take(SealedBatch(bytes: plain), from: sender)
      case .packets: try await takePackets(plain, from: sender)
      case .blob: try await takeBlob(plain, from: sender)
      case .agreement: try await takeAgreement(plain, from: sender)
      default: file.unknown += 1
      }
    } catch let error as SyncError {
      guard !error.isTheHubs else { throw error }
      refuse(error, of: sender.replica ?? ReplicaID(bytes: sender.parcel.wire.from))
    }
  }

  // MARK: Kinds

  private func takeState(_ body: Data, from sender: Sender) async throws {
    let name = LocalizedText(vi: "tình trạng thiết bị", en: "device's state")
    let signed = try WireSigned.parse(body, named: name)
    let claimed = try WireDeviceState.parse(signed.body, named: name)
    guard claimed.format == 1, let key = VerifyingKey(rawRepresentation: claimed.publicKey), claimed.returnKey.count == 32,
      claimed.cursor.count <= WireLimits.cursorBytesMax, claimed.hub.isEmpty || claimed.hub == hub.replica.bytes
    else { throw ByteReader.short }
    _ = try key.open(body, as: .device)
    let device = try await device(key.replica)
    guard device != nil || sender.newKey == key else { throw HubDevice.unknownError }
    (sender.replica, sender.returnKey) = (key.replica, claimed.returnKey)
    try await count(key.replica) { _ in }
    if let device {
      if let other = states[key.replica], other.writtenMs > claimed.writtenMs { return try flush(sender) }
      states[key.replica] = claimed
      sender.isNewest = (device.contactMs ?? 0) <= claimed.writtenMs
      if device.revokedMs == nil {
        try await hub.noteContact(
          device, skewMs: nil, backlog: Int(clamping: min(claimed.backlog, 1_000_000_000)),
          packets: Int(clamping: min(claimed.packets, 1_000_000_000)))
      }
    }
    try flush(sender)
  }

  private func enrol(_ body: Data, for sender: Sender) async throws {
    let request = try WireEnrolRequest.parse(body, named: LocalizedText(vi: "yêu cầu ghi danh", en: "enrolment request"))
    guard let key = VerifyingKey(rawRepresentation: request.publicKey),
      key.verifies(request.proof, over: Data(request.code.utf8), as: .enrol)
    else { throw ByteReader.short }
    sender.newKey = key
    let isNew = try await hub.device(key.replica) == nil
    let answer = try await answered { try await self.hub.enroll(body) }
    try reply(sender, .enrolmentAnswer, about: key.rawRepresentation, answer)
    if case .failure(let error) = answer { return refuse(error, of: key.replica) }
    known[key.replica] = nil
    try await count(key.replica) { $0.isNewlyEnrolled = isNew || $0.isNewlyEnrolled }
  }

  private func succeed(_ body: Data, for sender: Sender) async throws {
    let name = LocalizedText(vi: "yêu cầu đổi danh tính", en: "succession request")
    let wire = try WireSuccession.parse(try WireSuccessionRequest.parse(body, named: name).body, named: name)
    // Sends the answer to the new key, because the device's old key is gone.
    if !wire.code.isEmpty { sender.newKey = VerifyingKey(rawRepresentation: wire.publicKey) }
    let answer = try await answered { try await self.hub.succeed(body) }
    try reply(sender, .successionAnswer, about: wire.publicKey, answer)
    if case .success = answer, let key = sender.newKey {
      known[key.replica] = nil
      try await count(key.replica) { $0.isNewlyEnrolled = true }
    }
    // Reports no fork: a device asks about several batches at once, and those that do not fit concern nobody.
    if case .failure(let error) = answer, error.code != .fork { refuse(error, of: ReplicaID(bytes: wire.predecessor)) }
  }

  private func takeBack(_ body: Data, from sender: Sender) async throws {
    let bytes = try await hub.takeBack(body, from: sender.replica)
    try reply(sender, .pageAnswer, about: body.sha256, .success(bytes))
    let signed = try WireSigned(serializedBytes: bytes)
    let units = Int(try WirePageReturn(serializedBytes: signed.body).units)
    if let replica = sender.replica, units > 0 { try await count(replica) { $0.unitsBack += units } }
  }

  private func take(_ batch: SealedBatch, from sender: Sender) async throws {
    let claimed = try BatchCodec.claim(of: batch)
    let wasKnown = try await hub.read { session in
      try session.firstRow("SELECT 1 FROM hub_batch WHERE hash = ?1", [.blob(batch.hash)]) != nil
    }
    let answer = try await answered { try await self.hub.ingest(batch) }
    try reply(sender, .receiptAnswer, about: batch.hash, answer)
    switch answer {
    case .failure(let error): refuse(error, of: claimed.replica)
    case .success(let bytes):
      let receipt = try Self.receipt(bytes)
      if receipt.state == .refused {
        let why = BatchRefusal.Reason(rawValue: receipt.reason)?.explanation ?? BatchRefusal.Reason.form.explanation
        return refuse(
          SyncError(
            .badRequest, vi: "Gói số \(receipt.number): \(why.vi); tỉnh giữ lại và báo cho thiết bị.",
            en: "Batch \(receipt.number): \(why.en); the hub keeps it and tells its device."), of: claimed.replica)
      }
      if !wasKnown { text.changes += Int(receipt.changes) }
      if receipt.state == .waiting { waiting.append((batch.hash, claimed.replica, claimed.number, sender.replica)) }
      try await count(claimed.replica) { Self.count(receipt, wasKnown: wasKnown, in: &$0) }
    }
  }

  private static func receipt(_ bytes: Data) throws -> WireReceipt {
    try WireReceipt(serializedBytes: try WireSigned(serializedBytes: bytes).body)
  }

  private static func count(_ receipt: WireReceipt, wasKnown: Bool, in device: inout BundleReport.Device) {
    switch receipt.state {
    case .waiting: device.waiting += 1
    case .undecided: device.undecided += 1
    default:
      guard !wasKnown else {
        device.duplicate += 1
        return
      }
      device.new += 1
      device.changes += Int(receipt.changes)
      device.held += Int(receipt.heldChanges)
      device.conflicting += receipt.conflicting.count
    }
  }

  private func takePackets(_ body: Data, from sender: Sender) async throws {
    let name = LocalizedText(vi: "phiếu kín", en: "packets")
    let wire = try WireBundlePackets.parse(body, named: name)
    guard wire.requests.count <= WireLimits.packetsMax, body.count <= WireLimits.dropBytesMax + (64 << 10) else { throw ByteReader.short }
    for (request, answer) in zip(wire.requests, try await hub.keepEach(wire.requests, scope: wire.scope)) {
      try reply(sender, .dropAnswer, about: request.sha256, answer.result)
      guard let replica = sender.replica ?? ReplicaID(bytes: sender.parcel.wire.from) else { continue }
      switch answer {
      case .kept: try await count(replica) { $0.packets += 1 }
      case .late: try await count(replica) { $0.packetsLate += 1 }
      case .refused(let error): refuse(error, of: replica)
      }
    }
  }

  /// Stores a piece of a blob. The sender need only be known: the hash proves the content, and a row must refer to it.
  private func takeBlob(_ body: Data, from sender: Sender) async throws {
    guard let replica = sender.replica ?? ReplicaID(bytes: sender.parcel.wire.from), let device = try await device(replica) else {
      throw HubDevice.unknownError
    }
    try await blobs.take(body, from: device)
  }

  /// Records a device's report on its comparison with this hub. A report from before the last contact is out of date: the device
  /// sends a new one.
  private func takeAgreement(_ body: Data, from sender: Sender) async throws {
    guard sender.isNewest, let replica = sender.replica, let device = try await device(replica), device.revokedMs == nil else { return }
    guard let key = VerifyingKey(rawRepresentation: states[replica]?.publicKey ?? Data()) else { throw ByteReader.short }
    let report = try key.open(body, as: .comparison)
    try reply(sender, .agreementAnswer, about: report.sha256, .success(try await hub.takeAgreement(report, from: device)))
  }

  // MARK: Counting

  private func device(_ replica: ReplicaID) async throws -> HubDevice? {
    if let device = known[replica] { return device }
    let device = try await hub.device(replica)
    if known.count < Self.devicesMax { known[replica] = device }
    return device
  }

  private func count(_ replica: ReplicaID, _ body: (inout BundleReport.Device) -> Void) async throws {
    let device = try await device(replica)
    var entry = devices[replica] ?? BundleReport.Device(replica: replica)
    (entry.label, entry.scope) = (device?.label ?? entry.label, device?.scope ?? entry.scope)
    body(&entry)
    if devices.count < Self.devicesMax || devices[replica] != nil { devices[replica] = entry }
  }

  private func refuse(_ error: SyncError, of replica: ReplicaID?) {
    guard let replica else { return file.note(error.explanation) }
    var entry = devices[replica] ?? BundleReport.Device(replica: replica)
    entry.refused += 1
    if entry.problems.count < BundleReport.damageListedMax, !entry.problems.contains(error.explanation) {
      entry.problems.append(error.explanation)
    }
    if devices.count < Self.devicesMax || devices[replica] != nil { devices[replica] = entry }
  }

  // MARK: Answers

  private func answered(_ body: () async throws -> Data) async throws -> Result<Data, SyncError> {
    do { return .success(try await body()) } catch let error as SyncError {
      guard !error.isTheHubs else { throw error }
      return .failure(error)
    }
  }

  private func reply(_ sender: Sender, _ kind: SectionKind, about: Data, _ result: Result<Data, SyncError>) throws {
    guard let returns else { return }
    let body = try ReturnWriter.answer(about: about, result)
    guard sender.returnKey == nil else { return try write(kind, body, to: sender, in: returns) }
    guard sender.earlyBytes + body.count <= Self.earlyBytesMax else { return }
    sender.early.append((kind, body))
    sender.earlyBytes += body.count
  }

  private func flush(_ sender: Sender) throws {
    let early = sender.early
    (sender.early, sender.earlyBytes) = ([], 0)
    guard let returns else { return }
    for (kind, body) in early { try write(kind, body, to: sender, in: returns) }
  }

  private func write(_ kind: SectionKind, _ body: Data, to sender: Sender, in returns: ReturnWriter) throws {
    guard let replica = sender.replica, let key = sender.returnKey else { return }
    try returns.add(kind, body, to: replica, key: key)
    devices[replica]?.isAnswered = true
  }

  // MARK: The end

  func finish() async throws -> BundleReport {
    try await askAgain()
    for (replica, error) in try await blobs.settle() { refuse(error, of: replica) }
    for (sent, outcome) in blobs.outcomes {
      try await count(sent.replica) {
        switch outcome {
        case .new: $0.blobs += 1
        case .had: $0.blobsDuplicate += 1
        case .incomplete: $0.blobsWaiting += 1
        }
      }
    }
    if let returns {
      for (replica, state) in states.sorted(by: { $0.key < $1.key }) {
        guard let device = try await hub.device(replica) else { continue }
        let blobs = device.revokedMs == nil ? try await blobs.answers(to: device, asked: state.blobs) : []
        try await returns.addFeed(for: device, at: state, blobs: blobs)
        try await count(replica) { $0.isAnswered = true }
      }
      report.returns = try returns.finish(delivered: Set(marks + wholes.values).sorted { $0.lexicographicallyPrecedes($1) })
    }
    report.devices = devices.values.sorted { ($0.scope, $0.label, $0.replica) < ($1.scope, $1.label, $1.replica) }
    return report
  }

  /// Asks again for the receipts of waiting batches, which may be merged by now.
  private func askAgain() async throws {
    for (hash, replica, _, carrier) in waiting.sorted(by: { ($0.replica, $0.number) < ($1.replica, $1.number) }) {
      guard let bytes = try await hub.read({ try $0.firstRow("SELECT bytes FROM hub_batch WHERE hash = ?1", [.blob(hash)])?[0].blob }),
        case .success(let answer) = try await answered({ try await self.hub.ingest(SealedBatch(bytes: bytes)) })
      else { continue }
      let receipt = try Self.receipt(answer)
      guard receipt.state == .merged else { continue }
      try await count(replica) {
        $0.waiting -= 1
        Self.count(receipt, wasKnown: false, in: &$0)
      }
      guard let returns, let carrier, let state = states[carrier] else { continue }
      try returns.add(.receiptAnswer, try ReturnWriter.answer(about: hash, .success(answer)), to: carrier, key: state.returnKey)
    }
  }
}
