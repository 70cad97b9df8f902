package import Foundation
package import SwiftProtobuf

/// Bounds on everything that comes from outside. Part of the protocol: docs/protocol.md lists them.
public enum WireLimits {
  /// A sealed batch as sent, in bytes.
  public static let batchBytesMax = 8 << 20
  /// All columns of one message together when inflated, in bytes.
  public static let inflatedBytesMax = 64 << 20
  /// Units in one batch or page.
  public static let unitsMax = 10_000
  /// Row changes in one batch or page.
  public static let rowsMax = 100_000
  /// Rows one transaction may change.
  public static let rowsPerTransactionMax = 50_000
  /// Columns of one replicated table, the key not counted.
  public static let columnsPerTableMax = 63
  /// Tables in one batch or page.
  public static let tablesMax = 64
  /// A table's or column's name, a scope, a label: bytes of UTF-8.
  public static let nameBytesMax = 128
  /// A row's key in bytes.
  public static let keyBytesMax = 256
  /// A row's life. Far above any count of births and deaths, far enough below what 32 bits hold that counting on never
  /// overflows.
  public static let lifeMax: UInt32 = 1 << 30
  /// One cell's value in bytes. Larger things are attachments.
  public static let valueBytesMax = 1 << 20
  /// Members that one change may write in a `perKey` cell, and increments in a `counter` cell.
  public static let partsPerCellMax = 2000
  /// The size of one increment, either way: sums stay far from the ends of 64 bits.
  public static let incrementMax: Int64 = 1 << 40
  /// Digests in one page.
  public static let digestsMax = 1000
  /// A cursor in bytes.
  public static let cursorBytesMax = 4096
  /// A control message (enrolment, receipt, hub information, error) in bytes.
  public static let controlBytesMax = 256 << 10
  /// The body of a call that nobody signs and that carries no packets, in bytes: an enrolment, a succession, a certificate.
  public static let openBytesMax = 64 << 10
  /// Batches that one succession names.
  public static let successionPlacesMax = 320
  /// A feed page in bytes, as sent.
  public static let pageBytesMax = 16 << 20
  /// A request that carries packets, in bytes.
  public static let dropBytesMax = 4 << 20
  /// One blob in bytes.
  public static let blobBytesMax = 8 << 20
  /// A piece of a blob, in bytes: all that a broken connection makes anyone send again.
  public static let blobPieceBytesMax = 64 << 10
  /// Blobs that one question asks about.
  public static let blobsPerQuestionMax = 500
  /// Packets in one request.
  public static let packetsMax = 500
  /// How far a device's stamp may be ahead of hub time before the hub gives it another, in milliseconds.
  public static let driftMsMax: UInt64 = 5 * 60 * 1000
}

extension Message {
  /// Decodes bytes that came from outside, naming what they were meant to be when they are not.
  package static func parse(_ bytes: Data, named name: LocalizedText) throws -> Self {
    try WireScan.check(bytes, of: Self.self)
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = 8
    do {
      return try Self(serializedBytes: bytes, options: options)
    } catch {
      throw SyncError(
        .damaged, vi: "Dữ liệu nhận được không phải là \(name.vi), hoặc đã hỏng.",
        en: "What arrived is not a \(name.en), or it is damaged.")
    }
  }
}
