internal import CPNG
internal import CQREncode
package import Foundation
internal import ToolSupport

/// QR code as its modules, drawn as PNG or SVG. The same text gives the same bytes.
package struct QRCode {
  /// Modules on a side.
  package let side: Int
  /// Modules row by row; true is dark.
  private let modules: [Bool]

  /// Light modules around the code, as the standard asks.
  package static let quietModules = 4
  /// Pixels for each module in a PNG: sharp on paper up to A5.
  package static let pixelsPerModule = 12

  /// Encodes a text.
  ///
  /// - Throws: `ToolError` when the text is too long for a code.
  package init(_ text: String) throws {
    guard let code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1) else {
      throw ToolError(
        vi: "Địa chỉ quá dài cho một mã QR; dùng --base-url ngắn hơn.", en: "The address is too long for a QR code; shorten --base-url.")
    }
    defer { QRcode_free(code) }
    side = Int(code.pointee.width)
    modules = UnsafeBufferPointer(start: code.pointee.data, count: side * side).map { $0 & 1 == 1 }
  }

  package func isDark(_ x: Int, _ y: Int) -> Bool { (0..<side).contains(x) && (0..<side).contains(y) && modules[y * side + x] }

  /// Returns a grey PNG with `pixelsPerModule` pixels for each module.
  package func png() throws -> Data {
    let width = (side + 2 * Self.quietModules) * Self.pixelsPerModule
    var pixels = [UInt8](repeating: 255, count: width * width)
    for y in 0..<width {
      for x in 0..<width where isDark(x / Self.pixelsPerModule - Self.quietModules, y / Self.pixelsPerModule - Self.quietModules) {
        pixels[y * width + x] = 0
      }
    }
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(width)
    image.format = UInt32(PNG_FORMAT_GRAY)
    var size: png_alloc_size_t = 0
    guard png_image_write_to_memory(&image, nil, &size, 0, pixels, png_int_32(width), nil) != 0 else { throw Self.notDrawn }
    var bytes = Data(count: size)
    let isWritten = bytes.withUnsafeMutableBytes {
      png_image_write_to_memory(&image, $0.baseAddress, &size, 0, pixels, png_int_32(width), nil)
    }
    guard isWritten != 0 else { throw Self.notDrawn }
    return bytes.prefix(size)
  }

  private static let notDrawn = ToolError(vi: "Không vẽ được mã QR.", en: "The QR code could not be drawn.")

  /// Returns an SVG of one path on white, one unit for each module.
  package func svg() -> Data {
    let width = side + 2 * Self.quietModules
    var path = ""
    for y in 0..<side {
      var x = 0
      while x < side {
        let run = (x..<side).prefix { isDark($0, y) }.count
        if run > 0 { path += "M\(x + Self.quietModules) \(y + Self.quietModules)h\(run)v1h-\(run)z" }
        x += max(run, 1)
      }
    }
    return Data(
      """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width * 8)" height="\(width * 8)" viewBox="0 0 \(width) \(width)" shape-rendering="crispEdges">
      <rect width="\(width)" height="\(width)" fill="#fff"/>
      <path fill="#000" d="\(path)"/>
      </svg>

      """.utf8)
  }
}
