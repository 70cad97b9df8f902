/// Size of a window, in characters.
struct Size: Equatable, Sendable {
  var rows: Int
  var columns: Int

  /// Smallest usable window; a smaller one shows a request to enlarge it.
  static let smallest = Size(rows: 8, columns: 20)

  var isUsable: Bool { rows >= Self.smallest.rows && columns >= Self.smallest.columns }
}

/// Line of a window.
struct Line: Equatable, Sendable {
  struct Style: OptionSet, Sendable {
    let rawValue: Int
    static let bold = Style(rawValue: 1)
    static let dim = Style(rawValue: 2)
    static let reverse = Style(rawValue: 4)
  }

  var text: String
  var style: Style = []

  init(_ text: String = "", _ style: Style = []) {
    self.text = text
    self.style = style
  }

  static func lines(_ text: String, width: Int, _ style: Style = []) -> [Line] { text.wrapped(to: width).map { Line($0, style) } }
}

/// Content of a window: drawn whole each time, so that nothing earlier can stay.
struct Frame: Equatable, Sendable {
  var lines: [Line] = []
  /// Row and column of the cursor, counted from 0; nil hides it.
  var cursor: (row: Int, column: Int)?

  static func == (a: Frame, b: Frame) -> Bool {
    a.lines == b.lines && a.cursor?.row == b.cursor?.row && a.cursor?.column == b.cursor?.column
  }

  /// Returns the bytes that draw it in a window of that size.
  func bytes(_ size: Size) -> [UInt8] {
    var text = "\u{1b}[?25l\u{1b}[H"
    let shown = lines.prefix(size.rows)
    for (row, line) in shown.enumerated() {
      if row > 0 { text += "\r\n" }
      if line.style.contains(.bold) { text += "\u{1b}[1m" }
      if line.style.contains(.dim) { text += "\u{1b}[2m" }
      if line.style.contains(.reverse) { text += "\u{1b}[7m" }
      text += line.text
      if !line.style.isEmpty { text += "\u{1b}[0m" }
      text += "\u{1b}[K"
    }
    text += "\u{1b}[J"
    if let cursor, cursor.row < size.rows {
      text += "\u{1b}[\(cursor.row + 1);\(min(cursor.column, size.columns - 1) + 1)H\u{1b}[?25h"
    }
    return Array(text.utf8)
  }
}

/// Page that a person sees and answers by keys, until it gives a reply. Pure: keys and sizes in, frames out.
protocol Page {
  associatedtype Reply

  /// Handles a key.
  ///
  /// - Returns: The reply, when the key made one.
  mutating func press(_ key: Key, _ size: Size) -> Reply?
  func frame(_ size: Size) -> Frame
}

/// Parts above and below the changing part of a page: the place in the form, the question; the keys.
struct PageHead: Equatable, Sendable {
  /// Title of the form, cut to one line.
  var title = ""
  /// Progress, such as `3/23`.
  var progress = ""
  var headings: [String] = []
  var label = ""
  var hint = ""
  /// Fault, or what happened; stands right above the keys.
  var message = ""
  /// Actions of the keys, in order of use.
  var keys: [String] = []

  /// Rows that are kept for the page's own part.
  static let bodyRowsMin = 3

  /// Returns the lines above the page's own part.
  func top(_ size: Size) -> [Line] {
    let whole = all(size)
    let room = size.rows - bottom(size).count - Self.bodyRowsMin
    guard whole.count > room else { return whole }
    // Drops the title and the empty lines before a part of the question.
    let question = self.question(size)
    guard question.count > room else { return question }
    return question.prefix(max(1, room - 1)) + [Line("…", .bold)]
  }

  /// Returns whether the question fits above the choices or the text.
  func fits(_ size: Size) -> Bool { question(size).count <= size.rows - bottom(size).count - Self.bodyRowsMin }

  /// Returns the message and the keys, at the bottom of the window.
  func bottom(_ size: Size) -> [Line] {
    let width = size.columns - 1
    let notice = message.isEmpty ? [] : Line.lines("! " + message, width: width, .bold)
    return Array(notice.prefix(max(1, size.rows / 3))) + Self.joined(keys, width: width).prefix(2).map { Line($0, .dim) }
  }

  private func all(_ size: Size) -> [Line] {
    let width = size.columns - 1
    let room = width - DisplayWidth.of(progress) - 1
    let first = title.cut(to: max(1, room)).padded(to: max(0, room)) + " " + progress
    let title = title.isEmpty ? [] : [Line(first, .dim), Line(String(repeating: "─", count: width), .dim)]
    return title + question(size) + [Line()]
  }

  private func question(_ size: Size) -> [Line] {
    let width = size.columns - 1
    var lines = headings.flatMap { Line.lines($0, width: width, .dim) }
    if !label.isEmpty { lines += Line.lines(label, width: width, .bold) }
    if !hint.isEmpty { lines += Line.lines(hint, width: width) }
    return lines
  }

  /// Returns short texts, joined into as few lines as they need.
  static func joined(_ parts: [String], width: Int) -> [String] {
    var lines: [String] = []
    for part in parts {
      if let last = lines.last, DisplayWidth.of(last) + 3 + DisplayWidth.of(part) <= width {
        lines[lines.count - 1] = last + " · " + part
      } else {
        lines.append(part.cut(to: width))
      }
    }
    return lines
  }

  /// Returns the whole page. `body` is given the rows that it may fill; its cursor counts from its own first row.
  func frame(_ size: Size, body: (_ rows: Int) -> Frame) -> Frame {
    guard size.isUsable else {
      return Frame(lines: [Line("↔ \(Size.smallest.columns)×\(Size.smallest.rows)".cut(to: max(1, size.columns - 1)))])
    }
    let (top, bottom) = (top(size), bottom(size))
    let rows = max(1, size.rows - top.count - bottom.count)
    var frame = body(rows)
    frame.lines = Array(frame.lines.prefix(rows))
    let gap = Array(repeating: Line(), count: max(0, rows - frame.lines.count))
    if let cursor = frame.cursor { frame.cursor = (cursor.row + top.count, cursor.column) }
    frame.lines = (top + frame.lines + gap + bottom).map { Line($0.text.cut(to: size.columns - 1), $0.style) }
    return frame
  }
}

/// Items of one or more lines each, divided into pages of the window's size.
struct PagedLines {
  let items: [[Line]]
  let rows: Int

  /// Items of each page; an item taller than the window has a page of its own.
  var pages: [Range<Int>] {
    var pages: [Range<Int>] = []
    var first = 0
    var used = 0
    for (index, item) in items.enumerated() {
      if used + item.count > rows, index > first {
        pages.append(first..<index)
        (first, used) = (index, 0)
      }
      used += item.count
    }
    if first < items.count { pages.append(first..<items.count) }
    return pages
  }

  /// Returns the page of an item; the first without one.
  func page(of item: Int?) -> Int { item.flatMap { item in pages.firstIndex { $0.contains(item) } } ?? 0 }
}
