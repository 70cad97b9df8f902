internal import Foundation
internal import SyncCore

/// A heading such as `hint::English (en)` or `media::image`: what its column holds, and in which language.
struct SheetHeading: Hashable {
  /// The column's name in XLSForm, whichever spelling its author used.
  var base: String
  /// As written; nil where none is named.
  var language: String?

  /// - Parameter known: Columns that the sheet may have. The heading of another stays as it is.
  init(_ title: String, known: Set<String>) {
    if known.contains(title) {
      base = title
      return
    }
    var parts = title.contains("::") ? title.components(separatedBy: "::") : Self.parts(bySingleColon: title)
    parts = parts.map(\.trimmingWhitespace)
    let first = Self.plain(parts[0])
    if Self.prefixes.contains(first), parts.count > 1 {
      parts.removeFirst()
      base = Self.plain(parts[0])
    } else {
      base = first
    }
    base = Self.spellings[base] ?? base
    if !known.contains(base) { base = parts.count == 1 ? parts[0] : title.trimmingWhitespace }
    if parts.count > 1, known.contains(base) { language = parts.dropFirst().joined(separator: "::") }
  }

  /// A single colon, as forms of ten years ago have it, where what stands before it is a column that takes more.
  private static func parts(bySingleColon title: String) -> [String] {
    guard !title.lowercased().hasPrefix("jr:"), !title.lowercased().hasPrefix("bind:jr:"), let colon = title.firstIndex(of: ":"),
      takesMore.contains(plain(String(title[..<colon])))
    else { return title.lowercased().hasPrefix("bind:jr:") ? ["bind", String(title.dropFirst(5))] : [title] }
    return title.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
  }

  /// Lower case, `_` between words.
  static func plain(_ title: String) -> String { title.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: "_") }

  private static let prefixes: Set<String> = ["media", "bind", "control", "body"]
  private static let takesMore: Set<String> = [
    "label", "hint", "guidance_hint", "caption", "media", "bind", "control", "body", "image", "audio", "video", "constraint_message",
    "required_message", "constraint_msg",
  ]

  private static let spellings = [
    "relevance": "relevant", "calculate": "calculation", "caption": "label", "value": "name", "tag": "name", "command": "type",
    "title": "form_title", "set_form_title": "form_title", "set_form_id": "form_id", "id_string": "form_id", "listname": "list_name",
    "constraint_msg": "constraint_message", "constraining_message": "constraint_message", "jr:constraintmsg": "constraint_message",
    "requiredmsg": "required_message", "jr:requiredmsg": "required_message", "readonly": "read_only", "count": "repeat_count",
    "jr:count": "repeat_count", "choice_filters": "choice_filter",
  ]
}

/// Gives every language of a form a code, also where its author wrote a name alone.
struct SheetLanguages {
  /// Most languages of a form.
  static let languagesMax = 100
  /// Longest language in a heading, in bytes.
  static let languageBytesMax = 128

  /// A language of a form whose author named none.
  static let unnamed = FormLanguage(code: "und", name: "–")

  private(set) var languages: [FormLanguage] = []
  private var codes: [String: String] = [:]

  /// The language that a heading names, with the code it got.
  mutating func language(_ written: String) -> FormLanguage? {
    let text = written.nfc.trimmingWhitespace
    if let code = codes[text.lowercased()] { return languages.first { $0.code == code } }
    guard !text.isEmpty, text.utf8.count <= Self.languageBytesMax, languages.count < Self.languagesMax else { return nil }
    let (name, stated) = Self.split(text)
    var code = stated ?? Self.knownCodes[name.lowercased()] ?? Self.made(of: name)
    if let same = languages.first(where: { $0.code == code || $0.name.lowercased() == name.lowercased() }) {
      // `English` in one heading and `English (en)` in another are one language; two names under one code are two.
      if stated == nil || same.name.lowercased() == name.lowercased() || Self.knownCodes[same.name.lowercased()] == stated {
        codes[text.lowercased()] = same.code
        return same
      }
      var number = 2
      while languages.contains(where: { $0.code == "\(code)-\(number)" }) { number += 1 }
      code += "-\(number)"
    }
    let language = FormLanguage(code: code, name: name)
    languages.append(language)
    codes[text.lowercased()] = code
    return language
  }

  /// The language that `default_language` names, among those that headings name.
  func found(_ wanted: String) -> FormLanguage? {
    let text = wanted.nfc.trimmingWhitespace
    if let code = codes[text.lowercased()] { return languages.first { $0.code == code } }
    let (name, stated) = Self.split(text)
    return languages.first { $0.code == stated ?? text.lowercased() } ?? languages.first { $0.name.lowercased() == name.lowercased() }
      ?? Self.knownCodes[name.lowercased()].flatMap { code in languages.first { $0.code == code } }
  }

  /// `Tiếng Việt (vi)` as a name and a code; the code is nil where none stands behind.
  private static func split(_ text: String) -> (name: String, code: String?) {
    guard text.hasSuffix(")"), let open = text.lastIndex(of: "(") else { return (text, nil) }
    let code = String(text[text.index(after: open)...].dropLast()).trimmingWhitespace
    let name = String(text[..<open]).trimmingWhitespace
    let parts = code.split(separator: "-", omittingEmptySubsequences: false)
    let isCode =
      parts.first.map { (2...3).contains($0.count) } ?? false
      && parts.allSatisfy { (2...8).contains($0.count) && $0.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit } }
    guard isCode, !name.isEmpty else { return (text, nil) }
    return (name, parts.count == 1 ? code.lowercased() : code)
  }

  /// A code for a language whose name is not known here: its unaccented letters.
  private static func made(of name: String) -> String {
    let letters = String(FoldedText(name).text.lowercased().filter(\.isASCIILetter).prefix(8))
    let signs: String = name.unicodeScalars.prefix(2).map { String($0.value, radix: 16) }.joined()
    // Codes of private use begin so (RFC 5646).
    return "x-" + (letters.isEmpty ? signs : letters)
  }

  /// Codes of the languages that surveys are written in most, by their names in English and their own.
  private static let knownCodes: [String: String] = {
    let table = """
      en english inglés anglais|vi vietnamese tiếng_việt tieng_viet việt|fr french français francais|es spanish español espanol|pt portuguese \
      português portugues|ar arabic العربية عربي|ru russian русский|uk ukrainian українська|zh chinese 中文|sw swahili kiswahili|so somali \
      soomaali|am amharic አማርኛ|ti tigrinya ትግርኛ|om oromo afaan_oromo|ha hausa|yo yoruba|ig igbo|ff fulfulde fula|kr kanuri|ln lingala|kg \
      kikongo|rw kinyarwanda|rn kirundi|lg luganda|ny chichewa nyanja|bem bemba|sn shona|nd ndebele|zu zulu|xh xhosa|af afrikaans|mg malagasy|wo \
      wolof|bm bambara|ht haitian_creole kreyòl creole|qu quechua|ay aymara|gn guarani|hi hindi हिन्दी|bn bengali bangla বাংলা|ur urdu \
      اردو|ne nepali नेपाली|si sinhala සිංහල|ta tamil தமிழ்|te telugu|mr marathi|gu gujarati|pa punjabi|sd sindhi|ps pashto پښتو|prs dari \
      دری|fa farsi persian فارسی|tg tajik|uz uzbek|kk kazakh|ky kyrgyz|tr turkish türkçe|ku kurdish kurmanji|ckb sorani کوردی|hy \
      armenian|ka georgian|he hebrew|my burmese myanmar မြန်မာ|rhg rohingya|km khmer ខ្មែរ|lo lao ລາວ|th thai ไทย|id indonesian \
      bahasa_indonesia bahasa|ms malay bahasa_melayu|tl tagalog filipino|ceb cebuano|tet tetum|tpi tok_pisin|mn mongolian|ja japanese 日本語|ko \
      korean 한국어|hmn hmong hmoob|tyz tày tay|de german deutsch|it italian italiano|nl dutch nederlands|pl polish polski|ro romanian \
      română|hu hungarian magyar|el greek ελληνικά|sq albanian shqip|sr serbian|hr croatian|bs bosnian|mk macedonian|bg bulgarian|cs czech|sk \
      slovak|sl slovenian|sv swedish|no norwegian|da danish|fi finnish
      """
    var codes: [String: String] = [:]
    for line in table.split(separator: "|") {
      let words = line.split(separator: " ").map(String.init)
      for name in words.dropFirst() { codes[name.replacing("_", with: " ").nfc] = words[0] }
    }
    return codes
  }()
}
