internal import Crypto
internal import Foundation
public import SyncCore

/// Notes of a report's form that ask an operator to look: a note whose name begins with `flag_` and whose `relevant` holds for what stands. A flag refuses nothing.
///
/// Rules see the headcount by hidden questions named like its columns, and the answer of the unit's report before by a hidden question
/// `previous_QUESTION`. Devices do not know the latter, so it is blank there.
public enum ReportFlags {
  /// Beginning of the name of a note that is a flag.
  public static let prefix = "flag_"
  /// Beginning of the name of a hidden question that has an answer of the report before.
  static let previousPrefix = "previous_"
  /// Flags of one report, at most.
  static let flagsMax = 50

  /// Hidden questions that have an answer of the report before, with the question that it answers.
  static func previous(of form: Form) -> [(hidden: String, question: String)] {
    let asked = Set(form.questions.filter(\.kind.isAsked).map(\.name))
    return form.questions.compactMap { question in
      guard question.kind == .hidden, question.name.hasPrefix(previousPrefix) else { return nil }
      let name = String(question.name.dropFirst(previousPrefix.count))
      return asked.contains(name) ? (question.name, name) : nil
    }
  }
}

/// Flag that is raised by what a report says.
public struct ReportFlag: Sendable, Hashable {
  /// Name of the note.
  public var name: String
  /// Text of the note.
  public var message: LocalizedText
  /// Digest of the values that its rule sees: a flag that was looked at is raised anew when they change.
  public var mark: String

  package init(name: String, message: LocalizedText, mark: String) { (self.name, self.message, self.mark) = (name, message, mark) }
}

extension ReportJudge {
  /// Tells if the form declares flags.
  package var hasFlags: Bool { form.questions.contains { $0.kind == .note && $0.name.hasPrefix(ReportFlags.prefix) } }

  /// The flags that a report raises, in the form's order.
  ///
  /// - Parameter previous: Answers of the unit's report before; empty where there is none.
  package func flags(in answers: [String: AnswerValue], after previous: [String: AnswerValue]) -> [ReportFlag] {
    guard hasFlags else { return [] }
    let (settled, values) = asked(in: answers, after: previous)
    return form.questions.filter { $0.kind == .note && $0.name.hasPrefix(ReportFlags.prefix) && settled.outer.contains($0.name) }
      .prefix(ReportFlags.flagsMax).map { note in
        let seen = (note.relevant?.references ?? []).map {
          "\($0)=\(values[$0].map { String(decoding: $0.json.data, as: UTF8.self) } ?? "")"
        }
        let digest = SHA256.hash(data: Data(seen.joined(separator: "\n").utf8))
        return ReportFlag(name: note.name, message: note.label?.localized ?? LocalizedText(note.name), mark: Data(digest.prefix(16)).hex)
      }
  }
}
