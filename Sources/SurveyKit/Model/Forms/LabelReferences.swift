internal import Foundation
package import SyncCore

/// Names of questions in a text that people read: `Is ${name} older than five?`.
enum LabelReferences {
  /// Tells if a text may name a question. Reads bytes: forms have thousands of texts without a name.
  static func stand(in text: String) -> Bool { start(in: text[...]) != nil }

  /// Returns where the next `${` begins.
  private static func start(in text: Substring) -> String.Index? {
    let bytes = text.utf8
    var place = bytes.firstIndex(of: dollar)
    while let found = place {
      let after = bytes.index(after: found)
      if after < bytes.endIndex && bytes[after] == brace { return found }
      place = bytes[after...].firstIndex(of: dollar)
    }
    return nil
  }

  private static let (dollar, brace, end) = (UInt8(ascii: "$"), UInt8(ascii: "{"), UInt8(ascii: "}"))

  /// Cuts a text into what stands there and the names to fill in.
  private static func pieces(_ text: String) -> [(text: Substring, name: String?)] {
    var pieces: [(text: Substring, name: String?)] = []
    var rest = text[...]
    while let open = start(in: rest) {
      let inside = text.utf8.index(open, offsetBy: 2)
      guard let close = rest.utf8[inside...].firstIndex(of: end) else { break }
      let name = String(rest[inside..<close]).trimmingWhitespace
      guard FormName.isValid(name) else {
        pieces.append((rest[..<inside], nil))
        rest = rest[inside...]
        continue
      }
      pieces.append((rest[..<open], name))
      rest = rest[text.utf8.index(after: close)...]
    }
    pieces.append((rest, nil))
    return pieces
  }

  /// The names, each once, in order of appearance.
  static func names(in text: String) -> [String] {
    guard stand(in: text) else { return [] }
    var names: [String] = []
    var seen: Set<String> = []
    for case let name? in pieces(text).map(\.name) where seen.insert(name).inserted { names.append(name) }
    return names
  }

  /// The text with what each name stands for.
  static func filled(_ text: String, _ value: (String) -> String) -> String {
    guard stand(in: text) else { return text }
    return pieces(text).map { String($0.text) + ($0.name.map(value) ?? "") }.joined()
  }
}

/// The texts of a form after the answers given so far, with the answers they name put in.
public struct TextFilling: Sendable {
  private let settled: SettledAnswers

  init(_ settled: SettledAnswers) { self.settled = settled }

  /// - Parameters:
  ///   - section: The repeat that the text belongs to.
  ///   - number: Which of its filling-ins is meant, counted from 1.
  public func filled(_ text: String, in section: String? = nil, number: Int? = nil) -> String {
    guard LabelReferences.stand(in: text) else { return text }
    let scope = section.map { settled.scope(in: $0, number ?? 1) } ?? settled.scope
    return LabelReferences.filled(text) { scope.value(of: $0).text }
  }
}

extension AnswerValidator {
  /// Writes texts as they read after the answers given so far.
  public func filling(after given: [String: AnswerValue]) -> TextFilling { TextFilling(settled(after: given)) }
}

extension FormText {
  /// Stands for an answer in a text that is shown without any.
  public static let omission = "…"

  /// The same where no answers are known: `…` for each of them.
  public var unfilled: FormText {
    FormText(checked: byLanguage.mapValues { LabelReferences.filled($0) { _ in Self.omission } })
  }

  /// Names of the questions whose answers it tells, in whichever language.
  package var names: [String] { byLanguage.values.flatMap { LabelReferences.names(in: $0) } }

  /// As results show it: without markup, and with `…` where an answer would stand.
  package var shownAlone: LocalizedText {
    let text = unfilled.localized
    return LocalizedText(vi: Markup(text.vi).plain, en: Markup(text.en).plain)
  }

  /// The same with the answers that a rule's question sees.
  func filled(in scope: ExpressionScope) -> FormText {
    FormText(checked: byLanguage.mapValues { LabelReferences.filled($0) { scope.value(of: $0).text } })
  }
}

/// Finds names in texts that mean nothing: they would be read as they are written.
struct LabelCheck {
  /// The first of them.
  private(set) var findings: [FormCheck.Finding] = []
  /// Number of problems besides.
  private(set) var more = 0

  /// - Parameter unreadable: Names whose rows could not be read.
  init(_ form: Form, unreadable: Set<String>) {
    let questions = Set(form.questions.map(\.name))
    let outline = FormOutline(form.items).entries
    let homes = Dictionary(
      outline.filter(\.item.isQuestion).map { ($0.item.name, $0.repeatName) }, uniquingKeysWith: { first, _ in first })
    func check(_ text: FormText?, _ column: String, _ place: FormCheck.Place, _ subject: String, around: [String]?) {
      let named = text?.byLanguage.values.flatMap { LabelReferences.names(in: $0) } ?? []
      guard !named.isEmpty else { return }
      for name in Set(named).sorted() where !unreadable.contains(name) {
        let isKnown = questions.contains(name)
        guard findings.count < FormCheck.findingsMax else {
          more += isKnown ? 0 : 1
          continue
        }
        guard isKnown else {
          findings.append(FormCheck.Finding(place: place, subject: subject, text: FormMessage.unknownQuestion(name)))
          continue
        }
        if let around, let own = homes[name] ?? nil, !around.contains(own) {
          findings.append(FormCheck.Finding(place: place, subject: subject, text: FormMessage.insideRepeat(name, own), isWarning: true))
        }
      }
    }
    for entry in outline {
      func place(_ column: String) -> FormCheck.Place { .item(entry.ordinal, column) }
      switch entry.item {
      case .group(let section): check(section.label, "label", place("label"), section.name, around: entry.repeats)
      case .repeated(let section): check(section.label, "label", place("label"), section.name, around: entry.repeats + [section.name])
      case .question(let question):
        for (column, text) in question.texts {
          check(text, column, place(column), question.name, around: entry.repeats)
        }
      }
    }
    for (list, choices) in form.choiceLists.sorted(by: { $0.key < $1.key }) {
      for (index, choice) in choices.enumerated() {
        check(choice.label, "label", .choice(list, index, "label"), list, around: nil)
      }
    }
  }
}

extension FormQuestion {
  /// Columns with texts, for checks that treat them alike.
  var texts: [(String, FormText?)] {
    [("label", label), ("hint", hint), ("required_message", requiredMessage), ("constraint_message", constraintMessage)]
  }
}
