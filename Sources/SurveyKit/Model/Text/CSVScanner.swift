internal import Foundation
internal import SyncCore

/// Scanner of the bytes of a CSV file: one record, or the rest of a line, at a time. `CSVReader` decides about bad records.
struct CSVScanner {
  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  let bytes: [UInt8]
  let separator: UInt8
  private(set) var position: Int
  private(set) var line: Int

  init(bytes: [UInt8], separator: UInt8 = UInt8(ascii: ","), position: Int, line: Int) {
    self.bytes = bytes
    self.separator = separator
    self.position = position
    self.line = line
  }

  var isAtEnd: Bool { position >= bytes.count }

  /// True when the last byte passed ended a line.
  var isAfterLineEnd: Bool { position > 0 && [Self.lineFeed, Self.carriageReturn].contains(bytes[position - 1]) }

  /// Skips lines without a character, and returns how many there were.
  @discardableResult
  mutating func skipBlankLines() -> Int {
    let first = line
    while takeLineEnd() {}
    return line - first
  }

  /// Skips the rest of the line, whatever it holds, and returns it without its end.
  @discardableResult
  mutating func skipLine() -> ArraySlice<UInt8> {
    let start = position
    while !isAtEnd {
      let end = position
      if takeLineEnd() { return bytes[start..<end] }
      position += 1
    }
    return bytes[start...]
  }

  /// Returns the fields up to the end of the record.
  mutating func record() throws(CSVFault) -> [String] {
    let start = position
    let startLine = line
    var fields: [String] = []
    while true {
      let raw = try field(startLine: startLine)
      guard fields.count < CSVReader.csvFieldsMax else { throw CSVFault(line: startLine, kind: .tooManyFields) }
      guard position - start <= CSVReader.csvRecordBytesMax else { throw CSVFault(line: startLine, kind: .recordTooLong) }
      guard let text = String(validating: raw, as: UTF8.self) else { throw CSVFault(line: startLine, kind: .notUTF8) }
      fields.append(text.nfc)
      if isAtEnd || takeLineEnd() { return fields }
      guard bytes[position] == separator else { throw CSVFault(line: startLine, kind: .strayQuote) }
      position += 1
    }
  }

  private mutating func field(startLine: Int) throws(CSVFault) -> [UInt8] {
    if !isAtEnd, bytes[position] == Self.quote { return try quotedField(startLine: startLine) }
    let start = position
    while !isAtEnd {
      let byte = bytes[position]
      if byte == separator || byte == Self.lineFeed || byte == Self.carriageReturn { break }
      guard byte != Self.quote else { throw CSVFault(line: startLine, kind: .strayQuote) }
      position += 1
    }
    guard position - start <= CSVReader.csvFieldBytesMax else { throw CSVFault(line: startLine, kind: .fieldTooLong) }
    return Array(bytes[start..<position])
  }

  private mutating func quotedField(startLine: Int) throws(CSVFault) -> [UInt8] {
    var field: [UInt8] = []
    position += 1
    while !isAtEnd {
      var byte = bytes[position]
      position += 1
      if byte == Self.quote {
        guard !isAtEnd, bytes[position] == Self.quote else { return field }
        position += 1
      } else if byte == Self.carriageReturn {
        // Reads a line break in a cell as one character, whichever system wrote it.
        if !isAtEnd, bytes[position] == Self.lineFeed { position += 1 }
        byte = Self.lineFeed
      }
      if byte == Self.lineFeed { line += 1 }
      field.append(byte)
      guard field.count <= CSVReader.csvFieldBytesMax else { throw CSVFault(line: startLine, kind: .fieldTooLong) }
    }
    throw CSVFault(line: startLine, kind: .openQuote)
  }

  private mutating func takeLineEnd() -> Bool {
    guard !isAtEnd else { return false }
    switch bytes[position] {
    case Self.lineFeed: position += 1
    case Self.carriageReturn:
      position += 1
      if !isAtEnd, bytes[position] == Self.lineFeed { position += 1 }
    default: return false
    }
    line += 1
    return true
  }
}
