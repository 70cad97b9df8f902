package import Foundation
package import SwiftProtobuf

/// Limits on sizes and counts of everything that comes from outside. Part of the protocol: docs/protocol.md lists them.
public enum WireLimits {
  /// Bytes of a sealed batch as sent.
  public static let batchBytesMax = 8 << 20
  /// Bytes of all columns of one message, when inflated.
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
  /// Bytes of UTF-8 in a table's or column's name, a scope, or a label.
  public static let nameBytesMax = 128
  /// Bytes of a row's key.
  public static let keyBytesMax = 256
  /// Greatest life of a row: far above any count of births and deletions, and far below what 32 bits hold, so that counting on
  /// never overflows.
  public static let lifeMax: UInt32 = 1 << 30
  /// Bytes of one cell's value. Larger things are attachments.
  public static let valueBytesMax = 1 << 20
  /// Members that one change may write in a `perKey` cell, and increments in a `counter` cell.
  public static let partsPerCellMax = 2000
  /// Greatest magnitude of one increment: sums stay far from the ends of 64 bits.
  public static let incrementMax: Int64 = 1 << 40
  /// Digests in one page.
  public static let digestsMax = 1000
  /// Bytes of a cursor.
  public static let cursorBytesMax = 4096
  /// Bytes of a control message (enrolment, receipt, hub information, error).
  public static let controlBytesMax = 256 << 10
  /// Bytes of the body of a call that is not signed and carries no packets: an enrolment, a succession, a certificate.
  public static let openBytesMax = 64 << 10
  /// Batches that one succession names.
  public static let successionPlacesMax = 320
  /// Bytes of a feed page as sent.
  public static let pageBytesMax = 16 << 20
  /// Bytes of a request that carries packets.
  public static let dropBytesMax = 4 << 20
  /// Bytes of one blob.
  public static let blobBytesMax = 8 << 20
  /// Bytes of one piece of a blob: a broken connection makes nobody send more again.
  public static let blobPieceBytesMax = 64 << 10
  /// Blobs that one question asks about.
  public static let blobsPerQuestionMax = 500
  /// Packets in one request.
  public static let packetsMax = 500
  /// Milliseconds that a device's stamp may be ahead of hub time before the hub replaces it.
  public static let driftMsMax: UInt64 = 5 * 60 * 1000
}

extension Message {
  /// Decodes bytes from outside; the error names what they should have been.
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
