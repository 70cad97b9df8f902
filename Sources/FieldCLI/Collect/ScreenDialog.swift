internal import SurveyKit
internal import SyncKit

/// Dialog in a window of its own.
final class ScreenDialog: CollectDialog {
  /// Milliseconds for which a lone Escape may be the beginning of another key.
  private static let escapeWaitMs: Int32 = 50

  private let terminal: Terminal
  private let input: any EventSource
  private let words: CollectWording
  private var reader = KeyReader()
  /// Keys pressed and not processed yet.
  private var keys: [Key] = []

  init(terminal: Terminal, input: any EventSource, words: CollectWording) {
    self.terminal = terminal
    self.input = input
    self.words = words
  }

  func tell(_ notice: CollectNotice) throws -> Bool {
    dropTypedAhead()
    var head = PageHead()
    (head.label, head.keys) = (notice.title, notice.keys)
    while true {
      switch try run(TextPage(head: head, paragraphs: notice.paragraphs, readOn: words.readOn, canQuit: true)) {
      case .next: return true
      case .quit: return false
      case .back: continue
      }
    }
  }

  func ask(_ question: AskedQuestion) throws -> QuestionReply {
    var head = head(of: question)
    switch question.kind {
    case .note: return try read(head, question.label)
    case .one, .several:
      if question.isSeveral, head.hint.isEmpty { head.hint = words.severalHint }
      if try isLong(head), case .back(let given) = try read(head, question.label) { return .back(given) }
      return try run(
        ChoicePage(
          head: head, words: words, choices: question.choices, marked: question.marked,
          isSeveral: question.isSeveral, isRequired: question.isRequired))
    case .order:
      let list = question.choices.enumerated().map { "\($0 + 1)  \($1.label)" }
      head.hint = Self.lines([head.hint] + list + [words.order])
      head.keys = [question.isRequired ? words.next : words.nextOrSkip, words.back, words.leave]
      if try isLong(head), case .back(let given) = try read(head, question.label) { return .back(given) }
      return try run(EntryPage(head: head, text: question.entered, isMultiline: false))
    case .entry(let kind, let isMultiline):
      head.hint = Self.lines([head.hint, words.format(kind)])
      head.keys = [question.isRequired ? words.next : words.nextOrSkip, words.back] + (isMultiline ? [words.newLine] : []) + [words.leave]
      if try isLong(head), case .back(let given) = try read(head, question.label) { return .back(given) }
      return try run(EntryPage(head: head, text: question.entered, isMultiline: isMultiline))
    }
  }

  func askAnother(_ repeated: AskedRepeat) throws -> RepeatReply {
    var head = PageHead()
    head.title = repeated.title
    head.headings = Array(repeated.headings.dropLast())
    head.label = repeated.headings.last ?? ""
    head.hint = words.filled(repeated.count)
    head.message = repeated.message
    var choices: [AskedQuestion.Choice] = [.init(name: "done", label: words.goOn)]
    if repeated.canAdd { choices.insert(.init(name: "add", label: repeated.count == 0 ? words.add : words.addAnother), at: 0) }
    if repeated.count > 0 { choices.append(.init(name: "remove", label: words.removeLast)) }
    let page = ChoicePage(head: head, words: words, choices: choices, marked: [], isSeveral: false, isRequired: true)
    switch try run(page) {
    case .answer("add"): return .add
    case .answer("remove"): return .removeLast
    case .answer: return .done
    case .back: return .back
    }
  }

  func review(_ sheet: ReviewSheet) throws -> ReviewReply {
    dropTypedAhead()
    var head = PageHead()
    head.title = sheet.title
    head.label = words.review(isReport: sheet.isReport)
    head.message = sheet.message
    head.keys = [words.send(isReport: sheet.isReport), words.edit, words.back, words.leave]
    return try run(ReviewPage(head: head, words: words, sheet: sheet))
  }

  func wipe() { terminal.write(Array("\u{1b}[2J\u{1b}[H".utf8)) }

  func close() {
    terminal.close()
    input.close()
  }

  // MARK: Inside

  private func head(of question: AskedQuestion) -> PageHead {
    var head = PageHead()
    head.title = question.title
    head.progress = question.progress
    head.headings = question.headings
    head.label = question.label
    head.hint = question.hint
    head.message = question.message
    return head
  }

  private static func lines(_ texts: [String]) -> String { texts.filter { !$0.isEmpty }.joined(separator: "\n") }

  /// Shows a text by itself: a note, or a question too long to stand above its choices.
  private func read(_ head: PageHead, _ text: String) throws -> QuestionReply {
    var head = head
    let hint = head.hint
    (head.label, head.hint) = ("", "")
    head.keys = [words.next, words.back, words.leave]
    switch try run(TextPage(head: head, paragraphs: hint.isEmpty ? [text] : [text, hint], readOn: words.readOn)) {
    case .next, .quit: return .answer("")
    case .back: return .back("")
    }
  }

  private func isLong(_ head: PageHead) throws -> Bool {
    let size = terminal.size
    return size.isUsable && !head.fits(size)
  }

  private func run<P: Page>(_ page: P) throws -> P.Reply {
    var page = page
    while true {
      while !keys.isEmpty {
        let key = keys.removeFirst()
        switch key {
        case .interrupt: throw Leaving.interrupted
        case .endOfInput: throw Leaving.endOfInput
        case .redraw: wipe()
        default: if let reply = page.press(key, terminal.size) { return reply }
        }
      }
      let size = terminal.size
      terminal.write(page.frame(size).bytes(size))
      try wait()
    }
  }

  /// Waits for keys, or for a reason to draw again.
  private func wait() throws {
    while keys.isEmpty {
      switch input.next(timeoutMs: reader.isWaiting ? Self.escapeWaitMs : nil) {
      case .bytes(let bytes): keys += reader.feed(bytes)
      case .quiet: keys += reader.flush()
      case .resized:
        keys.append(.redraw)
      case .left(let leaving): throw leaving
      }
    }
  }

  /// Drops keys typed ahead: sending and beginning again need a key of their own.
  private func dropTypedAhead() {
    keys = []
    reader = KeyReader()
    terminal.dropTypedAhead()
  }
}
