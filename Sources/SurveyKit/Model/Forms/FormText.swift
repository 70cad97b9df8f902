public import SyncCore

/// A text of a form in each of the form's languages, by language code.
public struct FormText: Sendable, Hashable, Codable {
  /// Longest text in one language, in bytes.
  public static let formTextBytesMax = 8_192

  /// Language code to text; never empty, no blank text.
  public let byLanguage: [String: String]

  /// Nil when there is no text at all. Blank texts are left out; the others are trimmed and put in NFC.
  public init?(_ byLanguage: [String: String]) {
    let texts = byLanguage.mapValues { $0.nfc.trimmingWhitespace }.filter { !$0.value.isEmpty }
    guard !texts.isEmpty else { return nil }
    self.byLanguage = texts
  }

  /// For texts known to be in order.
  init(checked byLanguage: [String: String]) { self.byLanguage = byLanguage }

  /// The text in `language`, else in `fallback`, else in the first language by code.
  public func text(in language: String, fallback: String = "vi") -> String {
    byLanguage[language] ?? byLanguage[fallback] ?? byLanguage.min { $0.key < $1.key }?.value ?? ""
  }

  /// The text as the tools show their own messages; a missing language is filled from the other.
  public var localized: LocalizedText {
    LocalizedText(vi: text(in: "vi", fallback: "en"), en: text(in: "en", fallback: "vi"))
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let text = FormText(try container.decode([String: String].self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a text without any language")
    }
    self = text
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(byLanguage)
  }
}

/// One language of a form: its code and the name its speakers give it.
public struct FormLanguage: Sendable, Hashable, Codable {
  public let code: String
  public let name: String

  public init(code: String, name: String) {
    self.code = code
    self.name = name.nfc
  }
}

/// What questions, groups, forms and choice lists may be called.
enum FormName {
  /// Longest name, in bytes.
  static let formNameBytesMax = 128
  /// Longest code of a choice, in bytes.
  static let choiceNameBytesMax = 255

  /// As XML names elements: a letter or `_`, then letters, digits, `_`, `-` and `.`, also of other scripts.
  static func isValid(_ name: String) -> Bool {
    guard let first = name.first, isLetter(first), name.utf8.count <= formNameBytesMax else { return false }
    return name.allSatisfy(isPart)
  }

  /// Tells a name that a column of a list may have: also that of an element in a namespace, or of a label in a language.
  static func isColumn(_ name: String) -> Bool { isValid(name.replacing(":", with: "_")) }

  static func isLetter(_ character: Character) -> Bool {
    guard let byte = character.asciiValue else { return character.isLetter }
    return isLetter(byte)
  }

  static func isPart(_ character: Character) -> Bool {
    guard let byte = character.asciiValue else { return character.isLetter || character.isNumber }
    return isLetter(byte) || (UInt8(ascii: "-")...UInt8(ascii: "9")).contains(byte) && byte != UInt8(ascii: "/")
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) && byte >= UInt8(ascii: "A") || byte == UInt8(ascii: "_")
  }

  /// Tells a name that a list of choices may have: also that of a file.
  static func isValidList(_ name: String) -> Bool { !name.isEmpty && name.utf8.count <= formNameBytesMax && isPlain(name) }

  /// A code of a choice: any signs that can be seen. A question that takes several cannot have spaces in them.
  static func isValidChoice(_ name: String, hasSpaces: Bool = false) -> Bool {
    guard !name.isEmpty, name.utf8.count <= choiceNameBytesMax, isPlain(name) else { return false }
    return hasSpaces ? name == name.trimmingWhitespace : !name.contains(where: \.isWhitespace)
  }

  /// A number of a sheet or a version: unaccented letters, digits, `_`, `-` and `.`.
  static func isIdentifier(_ name: String) -> Bool {
    guard !name.isEmpty, name.utf8.count <= 64 else { return false }
    return name.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == "_" || $0 == "-" || $0 == "." }
  }

  private static func isPlain(_ name: String) -> Bool {
    name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }

  /// A name with `_` for the signs that names cannot hold.
  static func plain(_ text: String) -> String {
    let parts = text.nfc.trimmingWhitespace.split { !isPart($0) }.joined(separator: "_")
    let name = parts.first.map(isLetter) ?? false ? parts : "_" + parts
    return cut(name, to: 64)
  }

  /// A version with `_` for the signs that versions cannot hold.
  static func plainVersion(_ text: String) -> String {
    let version = FoldedText(text).text.split { !($0.isASCIILetter || $0.isASCIIDigit || "_-.".contains($0)) }.joined(separator: "_")
    return version.isEmpty ? "1" : cut(version, to: 64)
  }

  private static func cut(_ text: String, to bytes: Int) -> String {
    var text = text
    while text.utf8.count > bytes { text.removeLast() }
    return text
  }
}
