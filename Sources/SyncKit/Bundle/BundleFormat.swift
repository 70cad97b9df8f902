package import Foundation
internal import SyncCore

/// Bounds on bundles, which anybody may have written. Part of the protocol: docs/protocol.md lists them.
public enum BundleLimits {
  /// Bytes of a bundle file.
  public static let bytesMax = 4 << 30
  /// Bytes of one section's body: a feed page and its frame.
  public static let sectionBytesMax = WireLimits.pageBytesMax + (64 << 10)
  /// Sections in one bundle.
  public static let sectionsMax = 1_000_000
  /// Bytes of a parcel's head, which names sender and recipient.
  public static let parcelBytesMax = 64 << 10
  /// Parcels of one file whose sections may be interleaved; sections of further parcels are not read.
  static let openParcelsMax = 64
  /// Delivered parcels that one section reports.
  package static let marksMax = 1000
  /// Least bytes of the parts into which a bundle may be divided.
  public static let partBytesMin = 64 << 10
  /// Bytes of a bundle as the body of a call: the largest section and its frame.
  public static let callBytesMax = sectionBytesMax + (256 << 10)
  /// Bytes of a piece of a blob in one section: damage costs no more than that.
  package static let blobPieceBytesMax = 1 << 20
  /// Parts of one bundle.
  public static let partsMax = 10_000
}

/// Kind of a bundle's section. Unknown kinds are skipped, so that newer programs may add some.
package enum SectionKind: UInt8, Sendable, CaseIterable {
  /// A `BundleParcel`: later sections with its tag belong to this parcel.
  case parcel = 1
  /// A `BundleClose`: the last section.
  case close = 2

  // Sections to the hub, each as HTTP would carry it in a body.
  /// A `Signed` holding `DeviceState`.
  case state = 10
  case certificate = 11
  /// An `EnrolRequest`.
  case enrolment = 12
  /// A `SuccessionRequest`.
  case succession = 13
  /// A page that the hub signed, given back.
  case page = 14
  /// A sealed batch.
  case batch = 15
  /// A `BundlePackets`.
  case packets = 16
  /// A `BundleBlob`: a piece of an attachment.
  case blob = 17
  /// A `Signed` holding `AgreementReport`.
  case agreement = 18

  // Sections from the hub, each a `BundleAnswer`.
  case hubAnswer = 33
  case enrolmentAnswer = 34
  case receiptAnswer = 35
  case feedAnswer = 36
  case snapshotAnswer = 37
  case lifeAnswer = 38
  case pageAnswer = 39
  case dropAnswer = 40
  case successionAnswer = 41
  case blobAnswer = 42
  case agreementAnswer = 44
  /// A `Signed` holding `BundleDelivery`, in a parcel for anybody.
  case delivery = 43
}

/// Head before a section's body: enough to check the body, to find its parcel, and to find the next section after damage.
package struct SectionHead: Hashable, Sendable {
  package var kind: UInt8
  /// First bytes of the SHA-256 of the parcel section's body: for the parcel section its own, for the last section zeros.
  var tag: Data
  /// Index of the section in its parcel, from 0 for the parcel section, over all parts.
  package var index: UInt32
  var bodyBytes: UInt32
  /// SHA-256 of the body as it is in the file.
  var hash: Data

  static let byteCount = 57
  static let tagBytes = 8
  static let marker = Data("SKBs".utf8)
  private static let checkBytes = 4

  init(_ kind: SectionKind, tag: Data, index: UInt32, body: Data) {
    self.kind = kind.rawValue
    self.tag = tag
    self.index = index
    bodyBytes = UInt32(clamping: body.count)
    hash = body.sha256
  }

  var bytes: Data {
    var data = Self.marker
    data.append(kind)
    data.append(tag)
    data.append(fixed32: index)
    data.append(fixed32: bodyBytes)
    data.append(hash)
    return data + data.sha256.prefix(Self.checkBytes)
  }

  /// Reads a head; nil when the bytes are no head, or a damaged one.
  init?(_ bytes: Data) {
    guard bytes.count == Self.byteCount, bytes.prefix(4) == Self.marker,
      bytes.dropLast(Self.checkBytes).sha256.prefix(Self.checkBytes) == bytes.suffix(Self.checkBytes)
    else { return nil }
    var reader = ByteReader(bytes.dropFirst(4))
    guard let kind = try? reader.byte(), let tag = try? reader.take(UInt64(Self.tagBytes)), let index = try? reader.fixed32(),
      let bodyBytes = try? reader.fixed32(), let hash = try? reader.take(32)
    else { return nil }
    self.kind = kind
    self.tag = Data(tag)
    self.index = index
    self.bodyBytes = bodyBytes
    self.hash = Data(hash)
  }
}

/// First bytes of a bundle: they reveal a file that was sent as text, and tell the version.
package enum BundleMagic {
  static let version: UInt8 = 1
  private static let start = Data([0x89, 0x53, 0x4b, 0x42, 0x0d, 0x0a, 0x1a])
  static let byteCount = 8

  package static var bytes: Data { start + [version] }

  /// Checks the first bytes of a file.
  ///
  /// - Throws: `SyncError` that says what the file is instead.
  static func check(_ bytes: Data, path: String) throws {
    guard !bytes.isEmpty else {
      throw SyncError(.damaged, vi: "\(path) trống; chép lại.", en: "\(path) is empty; copy it again.")
    }
    guard bytes.count == byteCount, bytes.prefix(start.count) == start else {
      throw SyncError(.damaged, vi: "\(path) không phải là bọc dữ liệu (.skb).", en: "\(path) is not a bundle (.skb).")
    }
    guard bytes.last == version else {
      throw SyncError(
        .badRequest, vi: "\(path) do phiên bản mới hơn tạo ra; hãy nâng cấp chương trình này.",
        en: "\(path) was made by a newer version; upgrade this program.")
    }
  }
}

extension Data {
  /// Appends 4 bytes, little endian.
  mutating func append(fixed32 value: UInt32) {
    for shift in stride(from: 0, to: 32, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
}

extension ByteReader {
  /// Reads 4 bytes, little endian.
  mutating func fixed32() throws -> UInt32 {
    try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
