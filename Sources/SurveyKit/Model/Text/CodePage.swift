/// Code page in which Windows writes Vietnamese text: 1258, and 1252 where its language is a western one.
///
/// A table of our own: Foundation of a tool that is linked with it statically reads neither, and iconv depends on modules that not
/// every system installs (`docs/adr/0044-a-csv-file-is-read-as-its-program-wrote-it.md`).
struct CodePage: Sendable {
  let encoding: TextEncoding
  /// Characters of the bytes from 0x80; nil where a byte is not assigned.
  private let scalars: [Unicode.Scalar?]

  static let windows1252 = CodePage(encoding: .windows1252, changes: [:])
  static let windows1258 = CodePage(
    encoding: .windows1258,
    changes: [
      0x8A: nil, 0x8E: nil, 0x9A: nil, 0x9E: nil, 0xC3: "Ă", 0xCC: "\u{300}", 0xD0: "Đ", 0xD2: "\u{309}", 0xD5: "Ơ", 0xDD: "Ư",
      0xDE: "\u{303}", 0xE3: "ă", 0xEC: "\u{301}", 0xF0: "đ", 0xF2: "\u{323}", 0xF5: "ơ", 0xFD: "ư", 0xFE: "₫",
    ])

  /// Makes a page.
  ///
  /// - Parameter changes: Differences from windows-1252.
  private init(encoding: TextEncoding, changes: [UInt8: Unicode.Scalar?]) {
    let first: [Unicode.Scalar?] = [
      "€", nil, "‚", "ƒ", "„", "…", "†", "‡", "ˆ", "‰", "Š", "‹", "Œ", nil, "Ž", nil,
      nil, "‘", "’", "“", "”", "•", "–", "—", "˜", "™", "š", "›", "œ", nil, "ž", "Ÿ",
    ]
    var scalars = first + (UInt8(0xA0)...0xFF).map { Unicode.Scalar($0) }
    for (byte, scalar) in changes { scalars[Int(byte) - 0x80] = scalar }
    self.encoding = encoding
    self.scalars = scalars
  }

  /// Returns the character of a byte; nil when it is not assigned.
  func scalar(_ byte: UInt8) -> Unicode.Scalar? { byte < 0x80 ? Unicode.Scalar(byte) : scalars[Int(byte) - 0x80] }

  /// Returns the text in UTF-8. An unassigned byte becomes one that UTF-8 does not have, so that its record is refused.
  func utf8(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count + bytes.count / 8)
    for byte in bytes {
      if byte < 0x80 {
        out.append(byte)
      } else if let scalar = scalar(byte) {
        out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      } else {
        out.append(0xFF)
      }
    }
    return out
  }

  /// Returns whether tones are written as separate marks: a program that does so can write every Vietnamese letter, and loses none.
  func hasToneMarks(_ bytes: [UInt8]) -> Bool {
    bytes.contains { byte in byte >= 0x80 && scalar(byte).map(Self.toneMarks.contains) == true }
  }

  // MARK: Which one a file is written in

  /// Returns the page whose letters make Vietnamese words of all bytes; nil when neither does.
  ///
  /// - Throws: `CSVFault` when both do and differ: only a person can tell "ý" from "ư" then.
  static func fitting(_ bytes: [UInt8]) throws(CSVFault) -> CodePage? {
    switch (windows1258.fits(bytes), windows1252.fits(bytes)) {
    case (true, false): return windows1258
    case (false, true): return windows1252
    case (false, false): return nil
    case (true, true):
      let odd = bytes.first { $0 >= 0x80 && windows1258.scalar($0) != windows1252.scalar($0) }
      guard let odd, let one = windows1258.scalar(odd), let other = windows1252.scalar(odd) else { return windows1258 }
      let line = 1 + bytes.prefix { $0 != odd }.count { $0 == UInt8(ascii: "\n") }
      throw CSVFault(line: line, kind: .twoCodePages(Self.shown(one), String(other)))
    }
  }

  private static func shown(_ scalar: Unicode.Scalar) -> String { toneMarks.contains(scalar) ? "◌\(scalar)" : String(scalar) }

  /// Returns whether every byte reads as Vietnamese: letters of the language, where they can stand, and the signs of print.
  private func fits(_ bytes: [UInt8]) -> Bool {
    var before: (scalar: Unicode.Scalar, earlier: Unicode.Scalar) = (" ", " ")
    for (index, byte) in bytes.enumerated() {
      guard let scalar = scalar(byte) else { return false }
      if byte >= 0x80 {
        let after = index + 1 < bytes.count ? self.scalar(bytes[index + 1]) : nil
        guard Self.signs.contains(scalar) || fits(scalar, after: before.scalar, and: before.earlier, before: after) else { return false }
      }
      before = (scalar, before.scalar)
    }
    return true
  }

  private func fits(
    _ scalar: Unicode.Scalar, after previous: Unicode.Scalar, and earlier: Unicode.Scalar, before next: Unicode.Scalar?
  ) -> Bool {
    let letter = scalar.properties.lowercaseMapping
    let last = previous.properties.lowercaseMapping
    if encoding == .windows1258 {
      if Self.toneMarks.contains(scalar) { return "aăâeêioôơuưy".contains(last) }
      // Checks "ă", which never ends a syllable, nor stands before another vowel.
      if letter == "ă" { return next.map { Self.toneMarks.contains($0) || "cmnptkCMNPTK".unicodeScalars.contains($0) } ?? false }
      return "àáâèéêíóôơùúưđ".contains(letter)
    }
    guard "àáâãèéêìíòóôõùúý".contains(letter), previous.isASCII else { return false }
    // Checks two letters that are tone marks in 1258, where they follow vowels.
    if letter == "ì" { return !"aeioy".contains(last) }
    if letter == "ò" { return !"aeouy".contains(last) && (last != "i" || earlier.properties.lowercaseMapping == "g") }
    return true
  }

  private static let toneMarks: Set<Unicode.Scalar> = ["\u{300}", "\u{301}", "\u{303}", "\u{309}", "\u{323}"]
  private static let signs: Set<Unicode.Scalar> = [
    "\u{A0}", "“", "”", "‘", "’", "–", "—", "…", "•", "·", "«", "»", "°", "€", "₫", "½", "×", "™", "§",
  ]
}
