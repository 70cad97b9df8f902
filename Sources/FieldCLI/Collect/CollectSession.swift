internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// Leads one person through a form, by whichever dialog, until the answers are in order and to be sent.
struct CollectSession {
  /// A question's name in a message, in columns.
  private static let shortLabelColumns = 40

  let dialog: any CollectDialog
  let words: CollectWording
  let isReport: Bool
  let photos = PhotoTray()

  private var language: Language { words.language }

  /// - Parameter message: Shown with the first page.
  /// - Returns: Answers the form accepts.
  /// - Throws: `Leaving`; `walk` holds what was answered until then.
  func answers(_ walk: inout FormWalk, message first: String = "") throws -> ValidatedAnswers {
    var message = first
    /// What was given and refused: shown again, to be corrected.
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
      case .another(let name):
        let reply = try dialog.askAnother(repeated(walk, name, message))
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
      let labels = fallen.compactMap { walk.question(at: $0)?.label.map { text($0, walk.form).cut(to: Self.shortLabelColumns) } }
      return (labels.isEmpty ? "" : words.fallen(labels), nil)
    }
  }

  private func stored(_ given: String, _ walk: FormWalk) -> AnswerValue? {
    guard let kind = walk.question(at: walk.step)?.kind, kind.isAsked else { return nil }
    // Going back, a report's picture that was not taken yet is not kept; of one in an anonymous answer the name is.
    if kind == .image, isReport { return walk.answer(at: walk.step) }
    if kind == .image { return .text(given.split(separator: "/").last.map(String.init) ?? "") }
    return .text(LocalAnswer.stored(given, for: kind))
  }

  /// A report's pictures are filed with it: the answer is where they are.
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

  private func text(_ text: FormText?, _ form: Form) -> String { text?.text(in: language.rawValue, fallback: form.defaultLanguage) ?? "" }

  private func question(_ walk: FormWalk, _ message: String, _ refused: String?) -> AskedQuestion {
    var asked = AskedQuestion()
    guard let question = walk.question(at: walk.step) else { return asked }
    let progress = walk.progress
    asked.title = text(walk.form.title, walk.form)
    asked.progress = question.kind == .note ? "" : "\(progress.number)/\(progress.total)"
    asked.headings = walk.headings(at: walk.step).map { text($0, walk.form) }
    asked.label = text(question.label, walk.form)
    asked.hint = text(question.hint, walk.form)
    asked.isRequired = walk.isRequired(walk.step)
    asked.message = message.isEmpty ? walk.fault(at: walk.step)?.message(language) ?? "" : message
    asked.isAgain = refused != nil
    let standing = walk.answer(at: walk.step)
    switch question.kind {
    case .note, .hidden, .calculate: asked.kind = .note
    case .selectOne, .selectMultiple:
      asked.kind = question.kind == .selectOne ? .one : .several
      asked.choices = walk.choices(at: walk.step).map { AskedQuestion.Choice(name: $0.name, label: text($0.label, walk.form)) }
      asked.marked = Set((refused ?? standing?.cell ?? "").split(separator: " ").map(String.init))
    default:
      asked.kind = .entry(question.kind, isMultiline: question.appearance?.contains("multiline") ?? false)
      asked.entered =
        refused ?? standing.map { question.kind == .image ? shownPicture($0) : LocalAnswer.shown($0, for: question.kind, in: language) }
        ?? ""
    }
    return asked
  }

  private func repeated(_ walk: FormWalk, _ name: String, _ message: String) -> AskedRepeat {
    let count = walk.count(of: name)
    return AskedRepeat(
      title: text(walk.form.title, walk.form), headings: walk.headings(at: walk.step).map { text($0, walk.form) }, count: count,
      canAdd: count < AnswerValidator.repeatInstancesMax, message: message)
  }

  private func sheet(_ walk: FormWalk, _ message: String) -> ReviewSheet {
    let answers = AnswerText(form: walk.form, language: language)
    var sheet = ReviewSheet(title: text(walk.form.title, walk.form), isReport: isReport, message: message)
    var heading = ""
    for step in walk.steps {
      let own = walk.headings(at: step).map { text($0, walk.form) }.joined(separator: " › ")
      var item: ReviewSheet.Item
      switch step {
      case .item(let name, let number):
        guard let question = walk.question(at: step), question.kind.isAsked else { continue }
        let value = walk.answer(at: step)
        let isChoice = question.kind == .selectOne || question.kind == .selectMultiple
        let shown = value.map {
          isChoice
            ? answers.text($0, to: name)
            : question.kind == .image ? shownPicture($0) : LocalAnswer.shown($0, for: question.kind, in: language)
        }
        let label = text(question.label, walk.form) + (number.map { " (\($0))" } ?? "")
        item = ReviewSheet.Item(label: label, answer: shown ?? words.none, step: step)
      case .another(let name):
        let label = text(walk.section(at: step)?.label, walk.form)
        item = ReviewSheet.Item(label: label.isEmpty ? name : label, answer: words.filled(walk.count(of: name)), step: step)
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
