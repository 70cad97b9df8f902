internal import SurveyKit

/// Question that is answered from a list: by arrows, by number, or by typing a part of the name.
struct ChoicePage: Page {
  /// Choices up to which a single digit chooses; in longer lists a digit begins a number.
  private static let directMax = 9

  var head: PageHead
  let words: CollectWording
  let choices: [AskedQuestion.Choice]
  let isSeveral: Bool
  let isRequired: Bool
  private let folded: [FoldedText]
  private var marked: Set<String>
  private var search = TextEditor()
  /// Index of the choice for the next key; nil until somebody moves there, so that Enter alone answers nothing.
  private var current: Int?

  init(head: PageHead, words: CollectWording, choices: [AskedQuestion.Choice], marked: Set<String>, isSeveral: Bool, isRequired: Bool) {
    self.head = head
    self.words = words
    self.choices = choices
    self.isSeveral = isSeveral
    self.isRequired = isRequired
    self.marked = marked
    folded = choices.map { FoldedText($0.label) }
    current = isSeveral ? nil : choices.firstIndex { marked.contains($0.name) }
  }

  /// Number typed, when the search is one.
  private var number: Int? {
    search.text.allSatisfy(\.isASCII) ? Int(search.text).flatMap { (1...max(1, choices.count)).contains($0) ? $0 : nil } : nil
  }

  private var visible: [Int] {
    guard !search.isEmpty, number == nil else { return Array(choices.indices) }
    let query = FoldedText(search.text)
    return choices.indices.filter { folded[$0].contains(query) }
  }

  private var given: String { choices.filter { marked.contains($0.name) }.map(\.name).joined(separator: " ") }

  // MARK: Keys

  mutating func press(_ key: Key, _ size: Size) -> QuestionReply? {
    head.message = ""
    switch key {
    case .enter, .tab, .right: return enter()
    case .escape, .backTab, .left:
      guard search.isEmpty || key != .escape else {
        search = TextEditor()
        return nil
      }
      return .back(given)
    case .up: step(-1)
    case .down: step(1)
    case .text(" ") where number != nil: if isSeveral { return enter() }
    case .pageUp: turn(-1, size)
    case .pageDown: turn(1, size)
    case .home: current = visible.first
    case .end: current = visible.last
    case .text(" ") where search.isEmpty:
      if isSeveral { current.map { toggle($0) } }
    case .text(let text): type(text)
    case .backspace where search.isEmpty:
      if !isSeveral { (current, marked) = (nil, []) }
    default:
      if search.press(key, width: size.columns) { found() }
    }
    return nil
  }

  private mutating func enter() -> QuestionReply? {
    if search.text == "<" { return .back(given) }
    if search.text == ">" { search = TextEditor() }
    if !search.isEmpty, current == nil || visible.isEmpty { return nil }  // The list says that nothing matches.
    guard isSeveral else {
      if let current { return .answer(choices[current].name) }
      guard isRequired else { return .answer("") }
      head.message = words.chooseFirst
      return nil
    }
    guard !search.isEmpty else { return .answer(given) }
    current.map { toggle($0) }
    search = TextEditor()
    return nil
  }

  private mutating func type(_ text: String) {
    if choices.count <= Self.directMax, search.isEmpty, let digit = Int(text), choices.indices.contains(digit - 1) {
      current = digit - 1
      if isSeveral { toggle(digit - 1) }
      return
    }
    search.insert(text)
    found()
  }

  private mutating func found() {
    if let number { current = number - 1 } else if !search.isEmpty { current = visible.first }
  }

  private mutating func toggle(_ index: Int) {
    let name = choices[index].name
    if marked.remove(name) == nil { marked.insert(name) }
  }

  private mutating func step(_ by: Int) {
    if number != nil { search = TextEditor() }  // A number has led to its place; from there it is the arrows.
    let visible = visible
    guard let place = current.flatMap({ visible.firstIndex(of: $0) }) else {
      current = by > 0 ? visible.first : visible.last
      return
    }
    current = visible[min(max(0, place + by), visible.count - 1)]
  }

  private mutating func turn(_ by: Int, _ size: Size) {
    let visible = visible
    let paged = paged(size, rows: bodyRows(size), visible)
    let page = paged.page(of: current.flatMap { visible.firstIndex(of: $0) }) + by
    if paged.pages.indices.contains(page) { current = visible[paged.pages[page].lowerBound] }
  }

  // MARK: Drawing

  private var keyed: PageHead {
    var head = head
    guard search.isEmpty else {
      head.keys = (visible.isEmpty ? [] : [words.take]) + [words.clearSearch, words.leave]
      return head
    }
    let isBlank = isSeveral ? marked.isEmpty : current == nil
    head.keys = [isBlank && !isRequired ? words.skip : words.next]
    if choices.count > Self.directMax { head.keys.append(words.search) }
    head.keys += [words.back, isSeveral ? words.mark : words.move]
    if !isSeveral, !isRequired, current != nil { head.keys.append(words.unmark) }
    head.keys.append(words.leave)
    return head
  }

  private func bodyRows(_ size: Size) -> Int {
    max(1, size.rows - keyed.top(size).count - keyed.bottom(size).count - 1)
  }

  private func paged(_ size: Size, rows: Int, _ visible: [Int]) -> PagedLines {
    let digits = String(choices.count).count
    return PagedLines(
      items: visible.map { index in
        let number = String(index + 1)
        let isMarked = marked.contains(choices[index].name)
        let box = isSeveral ? (isMarked ? "[x]" : "[ ]") : (isMarked ? "(•)" : "( )")
        let lead = (index == current ? "›" : " ") + String(repeating: " ", count: digits - number.count) + "\(number) \(box) "
        let indent = String(repeating: " ", count: DisplayWidth.of(lead))
        return choices[index].label.wrapped(to: size.columns - 1 - indent.count).enumerated().map { place, text in
          Line((place == 0 ? lead : indent) + text, index == current ? .reverse : [])
        }
      }, rows: rows)
  }

  func frame(_ size: Size) -> Frame {
    keyed.frame(size) { rows in
      let visible = visible
      let paged = paged(size, rows: max(1, rows - 1), visible)
      let pages = paged.pages
      let page = paged.page(of: current.flatMap { visible.firstIndex(of: $0) })
      var frame = Frame()
      if pages.indices.contains(page) { frame.lines = Array(pages[page].flatMap { paged.items[$0] }.prefix(rows - 1)) }
      if visible.isEmpty { frame.lines = [Line(choices.isEmpty ? words.nothingOffered : words.noMatch, .dim)] }
      var parts = search.isEmpty ? [] : ["\(words.searching): \(search.text)"]
      if pages.count > 1 { parts.append(words.page(page + 1, of: pages.count)) }
      if isSeveral, !marked.isEmpty { parts.append(words.marked(marked.count)) }
      if !parts.isEmpty {
        if !search.isEmpty {
          frame.cursor = (frame.lines.count, DisplayWidth.of("\(words.searching): ") + search.layout(size.columns).column)
        }
        frame.lines.append(Line(parts.joined(separator: "  "), search.isEmpty ? .dim : []))
      }
      return frame
    }
  }
}
