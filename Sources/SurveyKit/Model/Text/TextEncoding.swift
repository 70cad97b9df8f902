internal import Foundation
internal import SyncCore

/// Encoding of a text file's letters as bytes.
public enum TextEncoding: String, Sendable, Hashable, CaseIterable {
  case utf8 = "utf-8"
  case utf16 = "utf-16"
  case windows1258 = "windows-1258"
  case windows1252 = "windows-1252"

  var codePage: CodePage? {
    switch self {
    case .windows1258: .windows1258
    case .windows1252: .windows1252
    case .utf8, .utf16: nil
    }
  }
}

/// Text of a file as UTF-8, and its original encoding.
struct DecodedText {
  let bytes: [UInt8]
  let encoding: TextEncoding
  /// True when the encoding was neither stated nor marked: the letters fit this one alone.
  let isGuessed: Bool
  /// True when a `?` may stand for a letter that the program which saved the file could not write.
  let mayHaveLostLetters: Bool

  /// Decodes a file by its byte order mark, otherwise as stated, otherwise by the bytes themselves.
  ///
  /// Bytes that fit no known encoding stay as they are: each record with them is refused by itself.
  /// - Throws: `CSVFault` when two code pages fit and give different letters, or the bytes contradict the mark or the statement.
  init(_ data: Data, stated: TextEncoding?) throws(CSVFault) {
    let bytes = Array(data)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      self.init(bytes: Array(bytes.dropFirst(3)), .utf8)
    } else if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      self.init(bytes: try Self.fromUTF16(bytes.dropFirst(2), isLittle: bytes[0] == 0xFF), .utf16)
    } else if stated == .utf16 || stated == nil && Self.looksLikeUTF16(bytes) {
      self.init(bytes: try Self.fromUTF16(bytes[...], isLittle: !bytes.starts(with: [0])), .utf16)
    } else if let page = stated?.codePage {
      guard bytes.allSatisfy({ $0 < 0x80 }) || !Self.isUTF8(bytes) else { throw CSVFault(line: 1, kind: .isUTF8) }
      self.init(bytes, page, isGuessed: false)
    } else if stated == .utf8 || Self.isUTF8(bytes) || Self.isDamagedUTF8(bytes) {
      self.init(bytes: bytes, .utf8)
    } else if let page = try CodePage.fitting(bytes) {
      self.init(bytes, page, isGuessed: true)
    } else {
      self.init(bytes: bytes, .utf8)
    }
  }

  private init(bytes: [UInt8], _ encoding: TextEncoding) {
    (self.bytes, self.encoding, isGuessed, mayHaveLostLetters) = (bytes, encoding, false, false)
  }

  private init(_ bytes: [UInt8], _ page: CodePage, isGuessed: Bool) {
    self.bytes = page.utf8(bytes)
    self.isGuessed = isGuessed
    encoding = page.encoding
    mayHaveLostLetters = !page.hasToneMarks(bytes)
  }

  // MARK: UTF-8 and UTF-16

  private static func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  /// Returns whether bytes are UTF-8 with a few broken ones: letters of a code page hardly ever form valid UTF-8.
  private static func isDamagedUTF8(_ bytes: [UInt8]) -> Bool {
    var (whole, broken) = (0, 0)
    var decoder = UTF8()
    var source = bytes.makeIterator()
    while true {
      switch decoder.decode(&source) {
      case .scalarValue(let scalar): if !scalar.isASCII { whole += 1 }
      case .error: broken += 1
      case .emptyInput: return whole > broken
      }
    }
  }

  /// Returns whether the bytes look like UTF-16: every second byte of a heading is zero, as in no other text.
  private static func looksLikeUTF16(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 4, bytes.count.isMultiple(of: 2) else { return false }
    let zeros = bytes.prefix(4).map { $0 == 0 }
    return zeros == [false, true, false, true] || zeros == [true, false, true, false]
  }

  private static func fromUTF16(_ bytes: ArraySlice<UInt8>, isLittle: Bool) throws(CSVFault) -> [UInt8] {
    guard bytes.count.isMultiple(of: 2) else { throw CSVFault(line: 1, kind: .notUTF16) }
    let units = stride(from: bytes.startIndex, to: bytes.endIndex, by: 2).map { index in
      let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
      return isLittle ? second << 8 | first : first << 8 | second
    }
    guard let text = String(validating: units, as: UTF16.self) else { throw CSVFault(line: 1, kind: .notUTF16) }
    return Array(text.utf8)
  }
}

extension DecodedText {
  /// Remark that names the detected code page, if any.
  var remark: LocalizedText? {
    guard encoding.codePage != nil else { return nil }
    let name = encoding.rawValue
    return isGuessed
      ? LocalizedText(
        vi: "Tệp không phải UTF-8; đã đọc theo bảng mã \(name), hợp với các chữ trong tệp.",
        en: "The file is not UTF-8; it was read as \(name), which its letters fit.")
      : LocalizedText(vi: "Đã đọc tệp theo bảng mã \(name).", en: "The file was read as \(name).")
  }
}
