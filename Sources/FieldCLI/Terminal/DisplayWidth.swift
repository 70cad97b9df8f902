internal import SyncKit

/// Columns of a terminal that a text takes: 2 for East Asian wide characters and emoji, 0 for marks, 1 for the rest.
///
/// The table is our own, because the C library's follows the locale, which on a borrowed machine may be anything.
enum DisplayWidth {
  static func of(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + of($1) } }

  static func of(_ character: Character) -> Int {
    var width = 0
    for scalar in character.unicodeScalars {
      if scalar.value == 0xFE0F { return 2 }  // Shown as an emoji.
      width = max(width, of(scalar))
    }
    return width
  }

  private static func of(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x20..<0x7F, 0xAE..<0x300, 0x1E00...0x1EFF: return 1  // Letters of Europe and Vietnam, without a look in the tables.
    default: break
    }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control, .lineSeparator, .paragraphSeparator: return 0
    default: break
    }
    if (0x1160...0x11FF).contains(scalar.value) { return 0 }  // Korean vowels and finals join the initial before them.
    return wide.contains { $0.contains(scalar.value) } || scalar.properties.isEmojiPresentation ? 2 : 1
  }

  /// Unicode's East Asian Width W and F, in blocks.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97F,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD,
  ]
}

extension String {
  /// Returns the text in lines of at most `width` columns, broken between words where they fit.
  func wrapped(to width: Int) -> [String] {
    let width = max(1, width)
    var lines: [String] = []
    for paragraph in replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      var used = 0
      for word in String(paragraph).printable.split(separator: " ", omittingEmptySubsequences: false) {
        let needed = DisplayWidth.of(word)
        if !line.isEmpty, used + 1 + needed <= width {
          line += " " + word
          used += 1 + needed
          continue
        }
        if !line.isEmpty { lines.append(line) }
        (line, used) = ("", 0)
        for character in word {
          let own = DisplayWidth.of(character)
          if used + own > width {
            lines.append(line)
            (line, used) = ("", 0)
          }
          line.append(character)
          used += own
        }
      }
      lines.append(line)
    }
    return lines
  }

  /// Returns the beginning of the text, ended by `…` when it is longer than `width` columns.
  func cut(to width: Int) -> String {
    let text = printable
    guard DisplayWidth.of(text) > width else { return text }
    var used = 1
    return String(
      text.prefix {
        used += DisplayWidth.of($0)
        return used <= width
      }) + "…"
  }

  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - DisplayWidth.of(self))) }
}
