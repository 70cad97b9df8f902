public import Foundation
public import SyncCore

/// Folder of blobs: files named by the hash of their content, the same on devices and hub. Any number of processes may use one
/// folder.
///
/// | in the folder | is |
/// |---|---|
/// | `ab/cd/abcd…` | a whole blob: checked and on the disk before it got its name, never changed |
/// | `ab/cd/abcd….by-HOLDER` | an empty file: the scope has sent every byte; kept in case the hub's store loses the record |
/// | `part/abcd…` | an incomplete blob |
/// | `part/abcd…-HOLDER` | an incomplete blob that a scope sends: parts of two scopes are never joined |
/// | `part/abcd….SENDER.OFFSET.SIZE` | a piece that came too early, by file: `EarlyPiece` |
///
/// Only incomplete blobs are ever deleted, and blobs that their only author took back before sending: `remove(_:)`. Calls block on
/// the disk, for one piece or one blob.
public struct BlobStore: Sendable {
  public let folder: String
  /// Bytes of one whole blob.
  private let bytesMax: Int

  /// Bytes of one blob.
  public static let blobBytesMax = WireLimits.blobBytesMax

  public init(folder: String) { self.init(folder: folder, bytesMax: Self.blobBytesMax) }

  package init(folder: String, bytesMax: Int) {
    self.folder = folder
    self.bytesMax = bytesMax
  }

  /// Returns the size of a whole blob in bytes; nil when the blob is missing or incomplete.
  public func byteCount(_ id: BlobID) -> Int? { Self.size(path(id)) }

  public func has(_ id: BlobID) -> Bool { byteCount(id) != nil }

  /// Returns how many bytes of an incomplete blob are here.
  public func partCount(_ id: BlobID) -> Int { partCount(id, of: nil) }

  /// Returns how many bytes of an incomplete blob are here.
  ///
  /// - Parameter holder: Scope that sends the blob; see `put`.
  package func partCount(_ id: BlobID, of holder: String?) -> Int { Self.size(partPath(id, holder)) ?? 0 }

  /// Returns at most `count` bytes of a whole blob, from `offset` on.
  ///
  /// - Returns: Nil when the blob is not here.
  /// - Throws: `SyncError` `.storeDamaged` when the file cannot be read.
  public func read(_ id: BlobID, from offset: Int = 0, count: Int = BlobStore.blobBytesMax) throws -> Data? {
    let file = open(path(id), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return try Self.read(file, from: offset, count: count, path: path(id))
  }

  /// Adds the next bytes of a blob. Bytes that are here already are skipped, so a piece may be sent again.
  ///
  /// - Parameters:
  ///   - offset: Position of `bytes` in the blob; at most the number of bytes that are here.
  ///   - size: Size of the whole blob in bytes.
  /// - Returns: How many bytes are here now. When the result is `size`, the blob is whole, checked and on the disk.
  /// - Throws: `SyncError` `.badRequest` with `expected` when bytes before `offset` are missing, `.tooLarge`, `.damaged` when the
  ///   hash of the whole is not its name: the bytes are deleted then. `.diskFull` keeps what was here.
  @discardableResult
  public func put(_ bytes: Data, of id: BlobID, at offset: Int, size: Int) throws -> Int {
    if let whole = byteCount(id) {
      try checkSize(bytes, at: offset, size: size)
      return whole
    }
    return try put(bytes, of: id, at: offset, size: size, from: nil, judge: nil, judgeStart: nil)
  }

  /// Refusal of a blob that arrived as it was sent but is never kept. Its bytes are deleted.
  package struct Unfit: Error {
    package var reason: LocalizedText
    /// True when the whole blob was judged, so its name is known; false for an incomplete one.
    package var isWhole: Bool
  }

  /// Bytes of an incomplete blob that are judged.
  public static let startBytesMax = WireLimits.blobPieceBytesMax

  /// Adds the next bytes of a blob, as `put(_:of:at:size:)`, to a part that is `holder`'s alone. Every byte must be sent, also when
  /// another scope has the whole blob.
  ///
  /// - Parameters:
  ///   - judge: Judges the whole before it gets its name.
  ///   - judgeStart: Judges the beginning, while it grows.
  /// - Throws: `Unfit` too, and what `judge` throws: what is here is kept then.
  package func put(
    _ bytes: Data, of id: BlobID, at offset: Int, size: Int, from holder: String?, judge: (@Sendable (Data) throws -> LocalizedText?)?,
    judgeStart: (@Sendable (Data) -> LocalizedText?)?
  ) throws -> Int {
    try checkSize(bytes, at: offset, size: size)
    try makeFolder("part")
    guard let file = try lockedPart(id, holder) else { return byteCount(id) ?? 0 }
    defer { close(file) }
    let have = Int(lseek(file, 0, SEEK_END))
    guard have >= 0 else { throw unwritable }
    guard offset <= have else {
      if have == 0 { forgetPart(id, holder) }
      throw SyncError(
        .badRequest, vi: "Mới có \(have) byte đầu của tệp đính kèm; gửi tiếp từ đó.",
        en: "Only the first \(have) bytes of the attachment are here; go on from there.", expected: UInt64(have))
    }
    let new = bytes.dropFirst(have - offset)
    if have < Self.startBytesMax, let judgeStart {
      let start = try Self.read(file, from: 0, count: have, path: partPath(id, holder)) + new.prefix(Self.startBytesMax - have)
      if let reason = judgeStart(start) {
        forgetPart(id, holder)
        throw Unfit(reason: reason, isWhole: false)
      }
    }
    do { try Self.write(new, to: file, at: have) } catch {
      ftruncate(file, off_t(have))
      throw unwritable
    }
    guard have + new.count >= size else { return have + new.count }
    try finish(id, holder, file: file, size: size, judge: judge)
    return size
  }

  private func checkSize(_ bytes: Data, at offset: Int, size: Int) throws {
    guard (1...bytesMax).contains(size), offset >= 0, bytes.count <= size, offset <= size - bytes.count else {
      throw SyncError(
        .tooLarge, vi: "Tệp đính kèm phải từ 1 đến \(bytesMax) byte.", en: "An attachment has 1 to \(bytesMax) bytes.",
        expected: UInt64(bytesMax))
    }
  }

  /// Keeps a whole blob.
  ///
  /// - Throws: `SyncError` `.tooLarge`, `.diskFull`; nothing is kept then.
  @discardableResult
  public func keep(_ content: Data) throws -> BlobID {
    let id = BlobID(of: content)
    // Deletes a part that somebody else left: its bytes may be anything.
    if !has(id) { forgetPart(id) }
    try put(content, of: id, at: 0, size: content.count)
    return id
  }

  /// Returns every whole blob, in the order of their names.
  public func ids() -> [BlobID] {
    let manager = FileManager.default
    func names(_ path: String) -> [String] { ((try? manager.contentsOfDirectory(atPath: path)) ?? []).sorted() }
    return names(folder).filter { $0.count == 2 }.flatMap { first in
      names("\(folder)/\(first)").flatMap { second in names("\(folder)/\(first)/\(second)").compactMap { BlobID(hex: $0) } }
    }
  }

  /// Returns whether a whole blob's content still has the hash in its name.
  public func isSound(_ id: BlobID) -> Bool { (try? read(id)).map { $0.map { BlobID(of: $0) == id } ?? false } ?? false }

  /// Renames the file of a damaged blob, so that the blob can be sent again.
  package func setAside(_ id: BlobID) { _ = rename(path(id), path(id) + ".damaged") }

  /// Incomplete blobs in one folder, whatever their size: empty ones take room, too.
  package static let partsMax = 16_384

  /// Deletes incomplete blobs, longest untouched first, until the rest takes at most `bytesMax` in at most `partsMax` files.
  ///
  /// - Parameters:
  ///   - spared: Blob of which a piece is about to be added; it stays.
  ///   - holder: Scope that sends that blob; see `put`.
  package func trimParts(bytesMax: Int, sparing spared: BlobID? = nil, of holder: String? = nil) {
    let own = spared.map { partPath($0, holder) }
    let manager = FileManager.default
    let parts = ((try? manager.contentsOfDirectory(atPath: folder + "/part")) ?? []).compactMap { name -> (String, Int, Date)? in
      let path = "\(folder)/part/\(name)"
      guard let facts = try? manager.attributesOfItem(atPath: path), let size = facts[.size] as? Int,
        let touched = facts[.modificationDate] as? Date
      else { return nil }
      return (path, size, touched)
    }
    var (total, count) = (parts.reduce(0) { $0 + $1.1 }, parts.count)
    for (path, size, _) in parts.sorted(by: { $0.2 < $1.2 }) where path != own && (total > bytesMax || count > Self.partsMax) {
      if unlink(path) == 0 { (total, count) = (total - size, count - 1) }
    }
  }

  /// Ending of the name of the folder beside a device's database.
  package static let deviceSuffix = ".blobs"

  /// Bytes free on the folder's disk for ordinary users; nil when unknown.
  package var freeBytes: Int? {
    var facts = statvfs()
    // Asks the parent folder before the first blob: it is on the same disk.
    guard statvfs(folder, &facts) == 0 || statvfs((folder as NSString).deletingLastPathComponent, &facts) == 0 else { return nil }
    return Int(clamping: UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize)).partialValue)
  }

  /// Copies all blobs to another folder: by a hard link on the same disk, otherwise by a copy.
  ///
  /// - Returns: How many blobs and bytes the other folder has of this one's.
  @discardableResult
  public func copy(to other: BlobStore) throws -> (blobs: Int, bytes: Int) {
    var (blobs, bytes) = (0, 0)
    for id in ids() {
      guard let size = byteCount(id) else { continue }
      if !other.has(id) {
        try other.makeFolder(Self.place(id))
        if link(path(id), other.path(id)) != 0, let content = try read(id) {
          guard BlobID(of: content) == id else { continue }
          try other.keep(content)
        }
      }
      for name in marks(of: id) { _ = link("\(folder)/\(Self.place(id))/\(name)", "\(other.folder)/\(Self.place(id))/\(name)") }
      blobs += 1
      bytes += size
    }
    return (blobs, bytes)
  }

  // MARK: Files

  private static func place(_ id: BlobID) -> String { "\(id.hex.prefix(2))/\(id.hex.dropFirst(2).prefix(2))" }
  package func path(_ id: BlobID) -> String { "\(folder)/\(Self.place(id))/\(id.hex)" }
  private func partPath(_ id: BlobID, _ holder: String?) -> String {
    "\(folder)/part/\(id.hex)" + (holder.map { "-" + Self.name(ofHolder: $0) } ?? "")
  }
  /// Returns a file name for a scope, whose name may hold characters that file names cannot.
  private static func name(ofHolder holder: String) -> String { Data(holder.utf8).sha256.prefix(16).hex }

  private func markPath(_ id: BlobID, _ holder: String) -> String { path(id) + ".by-" + Self.name(ofHolder: holder) }

  /// Returns whether the blob is whole and `holder` has sent every byte of it, by its file's mark.
  package func isBrought(_ id: BlobID, by holder: String) -> Bool { has(id) && Self.size(markPath(id, holder)) != nil }

  /// Overwrites and deletes a blob that no row refers to and nobody else was told of.
  package func remove(_ id: BlobID) {
    let path = path(id)
    let file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
    if file >= 0 {
      try? Self.write(Data(count: byteCount(id) ?? 0), to: file, at: 0)
      fsync(file)
      close(file)
    }
    unlink(path)
    forgetPart(id)
  }

  private func marks(of id: BlobID) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(Self.place(id))")) ?? []).filter { $0.hasPrefix(id.hex + ".by-") }
  }
  /// Deletes an incomplete blob; see `put`.
  package func forgetPart(_ id: BlobID, _ holder: String? = nil) { _ = unlink(partPath(id, holder)) }

  private static func size(_ path: String) -> Int? {
    var facts = stat()
    guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(facts.st_size)
  }

  /// Opens an incomplete blob for this caller alone; nil when another caller has completed it meanwhile.
  private func lockedPart(_ id: BlobID, _ holder: String?) throws -> Int32? {
    let path = partPath(id, holder)
    for _ in 0..<Self.lockTriesMax {
      let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard file >= 0 else { throw unwritable }
      var (mine, named) = (stat(), stat())
      if flock(file, LOCK_EX) == 0, fstat(file, &mine) == 0, lstat(path, &named) == 0, mine.st_ino == named.st_ino,
        holder != nil || !has(id)
      {
        return file
      }
      close(file)
      if holder == nil, has(id) {
        forgetPart(id)
        return nil
      }
    }
    throw unwritable
  }

  /// Tries to lock a part that other callers keep completing or deleting.
  private static let lockTriesMax = 100

  private func finish(
    _ id: BlobID, _ holder: String?, file: Int32, size: Int, judge: (@Sendable (Data) throws -> LocalizedText?)?
  ) throws {
    let content = try Self.read(file, from: 0, count: size + 1, path: partPath(id, holder))
    guard BlobID(of: content) == id else {
      forgetPart(id, holder)
      throw SyncError(
        .damaged, vi: "Tệp đính kèm không khớp tên của nó: hỏng trên đường. Gửi lại từ đầu.",
        en: "The attachment does not match its name: damaged on the way. Send it again from the start.")
    }
    if let reason = try judge?(content) {
      forgetPart(id, holder)
      throw Unfit(reason: reason, isWhole: true)
    }
    if has(id) {
      forgetPart(id, holder)
    } else {
      try makeFolder(Self.place(id))
      guard fsync(file) == 0, rename(partPath(id, holder), path(id)) == 0 else { throw unwritable }
    }
    if let holder {
      let mark = open(markPath(id, holder), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard mark >= 0 else { throw unwritable }
      close(mark)
    }
    try Self.sync("\(folder)/\(Self.place(id))", unwritable)
  }

  /// Makes a folder within this one, durably.
  package func makeFolder(_ name: String) throws {
    let parts = name.split(separator: "/")
    guard (try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")) == nil else { return }
    do {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw unwritable }
    for count in 0..<parts.count { try Self.sync(([folder[...]] + parts.prefix(count)).joined(separator: "/"), unwritable) }
    try Self.sync((folder as NSString).deletingLastPathComponent, unwritable)
  }

  private static func sync(_ path: String, _ error: SyncError) throws {
    let file = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw error }
    defer { close(file) }
    guard fsync(file) == 0 else { throw error }
  }

  private struct Cut: Error {}

  private static func write(_ bytes: Data, to file: Int32, at offset: Int) throws {
    var (rest, place) = (bytes, offset)
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(place)) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Cut() }
      rest = rest.dropFirst(count)
      place += count
    }
  }

  private static func read(_ file: Int32, from offset: Int, count: Int, path: String) throws -> Data {
    let end = Int(lseek(file, 0, SEEK_END))
    var bytes = Data(count: max(0, min(count, end - offset)))
    var done = 0
    while done < bytes.count {
      let got = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress.map { $0 + done }, $0.count - done, off_t(offset + done)) }
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else {
        throw SyncError(
          .storeDamaged, vi: "Không đọc được tệp đính kèm \(path): đĩa hỏng.",
          en: "The attachment \(path) cannot be read: the disk is failing.")
      }
      done += got
    }
    return bytes
  }

  package var unwritable: SyncError {
    SyncError(
      .diskFull, vi: "Không ghi được tệp đính kèm vào \(folder): đĩa đầy, hỏng hoặc không có quyền. Việc đã lưu trước đó còn nguyên.",
      en: "Cannot write attachments to \(folder): the disk is full or failing, or permission is missing. Earlier work is intact.")
  }
}
