/// Text to read, scrolled when it does not fit.
struct TextPage: Page {
  enum Reply {
    case next, back, quit
  }

  var head: PageHead
  var paragraphs: [String]
  /// Name of the first key's action while there is more below.
  let readOn: String
  /// True when Q leaves.
  let canQuit: Bool
  private var first = 0

  init(head: PageHead, paragraphs: [String], readOn: String, canQuit: Bool = false) {
    self.head = head
    self.readOn = readOn
    self.paragraphs = paragraphs
    self.canQuit = canQuit
  }

  private func lines(_ size: Size) -> [Line] {
    paragraphs.enumerated().flatMap { ($0.offset > 0 ? [Line()] : []) + Line.lines($0.element, width: size.columns - 1) }
  }

  private func rows(_ size: Size) -> Int { max(1, size.rows - head.top(size).count - head.bottom(size).count) }
  private func last(_ size: Size) -> Int { max(0, lines(size).count - rows(size)) }

  mutating func press(_ key: Key, _ size: Size) -> Reply? {
    switch key {
    case .enter, .tab, .right, .text(">"), .text(" "), .newLine, .pageDown:
      // Scrolls down before leaving the page.
      if first < last(size) {
        first = min(last(size), first + max(1, rows(size) - 1))
        return nil
      }
      return key == .pageDown ? nil : .next
    case .down: first = min(last(size), first + 1)
    case .up: first = max(0, first - 1)
    case .pageUp: first = max(0, first - max(1, rows(size) - 1))
    case .home: first = 0
    case .end: first = last(size)
    case .escape, .backTab, .left, .text("<"): return .back
    case .text("q"), .text("Q"): return canQuit ? .quit : nil
    default: break
    }
    return nil
  }

  func frame(_ size: Size) -> Frame {
    let lines = lines(size)
    let first = min(first, last(size))
    var head = head
    if first < last(size), !head.keys.isEmpty { head.keys[0] = readOn }
    return head.frame(size) { rows in
      var shown = Array(lines.dropFirst(first).prefix(rows))
      if first + rows < lines.count { shown[shown.count - 1] = Line("▼", .bold) }
      return Frame(lines: shown)
    }
  }
}
