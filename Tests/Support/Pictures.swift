public import Foundation

/// Pictures made by hand, byte by byte, and what may be wrong with them.
public enum Picture {
  /// A PNG of stripes; no compression, so that its size follows from its pixels.
  ///
  /// - Parameter claimed: Another size in its head than its pixels have.
  public static func png(_ width: Int, _ height: Int, seed: UInt8 = 0, claimed: (width: Int, height: Int)? = nil) -> Data {
    var rows = Data(capacity: height * (width * 3 + 1))
    for y in 0..<height {
      rows.append(0)
      for x in 0..<width {
        rows.append(UInt8(truncatingIfNeeded: x &* 3) ^ seed)
        rows.append(UInt8(truncatingIfNeeded: y &* 2))
        rows.append(seed)
      }
    }
    return png(rows, claimed ?? (width, height))
  }

  /// A square PNG of noise: a JPEG of it has about a byte for each pixel.
  public static func noise(side: Int, seed: UInt64) -> Data {
    var state = seed
    var rows = Data(capacity: side * (side * 3 + 1))
    for _ in 0..<side {
      rows.append(0)
      for _ in 0..<side * 3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        rows.append(UInt8(truncatingIfNeeded: state >> 56))
      }
    }
    return png(rows, (side, side))
  }

  /// Another JPEG of the same size, for each number below 40,000: a little brighter or darker in its finest pattern.
  public static func variant(of jpeg: Data, _ number: Int) -> Data {
    guard let table = jpeg.range(of: Data([0xFF, 0xDB])) else { return jpeg }
    var bytes = jpeg
    // After marker, length and number come 64 values, none of them 0.
    let last = table.upperBound + 2 + 1 + 63
    (bytes[last], bytes[last - 1]) = (UInt8(1 + number % 200), UInt8(1 + number / 200 % 200))
    return bytes
  }

  private static func png(_ rows: Data, _ claimed: (width: Int, height: Int)) -> Data {
    var head = Data()
    for number in [claimed.width, claimed.height] { head += bigEndian(UInt32(number)) }
    head += [8, 2, 0, 0, 0]
    var png = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    for (name, body) in [("IHDR", head), ("IDAT", stored(rows)), ("IEND", Data())] { png.append(chunk(name, body)) }
    return png
  }

  /// A JPEG with what a phone writes into it: which way up, the make, a position, a comment.
  ///
  /// - Parameters:
  ///   - jpeg: A plain one.
  ///   - orientation: 1 as it is; 3, 6, 8 turned.
  public static func phone(_ jpeg: Data, orientation: UInt8 = 1) -> Data {
    func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: [UInt8]) -> [UInt8] {
      var bytes = little(tag, 2)
      bytes += little(type, 2)
      bytes += little(count, 4)
      bytes += value
      return bytes
    }
    // Three entries and what they point to: the make's text, then the position's own directory.
    let makeAt = 8 + 2 + 3 * 12 + 4
    let positionAt = makeAt + 12
    var exif = Array("Exif\0\0II*\0".utf8)
    exif += little(8, 4)
    exif += little(3, 2)
    exif += entry(0x010F, 2, 12, little(makeAt, 4))
    exif += entry(0x0112, 3, 1, [orientation, 0, 0, 0])
    exif += entry(0x8825, 4, 1, little(positionAt, 4))
    exif += little(0, 4)
    exif += Array("SECRETPHONE\0".utf8)
    exif += little(1, 2)
    exif += entry(0x001D, 2, 11, little(positionAt + 18, 4))
    exif += little(0, 4)
    exif += Array("2024:04:01\0".utf8)
    let xmp = Array("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRETPLACE 21.27N 106.19E</x:xmpmeta>".utf8)
    var whole = Data(jpeg.prefix(2))
    for (marker, body) in [(UInt8(0xE1), exif), (0xE1, xmp), (0xFE, Array("SECRETOWNER".utf8))] {
      let size = body.count + 2
      whole.append(contentsOf: [0xFF, marker, UInt8(size >> 8), UInt8(size & 255)])
      whole.append(contentsOf: body)
    }
    whole.append(jpeg.dropFirst(2))
    return whole
  }

  /// The markers of a JPEG's segments, up to the picture itself.
  public static func segments(of jpeg: Data) -> [UInt8] {
    let bytes = [UInt8](jpeg)
    var (markers, place): ([UInt8], Int) = ([], 2)
    while place + 4 <= bytes.count, bytes[place] == 0xFF, bytes[place + 1] != 0xDA {
      markers.append(bytes[place + 1])
      let size = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
      place += 2 + size
    }
    return markers
  }

  private static func bigEndian(_ value: UInt32) -> Data { Data([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }) }

  private static func chunk(_ name: String, _ body: Data) -> Data {
    var named = Data(name.utf8)
    named.append(body)
    var chunk = bigEndian(UInt32(body.count))
    chunk.append(named)
    chunk.append(bigEndian(crc(named)))
    return chunk
  }

  private static let crcTable: [UInt32] = (0..<256).map { start in
    var value = UInt32(start)
    for _ in 0..<8 {
      let half = value >> 1
      value = value & 1 == 1 ? half ^ 0xEDB8_8320 : half
    }
    return value
  }

  private static func crc(_ data: Data) -> UInt32 {
    var sum = UInt32.max
    for byte in data {
      let place = Int((sum ^ UInt32(byte)) & 255)
      sum = crcTable[place] ^ (sum >> 8)
    }
    return ~sum
  }

  /// A zlib stream of stored blocks.
  private static func stored(_ data: Data) -> Data {
    var out = Data([0x78, 0x01])
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in data {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    var rest = data
    repeat {
      let block = rest.prefix(65_535)
      rest = rest.dropFirst(block.count)
      let count = UInt16(block.count)
      out.append(rest.isEmpty ? 1 : 0)
      for number in [count, ~count] { out.append(contentsOf: [UInt8(number & 255), UInt8(number >> 8)]) }
      out.append(block)
    } while !rest.isEmpty
    out.append(bigEndian(b << 16 | a))
    return out
  }
}
