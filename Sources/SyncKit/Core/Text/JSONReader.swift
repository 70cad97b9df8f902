internal import Foundation

/// Parser of JSON (RFC 8259) that is exact: a number is the digits in the text, and a repeated name in an object is refused.
/// Libraries' decoders treat both differently from platform to platform.
struct JSONReader {
  enum Fault: Error, Equatable {
    case malformed
    /// Brackets are nested deeper than the caller allows.
    case tooDeep
    case repeatedName
  }

  /// Characters of a number, also once its exponent is written out. Doubles take fewer.
  static let numberLengthMax = 400

  private let bytes: [UInt8]
  private var index = 0

  init(_ data: Data) { bytes = [UInt8](data) }

  /// Returns the line, from 1, of the first fault; nil if the bytes can be read.
  static func faultLine(_ data: Data, depthMax: Int) -> Int? {
    var reader = JSONReader(data)
    do {
      _ = try reader.read(depthMax: depthMax)
      return nil
    } catch {
      return reader.bytes.prefix(reader.index).count { $0 == UInt8(ascii: "\n") } + 1
    }
  }

  /// Parses the one value in the bytes.
  mutating func read(depthMax: Int) throws(Fault) -> CanonicalJSON {
    let value = try value(depthLeft: depthMax)
    skipSpaces()
    guard index == bytes.count else { throw .malformed }
    return value
  }

  private mutating func value(depthLeft: Int) throws(Fault) -> CanonicalJSON {
    skipSpaces()
    guard index < bytes.count else { throw .malformed }
    switch bytes[index] {
    case UInt8(ascii: "{"):
      guard depthLeft > 0 else { throw .tooDeep }
      return .object(try object(depthLeft: depthLeft - 1))
    case UInt8(ascii: "["):
      guard depthLeft > 0 else { throw .tooDeep }
      return .array(try array(depthLeft: depthLeft - 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try expect("true")
      return .boolean(true)
    case UInt8(ascii: "f"):
      try expect("false")
      return .boolean(false)
    case UInt8(ascii: "n"):
      try expect("null")
      return .null
    default: return try number()
    }
  }

  private mutating func object(depthLeft: Int) throws(Fault) -> [String: CanonicalJSON] {
    index += 1
    var members: [String: CanonicalJSON] = [:]
    if take(UInt8(ascii: "}")) { return members }
    while true {
      skipSpaces()
      guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw .malformed }
      let name = try string()
      guard take(UInt8(ascii: ":")) else { throw .malformed }
      // Counts two spellings of one name as a repetition: a dictionary could hold only one of them.
      guard members.updateValue(try value(depthLeft: depthLeft), forKey: name) == nil else { throw .repeatedName }
      if take(UInt8(ascii: "}")) { return members }
      guard take(UInt8(ascii: ",")) else { throw .malformed }
    }
  }

  private mutating func array(depthLeft: Int) throws(Fault) -> [CanonicalJSON] {
    index += 1
    var values: [CanonicalJSON] = []
    if take(UInt8(ascii: "]")) { return values }
    while true {
      values.append(try value(depthLeft: depthLeft))
      if take(UInt8(ascii: "]")) { return values }
      guard take(UInt8(ascii: ",")) else { throw .malformed }
    }
  }

  private mutating func skipSpaces() {
    while index < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[index]) { index += 1 }
  }

  /// Skips spaces, and `byte` if it follows.
  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpaces()
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func expect(_ word: StaticString) throws(Fault) {
    let isThere = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
    guard isThere else { throw .malformed }
    index += word.utf8CodeUnitCount
  }

  // MARK: Texts

  private mutating func string() throws(Fault) -> String {
    index += 1
    let start = index
    while index < bytes.count, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\"), bytes[index] >= 0x20 { index += 1 }
    guard index < bytes.count else { throw .malformed }
    if bytes[index] == UInt8(ascii: "\"") {
      index += 1
      return try text(bytes[start..<index - 1])
    }
    var unescaped = Array(bytes[start..<index])
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\"") { return try text(unescaped[...]) }
      guard byte >= 0x20 else { throw .malformed }
      if byte == UInt8(ascii: "\\") { try escape(into: &unescaped) } else { unescaped.append(byte) }
    }
    throw .malformed
  }

  private func text(_ bytes: ArraySlice<UInt8>) throws(Fault) -> String {
    guard let text = String(wellFormed: bytes) else { throw .malformed }
    return text
  }

  private mutating func escape(into unescaped: inout [UInt8]) throws(Fault) {
    guard index < bytes.count else { throw .malformed }
    let byte = bytes[index]
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
    case UInt8(ascii: "b"): unescaped.append(0x08)
    case UInt8(ascii: "f"): unescaped.append(0x0c)
    case UInt8(ascii: "n"): unescaped.append(0x0a)
    case UInt8(ascii: "r"): unescaped.append(0x0d)
    case UInt8(ascii: "t"): unescaped.append(0x09)
    case UInt8(ascii: "u"):
      var code = UInt32(try hexadecimal())
      if (0xd800..<0xdc00).contains(code) {
        guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u") else { throw .malformed }
        index += 2
        let low = UInt32(try hexadecimal())
        guard (0xdc00..<0xe000).contains(low) else { throw .malformed }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      // Refuses half a surrogate pair, which is no scalar.
      guard let scalar = Unicode.Scalar(code) else { throw .malformed }
      unescaped.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw .malformed
    }
  }

  private mutating func hexadecimal() throws(Fault) -> UInt16 {
    guard index + 4 <= bytes.count else { throw .malformed }
    var code: UInt16 = 0
    for byte in bytes[index..<index + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw .malformed }
      code = code << 4 | UInt16(digit)
    }
    index += 4
    return code
  }

  // MARK: Numbers

  private mutating func number() throws(Fault) -> CanonicalJSON {
    let isNegative = bytes[index] == UInt8(ascii: "-")
    if isNegative { index += 1 }
    let whole = digits()
    guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { throw .malformed }
    var fraction: ArraySlice<UInt8> = []
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index += 1
      fraction = digits()
      guard !fraction.isEmpty else { throw .malformed }
    }
    var exponent = 0
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      let isSmall = index < bytes.count && bytes[index] == UInt8(ascii: "-")
      if index < bytes.count, [UInt8(ascii: "-"), UInt8(ascii: "+")].contains(bytes[index]) { index += 1 }
      let power = digits()
      guard !power.isEmpty else { throw .malformed }
      exponent = Int(String(decoding: power, as: UTF8.self)) ?? .max
      // Bounds the exponent: only 0 may have one of any size.
      exponent = min(exponent, 1 << 30) * (isSmall ? -1 : 1)
    }
    guard whole.count + fraction.count <= Self.numberLengthMax,
      let plain = Self.plain(Array(whole + fraction), point: whole.count + exponent, isNegative: isNegative)
    else { throw .malformed }
    if let integer = Int(plain) { return .integer(integer) }
    // Refuses a number over the range of a Double, which nobody could compare or show.
    guard let real = Double(plain), real.isFinite else { throw .malformed }
    return PlainNumber.text(of: real) == plain ? .number(real) : .decimal(plain)
  }

  private mutating func digits() -> ArraySlice<UInt8> {
    let start = index
    while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
    return bytes[start..<index]
  }

  /// Returns a decimal without exponent, and without zeros in front or behind: one text for one number.
  ///
  /// - Parameter point: Digits before the decimal point; negative for zeros behind it.
  /// - Returns: Nil when the text is longer than `numberLengthMax`.
  private static func plain(_ digits: [UInt8], point: Int, isNegative: Bool) -> String? {
    let zero = UInt8(ascii: "0")
    let leading = digits.prefix { $0 == zero }.count
    var rest = digits.dropFirst(leading)
    while rest.last == zero { rest.removeLast() }
    guard !rest.isEmpty else { return "0" }
    let point = point - leading
    guard max(point, rest.count - point) <= numberLengthMax else { return nil }
    let text = String(decoding: rest, as: UTF8.self)
    let magnitude =
      if point <= 0 {
        "0." + String(repeating: "0", count: -point) + text
      } else if point >= rest.count {
        text + String(repeating: "0", count: point - rest.count)
      } else {
        "\(text.prefix(point)).\(text.dropFirst(point))"
      }
    return (isNegative ? "-" : "") + magnitude
  }
}
