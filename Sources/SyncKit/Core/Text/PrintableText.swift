/// Texts from elsewhere, safe to show: without characters that move a terminal's cursor, change what its keys do, or reverse the
/// order of a line.
extension StringProtocol {
  /// Text on one line: tabs and line breaks become spaces.
  package var printable: String { cleaned { $0 == "\t" || $0.isLineBreak ? " " : nil } }

  /// Text on several lines: line feeds and tabs stay.
  package var printableLines: String { cleaned { $0 == "\n" || $0 == "\t" ? $0 : nil } }

  /// JSON in which such characters, which stand only inside its strings, are written as escapes: the meaning stays.
  package var printableJSON: String {
    guard unicodeScalars.contains(where: { $0.isUnprintable && $0 != "\n" }) else { return String(self) }
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      guard scalar.isUnprintable, scalar != "\n" else {
        text.append(scalar)
        continue
      }
      let digits = String(scalar.value, radix: 16)
      text.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
    }
    return String(text)
  }

  private func cleaned(_ instead: (Unicode.Scalar) -> Unicode.Scalar?) -> String {
    guard unicodeScalars.contains(where: \.isUnprintable) else { return String(self) }
    return String(String.UnicodeScalarView(unicodeScalars.compactMap { $0.isUnprintable ? instead($0) : $0 }))
  }
}

extension Unicode.Scalar {
  /// True for a control character (C0, DEL, C1), a separator of lines, or one that embeds, overrides or isolates a direction.
  package var isUnprintable: Bool {
    switch value {
    case 0x00...0x1F, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  fileprivate var isLineBreak: Bool { [0x0A, 0x0D, 0x85, 0x2028, 0x2029].contains(value) }
}
