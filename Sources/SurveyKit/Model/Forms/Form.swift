internal import Crypto
internal import Foundation
public import SyncCore

/// Bytes that make no difference between two forms.
private struct StoredDefinition: Sendable, Hashable {
  var bytes: Data?

  static func == (left: StoredDefinition, right: StoredDefinition) -> Bool { true }
  func hash(into hasher: inout Hasher) {}
}

/// A questionnaire: its questions in order, their texts in every language, and the rules between them.
///
/// A value of this type has been checked (`FormCheck`): names are unique, references and choice lists exist, calculations do
/// not go in circles. So it can be shown, answered and validated without further questions. Two programs that hold the same
/// form hold the same `canonicalJSON`, which is what gets stored and replicated.
public struct Form: Sendable, Hashable {
  /// Most questions, and most items of all kinds, in a form.
  public static let formItemsMax = 4_000
  /// Most choices in all lists of a form.
  public static let formChoicesMax = 30_000
  /// Deepest nesting of groups.
  public static let formGroupDepthMax = 16
  /// Largest definition, in bytes.
  public static let formDefinitionBytesMax = 2 * 1_048_576

  /// Lasting name of the form, such as `pks01`.
  public let id: String
  /// Which edition this is, such as `2024032601`; answers belong to one edition.
  public let version: String
  public let title: FormText
  /// In the author's order.
  public let languages: [FormLanguage]
  /// Code of the language shown first.
  public let defaultLanguage: String
  /// Choices by the name of their list, in the author's order.
  public let choiceLists: [String: [FormChoice]]
  public let items: [FormItem]
  /// The definition as it is stored, where it was read from a store. Says nothing that the others do not.
  private var stored = StoredDefinition()

  /// 32 hexadecimal digits that follow from the whole definition, as its bytes are stored and replicated: what an edition is. Two
  /// definitions under one version have two digests.
  public var digest: String { Data(SHA256.hash(data: stored.bytes ?? canonicalJSON).prefix(16)).hex }

  /// As read from these bytes.
  mutating func wasRead(from bytes: Data) { stored.bytes = bytes }

  /// - Throws: `FormDefinitionError` with every problem found.
  public init(
    id: String, version: String, title: FormText, languages: [FormLanguage], defaultLanguage: String,
    choiceLists: [String: [FormChoice]], items: [FormItem]
  ) throws(FormDefinitionError) {
    self.init(
      unchecked: id, version: version, title: title, languages: languages, defaultLanguage: defaultLanguage,
      choiceLists: choiceLists, items: items)
    let findings = FormCheck.findings(in: self).kept.filter { !$0.isWarning }
    guard findings.isEmpty else { throw FormDefinitionError(problems: findings.map(\.message)) }
  }

  /// For the import, which checks by itself so as to name rows and columns.
  init(
    unchecked id: String, version: String, title: FormText, languages: [FormLanguage], defaultLanguage: String,
    choiceLists: [String: [FormChoice]], items: [FormItem]
  ) {
    self.id = id
    self.version = version
    self.title = title
    self.languages = languages
    self.defaultLanguage = defaultLanguage
    self.choiceLists = choiceLists
    self.items = items
  }

  /// Every question in the order of the form, also those in groups and repeats.
  public var questions: [FormQuestion] { FormItem.questions(in: items) }

  /// Every repeat in the order of the form.
  public var repeats: [FormSection] { FormItem.repeats(in: items) }

  /// The only date question outside repeats, which in a daily report is its day; nil when there is none or several.
  public var dayQuestion: String? {
    let inRepeats = Set(repeats.flatMap { FormItem.questions(in: $0.items) }.map(\.name))
    let dates = questions.filter { $0.kind == .date && !inRepeats.contains($0.name) }
    return dates.count == 1 ? dates.first?.name : nil
  }

  /// Names of the questions of a group or repeat.
  public func questions(in section: FormSection) -> Set<String> { Set(FormItem.questions(in: section.items).map(\.name)) }

  /// Names of what the form calculates, also inside repeats: never stored with a report, computed where it is read. What `once()` worked out
  /// is not among them: it stays as it was, so it is stored like an answer.
  public var calculated: Set<String> { Set(questions.filter { $0.kind == .calculate && !$0.isWorkedOutOnce }.map(\.name)) }

  public func question(named name: String) -> FormQuestion? { questions.first { $0.name == name } }

  /// What a question offers; empty for a question without choices.
  public func choices(of question: FormQuestion) -> [FormChoice] {
    question.choiceList.flatMap { choiceLists[$0] } ?? []
  }
}

/// Everything that makes a definition unusable, in one error, so that its author can mend it in one go.
public struct FormDefinitionError: ExplainedError, Hashable {
  /// At least one.
  public let problems: [LocalizedText]

  public var explanation: LocalizedText {
    LocalizedText(
      vi: "Biểu mẫu không dùng được: " + problems.map(\.vi).joined(separator: " "),
      en: "The form cannot be used: " + problems.map(\.en).joined(separator: " "))
  }
}
