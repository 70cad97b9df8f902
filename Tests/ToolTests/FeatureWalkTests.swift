import Foundation
import SurveyKit
import SurveyKitHub
import SyncHub
import SyncKit
import Synchronization
import TestSupport
import Testing

@testable import FieldCLI
@testable import FormWeb

/// Walks every form of the corpus that is taken, once in the terminal and once on the page, and reads what is shown: every line of the
/// reference in docs/forms.md that works.
@Suite struct FeatureWalkTests {
  private static let taken = FormsCorpus.all.filter { $0.outcome != .refused }

  private func form(_ scored: ScoredForm) throws -> Form {
    func data(_ rows: [[String: String]]) -> Data? { rows.isEmpty ? nil : Data(ScoredForm.csv(rows).utf8) }
    return try XLSFormImport.reading(
      survey: data(scored.survey), choices: data(scored.choices), settings: data(scored.settings.isEmpty ? [] : [scored.settings]),
      files: { name in scored.files[name].map { Data($0.utf8) } }
    ).form
  }

  private static let features = taken.map(\.feature).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }

  @Test(.timeLimit(WalkBounds.minutesMax), arguments: features)
  func everyFeatureIsAskedInTheTerminalAndOnThePage(_ feature: String) async throws {
    let walked = Self.taken.filter { $0.feature == feature }
    try #require(!walked.isEmpty)
    for scored in walked {
      let name = "\(scored.feature), \(scored.name)"
      let form = try form(scored)
      let (terminal, page): (TerminalWalk, PageWalk)
      do {
        (terminal, page) = (try TerminalWalk(form, refused: scored.refused), try await PageWalk(form, refused: scored.refused))
      } catch {
        Issue.record("\(name): \(error)")
        continue
      }
      for (place, walk) in [("terminal", terminal.shown), ("page", page.shown)] {
        for text in Self.texts(of: scored, form, onPage: place == "page") {
          #expect(walk.contains(text), "\(name): the \(place) does not show “\(text)” but \(walk.prefix(3_000))")
        }
        for text in scored.hides + ["${", "**", "<b>"] {
          #expect(!walk.contains(text), "\(name): the \(place) shows “\(text)” in \(walk.prefix(3_000))")
        }
      }
      // Both give the same answers, but for pictures, which no page asks for.
      let pictures = Set(form.questions.filter { $0.kind == .image }.map(\.name))
      #expect(
        terminal.answers.values.filter { !pictures.contains($0.key) } == page.answers.values, "\(name): \(terminal.answers.values)")
    }
  }

  @Test func aQuestionThatOffersNothingSaysSo() throws {
    let survey = "type,name,label,choice_filter\nselect_one l,q,One?,\nselect_one l,r,Other?,side = ${q}\n"
    let form = try XLSFormImport.form(survey: Data(survey.utf8), choices: Data("list_name,name,label,side\nl,a,A,b\n".utf8), settings: nil)
    let walk = try TerminalWalk(form, refused: [:])
    #expect(walk.shown.contains("2/2 Other? (optional) No choice goes with the answers given; Enter skips"), "\(walk.shown)")
    #expect(walk.answers.values == ["q": .choice("a")])
  }

  @Test func theCorpusIsWalkedWhole() { #expect(Self.taken.count >= 200) }

  /// Lists the texts that a respondent must read: labels and hints of all that is asked, labels of its choices.
  private static func texts(of scored: ScoredForm, _ form: Form, onPage: Bool) -> [String] {
    if let shows = scored.shows { return shows }
    let unasked = ["calculate", "hidden", "begin", "end", "csv-external", "xml-external"]
    let questions = Dictionary(form.questions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var texts: [String] = []
    for row in scored.survey {
      let type = (row["type"] ?? "").lowercased().split(whereSeparator: { $0 == " " || $0 == "_" }).first.map(String.init) ?? ""
      guard !type.isEmpty, !unasked.contains(type), !["yes", "true"].contains(row["disabled"] ?? "") else { continue }
      guard let question = questions[row["name"] ?? ""], question.kind.isAsked || question.kind == .note else { continue }
      if onPage, question.kind == .image { continue }
      for (column, cell) in row where column.hasPrefix("label") || column == "hint" || column == "Label" {
        guard column != "hint" || question.hint != nil, column.hasPrefix("label::") == false || form.languages.count == 1 else { continue }
        texts.append(cell)
      }
      texts += form.choices(of: question).map { $0.label.text(in: form.defaultLanguage) }
    }
    return texts.filter { !$0.isEmpty }
  }
}

/// Bounds of a walk, which fails with words beyond them.
private enum WalkBounds {
  static let minutesMax = TimeLimitTrait.Duration.minutes(2)
  /// Questions and notes that the terminal asks for one form, asking again counted.
  static let asksMax = 1_500
  /// Pages that the browser turns for one form.
  static let pagesMax = 60
}

/// Says why a walk did not come to its end.
private struct WalkFault: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// Answers a question by its kind, the same in the terminal and on the page.
private enum PlainAnswer {
  static func text(_ question: FormQuestion) -> String {
    switch question.kind {
    case .integer: "2"
    case .decimal: "0.3"
    case .date: "2024-04-01"
    case .time: "08:30"
    case .dateTime: "2024-04-01T08:30"
    case .geopoint: "21.27 106.19 0 0"
    case .image: "p.png"
    default: "abc"
    }
  }

  static let today = "2024-04-01"
}

/// Texts with single spaces, so that it does not matter where a line was broken.
extension String {
  fileprivate var onOneLine: String { components(separatedBy: .whitespacesAndNewlines).filter { !$0.isEmpty }.joined(separator: " ") }
}

// MARK: - Terminal

/// A person at `field collect --plain`: types a line for each question, and reads what is written.
private struct TerminalWalk {
  let shown: String
  let answers: ValidatedAnswers

  init(_ form: Form, refused: [String: String]) throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/shown.txt"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let output = try #require(FileHandle(forWritingAtPath: path))
    func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8).onOneLine }
    let words = CollectWording(language: .english, tongue: form.defaultLanguage)
    let dialog = TypingDialog(form, refused, words, output)
    var walk = FormWalk(form: form, today: PlainAnswer.today, carried: Self.carried(form))
    do {
      answers = try CollectSession(dialog: dialog, words: words, isReport: false).answers(&walk)
    } catch is Leaving {
      throw WalkFault("the terminal waits for more than was typed, after \(try text().suffix(600))")
    }
    shown = try text()
  }

  static func carried(_ form: Form) -> [String: AnswerValue] {
    let hidden = form.questions.filter { $0.kind == .hidden && $0.initial == nil }.map {
      ($0.name, AnswerValue.text(PreviewDesk.unit.rawValue))
    }
    return Dictionary(hidden, uniquingKeysWith: { first, _ in first })
  }
}

/// What was typed and not read yet. Ends where nothing is left, so that no dialog waits.
private final class TypedLines: EventSource {
  private var bytes: [UInt8] = []

  func type(_ line: String) { bytes += Array((line + "\n").utf8) }

  func next(timeoutMs: Int32?) -> InputEvent {
    guard !bytes.isEmpty else { return .left(.endOfInput) }
    defer { bytes = [] }
    return .bytes(bytes)
  }

  func close() {}
}

/// Types into the real dialog what it asks for, before it asks.
private final class TypingDialog: CollectDialog {
  private let lines: LineDialog
  private let typed: TypedLines
  private var asked = 0
  /// Lines that are typed first, by the question's label.
  private var refused: [String: String] = [:]

  init(_ form: Form, _ refused: [String: String], _ words: CollectWording, _ output: FileHandle) {
    let typed = TypedLines()
    self.typed = typed
    lines = LineDialog(input: typed, words: words, output: output)
    for (name, text) in refused {
      if let label = form.question(named: name)?.label { self.refused[label.text(in: form.defaultLanguage)] = text }
    }
  }

  func tell(_ notice: CollectNotice) throws -> Bool {
    typed.type("")
    return try lines.tell(notice)
  }

  func ask(_ question: AskedQuestion) throws -> QuestionReply {
    asked += 1
    let first = question.isAgain ? nil : refused[question.label]
    guard asked <= WalkBounds.asksMax else { throw WalkFault("the terminal has asked \(asked) questions, the last “\(question.label)”") }
    guard !question.isAgain || refused[question.label] != nil else {
      throw WalkFault("the terminal does not take the answer to “\(question.label)”: \(question.message)")
    }
    if question.isAgain { refused[question.label] = nil }
    switch question.kind {
    case _ where first != nil: typed.type(first ?? "")
    case .note: typed.type("")
    case .one, .several: typed.type(question.choices.isEmpty ? "" : "1")
    case .order: typed.type(question.choices.indices.map { String($0 + 1) }.joined(separator: " "))
    case .entry(let kind, _): typed.type(PlainAnswer.text(FormQuestion(name: "x", kind: kind)))
    }
    return try lines.ask(question)
  }

  func askAnother(_ repeated: AskedRepeat) throws -> RepeatReply {
    typed.type(repeated.count == 0 ? "y" : "n")
    return try lines.askAnother(repeated)
  }

  func review(_ sheet: ReviewSheet) throws -> ReviewReply {
    guard sheet.message.isEmpty else { throw WalkFault("the terminal does not send: \(sheet.message)") }
    typed.type("s")
    return try lines.review(sheet)
  }

  func wipe() {}

  func close() { lines.close() }
}

// MARK: - Page

/// A person with a browser: fills in each page, and reads it.
private struct PageWalk {
  let shown: String
  let answers: ValidatedAnswers

  init(_ form: Form, refused: [String: String]) async throws {
    let desk = KeepingDesk(form)
    let key = FormLinkKey(secret: Data(repeating: 3, count: 32))
    let web = try WebForm(desk: desk, key: key)
    let target = try #require(desk.target(key))
    let questions = Dictionary(form.questions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var pages: [String] = []
    var reply = await web.answer(HubRequest("GET", target + "?lang=en"))
    while reply.status != 303 {
      let text = String(decoding: reply.body, as: UTF8.self)
      pages.append(text)
      guard [200, 422].contains(reply.status) else { throw WalkFault("the page answers \(reply.status): \(Self.read(text).onOneLine)") }
      guard pages.count <= WalkBounds.pagesMax else { throw WalkFault("the page does not end: \(Self.read(text).onOneLine.prefix(600))") }
      let page = PageScan(reply.body)
      guard page.faults.count <= refused.count else { throw WalkFault("the page does not take the answers: \(page.faults)") }
      let fields = page.fields.flatMap { field -> [(String, String)] in
        if page.faults.isEmpty, let first = refused[String(field.dropFirst(2))] { return [(field, first)] }
        return Self.answers(field, text, questions).map { (field, $0) }
      }
      let hidden = page.hidden.map { ($0.name, $0.value) }
      let body = FieldsBody.encoded(hidden + fields + [("go", Self.button(page))])
      reply = await web.answer(HubRequest("POST", target, headers: ["content-type": FieldsBody.contentType], body: body))
    }
    shown = pages.map(Self.read).joined(separator: " ").onOneLine
    guard let kept = desk.kept else { throw WalkFault("the page says that it is done and has sent nothing") }
    answers = kept
  }

  /// Fills every repeat in once, then goes on.
  private static func button(_ page: PageScan) -> String {
    for button in ["start", "send"] where page.buttons.contains(button) { return button }
    for button in page.buttons.sorted() {
      guard case .add(let name, let outer)? = Interview.Step(button) else { continue }
      let isFilled = page.buttons.contains {
        if case .remove(name, let place)? = Interview.Step($0) { RepeatNumber.outer(place + 1) == outer } else { false }
      }
      if !isFilled { return button }
    }
    return "next"
  }

  /// Returns the values that a field is filled in with; several for a question that takes several.
  private static func answers(_ field: String, _ page: String, _ questions: [String: FormQuestion]) -> [String] {
    guard field.hasPrefix("q."), let last = field.split(separator: ".").last else { return [] }
    guard let question = questions[last.replacingOccurrences(of: ":", with: ".")] else { return [] }
    guard question.kind.hasChoices else { return [PlainAnswer.text(question)] }
    // Choices as the page offers them: the values of the field's own controls.
    let values = page.components(separatedBy: "name=\"\(field)\"").dropFirst().flatMap { part -> [String] in
      if let own = value(in: String(part.prefix { $0 != ">" })) { return [own] }
      let list = part.components(separatedBy: "</select>")[0]
      return list.components(separatedBy: "<option").dropFirst().compactMap { value(in: String($0.prefix { $0 != ">" })) }
    }.filter { !$0.isEmpty }
    var seen: [String] = []
    for value in values where !seen.contains(value) { seen.append(value) }
    return question.kind == .rank ? seen : Array(seen.prefix(1))
  }

  private static func value(in tag: String) -> String? {
    guard let start = tag.range(of: "value=\"") else { return nil }
    return unescaped(String(tag[start.upperBound...].prefix { $0 != "\"" }))
  }

  /// Tags that end or begin a line of what is read.
  private static let breaks = [
    "p", "div", "/", "br", "li", "label", "option", "legend", "h", "dt", "dd", "button",
  ]
  private static let inside = ["/strong", "/em", "/a"]

  /// A page as it is read: without tags.
  private static func read(_ page: String) -> String {
    var text = ""
    for part in page.components(separatedBy: "<") {
      guard let end = part.range(of: ">") else { continue }
      // Reads the value of a text field, too.
      if part.hasPrefix("input type=\"text\"") { text += " " + (value(in: String(part[..<end.lowerBound])) ?? "") + " " }
      let isBreak = breaks.contains { part.hasPrefix($0) } && !inside.contains { part.hasPrefix($0) }
      text += (isBreak ? " " : "") + part[end.upperBound...]
    }
    return unescaped(text)
  }

  private static func unescaped(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
    return [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")].reduce(text) {
      $0.replacingOccurrences(of: $1.0, with: $1.1)
    }
  }
}

/// The pages of one form, which keep what is sent.
private final class KeepingDesk: FormDesk {
  private let desk: PreviewDesk
  private let sent = Mutex<ValidatedAnswers?>(nil)

  var nowMs: Int64 { desk.nowMs }
  var kept: ValidatedAnswers? { sent.withLock { $0 } }

  /// At noon of the day that the terminal's answers are of.
  init(_ form: Form) { desk = PreviewDesk(form: form, nowMs: 1_711_947_600_000) }

  func target(_ key: FormLinkKey) -> String? { desk.target(key) }

  func visit(to unit: UnitCode, of isMeant: @escaping @Sendable (_ campaign: String) -> Bool) async throws -> FormVisit? {
    try await desk.visit(to: unit, of: isMeant)
  }

  func validator(of edition: String, digest: String?) async throws -> AnswerValidator? {
    try await desk.validator(of: edition, digest: digest)
  }

  func submit(_ submission: AnswerSubmission) async throws { sent.withLock { $0 = submission.answers } }
}
