public import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore
internal import Synchronization

/// Observer of merges, for counts and arrival times. Called in the merge's transaction.
public protocol MergeObserver: Sendable {
  /// Tables to observe; `sync_conflict` may be among them.
  var tables: Set<String> { get }
  /// Called for every replicated row that a device's batch changed.
  ///
  /// - Parameters:
  ///   - isNew: True when the row came to life with this change.
  ///   - hubMs: Hub time in milliseconds when the change arrived; it may have been held since.
  func merged(table: String, key: CellValue, scope: String, isNew: Bool, hubMs: UInt64, in session: any HubSession) throws
  /// Called for every changed row of `tables`, whoever changed it, also the hub itself, once the row stands so. Serves values that
  /// are computed from rows.
  func stands(table: String, key: CellValue, scope: String, in session: any HubSession) throws
  /// Called when devices of a scope have sent a whole blob, or the hub has lost one.
  func holds(_ blob: BlobID, scope: String, isHeld: Bool, in session: any HubSession) throws
  /// Returns whether a cell's value follows from the rest of its row, so that readers compute it. Nobody decides about such a
  /// value, and no conflict opens about it.
  func isDerived(table: String, key: CellValue, column: String, member: String?, in session: any HubSession) throws -> Bool
}

extension MergeObserver {
  public func stands(table: String, key: CellValue, scope: String, in session: any HubSession) throws {}
  public func holds(_ blob: BlobID, scope: String, isHeld: Bool, in session: any HubSession) throws {}
  public func isDerived(table: String, key: CellValue, column: String, member: String?, in session: any HubSession) throws -> Bool { false }
}

/// Hub: journals what devices send, merges it, issues receipts and serves the feed. A hub is itself a replica that writes through
/// the same capture and seal.
///
/// `answer` is the whole protocol; every transport calls it. Safe to use from any task.
public final class Hub: Sendable {
  public struct Options: Sendable {
    /// Greatest age of the hub time in a signed request, in milliseconds of hub time.
    public var requestAgeMsMax: UInt64 = 15 * 60 * 1000
    /// Called inside the transaction, between merging and commit. A rehearsal logs the call, so that it can kill the hub there.
    public var onMerge: (@Sendable (_ scope: String, _ number: UInt64) -> Void)?
    /// Observer that keeps counts of its own in the merge's transaction.
    public var observer: (any MergeObserver)?
    /// Limits of the storage for blobs.
    public var blobs = BlobLimits()
    /// Limits of the text that one device may send in a while; nil for none. A command at the hub's machine sets none: what its
    /// operator imports from a file was chosen by a person, and waits for no other device.
    public var text: TextLimits?
    /// Judges a whole blob before it is kept. A returned reason refuses the blob, whatever its name and hash; a thrown error defers
    /// it.
    public var judgeBlob: (@Sendable (Data) throws -> LocalizedText?)?
    /// Judges the beginning of a blob, at most `BlobStore.startBytesMax`, as soon as some of it is there. A returned reason refuses
    /// the blob.
    public var judgeBlobStart: (@Sendable (Data) -> LocalizedText?)?
    /// Keeps packets in files until the next `flushPackets()`, so that no page or log of the store tells when one came. A server
    /// flushes every `Hub.packetFlushMs`. When false, each arrival is flushed at once.
    public var spoolsPackets = false
    /// Limits `FeedReader.firstUnitsMax` and `SnapshotReader.rowsMax`, smaller in tests.
    var firstUnitsMax = FeedReader.firstUnitsMax
    var snapshotRowsMax = SnapshotReader.rowsMax

    public init() {}
  }

  public let store: any HubStore
  public let clock: any WallClock
  let keyring: Keyring
  /// Keys as their folder has them now.
  var keys: HubKeys { keyring.keys }
  let options: Options
  let receiver: any LotReceiver
  let queue: IngestQueue
  let codeGuard = CodeGuard()
  let pace: DevicePace?
  /// Turn of counting incomplete blobs.
  let blobTurn = TrimTurn()
  /// Turn of counting incomplete bundles.
  let bundleTurn = TrimTurn()
  /// Reason why the last file beside the store could not be written; nil when it could.
  private let fileFailure = Mutex<LocalizedText?>(nil)

  /// Opens a hub over its store, beginning the store's first incarnation if it has none.
  ///
  /// - Parameters:
  ///   - keysFolder: Folder of `keys`, watched for drop keys made and destroyed. Nil: the keys stay as they are.
  ///   - receiver: Receives released anonymous rows; nil writes them into their tables.
  public static func open(
    store: any HubStore, keys: HubKeys, keysFolder: String? = nil, clock: any WallClock = SystemClock(),
    receiver: (any LotReceiver)? = nil, options: Options = Options()
  ) async throws -> Hub {
    let now = clock.nowMs()
    let mark = keysFolder.flatMap { StoreMark(beside: $0) }
    let isCopy = try await store.write { session in
      try StoreOwner.claim(for: keys.signing.replica, in: session)
      try UnitKeyTable(session: session, keys: keys).endEarlierRevocations(nowMs: now)
      let life = IncarnationTable(session: session)
      if try session.firstRow("SELECT 1 FROM hub_incarnation LIMIT 1") == nil { try life.begin(.first, nowMs: now) }
      let isCopy = try BackupLog(session: session).beginLifeOfCopy(nowMs: now)
      // Makes this copy the store that the keys know.
      if isCopy, let mark { _ = try StoreMark.raise(in: session, above: mark.number) }
      return isCopy
    }
    let hub = Hub(
      store: store, keyring: Keyring(keys, folder: keysFolder), clock: clock,
      receiver: receiver ?? PlainLotReceiver(tables: store.tables), options: options)
    try await hub.retryAfterUpgrade()
    // Seals what a migration of the app wrote.
    if try await store.read({ try $0.firstRow("SELECT 1 FROM sync_pending LIMIT 1") }) != nil { try await hub.write { _ in } }
    // Checks the blobs: a backup may have been restored without all of them.
    if isCopy { _ = try await hub.checkBlobs(readsAll: false) }
    return hub
  }

  /// Retries held units, and shows unknown columns, when this program has other tables than the last one.
  private func retryAfterUpgrade() async throws {
    let signature = CellValue.blob(store.tables.signature)
    let known = try await store.read { try StateStore(session: $0).value("tables") }
    guard known != signature else { return }
    try await showAside()
    _ = try await retryHeld()
    try await store.write { try StateStore(session: $0).set("tables", signature) }
  }

  private init(store: any HubStore, keyring: Keyring, clock: any WallClock, receiver: any LotReceiver, options: Options) {
    self.store = store
    self.keyring = keyring
    self.clock = clock
    self.receiver = receiver
    self.options = options
    pace = options.text.map { DevicePace($0) }
    let signing = keyring.keys.signing
    queue = IngestQueue { body in
      try await store.write { session in
        try body(
          Ingest(session: session, tables: store.tables, key: signing, wallMs: clock.nowMs(), observer: options.observer))
      }
    }
  }

  /// Identity of the hub.
  public var replica: ReplicaID { keys.signing.replica }

  /// Duration of this process's longest transaction, its commit included. Nobody else could write meanwhile.
  public var longestWrite: Duration { store.longestWrite }

  /// Reason why this process could not write its last transaction, or its last file of packets or blobs, because of the store or
  /// its disk; nil when it could. A store may go on in the free space of its own files while the disk takes no new file.
  public var writeFailure: LocalizedText? { store.writeFailure ?? fileFailure.withLock { $0 } }

  /// Writes files beside the store, and records whether the disk took them.
  func writingFiles<T>(_ write: () throws -> T) throws -> T {
    do {
      let result = try write()
      fileFailure.withLock { $0 = nil }
      return result
    } catch let error as SyncError where error.code == .diskFull {
      fileFailure.withLock { $0 = error.explanation }
      throw error
    }
  }

  /// Devices whose batches were refused since the hub was opened, because their quota is full; the newest first.
  public var devicesOverQuota: [ReplicaID] { pace?.overQuota ?? [] }

  public func close() throws { try store.close() }

  // MARK: The hub's own writes

  /// Writes as the hub: ordinary SQL on the declared tables, captured, sealed and put into the feeds in the same transaction.
  public func write<T: Sendable>(_ body: @Sendable @escaping (any HubSession) throws -> T) async throws -> T {
    let (keys, tables, now, observer) = (keys, store.tables, clock.nowMs(), options.observer)
    return try await store.write { session in
      let result = try body(session)
      try Ingest(session: session, tables: tables, key: keys.signing, wallMs: now, observer: observer).finish()
      return result
    }
  }

  public func read<T: Sendable>(_ body: @Sendable @escaping (any HubSession) throws -> T) async throws -> T {
    try await store.read(body)
  }

  // MARK: Batches

  /// Ingests one batch: checks it, then journals, merges and commits it, together with others that arrived meanwhile.
  ///
  /// Every way in passes here, and here its author's quota is kept. Its sender's pace is kept where a call comes in.
  ///
  /// - Returns: The signed receipt, which also tells of a permanent refusal.
  /// - Throws: `SyncError`; the batch is not kept then.
  public func ingest(_ batch: SealedBatch) async throws -> Data {
    let claimed = try BatchCodec.claim(of: batch)
    guard let author = try await device(claimed.replica) else {
      throw SyncError(
        .unknownReplica, vi: "Gói dữ liệu của thiết bị chưa ghi danh.", en: "The batch is from a device that is not enrolled.")
    }
    let content: BatchContent
    do { content = try BatchCodec.open(batch, author: author.key) } catch let refusal as BatchRefusal {
      return try await refuse(batch, claimed, refusal, of: author)
    }
    let account = try await reserveQuota(for: batch, of: content.replica)
    var isKept = false
    defer { if let account { pace?.settle(batch.bytes.count, of: account, isKept: isKept) } }
    let onMerge = options.onMerge
    let scope = author.scope
    let work: IngestQueue.Work = { ingest in
      // Asks again inside the transaction: a device revoked a moment ago does not slip through.
      let revoked = try ingest.session.integer("SELECT revoked_ms FROM hub_device WHERE replica = ?1", [.blob(content.replica.bytes)])
      if revoked != nil { return try RevokedBatches(ingest: ingest).take(content, batch: batch, writeScope: scope) }
      let receipt = try ingest.take(content, batch: batch, writeScope: scope)
      onMerge?(content.scope, content.number)
      return receipt
    }
    let receipt = try await queue.run(work, from: content.replica, changes: content.changeCount)
    isKept = true
    return receipt
  }

  /// Reserves room for a batch in the quota that its author shares with the identities that it succeeded, and that succeeded it. A
  /// batch over the quota stays on its device. A batch that the hub has already needs no room.
  ///
  /// - Returns: Name of the quota's account, to settle when the batch was taken; nil when nothing was reserved.
  /// - Complexity: Reads the family's batches once after the start, and now and then when its quota is full.
  private func reserveQuota(for batch: SealedBatch, of author: ReplicaID) async throws -> ReplicaID? {
    guard let pace else { return nil }
    let family = try await store.read { session -> [ReplicaID] in
      let isKnown = try session.firstRow("SELECT 1 FROM hub_batch WHERE hash = ?1", [.blob(batch.hash)]) != nil
      return isKnown ? [] : try HubIdentityHistory(session: session).family(of: author)
    }
    guard let account = family.min() else { return nil }
    if pace.isToBeCounted(account, members: family.count, adding: batch.bytes.count) {
      let kept = try await store.read { session in
        try family.reduce(Int64(0)) { sum, member in
          try sum + (session.integer("SELECT sum(length(bytes)) FROM hub_batch WHERE replica = ?1", [.blob(member.bytes)]) ?? 0)
        }
      }
      pace.note(account, members: family.count, keeps: Int(clamping: kept))
    }
    try pace.reserve(batch.bytes.count, of: account, for: author)
    return account
  }

  /// Keeps a batch as refused for good, and returns the receipt with the refusal.
  private func refuse(_ batch: SealedBatch, _ claim: BatchCodec.Claim, _ refusal: BatchRefusal, of author: HubDevice) async throws -> Data {
    guard author.revokedMs == nil else { throw HubDevice.revokedError }
    // Refuses only batches of the device's own scope: in another scope the device has nothing to seal again.
    try Ingest.check(scope: claim.scope, writeScope: author.scope)
    return try await queue.run(
      { ingest in try ingest.refuse(batch, claim, refusal) }, from: claim.replica, changes: 1)
  }

  /// Returns the next feed page for a device.
  ///
  /// - Parameters:
  ///   - bytesMax: Bytes that the reader's link carries; nil for any page.
  ///   - unitKey: Present unit key, for a reader that holds another.
  func page(for device: HubDevice, cursor: Data, bytesMax: Int? = nil, unitKey: WireSealedUnitKey? = nil) async throws -> Data {
    let (key, now, tables, firstMax) = (keys.signing, clock.nowMs(), store.tables, options.firstUnitsMax)
    return try await store.read { session in
      var reader = FeedReader(session: session, tables: tables, key: key, wallMs: now)
      reader.firstUnitsMax = firstMax
      reader.bytesMax = bytesMax
      reader.unitKey = unitKey
      return try reader.page(after: cursor, reader: device.replica, scopes: device.readScopes)
    }
  }

  /// Returns the next snapshot page for a device.
  ///
  /// - Parameter bytesMax: Bytes that the reader's link carries; nil for any page.
  func snapshot(of scope: String, for device: HubDevice, cursor: Data, place: Data, bytesMax: Int? = nil) async throws -> Data {
    guard device.readScopes.contains(where: { $0.utf8.elementsEqual(scope.utf8) }) else {
      throw SyncError(
        .wrongScope, vi: "Thiết bị này không được đọc dữ liệu của \(scope).", en: "This device may not read \(scope).")
    }
    let (key, now, tables, rowsMax) = (keys.signing, clock.nowMs(), store.tables, options.snapshotRowsMax)
    return try await store.read { session in
      var reader = SnapshotReader(session: session, tables: tables, key: key, wallMs: now)
      reader.rowsMax = rowsMax
      if let bytesMax { reader.bytesMax = min(max(bytesMax, SnapshotReader.bytesAskedMin), SnapshotReader.bytesMax) }
      return try reader.page(of: scope, reader: device.replica, cursor: cursor, place: place)
    }
  }

  // MARK: Packets

  func keep(_ body: Data, scope: String) async throws -> Data {
    let request = try WireDropRequest.parse(body, named: LocalizedText(vi: "phiếu kín", en: "packet request"))
    guard !request.packets.isEmpty, request.packets.count <= WireLimits.packetsMax else { throw ByteReader.short }
    let begun = try await spool(request.packets, scope: scope)
    return try dropAnswer(to: body, packets: request.packets.count, scope: scope, backupsBegun: begun)
  }

  /// Returns the signed answer to a request with packets.
  ///
  /// - Parameters:
  ///   - body: The request.
  ///   - packets: How many of the request's packets are at the hub now.
  func dropAnswer(to body: Data, packets: Int, scope: String, backupsBegun: UInt64) throws -> Data {
    var answer = WireDropResponse()
    answer.hub = replica.bytes
    answer.scope = scope
    answer.kept = UInt32(clamping: packets)
    answer.request = body.sha256
    answer.backupsBegun = backupsBegun
    return try keys.signing.sealed(try answer.serializedData(), as: .drop)
  }

  func info() async throws -> Data {
    var info = WireHubInfo()
    info.hub = replica.bytes
    info.publicKey = keys.signing.publicKey
    let (lives, backupsDone, blobsLost) = try await store.read { session in
      (
        try IncarnationTable(session: session).all(), try BackupLog(session: session).counts().safe,
        UInt64(clamping: try StateStore(session: session).integer("blobsLost"))
      )
    }
    info.blobsLost = blobsLost
    info.incarnation = lives.first?.incarnation ?? Data()
    info.backupsDone = backupsDone
    info.lives = lives.prefix(IncarnationTable.listedMax).map { life in
      var listed = WireHubLife()
      (listed.incarnation, listed.startedMs, listed.units) = (life.incarnation, life.startedMs, life.units)
      return listed
    }
    info.hubTimeMs = clock.nowMs()
    info.protocolMin = 1
    info.protocolMax = 1
    info.batchBytesMax = UInt32(WireLimits.batchBytesMax)
    info.dropBytesMax = UInt32(WireLimits.dropBytesMax)
    info.pageBytesMax = UInt32(WireLimits.pageBytesMax)
    info.dropKey = keys.dropKey
    info.formKeys = keys.formKeys
    info.packetSuites = Packets.suitesAdded
    info.bundleKey = try BundleKey.hubPublic(keys)
    return try keys.signing.sealed(try info.serializedData(), as: .hubInfo)
  }
}
