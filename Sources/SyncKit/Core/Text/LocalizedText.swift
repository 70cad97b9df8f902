/// Languages of the tools and pages. Vietnamese is the first, English the second.
public enum Language: String, Sendable, CaseIterable, Codable {
  case vietnamese = "vi"
  case english = "en"

  /// Returns the language of a POSIX locale environment: `LC_ALL`, then `LC_MESSAGES`, then `LANG`.
  ///
  /// `vi…` means Vietnamese; everything else, also an empty environment, means English.
  public init(environment: [String: String]) {
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"].compactMap { environment[$0] }
    let locale = names.first { !$0.isEmpty } ?? ""
    self = locale.lowercased().hasPrefix("vi") ? .vietnamese : .english
  }
}

/// Message in Vietnamese and English, written side by side, so that neither can be missing.
public struct LocalizedText: Sendable, Hashable, Codable {
  public var vi: String
  public var en: String

  public init(vi: String, en: String) {
    self.vi = vi
    self.en = en
  }

  /// Makes a text that is the same in both languages: names, codes, numbers.
  public init(_ same: String) {
    self.init(vi: same, en: same)
  }

  public func callAsFunction(_ language: Language) -> String {
    language == .vietnamese ? vi : en
  }
}

/// Error whose reader is a person: one sentence that says what is wrong, where, and what to do.
public protocol ExplainedError: Error, Sendable, CustomStringConvertible {
  var explanation: LocalizedText { get }
}

extension ExplainedError {
  public var description: String { explanation.en }
}
