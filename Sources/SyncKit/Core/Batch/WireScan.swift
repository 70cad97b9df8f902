internal import Foundation
internal import SwiftProtobuf

/// Counts the parts of a message from outside before it is decoded.
///
/// An empty part takes two bytes on the wire and more than a hundred in memory, so bytes within their bound could still ask for
/// gigabytes. The scan reads only tags and lengths.
enum WireScan {
  /// Fields in one message, the elements of repeated fields counted singly: twice the units of a page.
  static let fieldsMax = 2 * WireLimits.unitsMax
  /// Fields in one `TableChanges`: its columns and some room for fields to come.
  static let tableFieldsMax = 2 * (WireLimits.columnsPerTableMax + 1)
  /// Field numbers: of a table in `Batch` and `FeedPage`, of a table in `SnapshotPage`, and of the stamps in `Batch`.
  private static let (tables, snapshotTables, stamps): (UInt64, UInt64, UInt64) = (8, 11, 7)

  /// Returns a batch's replica, scope and number without decoding it: bytes of fields 2 and 3, and the number in field 4.
  static func batchFacts(_ body: Data) -> (replica: Data, scope: Data, number: UInt64) {
    var facts = (replica: Data(), scope: Data(), number: UInt64(0))
    var reader = ByteReader(body)
    // Takes the last of repeated fields, as protobuf does, and stops at bytes that cannot be read.
    while !reader.isAtEnd {
      guard let tag = try? reader.varint() else { return facts }
      switch (tag >> 3, tag & 7) {
      case (let field, 0):
        guard let value = try? reader.varint() else { return facts }
        if field == 4 { facts.number = value }
      case (_, 1): guard (try? reader.take(8)) != nil else { return facts }
      case (let field, 2):
        guard let count = try? reader.varint(), let part = try? reader.take(count) else { return facts }
        if field == 2 { facts.replica = part }
        if field == 3 { facts.scope = part }
      case (_, 5): guard (try? reader.take(4)) != nil else { return facts }
      default: return facts
      }
    }
    return facts
  }

  static func check<Kind: Message>(_ bytes: Data, of kind: Kind.Type) throws {
    let isBatch = kind == WireBatch.self
    let tables: UInt64? =
      isBatch || kind == WireFeedPage.self ? tables : kind == WireSnapshotPage.self ? snapshotTables : nil
    var tablesLeft = WireLimits.tablesMax
    var stampBytesLeft = 10 * WireLimits.unitsMax
    try walk(bytes, fieldsMax: fieldsMax) { field, part in
      if field == tables {
        tablesLeft -= 1
        try walk(part, fieldsMax: tableFieldsMax) { _, _ in }
      } else if isBatch && field == stamps {
        stampBytesLeft -= part.count
      }
      guard tablesLeft >= 0, stampBytesLeft >= 0 else { throw tooMany }
    }
  }

  /// Calls `visit` for each field that carries bytes.
  private static func walk(_ bytes: Data, fieldsMax: Int, _ visit: (UInt64, Data) throws -> Void) throws {
    var reader = ByteReader(bytes)
    var fieldsLeft = fieldsMax
    while !reader.isAtEnd {
      guard fieldsLeft > 0 else { throw tooMany }
      fieldsLeft -= 1
      let tag = try reader.varint()
      switch tag & 7 {
      case 0: _ = try reader.varint()
      case 1: _ = try reader.take(8)
      case 2: try visit(tag >> 3, try reader.take(try reader.varint()))
      case 5: _ = try reader.take(4)
      default: throw ByteReader.short
      }
    }
  }

  private static var tooMany: SyncError {
    SyncError(.tooLarge, vi: "Dữ liệu nhận được có quá nhiều phần; từ chối.", en: "What arrived has too many parts; refused.")
  }
}
