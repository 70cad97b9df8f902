internal import Foundation
internal import SwiftProtobuf
public import SyncCore
public import SyncStore

/// Limits of a hub's storage for blobs.
public struct BlobLimits: Sendable, Hashable {
  /// Bytes of all blobs together, unless the hub's operator sets another limit: see `Hub.setBlobBytesMax`.
  public var bytesMax = 20 << 30
  /// Bytes of the blobs that one device sent.
  public var bytesPerReplicaMax = 2 << 30
  /// Bytes that stay free on the disk: texts go on while photos wait.
  public var freeBytesMin = 1 << 30
  /// Bytes of incomplete blobs.
  public var partBytesMax = 256 << 20

  public init() {}
}

/// Storage that a hub's blobs take.
public struct BlobUsage: Sendable, Hashable, Codable {
  public var blobs = 0
  public var bytes = 0
  public var bytesMax = 0
  /// Bytes free on the disk; nil when unknown.
  public var freeBytes: Int?
  /// True while the hub defers blobs for lack of room: devices keep theirs and offer them again.
  public var isDeferred = false
}

/// Table of the blobs that a hub has. Belongs to one transaction. Whether a blob's file exists is known to `BlobStore`.
struct HubBlobTable {
  let session: any HubSession
  /// Observer that is told of blobs brought and lost.
  var observer: (any MergeObserver)?

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_blob (
      id TEXT PRIMARY KEY NOT NULL, bytes INTEGER NOT NULL, replica BLOB NOT NULL, received_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_blob_replica ON hub_blob (replica, bytes);
    CREATE TABLE IF NOT EXISTS hub_blob_scope (scope TEXT NOT NULL, blob TEXT NOT NULL, PRIMARY KEY (scope, blob)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hub_blob_scope_blob ON hub_blob_scope (blob);
    """

  private static let filled = "blobScopes"
  /// State keys of the kept sums: number of blobs, and their bytes.
  private static let (count, bytes) = ("blobCount", "blobBytes")

  /// Computes the sums in a store from before they were kept. Runs once.
  func fillSums() throws {
    let state = StateStore(session: session)
    guard try state.value(Self.count).isNull else { return }
    let sums = try session.firstRow("SELECT count(*), coalesce(sum(bytes), 0) FROM hub_blob")
    try state.set(Self.count, sums?[0] ?? .integer(0))
    try state.set(Self.bytes, sums?[1] ?? .integer(0))
  }

  private func add(_ count: Int, bytes: Int) throws {
    let state = StateStore(session: session)
    try state.add(Self.count, count)
    try state.add(Self.bytes, bytes)
  }

  /// Records, in a store from before scopes were recorded, the scopes whose rows name each blob. Runs once.
  func fillScopes(_ shapes: some Sequence<TableShape>) throws {
    let state = StateStore(session: session)
    guard try state.integer(Self.filled) == 0 else { return }
    for column in BlobReferences.columns(of: shapes) {
      try session.execute(
        """
        INSERT INTO hub_blob_scope (scope, blob) SELECT DISTINCT \(column.scope), \(column.id) FROM \(column.table)
        WHERE \(column.id) IN (SELECT id FROM hub_blob) ON CONFLICT DO NOTHING
        """)
    }
    try state.set(Self.filled, .integer(1))
  }

  /// Records that a device of the scope has sent every byte of a blob. To know a blob's name is not to have it.
  func noteHeld(_ id: BlobID, by scope: String) throws {
    try session.execute(
      "INSERT INTO hub_blob_scope (scope, blob) VALUES (?1, ?2) ON CONFLICT DO NOTHING", [.text(scope), .text(id.hex)])
    try observer?.holds(id, scope: scope, isHeld: true, in: session)
  }

  func isHeld(_ id: BlobID, by scope: String) throws -> Bool {
    try session.firstRow("SELECT 1 FROM hub_blob_scope WHERE scope = ?1 AND blob = ?2", [.text(scope), .text(id.hex)]) != nil
  }

  func note(_ id: BlobID, bytes: Int, from replica: ReplicaID, nowMs: UInt64) throws {
    guard try !knows(id) else { return }
    try session.execute(
      "INSERT INTO hub_blob (id, bytes, replica, received_ms) VALUES (?1, ?2, ?3, ?4)",
      [.text(id.hex), .integer(Int64(bytes)), .blob(replica.bytes), .integer(Int64(clamping: nowMs))])
    try add(1, bytes: bytes)
  }

  func knows(_ id: BlobID) throws -> Bool { try session.firstRow("SELECT 1 FROM hub_blob WHERE id = ?1", [.text(id.hex)]) != nil }

  /// Deletes the records of blobs whose files are gone, and has devices told to offer all of theirs again.
  func lose(_ ids: [BlobID]) throws {
    for id in ids {
      for row in try session.rows("DELETE FROM hub_blob WHERE id = ?1 RETURNING bytes", [.text(id.hex)]) {
        try add(-1, bytes: -Int(clamping: row[0].integer ?? 0))
      }
      for row in try session.rows("DELETE FROM hub_blob_scope WHERE blob = ?1 RETURNING scope", [.text(id.hex)]) {
        if let scope = row[0].text { try observer?.holds(id, scope: scope, isHeld: false, in: session) }
      }
    }
    if !ids.isEmpty { try StateStore(session: session).add("blobsLost", ids.count) }
  }

  func count() throws -> Int { Int(clamping: try StateStore(session: session).integer(Self.count)) }

  /// Returns the bytes of blobs.
  ///
  /// - Parameter replica: Counts only the blobs of this device; nil counts all.
  func bytes(from replica: ReplicaID? = nil) throws -> Int {
    guard let replica else { return Int(clamping: try StateStore(session: session).integer(Self.bytes)) }
    return Int(
      clamping: try session.integer("SELECT coalesce(sum(bytes), 0) FROM hub_blob WHERE replica = ?1", [.blob(replica.bytes)]) ?? 0)
  }

  static var noRoom: SyncError {
    SyncError(
      .noRoom, vi: "Tỉnh tạm chưa nhận ảnh vì sắp hết chỗ; chữ vẫn nhận. Ảnh còn nguyên trên máy này và sẽ gửi sau.",
      en: "The hub takes no photos for now, it is short of room; text goes on. They are safe on this device and go later.")
  }

  func bytesMax(_ limits: BlobLimits) throws -> Int {
    try StateStore(session: session).value("blobBytesMax").integer.map { Int(clamping: $0) } ?? limits.bytesMax
  }
}

extension Hub {
  /// Store of the blobs' files.
  public var blobs: BlobStore { BlobStore(folder: store.blobFolder) }

  /// Returns how much storage blobs take at this moment.
  public func blobUsage() async throws -> BlobUsage {
    let (limits, free) = (options.blobs, blobs.freeBytes)
    return try await store.read { session in
      let book = HubBlobTable(session: session)
      var usage = BlobUsage()
      usage.blobs = try book.count()
      usage.bytes = try book.bytes()
      usage.bytesMax = try book.bytesMax(limits)
      usage.freeBytes = free
      usage.isDeferred = usage.bytes >= usage.bytesMax || free.map { $0 < limits.freeBytesMin } ?? false
      return usage
    }
  }

  /// Sets how many bytes all blobs together may take, for every process that has this store open. No blob is deleted.
  public func setBlobBytesMax(_ bytes: Int) async throws {
    try await store.write { try StateStore(session: $0).set("blobBytesMax", .integer(Int64(max(0, bytes)))) }
  }

  /// Compares the hub's records of blobs with its files. The record of a missing file is deleted, and devices offer the blob again;
  /// a damaged file is renamed.
  ///
  /// - Parameter readsAll: True to check the content of each file too.
  /// - Returns: The blobs that were lost.
  public func checkBlobs(readsAll: Bool) async throws -> [BlobID] {
    let known = try await store.read {
      try $0.rows("SELECT id FROM hub_blob ORDER BY id").compactMap { $0[0].text.flatMap { BlobID(hex: $0) } }
    }
    var lost: [BlobID] = []
    for id in known {
      if !blobs.has(id) {
        lost.append(id)
      } else if readsAll, !blobs.isSound(id) {
        blobs.setAside(id)
        lost.append(id)
      }
    }
    let gone = lost
    let observer = options.observer
    if !gone.isEmpty { try await store.write { try HubBlobTable(session: $0, observer: observer).lose(gone) } }
    return gone
  }

  // MARK: Calls

  /// Blobs in one question.
  static let blobsPerQuestionMax = WireLimits.blobsPerQuestionMax

  func blobStates(_ body: Data, for device: HubDevice) async throws -> Data {
    let ids = stride(from: 0, to: body.count, by: 32).compactMap { BlobID(bytes: body.dropFirst($0).prefix(32)) }
    guard !body.isEmpty, body.count % 32 == 0, ids.count <= Self.blobsPerQuestionMax else {
      throw SyncError(
        .badRequest, vi: "Cần từ 1 đến \(Self.blobsPerQuestionMax) tên tệp đính kèm, mỗi tên 32 byte.",
        en: "1 to \(Self.blobsPerQuestionMax) names of attachments are needed, 32 bytes each.")
    }
    let (states, isDeferred) = try await blobStates(of: ids, for: device)
    return try signed(states, request: body, isDeferred: isDeferred)
  }

  /// Returns the states of blobs like `blobStates(_:for:)`, but each signed alone, because an answer by file is read in parts.
  func blobStates(alone ids: [BlobID], for device: HubDevice) async throws -> [Data] {
    let (states, isDeferred) = try await blobStates(of: ids, for: device)
    return try zip(ids, states).map { try signed([$1], request: $0.bytes, isDeferred: isDeferred) }
  }

  private func blobStates(of ids: [BlobID], for device: HubDevice) async throws -> (states: [WireBlobState], isDeferred: Bool) {
    let isDeferred = try await blobUsage().isDeferred
    let (tables, blobs) = (store.tables, blobs)
    let (states, found, gone) = try await store.read { session in
      let references = BlobReferences(session: session, shapes: tables.byName.values)
      let book = HubBlobTable(session: session)
      var (states, found, gone): ([WireBlobState], [(id: BlobID, scope: String)], [BlobID]) = ([], [], [])
      for id in ids {
        var state = WireBlobState()
        let size = blobs.byteCount(id)
        if let size, let giver = try references.giver(of: id, among: device.readScopes, isBrought: { blobs.isBrought(id, by: $0) }) {
          (state.place, state.bytes) = (.kept, UInt64(size))
          // Records the blob: the hub stopped between file and record, or was restored without its folder.
          if try !book.knows(id) || !book.isHeld(id, by: giver) { found.append((id, giver)) }
        } else if try references.refers(to: id, scopes: [device.scope]) {
          (state.place, state.bytes) = (.lacking, UInt64(blobs.partCount(id, of: device.scope)))
          if let reason = try UnfitBlobs(session: session).reason(id, from: device.replica) {
            (state.place, state.bytes, state.vi, state.en) = (.unfit, 0, reason.vi, reason.en)
          }
        }
        // Drops the record: the folder was put back to an older copy.
        if try size == nil && book.knows(id) { gone.append(id) }
        states.append(state)
      }
      return (states, found, gone)
    }
    if !found.isEmpty || !gone.isEmpty {
      let (now, observer) = (clock.nowMs(), options.observer)
      try await store.write { session in
        let book = HubBlobTable(session: session, observer: observer)
        for (id, scope) in found {
          try book.note(id, bytes: blobs.byteCount(id) ?? 0, from: device.replica, nowMs: now)
          try book.noteHeld(id, by: scope)
        }
        try book.lose(gone)
      }
    }
    return (states, isDeferred)
  }

  /// Stores a piece of a blob that a row refers to.
  func takeBlob(_ text: String, request: HubRequest, from device: HubDevice) async throws -> Data {
    guard let id = BlobID(hex: text), let size = request.query("size").flatMap({ Int($0) }),
      let offset = Int(request.headers["upload-offset"] ?? "0"), !request.body.isEmpty
    else { throw ByteReader.short }
    let have = try await put(request.body, of: id, at: offset, size: size, from: device)
    var state = WireBlobState()
    (state.place, state.bytes) = (have >= size ? .kept : .lacking, UInt64(have))
    return try signed([state], request: request.body, isDeferred: false)
  }

  /// Stores a piece of a blob, by whatever way it arrived. Every byte must come from a device of the scope, even when another scope
  /// has the blob.
  ///
  /// - Returns: How many bytes of the blob the device's scope has sent by now.
  /// - Throws: `SyncError` `.noSuchBlob` while no row of the scope refers to it, `.noRoom`, `.blobUnfit`, and what `BlobStore.put`
  ///   throws.
  func put(_ piece: Data, of id: BlobID, at offset: Int, size: Int, from device: HubDevice) async throws -> Int {
    let (tables, limits, blobs, now, scope) = (store.tables, options.blobs, blobs, clock.nowMs(), device.scope)
    let (bytes, bytesMax, own, isBrought) = try await store.read { session in
      guard try BlobReferences(session: session, shapes: tables.byName.values).refers(to: id, scopes: [scope]) else {
        throw Self.noSuchBlob
      }
      if let reason = try UnfitBlobs(session: session).reason(id, from: device.replica) { throw SyncError.blobUnfit(id, reason) }
      let book = HubBlobTable(session: session)
      return (try book.bytes(), try book.bytesMax(limits), try book.bytes(from: device.replica), try book.isHeld(id, by: scope))
    }
    if isBrought || blobs.isBrought(id, by: scope), let whole = blobs.byteCount(id) {
      // Adds the missing record: a full disk, or a stop, came between the file and its record.
      if !isBrought { try await note(id, bytes: whole, from: device, nowMs: now) }
      return whole
    }
    // Compares with what is left, because sizes come from outside and could overflow. A blob that another scope has takes no more
    // room.
    let takesRoom = !blobs.has(id)
    guard !takesRoom || size <= bytesMax - bytes, !takesRoom || size <= limits.bytesPerReplicaMax - own,
      blobs.freeBytes.map({ size <= $0 - limits.freeBytesMin }) ?? true
    else { throw HubBlobTable.noRoom }
    if blobTurn.isDue(at: offset, adding: piece.count) { blobs.trimParts(bytesMax: limits.partBytesMax, sparing: id, of: scope) }
    let have: Int
    do {
      have = try writingFiles {
        try blobs.put(piece, of: id, at: offset, size: size, from: scope, judge: options.judgeBlob, judgeStart: options.judgeBlobStart)
      }
    } catch let unfit as BlobStore.Unfit {
      try await store.write { try UnfitBlobs(session: $0).note(id, unfit, from: device.replica, nowMs: now) }
      throw SyncError.blobUnfit(id, unfit.reason)
    }
    if have >= size {
      try await note(id, bytes: have, from: device, nowMs: now)
      blobs.forgetPart(id, scope)
    } else if try await isHeld(id, by: device) {
      // Drops the new beginning: another device of the scope has completed the blob meanwhile.
      blobs.forgetPart(id, scope)
      return size
    }
    return have
  }

  /// Records a complete blob, and that the device's scope has sent it.
  private func note(_ id: BlobID, bytes: Int, from device: HubDevice, nowMs: UInt64) async throws {
    let observer = options.observer
    try await store.write { session in
      let book = HubBlobTable(session: session, observer: observer)
      try book.note(id, bytes: bytes, from: device.replica, nowMs: nowMs)
      try book.noteHeld(id, by: device.scope)
    }
  }

  /// Returns whether the hub has a complete blob that the device's scope has sent.
  func isHeld(_ id: BlobID, by device: HubDevice) async throws -> Bool {
    guard blobs.has(id) else { return false }
    if blobs.isBrought(id, by: device.scope) { return true }
    return try await store.read { try HubBlobTable(session: $0).isHeld(id, by: device.scope) }
  }

  /// Returns a piece of a complete blob, and the size of the whole. Requires a scope that the device reads, whose rows refer to the
  /// blob and whose devices sent it.
  func giveBlob(_ text: String, offset: Int, to device: HubDevice) async throws -> (piece: Data, size: Int) {
    guard let id = BlobID(hex: text), offset >= 0 else { throw ByteReader.short }
    let (tables, blobs) = (store.tables, blobs)
    let giver = try await store.read { session in
      try BlobReferences(session: session, shapes: tables.byName.values).giver(
        of: id, among: device.readScopes, isBrought: { blobs.isBrought(id, by: $0) })
    }
    guard giver != nil, let size = blobs.byteCount(id), let piece = try blobs.read(id, from: offset, count: WireLimits.blobPieceBytesMax)
    else {
      throw Self.noSuchBlob
    }
    return (piece, size)
  }

  private func signed(_ states: [WireBlobState], request: Data, isDeferred: Bool) throws -> Data {
    var answer = WireBlobStates()
    answer.hub = replica.bytes
    answer.request = request.sha256
    answer.states = states
    answer.isDeferred = isDeferred
    return try keys.signing.sealed(try answer.serializedData(), as: .blobStates)
  }

  private static var noSuchBlob: SyncError {
    SyncError(
      .noSuchBlob, vi: "Không dòng dữ liệu nào ở tỉnh nhắc đến tệp đính kèm này, hoặc tỉnh chưa có nó.",
      en: "No row at the hub refers to this attachment, or the hub does not have it yet.")
  }
}
