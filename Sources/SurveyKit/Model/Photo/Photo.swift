internal import CVips
public import Foundation
public import SyncCore

/// Picture as it is kept and sent: a JPEG of at most 1,280 pixels either way, upright, with nothing in it but the picture – no
/// position, no time, no device, no owner's name.
public struct Photo: Sendable, Hashable {
  public let jpeg: Data
  /// Size in pixels, as it is shown.
  public let width: Int
  public let height: Int

  /// Photos of one report.
  public static let photosPerReportMax = 12
  public static let mediaType = "image/jpeg"
  /// Pixels of the longest side.
  public static let sidePixelsMax = 1_280
  /// Bytes of a file as a person gives it.
  public static let sourceBytesMax = 32 << 20
  /// Pixels that a file claims to hold: checked before memory is spent.
  public static let sourcePixelsMax = 64_000_000
  private static let quality: Int32 = 80

  /// Names of the library's readers that are used; the content of a file decides, never its name.
  static let readers: Set<String> = [
    "VipsForeignLoadJpegBuffer", "VipsForeignLoadPngBuffer", "VipsForeignLoadWebpBuffer", "VipsForeignLoadHeifBuffer",
  ]
  static let isReady = synckit_photo_start() == 0

  /// Makes a photo of a picture in any of the formats that phones and computers write: JPEG, PNG, WebP, HEIC.
  ///
  /// Blocks for the time it takes to decode, some tenths of a second for a phone's picture.
  ///
  /// - Parameters:
  ///   - source: Bytes of a file.
  ///   - sideMax: Pixels of the longest side; a form may ask for less than `sidePixelsMax`.
  /// - Throws: `PhotoFault`, which says what is wrong with the file.
  public init(_ source: Data, sideMax: Int = Photo.sidePixelsMax) throws(PhotoFault) {
    guard !source.isEmpty else { throw .empty }
    guard source.count <= Self.sourceBytesMax else { throw .tooLarge }
    guard Self.isReady else { throw .noLibrary }
    defer { synckit_photo_forget() }
    let made: Result<Photo, PhotoFault> = source.withUnsafeBytes { bytes in
      do throws(PhotoFault) {
        guard let reader = synckit_photo_reader(bytes.baseAddress, bytes.count), Self.readers.contains(String(cString: reader))
        else { throw .notAPicture }
        var (width, height): (Int32, Int32) = (0, 0)
        guard synckit_photo_size(bytes.baseAddress, bytes.count, &width, &height) == 0, width > 0, height > 0 else { throw .damaged }
        guard Int(width) <= Self.sourcePixelsMax / Int(height) else { throw .tooManyPixels }
        var (jpeg, count): (UnsafeMutableRawPointer?, Int) = (nil, 0)
        let side = Int32(clamping: min(max(sideMax, 1), Self.sidePixelsMax))
        let result = synckit_photo_make(bytes.baseAddress, bytes.count, side, Self.quality, &jpeg, &count, &width, &height)
        defer { synckit_photo_free(jpeg) }
        guard result == 0, let jpeg, count > 0 else { throw .damaged }
        return .success(Photo(jpeg: Data(bytes: jpeg, count: count), width: Int(width), height: Int(height)))
      } catch {
        return .failure(error)
      }
    }
    self = try made.get()
  }

  private init(jpeg: Data, width: Int, height: Int) {
    self.jpeg = jpeg
    self.width = width
    self.height = height
  }
}

/// Reason why a file is not accepted as a photo.
public enum PhotoFault: ExplainedError, Hashable {
  case empty, tooLarge, tooManyPixels
  /// The picture is not reduced and bare, as photos are before they leave a device.
  case notPrepared
  /// The file is no picture, whatever its name says.
  case notAPicture
  /// The picture cannot be read to its end.
  case damaged
  case noLibrary

  public var explanation: LocalizedText {
    switch self {
    case .empty: LocalizedText(vi: "tệp rỗng.", en: "the file is empty.")
    case .tooLarge:
      LocalizedText(
        vi: "lớn hơn \(Photo.sourceBytesMax >> 20) MiB; chụp lại ở cỡ nhỏ hơn.",
        en: "larger than \(Photo.sourceBytesMax >> 20) MiB; take it in a smaller size.")
    case .tooManyPixels:
      LocalizedText(
        vi: "có hơn \(Photo.sourcePixelsMax / 1_000_000) triệu điểm ảnh; chụp lại ở cỡ nhỏ hơn.",
        en: "has more than \(Photo.sourcePixelsMax / 1_000_000) million pixels; take it in a smaller size.")
    case .notAPicture:
      LocalizedText(
        vi: "không phải ảnh JPEG, PNG, WebP hay HEIC, dù tên tệp thế nào.",
        en: "is no JPEG, PNG, WebP or HEIC picture, whatever its name says.")
    case .damaged:
      LocalizedText(vi: "ảnh hỏng hoặc thiếu phần cuối; chép lại từ máy ảnh.", en: "the picture is damaged or cut short; copy it again.")
    case .notPrepared:
      LocalizedText(
        vi: "không phải JPEG tối đa \(Photo.sidePixelsMax) điểm ảnh và không kèm vị trí, giờ chụp hay tên máy.",
        en: "it is no JPEG of at most \(Photo.sidePixelsMax) pixels without position, time or camera in it.")
    case .noLibrary:
      LocalizedText(vi: "máy này thiếu thư viện đọc ảnh libvips.", en: "the picture library libvips does not start on this machine.")
    }
  }
}
