public import SyncKit

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
  static let formNameBytesMax = 64

  /// A letter or `_`, then letters, digits and `_`, all unaccented.
  static func isValid(_ name: String) -> Bool {
    guard let first = name.first, first.isASCIILetter || first == "_", name.utf8.count <= formNameBytesMax else { return false }
    return name.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == "_" }
  }

  /// As a name, but may begin with a digit and hold `-` and `.`: choices such as `1` and `y5_10`.
  static func isValidChoice(_ name: String) -> Bool {
    guard !name.isEmpty, name.utf8.count <= formNameBytesMax else { return false }
    return name.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == "_" || $0 == "-" || $0 == "." }
  }
}
