internal import Foundation
public import SurveyKit
internal import SyncHub
internal import Synchronization

/// Cache of forms from the hub's store, prepared once for judging and counting many answers.
final class FormShelf: Sendable {
  /// Edition that is ready for use.
  struct Edition: Sendable {
    /// Key `form@version`, with the digest when another definition has that name.
    let key: String
    let campaign: String
    let validator: AnswerValidator
    /// Questions that are counted, in the form's order.
    let questions: [TallyQuestion]
    let definition: String
  }

  /// Longest name of an edition for which an answer is held, in bytes: names go into messages.
  static let nameBytesMax = 200

  /// Returns whether a text may be the name of a form or an edition.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= nameBytesMax
      && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }

  /// Most editions kept ready; a further one takes the place of the one that was made first.
  static let editionsReadyMax = 64

  private struct Ready {
    var editions: [String: Edition] = [:]
    /// Keys, the one made first in front.
    var order: [String] = []

    mutating func keep(_ edition: Edition) {
      if editions.updateValue(edition, forKey: edition.key) == nil { order.append(edition.key) }
      if order.count > FormShelf.editionsReadyMax { editions[order.removeFirst()] = nil }
    }
  }

  private let ready = Mutex(Ready())

  /// Returns the edition that an answer names by its key, or by the form's id when the hub has only one edition.
  ///
  /// - Parameter digest: Digest of the definition by which it was judged; nil for an answer of an earlier program.
  func edition(_ name: String, digest: String? = nil, in session: any HubSession) throws -> Edition? {
    let named = try read("SELECT id, campaign, definition FROM form WHERE id = ?1 OR form = ?1 LIMIT 2", [.text(name)], in: session)
    guard let digest, named?.validator.digest != digest else { return named }
    return try read(
      "SELECT id, campaign, definition FROM form_edition WHERE digest = ?1 AND form || '@' || version = ?2", [.text(digest), .text(name)],
      in: session)
  }

  /// Returns a definition that only judges answers.
  func heldEdition(_ key: String, in session: any HubSession) throws -> Edition? {
    try read("SELECT id, campaign, definition FROM form_edition WHERE id = ?1", [.text(key)], in: session)
  }

  private func read(_ sql: String, _ arguments: [CellValue], in session: any HubSession) throws -> Edition? {
    let rows = try session.rows(sql, arguments)
    guard rows.count == 1, let key = rows[0][0].text, let definition = rows[0][2].text else { return nil }
    if let known = ready.withLock({ $0.editions[key] }), known.definition == definition { return known }
    guard let form = try? Form(canonicalJSON: Data(definition.utf8)) else { return nil }
    let edition = Edition(
      key: key, campaign: rows[0][1].text ?? "", validator: AnswerValidator(form: form, today: CalendarDay.first.description),
      questions: form.tallyQuestions, definition: definition)
    ready.withLock { $0.keep(edition) }
    return edition
  }
}

extension Form {
  /// Questions whose answers are counted: choices and whole numbers outside repeats. Free text is never counted.
  public var tallyQuestions: [TallyQuestion] {
    let inRepeats = Set(repeats.flatMap { FormItem.questions(in: $0.items) }.map(\.name))
    return questions.compactMap { question in
      guard !inRepeats.contains(question.name) else { return nil }
      let choices = choices(of: question).map { TallyChoice(id: $0.name, label: $0.label.shownAlone) }
      let kind: TallyQuestion.Kind
      switch question.kind {
      case .selectOne: kind = .single(choices)
      case .selectMultiple: kind = .multiple(choices)
      case .integer: kind = .number
      default: return nil
      }
      return TallyQuestion(id: question.name, label: question.label?.shownAlone ?? LocalizedText(question.name), kind: kind)
    }
  }
}
