internal import Foundation

/// Text while it is typed: whole characters, always in NFC, however their marks arrive.
struct TextEditor {
  /// Bytes of a text: more than any answer may have, so that people meet the form's own message first.
  static let textBytesMax = 32 * 1_024

  private(set) var characters: [Character]
  /// Characters before the cursor.
  private(set) var cursor: Int
  let isMultiline: Bool

  init(_ text: String = "", isMultiline: Bool = false) {
    self.isMultiline = isMultiline
    characters = Array(text.precomposedStringWithCanonicalMapping)
    cursor = characters.count
  }

  var text: String { String(characters) }
  var isEmpty: Bool { characters.isEmpty }

  /// Inserts a text at the cursor; a mark goes onto the character before it.
  ///
  /// - Returns: False when it would be too long, and nothing was inserted.
  @discardableResult
  mutating func insert(_ added: String) -> Bool {
    let before = String(characters[..<cursor]) + clean(added)
    let whole = before + String(characters[cursor...])
    guard whole.utf8.count <= Self.textBytesMax else { return false }
    cursor = before.precomposedStringWithCanonicalMapping.count
    characters = Array(whole.precomposedStringWithCanonicalMapping)
    cursor = min(cursor, characters.count)
    return true
  }

  /// Returns a text without control characters; line breaks are `\n`, or spaces in a single line.
  private func clean(_ text: String) -> String {
    let lines = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    var kept = String.UnicodeScalarView()
    for scalar in lines.unicodeScalars {
      switch scalar.value {
      case 0x0A: kept.append(isMultiline ? "\n" : " ")
      case 0x09: kept.append(" ")
      case 0x00...0x1F, 0x7F...0x9F: continue
      default: kept.append(scalar)
      }
    }
    return String(kept)
  }

  /// Handles a key.
  ///
  /// - Parameter width: Columns of a line, by which up and down move.
  /// - Returns: Whether the key is one of editing.
  mutating func press(_ key: Key, width: Int) -> Bool {
    switch key {
    case .text(let text), .paste(let text): insert(text)
    case .newLine: insert("\n")
    case .backspace: remove(cursor - 1)
    case .delete: remove(cursor)
    case .left: cursor = max(0, cursor - 1)
    case .right: cursor = min(characters.count, cursor + 1)
    case .home: cursor = (characters[..<cursor].lastIndex(of: "\n") ?? -1) + 1
    case .end: cursor = characters[cursor...].firstIndex(of: "\n") ?? characters.count
    case .up: move(by: -1, width)
    case .down: move(by: 1, width)
    case .clear: (characters, cursor) = ([], 0)
    case .deleteWord:
      while cursor > 0, characters[cursor - 1].isWhitespace { remove(cursor - 1) }
      while cursor > 0, !characters[cursor - 1].isWhitespace { remove(cursor - 1) }
    default: return false
    }
    return true
  }

  private mutating func remove(_ index: Int) {
    guard characters.indices.contains(index) else { return }
    characters.remove(at: index)
    if index < cursor { cursor -= 1 }
    // Joins characters that now belong together.
    let joined = Array(text.precomposedStringWithCanonicalMapping)
    if joined.count != characters.count { characters = joined }
    cursor = min(cursor, characters.count)
  }

  private mutating func move(by step: Int, _ width: Int) {
    let shown = layout(width)
    let row = shown.row + step
    guard shown.starts.indices.contains(row) else { return }
    // Ends before the first character of the next line, where the cursor would be shown.
    let end = row + 1 < shown.starts.count ? shown.starts[row + 1] - 1 : characters.count
    var index = shown.starts[row]
    var column = 0
    while index < end, column < shown.column, characters[index] != "\n" {
      column += Self.shown(characters[index]).width
      index += 1
    }
    cursor = index
  }

  struct Layout {
    var lines: [String]
    /// Index of the first character of each line.
    var starts: [Int]
    /// Row of the cursor; its column follows.
    var row: Int
    var column: Int
  }

  /// Returns the text in lines of at most `width` columns, broken between words where they fit, and the cursor's place in them.
  func layout(_ width: Int) -> Layout {
    let starts = starts(max(2, width))
    var layout = Layout(lines: [], starts: starts, row: 0, column: 0)
    for (row, start) in starts.enumerated() {
      let end = row + 1 < starts.count ? starts[row + 1] : characters.count
      var line = ""
      for index in start..<end where characters[index] != "\n" { line += Self.shown(characters[index]).text }
      layout.lines.append(line)
      guard start <= cursor else { continue }
      let before = characters[start..<min(cursor, end)].filter { $0 != "\n" }
      (layout.row, layout.column) = (row, before.reduce(0) { $0 + Self.shown($1).width })
    }
    return layout
  }

  /// Returns the index of the first character of each line.
  private func starts(_ width: Int) -> [Int] {
    var starts = [0]
    var used = 0
    var afterSpace: Int?
    var index = 0
    while index < characters.count {
      let own = characters[index] == "\n" ? 0 : Self.shown(characters[index]).width
      if used + own > width {
        // Lets a space at the end of a line stand over the edge; a word goes on in the next.
        let next = characters[index] == " " ? index + 1 : afterSpace ?? index
        starts.append(next)
        (used, afterSpace, index) = (0, nil, next)
        continue
      }
      used += own
      index += 1
      if characters[index - 1] == "\n" {
        starts.append(index)
        (used, afterSpace) = (0, nil)
      } else if characters[index - 1] == " " {
        afterSpace = index
      }
    }
    return starts
  }

  /// Returns a character as it is shown; a mark that stands alone gets a circle to stand on.
  private static func shown(_ character: Character) -> (text: String, width: Int) {
    let width = DisplayWidth.of(character)
    return width == 0 ? ("◌\(character)", 1) : (String(character), width)
  }
}
