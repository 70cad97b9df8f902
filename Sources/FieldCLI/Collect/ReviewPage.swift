/// All answers, to be sent or gone back to.
struct ReviewPage: Page {
  let words: CollectWording
  let sheet: ReviewSheet
  var head: PageHead
  private var current: Int?
  private var typed = ""

  init(head: PageHead, words: CollectWording, sheet: ReviewSheet) {
    self.head = head
    self.words = words
    self.sheet = sheet
  }

  mutating func press(_ key: Key, _ size: Size) -> ReviewReply? {
    head.message = ""
    switch key {
    case .text(let text):
      if let digit = Int(text), (0...9).contains(digit) {
        choose(digit)
      } else if ["g", "G", "s", "S"].contains(text) {
        return .send
      } else if text == "<" {
        return .back
      } else {
        head.message = words.pressSend
      }
      return nil
    case .enter, .right, .tab:
      typed = ""
      if let current { return .edit(sheet.items[current].step) }
      head.message = words.pressSend
    case .escape, .backTab, .left: return .back
    case .up: move(-1)
    case .down: move(1)
    case .pageUp: turn(-1, size)
    case .pageDown: turn(1, size)
    case .home: current = sheet.items.indices.first
    case .end: current = sheet.items.indices.last
    default: break
    }
    return nil
  }

  /// Joins digits typed one after the other into one number.
  private mutating func choose(_ digit: Int) {
    for text in [typed + String(digit), String(digit)] {
      guard let number = Int(text), sheet.items.indices.contains(number - 1) else { continue }
      (typed, current) = (text, number - 1)
      return
    }
    typed = ""
  }

  private mutating func move(_ by: Int) {
    typed = ""
    guard !sheet.items.isEmpty else { return }
    current = current.map { min(max(0, $0 + by), sheet.items.count - 1) } ?? (by > 0 ? 0 : sheet.items.count - 1)
  }

  private mutating func turn(_ by: Int, _ size: Size) {
    typed = ""
    let paged = paged(size, rows: max(1, size.rows - head.top(size).count - head.bottom(size).count - 1))
    let page = paged.page(of: current) + by
    if paged.pages.indices.contains(page) { current = paged.pages[page].lowerBound }
  }

  private func paged(_ size: Size, rows: Int) -> PagedLines {
    let digits = String(sheet.items.count).count
    let width = size.columns - 1
    return PagedLines(
      items: sheet.items.enumerated().map { index, item in
        let number = String(index + 1)
        let lead = (index == current ? "›" : " ") + String(repeating: " ", count: digits - number.count) + "\(number) "
        let indent = String(repeating: " ", count: digits + 2)
        let style: Line.Style = index == current ? .reverse : []
        let heading = item.heading.map { Line.lines($0, width: width, .dim) } ?? []
        let label = item.label.wrapped(to: width - indent.count).enumerated().map { Line(($0 == 0 ? lead : indent) + $1, style) }
        let answer = item.answer.wrapped(to: width - indent.count - 2).enumerated().map {
          Line(indent + ($0 == 0 ? "→ " : "  ") + $1, style.union(.bold))
        }
        return heading + label + answer
      }, rows: rows)
  }

  func frame(_ size: Size) -> Frame {
    head.frame(size) { rows in
      let paged = paged(size, rows: max(1, rows - 1))
      let pages = paged.pages
      let page = paged.page(of: current)
      var frame = Frame()
      if pages.indices.contains(page) { frame.lines = Array(pages[page].flatMap { paged.items[$0] }.prefix(rows - 1)) }
      if pages.count > 1 { frame.lines.append(Line(words.page(page + 1, of: pages.count), .dim)) }
      return frame
    }
  }
}
