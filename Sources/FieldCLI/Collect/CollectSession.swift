internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// Session of one person with a form, by whichever dialog, until the answers are valid and to be sent.
struct CollectSession {
  /// Columns of a question's name in a message.
  private static let shortLabelColumns = 40

  let dialog: any CollectDialog
  let words: CollectWording
  let isReport: Bool
  let photos = PhotoTray()

  private var language: Language { words.language }

  /// Asks the form's questions.
  ///
  /// - Parameter message: Shown with the first page.
  /// - Returns: Answers that the form accepts.
  /// - Throws: `Leaving`; `walk` holds what was answered until then.
  func answers(_ walk: inout FormWalk, message first: String = "") throws -> ValidatedAnswers {
    var message = first
    /// Refused answer, shown again to be corrected.
    var refused: String?
    while true {
      switch walk.step {
      case .item:
        let reply = try dialog.ask(question(walk, message, refused))
        (message, refused) = ("", nil)
        switch reply {
        case .back(let given): walk.back(keeping: stored(given, walk))
        case .answer(let given): (message, refused) = take(given, &walk)
        }
      case .another(let name, let outer):
        let reply = try dialog.askAnother(repeated(walk, name, inside: outer, message))
        message = ""
        switch reply {
        case .add: _ = walk.addAnother()
        case .removeLast: walk.removeLast()
        case .done: walk.finishRepeat()
        case .back: walk.back()
        }
      case .review:
        let reply = try dialog.review(sheet(walk, message))
        message = ""
        switch reply {
        case .back: walk.back()
        case .edit(let step): walk.go(to: step)
        case .send:
          switch walk.validate() {
          case .success(let answers): return answers
          case .failure(let faults):
            let here = walk
            let place = faults.faults.lazy.compactMap { fault in here.step(mending: fault).map { ($0, fault) } }.first
            if let place { walk.go(to: place.0) }
            message = (place?.1 ?? faults.faults.first)?.message(language) ?? ""
          }
        }
      }
    }
  }

  /// Asks for a text outside any form.
  ///
  /// - Returns: Nil when the person went back.
  func text(_ label: String, hint: String, message: String = "") throws -> String? {
    var question = AskedQuestion(label: label, hint: hint, kind: .entry(.text, isMultiline: false), isRequired: true)
    question.message = message
    while true {
      switch try dialog.ask(question) {
      case .back: return nil
      case .answer(let text) where !text.trimmingCharacters(in: .whitespaces).isEmpty: return text
      case .answer: question.message = words.needed
      }
    }
  }

  // MARK: Taking answers

  private func take(_ given: String, _ walk: inout FormWalk) -> (message: String, refused: String?) {
    let question = walk.question(at: walk.step)
    var answer = stored(given, walk)
    if let question, question.kind == .image, isReport {
      do { answer = try picture(given, question, standing: walk.answer(at: walk.step)) } catch {
        return ((error as? any ExplainedError)?.explanation(language) ?? "", given)
      }
    } else if question?.kind == .image, given.contains("/"), !Self.isFile(given) {
      return (words.noFile(given), given)
    }
    switch walk.answer(answer) {
    case .failure(let faults): return (faults.faults.first?.message(language) ?? "", given)
    case .success(let fallen):
      var shown = FilledWalk(walk, words.textLanguage)
      let labels = fallen.compactMap { step -> String? in
        shown.step = step
        return walk.question(at: step)?.label.map { shown.text($0).cut(to: Self.shortLabelColumns) }
      }
      return (labels.isEmpty ? "" : words.fallen(labels), nil)
    }
  }

  private func stored(_ given: String, _ walk: FormWalk) -> AnswerValue? {
    guard let kind = walk.question(at: walk.step)?.kind, kind.isAsked else { return nil }
    // Drops a report's picture that was not stored yet when the person goes back; of an anonymous answer's picture the name is
    // kept.
    if kind == .image, isReport { return walk.answer(at: walk.step) }
    if kind == .image { return .text(given.split(separator: "/").last.map(String.init) ?? "") }
    if kind == .rank { return ranked(given, walk) }
    return .text(LocalAnswer.stored(given, for: kind))
  }

  /// Returns choices in the order of their numbers.
  private func ranked(_ given: String, _ walk: FormWalk) -> AnswerValue? {
    let choices = walk.choices(at: walk.step).map(\.name)
    let names = given.split { $0 == " " || $0 == "," }.map { word in
      Int(word).flatMap { choices.indices.contains($0 - 1) ? choices[$0 - 1] : nil } ?? String(word)
    }
    return names.isEmpty ? nil : .choices(names)
  }

  private static func names(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

  /// Returns the address of a report's picture as the answer; the picture is filed with the report.
  private func picture(_ given: String, _ question: FormQuestion, standing: AnswerValue?) throws -> AnswerValue? {
    let path = given.trimmingCharacters(in: .whitespaces)
    if path.isEmpty { return nil }
    if let standing, shownPicture(standing) == path { return standing }
    return .text(try photos.take(path, sideMax: question.maxPixels))
  }

  private func shownPicture(_ value: AnswerValue) -> String { photos.path(of: value.cell) ?? value.cell }

  private static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    let path = NSString(string: path).expandingTildeInPath
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
  }

  // MARK: Showing

  private func text(_ text: FormText?, _ form: Form) -> String {
    text.map { Markup($0.text(in: words.textLanguage, fallback: form.defaultLanguage)).plain } ?? ""
  }

  private func question(_ walk: FormWalk, _ message: String, _ refused: String?) -> AskedQuestion {
    var asked = AskedQuestion()
    guard let question = walk.question(at: walk.step) else { return asked }
    let progress = walk.progress
    asked.title = text(walk.form.title, walk.form)
    asked.progress = question.kind == .note ? "" : "\(progress.number)/\(progress.total)"
    let shown = FilledWalk(walk, words.textLanguage)
    asked.headings = walk.headings(at: walk.step).map { shown.text($0) }
    asked.label = shown.text(question.label)
    asked.hint = shown.text(question.hint)
    asked.isRequired = walk.isRequired(walk.step)
    asked.message = message.isEmpty ? walk.fault(at: walk.step)?.message(language) ?? "" : message
    asked.isAgain = refused != nil
    let standing = walk.answer(at: walk.step)
    switch question.kind {
    case .note, .hidden, .calculate: asked.kind = .note
    case .selectOne, .selectMultiple:
      asked.kind = question.kind == .selectOne ? .one : .several
      asked.choices = walk.choices(at: walk.step).map { AskedQuestion.Choice(name: $0.name, label: shown.text($0.label)) }
      asked.marked = Set(question.kind == .selectOne ? [refused ?? standing?.cell ?? ""] : Self.names(refused ?? standing?.cell ?? ""))
    case .rank:
      asked.kind = .order
      asked.choices = walk.choices(at: walk.step).map { AskedQuestion.Choice(name: $0.name, label: shown.text($0.label)) }
      let places = Self.names(refused ?? standing?.cell ?? "").compactMap { name in asked.choices.firstIndex { $0.name == name } }
      asked.entered = places.map { String($0 + 1) }.joined(separator: " ")
    default:
      asked.kind = .entry(question.kind, isMultiline: question.appearance?.contains("multiline") ?? false)
      asked.entered =
        refused ?? standing.map { question.kind == .image ? shownPicture($0) : LocalAnswer.shown($0, for: question.kind, in: language) }
        ?? ""
    }
    return asked
  }

  private func repeated(_ walk: FormWalk, _ name: String, inside outer: Int?, _ message: String) -> AskedRepeat {
    let count = walk.count(of: name, inside: outer)
    let shown = FilledWalk(walk, words.textLanguage)
    return AskedRepeat(
      title: shown.text(walk.form.title), headings: walk.headings(at: walk.step).map { shown.text($0) }, count: count,
      canAdd: count < AnswerValidator.repeatInstancesMax, message: message)
  }

  private func sheet(_ walk: FormWalk, _ message: String) -> ReviewSheet {
    let answers = AnswerText(form: walk.form, language: language, tongue: words.tongue)
    var sheet = ReviewSheet(title: text(walk.form.title, walk.form), isReport: isReport, message: message)
    var heading = ""
    var shownText = FilledWalk(walk, words.textLanguage)
    for step in walk.steps {
      shownText.step = step
      let own = walk.headings(at: step).map { shownText.text($0) }.joined(separator: " › ")
      var item: ReviewSheet.Item
      switch step {
      case .item(let name, let number):
        guard let question = walk.question(at: step), question.kind.isAsked else { continue }
        let value = walk.answer(at: step)
        let shown = value.map {
          question.kind.hasChoices
            ? answers.text($0, to: name)
            : question.kind == .image ? shownPicture($0) : LocalAnswer.shown($0, for: question.kind, in: language)
        }
        let label = shownText.text(question.label) + (number.map { " (\(RepeatNumber.text($0)))" } ?? "")
        item = ReviewSheet.Item(label: label, answer: shown ?? words.none, step: step)
      case .another(let name, let outer):
        let label = shownText.text(walk.section(at: step)?.label)
        item = ReviewSheet.Item(label: label.isEmpty ? name : label, answer: words.filled(walk.count(of: name, inside: outer)), step: step)
      case .review: continue
      }
      if own != heading {
        heading = own
        if case .another = step {} else { item.heading = own }
      }
      sheet.items.append(item)
    }
    return sheet
  }
}
