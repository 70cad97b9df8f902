public import Foundation

/// Value of a cell, as SQLite stores it: NULL, an integer, a real, a text or bytes.
public enum CellValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob(Data)

  public var isNull: Bool { self == .null }

  public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  public var text: String? { if case .text(let value) = self { value } else { nil } }
  public var blob: Data? { if case .blob(let value) = self { value } else { nil } }

  /// Compares what is stored. Unlike `==` on `Double`, every NaN equals itself; unlike `==` on `String`, composed and decomposed
  /// spellings differ, as they do in SQLite.
  public static func == (a: CellValue, b: CellValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.integer(let x), .integer(let y)): x == y
    case (.real(let x), .real(let y)): x.bitPattern == y.bitPattern
    case (.text(let x), .text(let y)): x.hasBytes(of: y)
    case (.blob(let x), .blob(let y)): x == y
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .integer(let value): hasher.combine(value)
    case .real(let value): hasher.combine(value.bitPattern)
    case .text(let value): value.hashBytes(into: &hasher)
    case .blob(let value): hasher.combine(value)
    }
  }

  /// Appends a byte for the kind and the bytes of the value, with a length where it varies. Two values have equal bytes exactly
  /// when they are equal. Hashes and `MIXED` columns use this encoding.
  package func append(to data: inout some RangeReplaceableCollection<UInt8>) {
    switch self {
    case .null: data.append(0)
    case .integer(let value):
      data.append(1)
      data.appendZigzag(value)
    case .real(let value):
      data.append(2)
      data.append(real: value)
    case .text(let value):
      data.append(3)
      data.appendVarint(UInt64(value.utf8.count))
      data.append(contentsOf: value.utf8)
    case .blob(let value):
      data.append(4)
      data.appendVarint(UInt64(value.count))
      data.append(contentsOf: value)
    }
  }
}

extension RangeReplaceableCollection<UInt8> {
  /// Appends 8 bytes, IEEE 754, little endian.
  mutating func append(real value: Double) { append(fixed64: value.bitPattern) }

  /// Appends 8 bytes, little endian.
  package mutating func append(fixed64 value: UInt64) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  package mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  package mutating func appendZigzag(_ value: Int64) {
    appendVarint(UInt64(bitPattern: value << 1) ^ UInt64(bitPattern: value >> 63))
  }
}

/// Reads varints and byte runs from bytes that may be hostile: every read is checked.
package struct ByteReader {
  private let bytes: [UInt8]
  private var index = 0

  package init(_ bytes: Data) { self.bytes = [UInt8](bytes) }

  package var isAtEnd: Bool { index == bytes.count }

  package mutating func byte() throws -> UInt8 {
    guard index < bytes.count else { throw Self.short }
    defer { index += 1 }
    return bytes[index]
  }

  package mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      let byte = try byte()
      guard shift < 63 || byte <= 1 else { throw Self.short }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw Self.short
  }

  package mutating func zigzag() throws -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  package mutating func take(_ count: UInt64) throws -> Data { Data(try run(count)) }

  private mutating func run(_ count: UInt64) throws -> ArraySlice<UInt8> {
    guard let count = Int(exactly: count), count <= bytes.count - index else { throw Self.short }
    defer { index += count }
    return bytes[index..<index + count]
  }

  package mutating func text(_ count: UInt64) throws -> String {
    guard let text = String(wellFormed: try run(count)) else {
      throw SyncError(.damaged, vi: "Có chữ không phải UTF-8.", en: "A text is not UTF-8.")
    }
    return text
  }

  /// Reads a text.
  ///
  /// - Parameter isIll: Set when the bytes are not UTF-8; the result is then the readable part.
  mutating func text(_ count: UInt64, isIll: inout Bool) throws -> String {
    let bytes = try run(count)
    if let text = String(wellFormed: bytes) { return text }
    isIll = true
    return String(decoding: bytes, as: UTF8.self)
  }

  mutating func real() throws -> Double { Double(bitPattern: try fixed64()) }

  /// Reads 8 bytes, little endian.
  package mutating func fixed64() throws -> UInt64 {
    var bits: UInt64 = 0
    for (place, byte) in try run(8).enumerated() { bits |= UInt64(byte) << (8 * UInt64(place)) }
    return bits
  }

  /// Reads a value with its kind.
  ///
  /// - Parameter isIll: Set as in `text`.
  mutating func mixed(isIll: inout Bool) throws -> CellValue {
    switch try byte() {
    case 1: .integer(try zigzag())
    case 2: .real(try real())
    case 3: .text(try text(try varint(), isIll: &isIll))
    case 4: .blob(Data(try take(try varint())))
    default: throw Self.short
    }
  }

  package static var short: SyncError {
    SyncError(.damaged, vi: "Dữ liệu bị cụt hoặc hỏng giữa chừng.", en: "The data ends too early or is damaged inside.")
  }
}

extension String {
  /// True when the text has a zero byte, which would end it early in some stores.
  var hasZeroByte: Bool { utf8.withContiguousStorageIfAvailable { $0.contains(0) } ?? utf8.contains(0) }

  /// Decodes UTF-8; nil unless the bytes are well-formed.
  init?(wellFormed bytes: ArraySlice<UInt8>) {
    // Decodes with repair, and compares with the input: `init(validating:as:)` takes four times as long for a word.
    self.init(decoding: bytes, as: UTF8.self)
    let isSame = utf8.withContiguousStorageIfAvailable { own in
      bytes.withUnsafeBytes { given in
        guard let start = own.baseAddress, let other = given.baseAddress else { return own.isEmpty && given.isEmpty }
        return own.count == given.count && memcmp(start, other, own.count) == 0
      }
    }
    guard isSame ?? utf8.elementsEqual(bytes) else { return nil }
  }
}

extension CellValue {
  /// Key as people read it.
  package var logText: String {
    switch self {
    case .null: ""
    case .integer(let number): String(number)
    case .real(let number): String(number)
    case .text(let text): text
    case .blob(let bytes): bytes.hex
    }
  }
}
