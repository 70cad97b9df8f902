internal import Foundation

/// A text of a form as its author marked it up: Markdown's emphasis, links and headings, and what is left of HTML without its tags.
///
/// Answers are put in after the text has been cut, so that nothing a respondent writes is taken for markup.
public struct Markup: Sendable, Hashable {
  /// Letters that look alike and lie on one line.
  public struct Run: Sendable, Hashable {
    public var text: String
    public var isStrong = false
    public var isEmphasis = false
    /// Target of the text: `http` or `https`; nil for a text that is no link.
    public var link: String?
    /// Tells if it begins a new line.
    public var beginsLine = false
  }

  public let runs: [Run]

  public init(_ text: String) {
    var reader = MarkupReader(Self.withoutTags(text))
    runs = reader.runs()
  }

  private init(runs: [Run]) { self.runs = runs }

  /// The same with every name replaced.
  public func filled(_ fill: (String) -> String) -> Markup {
    Markup(
      runs: runs.map { run in
        var run = run
        run.text = fill(run.text)
        run.link = run.link.map(fill).flatMap(Self.address)
        return run
      })
  }

  /// The letters alone; where a link leads stands behind it.
  public var plain: String {
    runs.map { run in
      let link = run.link.map { run.text == $0 ? "" : " (\($0))" } ?? ""
      return (run.beginsLine ? "\n" : "") + run.text + link
    }.joined()
  }

  /// An address that may be followed; nil for any other.
  static func address(_ text: String) -> String? {
    let lower = text.lowercased()
    let isPlain = text.unicodeScalars.allSatisfy { $0.value > 0x20 && !(0x7F...0x9F).contains($0.value) && $0 != "\"" && $0 != "<" }
    return isPlain && (lower.hasPrefix("http://") || lower.hasPrefix("https://")) && text.utf8.count <= 2_048 ? text : nil
  }

  // MARK: HTML

  private static let strongTags: Set<String> = ["b", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "th"]
  private static let emphasisTags: Set<String> = ["i", "em"]
  private static let lineTags: Set<String> = ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table"]
  private static let otherTags: Set<String> = [
    "span", "font", "u", "small", "big", "sup", "sub", "center", "td", "a", "s", "strike", "mark", "html", "body",
  ]

  /// Takes out the tags that forms carry; what only looks like one, such as `age < 5`, stays.
  private static func withoutTags(_ text: String) -> String {
    guard text.contains("<") || text.contains("&") else { return text }
    var out = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "<") {
      out += rest[..<open]
      let tail = rest[rest.index(after: open)...]
      guard let close = tail.firstIndex(of: ">") else {
        rest = rest[open...]
        break
      }
      let name = tail[..<close].drop { $0 == "/" }.prefix { $0.isASCIILetter || $0.isASCIIDigit }.lowercased()
      let isKnown = strongTags.contains(name) || emphasisTags.contains(name) || lineTags.contains(name) || otherTags.contains(name)
      guard isKnown else {
        out.append("<")
        rest = tail
        continue
      }
      if lineTags.contains(name), !out.isEmpty, !out.hasSuffix("\n") { out.append("\n") }
      rest = tail[tail.index(after: close)...]
    }
    out += rest
    for (entity, sign) in [
      ("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"), ("&amp;", "&"),
    ] {
      out = out.replacingOccurrences(of: entity, with: sign)
    }
    return out
  }
}

/// Cuts a text into runs.
private struct MarkupReader {
  private let characters: [Character]
  private var index = 0
  private var done: [Markup.Run] = []
  private var current = Markup.Run(text: "")

  init(_ text: String) { characters = Array(text.replacingOccurrences(of: "\r\n", with: "\n")) }

  mutating func runs() -> [Markup.Run] {
    var isHeading = false
    var beginsLine = true
    while index < characters.count {
      let character = characters[index]
      if beginsLine, let marks = headingMarks() {
        index += marks
        isHeading = true
        set { $0.isStrong = true }
      }
      beginsLine = false
      switch character {
      case "\n":
        flush()
        current = Markup.Run(text: "", beginsLine: true)
        isHeading = false
        beginsLine = true
        index += 1
      case "\\" where index + 1 < characters.count && "*_#[]\\`<&".contains(characters[index + 1]):
        current.text.append(characters[index + 1])
        index += 2
      case "$" where peek(1) == "{": takeReference()
      case "*", "_": if !takeEmphasis(character, isHeading: isHeading) { plain(character) }
      case "[": if !takeLink() { plain(character) }
      default: if index < characters.count { plain(characters[index]) }
      }
    }
    flush()
    return done.isEmpty ? [Markup.Run(text: "")] : done
  }

  private func peek(_ distance: Int) -> Character? {
    let place = index + distance
    return characters.indices.contains(place) ? characters[place] : nil
  }

  private mutating func plain(_ character: Character) {
    current.text.append(character)
    index += 1
  }

  private mutating func flush() {
    if !current.text.isEmpty || current.beginsLine { done.append(current) }
  }

  /// Begins a run that looks otherwise.
  private mutating func set(_ change: (inout Markup.Run) -> Void) {
    if !current.text.isEmpty {
      flush()
      current.text = ""
      current.beginsLine = false
    }
    change(&current)
  }

  /// Returns the number of `#` and spaces that begin a heading; nil for none.
  private func headingMarks() -> Int? {
    let marks = characters[index...].prefix { $0 == "#" }.count
    guard (1...6).contains(marks), peek(marks) == " " else { return nil }
    return marks + 1
  }

  private mutating func takeReference() {
    let end = characters[index...].firstIndex(of: "}") ?? characters.count - 1
    current.text += String(characters[index...end])
    index = end + 1
  }

  /// `**strong**`, `__strong__`, `*emphasis*`, `_emphasis_`, closed on the same line and with letters right inside.
  private mutating func takeEmphasis(_ sign: Character, isHeading: Bool) -> Bool {
    let width = peek(1) == sign ? 2 : 1
    let isStrong = width == 2
    let isOpen = isStrong ? current.isStrong && !isHeading : current.isEmphasis
    let before = index > 0 ? characters[index - 1] : " "
    let after = peek(width) ?? " "
    if isOpen {
      guard !before.isWhitespace, sign == "*" || !(after.isLetter || after.isNumber) else { return false }
      index += width
      set { if isStrong { $0.isStrong = false } else { $0.isEmphasis = false } }
      return true
    }
    guard !after.isWhitespace, after != sign, sign == "*" || !(before.isLetter || before.isNumber), closes(sign, width) else {
      return false
    }
    index += width
    set { if isStrong { $0.isStrong = true } else { $0.isEmphasis = true } }
    return true
  }

  /// Tells if what opens here is closed on its line.
  private func closes(_ sign: Character, _ width: Int) -> Bool {
    var place = index + width
    while place < characters.count, characters[place] != "\n" {
      if characters[place] == "$", place + 1 < characters.count, characters[place + 1] == "{" {
        place = (characters[place...].firstIndex(of: "}") ?? place) + 1
        continue
      }
      let isRun = characters[place] == sign && (width == 1 || place + 1 < characters.count && characters[place + 1] == sign)
      if isRun, place > index + width, !characters[place - 1].isWhitespace {
        let next = place + width < characters.count ? characters[place + width] : " "
        if width == 2 || next != sign { if sign == "*" || !(next.isLetter || next.isNumber) { return true } }
        place += 1
      }
      place += 1
    }
    return false
  }

  /// `[text](https://…)`.
  private mutating func takeLink() -> Bool {
    let line = characters[index...].prefix { $0 != "\n" }
    guard let end = line.firstIndex(of: "]"), end + 1 < line.endIndex, characters[end + 1] == "(",
      let close = line[(end + 1)...].firstIndex(of: ")")
    else { return false }
    let address = String(characters[(end + 2)..<close]).trimmingCharacters(in: .whitespaces)
    guard address.hasPrefix("${") || Markup.address(address) != nil else { return false }
    let text = String(characters[(index + 1)..<end])
    set { $0.link = address }
    current.text = text.isEmpty ? address : text
    index = close + 1
    set { $0.link = nil }
    return true
  }
}
