internal import Crypto
package import Foundation
internal import SwiftProtobuf
package import SyncCore

/// Reader of a bundle, section by section, with at most one in memory. Continues after damage where it can.
package final class BundleReader {
  /// Section whose checksum is right.
  package struct Section: Sendable {
    package var head: SectionHead
    /// Parcel of the section; nil when the parcel was not readable here.
    package var parcel: Parcel?
    /// Offset of its body in the file.
    var offset: Int

    package var kind: SectionKind? { SectionKind(rawValue: head.kind) }
  }

  package enum Item {
    case parcel(Parcel)
    case section(Section, body: Data)
    /// Damage at this place; what follows is readable again. The parcel is known when a section's head is readable.
    case damage(LocalizedText, of: Parcel?)
  }

  let path: String
  package let size: Int
  private let file: FileHandle
  package private(set) var offset = BundleMagic.byteCount
  private var heads = SHA256()
  package private(set) var sections = 0
  private var parcels: [Data: Parcel] = [:]
  private var order: [Data] = []
  private var isClosed = false
  private var isDamaged = false
  private var isCut = false
  private var isAtEnd = false

  /// Opens a bundle.
  ///
  /// - Throws: `SyncError` that says what is there instead of a bundle of this version.
  package init(_ path: String) throws {
    self.path = path
    var there = stat()
    guard stat(path, &there) == 0 else {
      throw SyncError(.damaged, vi: "Không có tệp \(path).", en: "There is no file \(path).")
    }
    guard there.st_mode & S_IFMT != S_IFDIR else {
      throw SyncError(
        .damaged, vi: "\(path) là thư mục; hãy chỉ các tệp .skb trong đó.", en: "\(path) is a folder; name the .skb files in it.")
    }
    // Refuses anything but a file: a pipe could keep its reader waiting for ever.
    guard there.st_mode & S_IFMT == S_IFREG, let file = FileHandle(forReadingAtPath: path) else {
      throw SyncError(
        .damaged, vi: "Không đọc được tệp \(path); kiểm tra quyền.", en: "Cannot read the file \(path); check its permissions.")
    }
    self.file = file
    size = Int(there.st_size)
    guard size <= BundleLimits.bytesMax else {
      throw SyncError(
        .tooLarge, vi: "\(path) lớn hơn \(BundleLimits.bytesMax >> 30) GiB; không phải bọc dữ liệu.",
        en: "\(path) is larger than \(BundleLimits.bytesMax >> 30) GiB: no bundle.", expected: UInt64(BundleLimits.bytesMax))
    }
    try BundleMagic.check(try read(at: 0, BundleMagic.byteCount), path: path)
  }

  deinit { try? file.close() }

  private func read(at offset: Int, _ count: Int) throws -> Data {
    do {
      try file.seek(toOffset: UInt64(offset))
      return try file.read(upToCount: count) ?? Data()
    } catch {
      throw BundleFault.unreadable(path)
    }
  }

  /// Returns the body of a section that was read before.
  package func body(of section: Section) throws -> Data {
    let body = try read(at: section.offset, Int(section.head.bodyBytes))
    guard body.sha256 == section.head.hash else { throw BundleFault.unreadable(path) }
    return body
  }

  /// Returns the next part of the file; nil at its end.
  ///
  /// - Throws: `SyncError` when the file cannot be read any more.
  package func next() throws -> Item? {
    guard !isAtEnd else { return nil }
    guard offset < size else {
      isAtEnd = true
      return isClosed || isCut ? nil : damaged(vi: "Tệp bị cắt cụt: thiếu phần cuối.", en: "The file is cut short: its end is missing.")
    }
    guard !isClosed else {
      isAtEnd = true
      return damaged(vi: "Có dữ liệu thừa sau phần cuối.", en: "There is something after the end.")
    }
    guard sections < BundleLimits.sectionsMax else {
      throw SyncError(.tooLarge, vi: "\(path) có quá nhiều mục.", en: "\(path) has too many sections.")
    }
    let headBytes = try read(at: offset, SectionHead.byteCount)
    guard let head = SectionHead(headBytes), Int(head.bodyBytes) <= BundleLimits.sectionBytesMax else {
      let place = offset
      try seekNextHead()
      if headBytes.count < SectionHead.byteCount { return cut() }
      return damaged(vi: "Hỏng từ byte \(place).", en: "Damaged from byte \(place) on.")
    }
    offset += SectionHead.byteCount
    let body = try read(at: offset, Int(head.bodyBytes))
    let section = Section(head: head, parcel: parcels[head.tag], offset: offset)
    offset += body.count
    guard body.count == Int(head.bodyBytes) else { return cut() }
    sections += 1
    if head.kind != SectionKind.close.rawValue { heads.update(data: headBytes) }
    guard body.sha256 == head.hash else {
      return damaged(vi: "Mục \(sections) bị hỏng.", en: "Section \(sections) is damaged.", of: section.parcel)
    }
    switch section.kind {
    case .parcel: return try begin(body, head)
    case .close: return close(body)
    default:
      guard section.parcel != nil else {
        return damaged(
          vi: "Mục \(sections) đứng trước phần mà nó thuộc về.", en: "Section \(sections) comes without the parcel it is of.")
      }
      return .section(section, body: body)
    }
  }

  private func begin(_ body: Data, _ head: SectionHead) throws -> Item {
    let parcel: Parcel
    do { parcel = try Parcel.read(body) } catch let error as SyncError { return .damage(error.explanation, of: nil) }
    guard parcel.tag == head.tag else { return damaged(vi: "Mục \(sections) bị hỏng.", en: "Section \(sections) is damaged.") }
    if parcels[parcel.tag] == nil {
      order.append(parcel.tag)
      if order.count > BundleLimits.openParcelsMax { parcels[order.removeFirst()] = nil }
    }
    parcels[parcel.tag] = parcel
    return .parcel(parcel)
  }

  /// Replaces a parcel by the same one with its key, for the sections that follow.
  package func use(_ parcel: Parcel) { if parcels[parcel.tag] != nil { parcels[parcel.tag] = parcel } }

  private func close(_ body: Data) -> Item? {
    isClosed = true
    let name = LocalizedText(vi: "phần cuối", en: "end of a bundle")
    let wire = try? WireBundleClose.parse(body, named: name)
    if wire?.sections == UInt64(sections - 1), wire?.heads == Data(heads.finalize()) {
      return (try? next()) ?? nil
    }
    // Reports no missing end after damage, which explains it.
    guard !isDamaged else { return (try? next()) ?? nil }
    return damaged(
      vi: "Các mục không đủ hoặc không đúng thứ tự như lúc ghi.", en: "Sections are missing, or in another order than they were written.")
  }

  private func cut() -> Item {
    isCut = true
    return damaged(vi: "Tệp bị cắt cụt.", en: "The file is cut short.")
  }

  private func damaged(vi: String, en: String, of parcel: Parcel? = nil) -> Item {
    isDamaged = true
    return .damage(LocalizedText(vi: vi, en: en), of: parcel)
  }

  /// Moves to the next readable head, or to the end.
  private func seekNextHead() throws {
    var place = offset + 1
    let blockBytes = 1 << 16
    while place < size {
      let block = try read(at: place, blockBytes + SectionHead.byteCount)
      guard !block.isEmpty else { break }
      var from = block.startIndex
      while let found = block.range(of: SectionHead.marker, in: from..<block.endIndex) {
        let start = found.lowerBound
        if let head = SectionHead(Data(block[start..<min(start + SectionHead.byteCount, block.endIndex)])),
          Int(head.bodyBytes) <= BundleLimits.sectionBytesMax
        {
          offset = place + (start - block.startIndex)
          return
        }
        from = start + 1
      }
      place += blockBytes
    }
    offset = size
    isAtEnd = true
  }
}
