internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// Dialog line by line, without moving a cursor: for screen readers, pipes and simple terminals.
final class LineDialog: CollectDialog {
  /// Choices that are listed at once.
  private static let listedMax = 20
  /// Bytes of a line; a longer one is refused.
  private static let lineBytesMax = 64 * 1_024

  private let input: any EventSource
  private let words: CollectWording
  private let output: FileHandle
  /// True when a person's terminal keeps what is shown here.
  private let isTerminal: Bool
  private var waiting: [UInt8] = []
  private var isAtEnd = false
  private var heading: [String] = []
  private var hasToldKeys = false

  init(input: any EventSource, words: CollectWording, output: FileHandle) {
    self.input = input
    self.words = words
    self.output = output
    isTerminal = isatty(0) == 1 && isatty(output.fileDescriptor) == 1
  }

  func tell(_ notice: CollectNotice) throws -> Bool {
    heading = []
    say(notice.title)
    for paragraph in notice.paragraphs { say(paragraph) }
    say(notice.keys.joined(separator: " · "))
    return !["q", "Q"].contains(try line())
  }

  func ask(_ question: AskedQuestion) throws -> QuestionReply {
    if question.isAgain { say("! \(question.message)") } else { show(question) }
    while true {
      let typed = try line()
      switch typed {
      case "<": return .back("")
      case "?": show(question)
      case ">": return .answer(question.standing)
      case "-": return .answer("")
      case "" where !question.standing.isEmpty && !question.isAgain: return .answer(question.standing)
      default:
        switch question.kind {
        case .note: return .answer("")
        case .entry(_, let isMultiline): return .answer(isMultiline ? try continued(typed) : typed)
        case .order: return .answer(typed)
        case .one, .several:
          if let names = chosen(typed, question) { return .answer(names) }
        }
      }
    }
  }

  func askAnother(_ repeated: AskedRepeat) throws -> RepeatReply {
    if !repeated.message.isEmpty { say("! \(repeated.message)") }
    say("\(repeated.headings.last ?? ""): \(words.filled(repeated.count))")
    say(words.lineRepeat + (repeated.count > 0 ? ", - \(words.removeLast)" : ""))
    while true {
      switch try line().lowercased() {
      case "<": return .back
      case "c", "y": return .add
      case "k", "n", "", ">": return .done
      case "-": return .removeLast
      default: say(words.lineRepeat)
      }
    }
  }

  func review(_ sheet: ReviewSheet) throws -> ReviewReply {
    say("")
    say(words.review(isReport: sheet.isReport))
    for (index, item) in sheet.items.enumerated() {
      if let heading = item.heading { say(heading) }
      say("\(index + 1). \(item.label)")
      say("   → \(item.answer)")
    }
    if !sheet.message.isEmpty { say("! \(sheet.message)") }
    while true {
      say(words.lineReview(isReport: sheet.isReport))
      let typed = try line()
      if ["g", "G", "s", "S"].contains(typed) { return .send }
      if typed == "<" { return .back }
      if let number = Int(typed), sheet.items.indices.contains(number - 1) { return .edit(sheet.items[number - 1].step) }
    }
  }

  /// Wipes a terminal's lines, also those scrolled away, as far as the terminal can.
  func wipe() {
    if isTerminal { write("\u{1b}[H\u{1b}[2J\u{1b}[3J") }
  }

  func close() { input.close() }

  // MARK: Showing

  private func show(_ question: AskedQuestion) {
    if heading != question.headings {
      heading = question.headings
      say("")
      for text in question.headings { say("== \(text) ==") }
    }
    if !question.message.isEmpty { say("! \(question.message)") }
    let number = question.progress.isEmpty || question.isNote ? "" : "\(question.progress)  "
    say(number + question.label + (question.isRequired || question.isNote ? "" : " \(words.optional)"))
    if !question.hint.isEmpty { say(question.hint) }
    switch question.kind {
    case .note: say(words.next)
    case .entry(let kind, let isMultiline):
      if !words.format(kind).isEmpty { say(words.format(kind)) }
      if isMultiline { say(words.continued) }
    case .order:
      list(Array(question.choices.indices), question)
      say(words.order)
    case .one, .several:
      list(Array(question.choices.indices), question)
      say(question.choices.isEmpty ? words.nothingOffered : question.isSeveral ? words.several : words.one)
    }
    if !question.standing.isEmpty { say("\(words.now): \(shown(question))") }
    if !hasToldKeys, !question.isNote {
      say(words.lineKeys)
      hasToldKeys = true
    }
  }

  private func shown(_ question: AskedQuestion) -> String {
    guard question.choices.isEmpty || question.isOrder else {
      return question.choices.filter { question.marked.contains($0.name) }.map(\.label).joined(separator: "; ")
    }
    return question.entered
  }

  private func list(_ indices: [Int], _ question: AskedQuestion) {
    for index in indices.prefix(Self.listedMax) {
      say("  \(index + 1)  \(question.choices[index].label)")
    }
    if indices.count > Self.listedMax { say(words.more(indices.count - Self.listedMax)) }
  }

  private func say(_ text: String) {
    for part in text.split(separator: "\n", omittingEmptySubsequences: false) { write(String(part).printable + "\n") }
  }

  private func write(_ text: String) { try? output.write(contentsOf: Data(text.utf8)) }

  // MARK: Reading

  /// Returns the names that a line chooses; nil after saying why it chooses none.
  private func chosen(_ typed: String, _ question: AskedQuestion) -> String? {
    if typed.isEmpty { return "" }
    let parts = typed.split { $0 == " " || $0 == "," }
    let numbers = parts.compactMap { part in Int(part).flatMap { question.choices.indices.contains($0 - 1) ? $0 : nil } }
    if numbers.count == parts.count, question.isSeveral || numbers.count == 1 {
      return question.choices.enumerated().filter { numbers.contains($0.offset + 1) }.map(\.element.name).joined(separator: " ")
    }
    let query = FoldedText(typed)
    let found = question.choices.indices.filter { FoldedText(question.choices[$0].label).contains(query) }
    let exact = found.filter { FoldedText(question.choices[$0].label) == query }
    if let only = exact.count == 1 ? exact.first : found.count == 1 ? found.first : nil { return question.choices[only].name }
    if found.isEmpty {
      say("! \(question.choices.isEmpty ? words.nothingOffered : words.noMatch)")
    } else {
      say(words.matches(found.count))
      list(found, question)
    }
    return nil
  }

  private func continued(_ first: String) throws -> String {
    var text = first
    while text.hasSuffix("\\") { text = text.dropLast() + "\n" + (try line()) }
    return text
  }

  /// Returns the next line, trimmed and in NFC.
  private func line() throws -> String {
    while true {
      if let end = waiting.firstIndex(of: 0x0A) ?? (isAtEnd && !waiting.isEmpty ? waiting.endIndex : nil) {
        let bytes = waiting[..<end]
        waiting = Array(waiting[end...].dropFirst())
        let text = String(decoding: bytes, as: UTF8.self).precomposedStringWithCanonicalMapping
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
      }
      if isAtEnd { throw Leaving.endOfInput }
      if waiting.count > Self.lineBytesMax {
        throw ToolError(
          vi: "Dòng quá dài; hãy viết ngắn lại. Phiếu này chưa được gửi.", en: "The line is too long; write less. This answer was not sent."
        )
      }
      switch input.next(timeoutMs: nil) {
      case .bytes(let bytes): waiting += bytes
      case .resized, .quiet: continue
      case .left(.endOfInput): isAtEnd = true
      case .left(let leaving): throw leaving
      }
    }
  }
}
