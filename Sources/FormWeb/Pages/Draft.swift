internal import Foundation
internal import SurveyKit
internal import SyncHub

/// An answer on its way: it exists in the page that travels between browser and hub, and nowhere else.
struct Draft {
  /// 32 hexadecimal digits, drawn when the first question is asked for.
  var id: String
  /// `form@version` that the respondent began, whatever is published meanwhile.
  var edition: String
  /// Names the definition that the draft answers: another may come to stand under the edition's name. Nil in drafts of earlier programs.
  var digest: String?
  var language: Language
  /// Code of the form's language that the respondent reads; nil is the page's own.
  var tongue: String?
  /// Whether every page has been seen once: then a page leads back to the review.
  var isReviewed = false
  /// As typed; blank answers too, so that a question once shown keeps no suggestion that was deleted.
  var answers: [String: AnswerValue] = [:]
  /// `state` as the page carries it; see `FormLinkKey.seal`.
  var sealed = ""
  /// Under which the hub keeps it between two pages; nil when it does not.
  var key: DraftKey?
  /// How many pages it has gone through: tells the newer of two copies.
  var turn = 0

  private static let idDigits = 32
  /// Longest code of a language, in bytes.
  private static let tongueBytesMax = 64
  /// Pages that one draft is counted through.
  private static let turnsMax = 1_000_000

  static func isID(_ text: String) -> Bool {
    text.utf8.count == idDigits
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  static func newID() -> String {
    (0..<(idDigits / 2)).map { _ in
      let byte = UInt8.random(in: .min ... .max)
      return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  /// - Returns: Nil when the page's own fields are not as the hub wrote them.
  init?(_ fields: FieldsBody) {
    guard let edition = fields["form"], edition.utf8.count <= 256 else { return nil }
    if fields["go"] == "start" {
      // Drawn here and not with the notice: that may be in front of two people, or come back from the browser's memory.
      id = Self.newID()
    } else {
      guard let id = fields["id"], Self.isID(id) else { return nil }
      self.id = id
    }
    self.edition = edition
    language = fields["lang"].flatMap { Language(rawValue: $0) } ?? .vietnamese
    tongue = fields["tongue"].flatMap { $0.isEmpty || $0.utf8.count > Self.tongueBytesMax ? nil : $0 }
    isReviewed = fields["reviewed"] == "1"
    key = fields["key"].flatMap { DraftKey($0) }
    turn = fields["turn"].flatMap { Int($0) }.flatMap { (0...Self.turnsMax).contains($0) ? $0 : nil } ?? 0
  }

  init(id: String, edition: String, language: Language) {
    self.id = id
    self.edition = edition
    self.language = language
  }

  /// The answers of a page's state, only what the form's pages can ask.
  ///
  /// - Returns: Nil when the state is none.
  static func answers(fromState state: String?, on pages: FormPages, of form: Form) -> [String: AnswerValue]? {
    guard let state, !state.isEmpty else { return [:] }
    guard let all = try? AnswerValue.answers(fromJSON: Data(state.utf8)) else { return nil }
    let names = pages.names
    return kept(all.filter { names.contains($0.key) }, repeats: form.repeats)
  }

  /// - Parameter repeats: Those right among the answers.
  /// - Returns: Nil where a repeat's answers are none.
  private static func kept(_ all: [String: AnswerValue], repeats: [FormSection]) -> [String: AnswerValue]? {
    var answers: [String: AnswerValue] = [:]
    for (name, value) in all {
      switch (value, repeats.first { $0.name == name }) {
      case (.instances(let instances), let section?):
        guard instances.count <= AnswerValidator.repeatInstancesMax else { return nil }
        let inner = FormPages.Page.repeats(in: section.items)
        let inside = Set(FormPages.Page.questions(in: section.items).filter(\.isShown).map(\.name) + inner.map(\.name))
        var filled: [[String: AnswerValue]] = []
        for instance in instances {
          guard let kept = kept(instance.filter({ inside.contains($0.key) }), repeats: inner) else { return nil }
          filled.append(kept)
        }
        answers[name] = .instances(filled)
      case (.choices([]), _?): answers[name] = .instances([])  // As JSON both are an empty list.
      case (.instances, nil), (_, _?): return nil
      case (_, nil): answers[name] = value
      }
    }
    return answers
  }

  /// In which language the form's texts are shown.
  var textLanguage: String { tongue ?? language.rawValue }

  /// Turns the page, and the form's texts, to one of the languages offered.
  mutating func turn(to code: String) {
    if let language = Language(rawValue: code) { self.language = language }
    tongue = Language(rawValue: code) == nil ? code : nil
  }

  var state: String { String(decoding: AnswerValue.json(answers), as: UTF8.self) }

  /// Packs the digest, then the state, as the page carries them sealed.
  var carried: String { (digest ?? "") + state }

  /// - Returns: Nil when it is none. A page of an earlier program carries a state alone.
  static func parts(ofCarried text: String) -> (digest: String?, state: String)? {
    let digest = text.prefix { $0 != "{" }
    guard digest.isEmpty || isID(String(digest)) else { return nil }
    return (digest.isEmpty ? nil : String(digest), String(text.dropFirst(digest.count)))
  }
}

extension [String: AnswerValue] {
  /// How often a repeat has been filled in.
  func instances(of name: String) -> [[String: AnswerValue]] {
    if case .instances(let instances)? = self[name] { instances } else { [] }
  }
}
