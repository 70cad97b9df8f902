internal import Crypto
package import Foundation
internal import SwiftProtobuf
package import SyncCore

/// Writer of a bundle, which is whole or not there at all: its parts get their names once all of them are on the disk.
package final class BundleWriter {
  private struct Part {
    let file: FileHandle
    let temporary: String
    var bytes = 0
    var sections = 0
    var heads = SHA256()
    /// Parcels whose parcel section this part has.
    var begun: Set<Data> = []
  }

  let path: String
  private let partBytesMax: Int
  /// Senders whose bundles may be replaced; nil when the bundle of any sender may be.
  private let owners: Set<Data>?
  private var part: Part?
  private var finished: [String] = []
  private var parcel: Parcel?
  private var nextIndex: UInt32 = 1
  /// Sections repeated at the beginning of every part: they tell who may answer it.
  private var repeated: [(kind: SectionKind, body: Data)] = []
  /// True when a part has the beginning of the parcel that is being written.
  private var hasBegun = false
  /// Bytes of all parts together.
  package private(set) var bytesWritten = 0
  private(set) var sectionsWritten = 0

  /// Begins a bundle.
  ///
  /// - Parameters:
  ///   - partBytesMax: Bytes of a part; only a part with a single larger section is larger.
  ///   - owners: Whose older bundles of that name are replaced: the writer's identities. Nil: anybody's.
  package init(_ path: String, partBytesMax: Int = BundleLimits.bytesMax, owners: Set<Data>? = nil) throws {
    self.path = path
    self.owners = owners
    self.partBytesMax = min(max(partBytesMax, BundleLimits.partBytesMin), BundleLimits.bytesMax)
    try Self.checkFree(path, owners: owners)
  }

  deinit { discard() }

  /// Refuses to replace a person's own file, or another sender's bundle; an older bundle of the same sender may be replaced.
  private static func checkFree(_ path: String, owners: Set<Data>?) throws {
    var there = stat()
    guard stat(path, &there) == 0 else { return }
    guard there.st_mode & S_IFMT == S_IFREG, let file = FileHandle(forReadingAtPath: path) else {
      throw SyncError(
        .badRequest, vi: "\(path) có sẵn và không phải là tệp; hãy chọn tên khác.",
        en: "\(path) is there and is not a file; choose another name.")
    }
    defer { try? file.close() }
    guard there.st_size == 0 || (try? file.read(upToCount: 4)) == BundleMagic.bytes.prefix(4) else {
      throw SyncError(
        .badRequest, vi: "\(path) có sẵn và không phải bọc dữ liệu; hãy chọn tên khác.",
        en: "\(path) is there and is not a bundle; choose another name.")
    }
    guard let owners, there.st_size > 0 else { return }
    let reader = try? BundleReader(path)
    if case .parcel(let parcel)? = try? reader?.next(), owners.contains(parcel.wire.from) { return }
    throw SyncError(
      .badRequest, vi: "\(path) có sẵn và là tệp của máy khác, hoặc bị hỏng; không ghi đè, hãy chọn tên khác.",
      en: "\(path) is there and is another sender's bundle, or a damaged one; it is not overwritten, choose another name.")
  }

  // MARK: Parcels

  /// Begins a parcel: later sections belong to it.
  package func begin(_ parcel: Parcel) {
    self.parcel = parcel
    nextIndex = 1
    repeated = []
    hasBegun = false
  }

  /// Adds a section.
  ///
  /// - Parameter isRepeated: True to repeat the section in every later part, so that each part stands alone.
  package func add(_ kind: SectionKind, _ body: Data, isRepeated: Bool = false) throws {
    guard let parcel, nextIndex < .max else { throw ByteReader.short }
    if isRepeated { repeated.append((kind, body)) }
    let sealed = try parcel.seal(body, kind: kind, index: nextIndex)
    let head = SectionHead(kind, tag: parcel.tag, index: nextIndex, body: sealed)
    nextIndex += 1
    try put(head.bytes, sealed, parcel: parcel)
  }

  /// Passes on a section of another device's parcel as it is.
  package func pass(_ head: SectionHead, _ body: Data, of parcel: Parcel) throws {
    guard head.kind != SectionKind.parcel.rawValue, head.kind != SectionKind.close.rawValue else { return }
    try put(head.bytes, body, parcel: parcel)
  }

  private func put(_ head: Data, _ body: Data, parcel: Parcel) throws {
    guard body.count <= BundleLimits.sectionBytesMax else { throw ByteReader.short }
    let closing = SectionHead.byteCount + 64
    var size = head.count + body.count
    let isBegun = part?.begun.contains(parcel.tag) ?? false
    if !isBegun { size += SectionHead.byteCount + parcel.bytes.count }
    if let open = part, open.sections > 0, open.bytes + size + closing > partBytesMax || open.sections + 4 > BundleLimits.sectionsMax {
      try finishPart()
    }
    if part == nil { part = try openPart() }
    if self.parcel?.tag == parcel.tag {
      // Continues the parcel in this part, and repeats the sections from its beginning.
      if hasBegun, part?.begun.contains(parcel.tag) == false {
        try beginInPart(parcel)
        for (kind, body) in repeated {
          let sealed = try parcel.seal(body, kind: kind, index: nextIndex)
          try write(SectionHead(kind, tag: parcel.tag, index: nextIndex, body: sealed).bytes, sealed)
          nextIndex += 1
        }
      }
      hasBegun = true
    }
    try beginInPart(parcel)
    try write(head, body)
  }

  private func beginInPart(_ parcel: Parcel) throws {
    guard part?.begun.insert(parcel.tag).inserted == true else { return }
    let head = SectionHead(.parcel, tag: parcel.tag, index: 0, body: parcel.bytes)
    try write(head.bytes, parcel.bytes)
  }

  // MARK: Parts

  private func openPart() throws -> Part {
    guard finished.count < BundleLimits.partsMax else {
      throw SyncError(
        .tooLarge, vi: "Chia thành quá nhiều phần; chọn phần lớn hơn.", en: "That makes too many parts; choose a larger size.")
    }
    let temporary = "\(path).\(finished.count + 1).new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard descriptor >= 0 else { throw BundleFault.unwritable(path, errno) }
    let opened = Part(file: FileHandle(fileDescriptor: descriptor, closeOnDealloc: true), temporary: temporary)
    do { try opened.file.write(contentsOf: BundleMagic.bytes) } catch { throw BundleFault.unwritable(path, error) }
    var started = opened
    started.bytes = BundleMagic.byteCount
    return started
  }

  private func write(_ head: Data, _ body: Data) throws {
    guard part != nil else { throw ByteReader.short }
    do {
      try part?.file.write(contentsOf: head)
      try part?.file.write(contentsOf: body)
    } catch {
      throw BundleFault.unwritable(path, error)
    }
    part?.bytes += head.count + body.count
    part?.sections += 1
    part?.heads.update(data: head)
    bytesWritten += head.count + body.count
    sectionsWritten += 1
  }

  private func finishPart() throws {
    guard let open = part else { return }
    var close = WireBundleClose()
    close.sections = UInt64(open.sections)
    close.heads = Data(open.heads.finalize())
    let body = try close.serializedData()
    try write(SectionHead(.close, tag: Data(count: SectionHead.tagBytes), index: 0, body: body).bytes, body)
    do {
      try open.file.synchronize()
      try open.file.close()
    } catch {
      throw BundleFault.unwritable(path, error)
    }
    finished.append(open.temporary)
    part = nil
  }

  /// Gives the parts their names, durably.
  ///
  /// - Returns: Paths of the parts: the one asked for, or numbered ones when the bundle was divided. None when nothing was added.
  package func finish() throws -> [String] {
    try finishPart()
    let names = finished.count == 1 ? [path] : finished.indices.map { numbered($0 + 1) }
    for (temporary, name) in zip(finished, names) {
      try Self.checkFree(name, owners: owners)
      guard rename(temporary, name) == 0 else { throw BundleFault.unwritable(name, errno) }
    }
    finished = []
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY)
    guard folder >= 0 else { throw BundleFault.unwritable(path, errno) }
    defer { close(folder) }
    // Ignores a failure: some sticks cannot sync a folder, but the files themselves are on them.
    _ = fsync(folder)
    return names
  }

  private func numbered(_ number: Int) -> String {
    let url = URL(fileURLWithPath: path)
    let stem = url.pathExtension.isEmpty ? path : String(path.dropLast(url.pathExtension.count + 1))
    return "\(stem)-\(number)" + (url.pathExtension.isEmpty ? "" : "." + url.pathExtension)
  }

  /// Deletes everything that was written.
  package func discard() {
    if let open = part {
      try? open.file.close()
      unlink(open.temporary)
    }
    for temporary in finished { unlink(temporary) }
    (part, finished) = (nil, [])
  }
}

/// Errors of a bundle as a file.
package enum BundleFault {
  package static func unwritable(_ path: String, _ error: any Error) -> SyncError {
    let code = (error as NSError).userInfo[NSUnderlyingErrorKey].map { ($0 as? NSError)?.code ?? 0 } ?? (error as NSError).code
    return unwritable(path, Int32(clamping: code == NSFileWriteOutOfSpaceError ? Int(ENOSPC) : code))
  }

  package static func unwritable(_ path: String, _ code: Int32) -> SyncError {
    if code == ENOSPC || code == EDQUOT {
      return SyncError(
        .diskFull, vi: "Hết chỗ khi ghi \(path); dùng nơi khác hoặc giải phóng chỗ. Dữ liệu trên máy này còn nguyên.",
        en: "No space left for \(path); use another place or free some. What is on this device is intact.")
    }
    return SyncError(
      .badRequest, vi: "Không ghi được \(path); kiểm tra thư mục, quyền và thẻ nhớ.",
      en: "Cannot write \(path); check the folder, permissions and the stick.")
  }

  static func unreadable(_ path: String) -> SyncError {
    SyncError(
      .damaged, vi: "Không đọc được \(path): thẻ nhớ hỏng hoặc bị rút ra.",
      en: "\(path) cannot be read: the stick is failing or was removed.")
  }
}
