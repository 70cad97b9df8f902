internal import Foundation
internal import GRDB
internal import SyncCore
internal import SyncStore

/// Content of a backup of a hub's store.
public struct HubBackup: Sendable, Hashable, Codable {
  public var path: String
  public var bytes: Int
  /// Units in all feeds.
  public var units: Int
  /// True when devices are told of the backup. Devices may then trim what they keep for a restore.
  public var isDeclared: Bool
  /// Attachments beside the backup, in the folder `path` with `.blobs`; nil when they were left out.
  public var blobs: Int?
  public var blobBytes: Int?
}

/// Copy of a hub's store, as the store remembers it. The file may have been moved or destroyed since.
public struct BackupFileNote: Sendable, Hashable, Codable {
  /// Hub time in milliseconds when the copy began.
  public var begunMs: UInt64
  /// Path of the copy when it was made; nil when an earlier program made it.
  public var path: String?
}

extension Hub {
  /// Returns the copies of the store, newest first, also those that devices were not told of.
  public func backupFiles() async throws -> [BackupFileNote] { try await read { try BackupLog(session: $0).files() } }

  /// Copies the whole store, as it is at one moment, into one new file. The hub may be in use meanwhile, also by other processes.
  ///
  /// The hub's keys are not in the store and so not in the copy. The file gets its name once it is complete, checked and on the
  /// disk; an existing file is never replaced.
  ///
  /// - Parameters:
  ///   - withBlobs: Copies attachments into a folder beside the copy. On the same disk, hard links stand for copies, because
  ///     attachments never change.
  ///   - blobFolder: Where attachments are copied from; nil: the store's own folder.
  ///   - isDeclared: Tells devices, in their next exchange, that they need not keep what the copy holds.
  ///   - onProgress: Called now and then from another task, with the bytes written and about how many there will be.
  /// - Throws: `SyncError`; no file is left at `path` then.
  public func backUp(
    to path: String, withBlobs: Bool = true, blobFolder: String? = nil, isDeclared: Bool = true,
    onProgress: (@Sendable (_ bytes: Int, _ of: Int) -> Void)? = nil
  ) async throws -> HubBackup {
    guard !FileManager.default.fileExists(atPath: path) else { throw BackupFile.exists(path) }
    let (part, now) = (path + ".part", clock.nowMs())
    BackupFile.sweep(beside: path)
    BackupFile.remove(part: part)
    try StoreFile.makeEmpty(part)
    defer { BackupFile.remove(part: part) }
    // Notes the act only with the last write: a killed backup is not listed.
    let id = try await ActRecorder.$current.withValue(nil) { try await store.write { try BackupLog(session: $0).begin(nowMs: now) } }
    // Moves packets from the spool into the store first, so that every acknowledged packet is in the copy.
    try await ActRecorder.$current.withValue(nil) { try await flushPackets() }
    let size = try await store.read { session in
      Int(try session.integer("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()") ?? 0)
    }
    let watcher = Task {
      while !Task.isCancelled {
        try await Task.sleep(for: .milliseconds(200))
        onProgress?(StoreFile.size(part), size)
      }
    }
    defer { watcher.cancel() }
    try await store.copy(to: part)
    let name = URL(fileURLWithPath: path).standardizedFileURL.path
    let (positions, answers) = try BackupFile.finish(part, as: name, id: id, nowMs: clock.nowMs())
    let bytes = StoreFile.size(part)
    // Copies attachments before the file gets its name: a backup under its name is complete.
    let source = blobFolder.map { BlobStore(folder: $0) } ?? blobs
    let attached = withBlobs ? try source.copy(to: BlobStore(folder: path + ".blobs")) : nil
    try BackupFile.publish(part, as: path)
    let done = clock.nowMs()
    try await store.write { session in
      let backups = BackupLog(session: session)
      try backups.note(path: name, of: id)
      if isDeclared { try backups.finish(id: id, positions: positions, answers: answers, nowMs: done) }
    }
    return HubBackup(
      path: path, bytes: bytes, units: Int(clamping: positions.values.reduce(0) { $0 + min($1, UInt64(Int32.max)) }),
      isDeclared: isDeclared,
      blobs: attached?.blobs, blobBytes: attached?.bytes)
  }

  /// Installs a backup as a hub's store. Opening the store begins a new incarnation, so devices notice and refill it (L11).
  ///
  /// - Parameters:
  ///   - path: Path of the new store; no file may exist there.
  ///   - keys: The hub's keys, if at hand: a backup of another hub is refused.
  ///   - act: Who restores, and why; recorded in the restored store.
  /// - Throws: `SyncError`; no file is left at `path` then.
  public static func restore(_ backup: String, to path: String, keys: HubKeys?, act: IntendedAct? = nil) throws {
    for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) { throw BackupFile.exists(path + suffix) }
    try BackupFile.check(backup, hub: keys?.signing.replica)
    let part = path + ".part"
    try StoreFile.makeEmpty(part)
    defer { try? FileManager.default.removeItem(atPath: part) }
    try StoreFile.copy(backup, to: part)
    try BackupFile.markAsCopy(part, by: act)
    _ = try BlobStore(folder: backup + ".blobs").copy(to: BlobStore(folder: path + ".blobs"))
    try BackupFile.publish(part, as: path)
  }
}

/// File of a backup: one SQLite database, the hub's store as it was.
enum BackupFile {
  /// A part that did not change for so long is no longer written, in milliseconds.
  private static let partStaleMs = 600_000.0
  private static let partEnding = ".part"

  /// Removes an unfinished copy, with what SQLite keeps beside it.
  static func remove(part: String) {
    for ending in ["", "-journal", "-wal", "-shm"] { unlink(part + ending) }
  }

  /// Removes the unfinished copies that backups left which were killed, where another is made.
  static func sweep(beside path: String) {
    let folder = (path as NSString).deletingLastPathComponent
    let (place, nowMs) = (folder.isEmpty ? "." : folder, Double(SystemClock().nowMs()))
    for name in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] {
      guard let end = name.range(of: ".sqlite" + partEnding, options: .backwards)?.upperBound else { continue }
      let changed = (try? FileManager.default.attributesOfItem(atPath: "\(place)/\(name)"))?[.modificationDate] as? Date
      if let changed, changed.timeIntervalSince1970 * 1000 + partStaleMs < nowMs { remove(part: "\(place)/\(name[..<end])") }
    }
  }

  /// Marks the copy as a backup, checks it, and records in it its own content and name.
  ///
  /// - Returns: The last position of every scope in it, and how many packets had arrived.
  static func finish(_ path: String, as name: String, id: UInt64, nowMs: UInt64) throws -> (positions: [String: UInt64], answers: UInt64) {
    try with(path) { session in
      guard try session.firstRow("PRAGMA quick_check")?[0].text == "ok" else { throw notABackup(path) }
      try StateStore(session: session).set(BackupLog.copyFlag, .integer(1))
      var positions: [String: UInt64] = [:]
      for row in try session.rows("SELECT scope, position FROM hub_scope") {
        if let scope = row[0].text, let position = row[1].integer { positions[scope] = UInt64(max(0, position)) }
      }
      let answers = try DropCounts.kept(in: session)
      try BackupLog(session: session).note(path: name, of: id)
      try BackupLog(session: session).finish(id: id, positions: positions, answers: answers, nowMs: nowMs)
      return (positions, answers)
    }
  }

  static func markAsCopy(_ path: String, by act: IntendedAct?) throws {
    let recorder = act.map { ActRecorder($0, clock: SystemClock()) }
    try with(path) { session in
      try StateStore(session: session).set(BackupLog.copyFlag, .integer(1))
      guard let recorder else { return }
      for statement in ActRecorder.schema { try session.execute(statement, []) }
      try recorder.note(before: nil, after: nil, in: session)
    }
  }

  /// - Parameter hub: The hub that the backup must be of; nil when it is not known.
  static func check(_ path: String, hub: ReplicaID?) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw SyncError(.storeMissing, vi: "Không có bản sao lưu \(path).", en: "There is no backup \(path).")
    }
    var configuration = Configuration()
    configuration.readonly = true
    let owner: ReplicaID?
    do {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      defer { try? queue.close() }
      owner = try queue.read { db in
        let session = SQLiteSession(db: db)
        guard try session.firstRow("PRAGMA integrity_check")?[0].text == "ok",
          try session.firstRow("SELECT 1 FROM hub_incarnation LIMIT 1") != nil
        else { throw notABackup(path) }
        return try StoreOwner.read(session)
      }
    } catch let error as SyncError {
      throw error
    } catch {
      throw notABackup(path)
    }
    guard owner == nil || hub == nil || owner == hub else {
      throw SyncError(
        .keyUnusable, vi: "Bản sao lưu \(path) là của một máy chủ khác với bộ khóa này.",
        en: "The backup \(path) is of another hub than these keys.")
    }
  }

  private static func with<T>(_ path: String, _ body: @Sendable (SQLiteSession) throws -> T) throws -> T {
    try SyncError.explainingSync(path) {
      let queue = try DatabaseQueue(path: path)
      let result = try queue.write { try body(SQLiteSession(db: $0)) }
      try queue.close()
      return result
    }
  }

  /// Renames the finished file to its name, durably.
  static func publish(_ part: String, as path: String) throws {
    try sync(part)
    guard !FileManager.default.fileExists(atPath: path) else { throw exists(path) }
    guard rename(part, path) == 0 else { throw unwritable(path) }
    try sync((path as NSString).deletingLastPathComponent)
  }

  private static func sync(_ path: String) throws {
    let file = open(path.isEmpty ? "." : path, O_RDONLY)
    guard file >= 0 else { throw unwritable(path) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw unwritable(path) }
  }

  static func exists(_ path: String) -> SyncError {
    SyncError(.badRequest, vi: "Đã có \(path); không ghi đè.", en: "There is \(path) already; it is not overwritten.")
  }

  private static func unwritable(_ path: String) -> SyncError {
    SyncError(
      .diskFull, vi: "Không ghi chắc được \(path) xuống đĩa: đĩa đầy hoặc hỏng.",
      en: "Cannot write \(path) safely: the disk is full or failing.")
  }

  private static func notABackup(_ path: String) -> SyncError {
    SyncError(
      .storeDamaged, vi: "\(path) không phải bản sao lưu của máy chủ, hoặc đã hỏng; dùng bản khác.",
      en: "\(path) is no backup of a hub, or it is damaged; use another one.")
  }
}
