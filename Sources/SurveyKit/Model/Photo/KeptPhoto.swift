internal import CVips
package import Foundation

extension Photo {
  /// Returns why a picture is not as `Photo` makes them, judged by its bytes; nil when it is. For hubs: whatever program sent it,
  /// only bare pictures are kept.
  ///
  /// Blocks for the time it takes to decode.
  package static func fault(ofKept jpeg: Data) -> PhotoFault? {
    guard isReady else { return .noLibrary }
    defer { synckit_photo_forget() }
    return jpeg.withUnsafeBytes { bytes -> PhotoFault? in
      guard let reader = synckit_photo_reader(bytes.baseAddress, bytes.count), readers.contains(String(cString: reader)) else {
        return .notAPicture
      }
      var (width, height): (Int32, Int32) = (0, 0)
      guard synckit_photo_size(bytes.baseAddress, bytes.count, &width, &height) == 0 else { return .damaged }
      guard width <= sidePixelsMax, height <= sidePixelsMax else { return .notPrepared }
      guard synckit_photo_check(bytes.baseAddress, bytes.count) == 0 else { return .damaged }
      return isBareJPEG(bytes) ? nil : .notPrepared
    }
  }

  /// Returns why no kept photo begins with these bytes, judged as soon as the first arrive. Nil when one may.
  package static func fault(ofStart bytes: Data) -> PhotoFault? {
    bytes.withUnsafeBytes { bytes in
      guard zip(bytes, [0xFF, 0xD8, 0xFF]).allSatisfy({ $0 == $1 }) else { return .notAPicture }
      var at = 2
      while at + 3 < bytes.count {
        let marker = bytes[at + 1]
        guard bytes[at] == 0xFF else { return .damaged }
        // Stops at the head of a scan: the rest shows only in the whole.
        if marker == 0xDA || marker == 0xD9 { return nil }
        let size = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
        if !isNeeded(marker, size: size) { return .notPrepared }
        guard size >= 2 else { return .damaged }
        at += 2 + size
      }
      return nil
    }
  }

  /// Returns whether a segment of a JPEG is needed to show it: metadata and comments have segments of their own.
  private static func isNeeded(_ marker: UInt8, size: Int) -> Bool {
    // Allows APP0 of 16 bytes, which has the density; a longer one holds a small picture of its own.
    !(marker == 0xE0 && size != 16) && !(0xE1...0xEF).contains(marker) && marker != 0xFE
  }

  /// Returns whether a file is a JPEG of which every segment is needed to show it, and nothing follows.
  private static func isBareJPEG(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count > 4, bytes[0] == 0xFF, bytes[1] == 0xD8 else { return false }
    var at = 2
    while at + 1 < bytes.count {
      let marker = bytes[at + 1]
      guard bytes[at] == 0xFF else { return false }
      if marker == 0xD9 { return at + 2 == bytes.count }
      guard at + 3 < bytes.count else { return false }
      let size = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
      guard isNeeded(marker, size: size) else { return false }
      at += 2 + size
      // Skips the data of a scan, in which 0xFF is followed by 0 or the number of a restart.
      if marker == 0xDA {
        while at + 1 < bytes.count, bytes[at] != 0xFF || bytes[at + 1] == 0 || (0xD0...0xD7).contains(bytes[at + 1]) { at += 1 }
      }
    }
    return false
  }
}
