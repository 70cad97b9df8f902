public import SyncKit

/// One mistake in a data file: where it is and what to do about it.
public struct DataProblem: ExplainedError, Hashable {
  /// The file or table the mistake is in, such as `communes.csv`.
  public var source: String
  /// The line, counted from 1; `nil` when the mistake belongs to no single line.
  public var line: Int?
  /// What is wrong, without the place.
  public var text: LocalizedText

  public init(_ source: String, line: Int? = nil, vi: String, en: String) {
    self.source = source
    self.line = line
    self.text = LocalizedText(vi: vi, en: en)
  }

  public var explanation: LocalizedText {
    guard let line else { return LocalizedText(vi: "\(source): \(text.vi)", en: "\(source): \(text.en)") }
    return LocalizedText(vi: "\(source), dòng \(line): \(text.vi)", en: "\(source), line \(line): \(text.en)")
  }
}

/// Every mistake found in one reading, so that one round of corrections is enough.
public struct DataProblems: ExplainedError, Hashable {
  public var problems: [DataProblem]

  public init(_ problems: [DataProblem]) {
    self.problems = problems
  }

  /// One sentence per line.
  public var explanation: LocalizedText {
    LocalizedText(
      vi: problems.map(\.explanation.vi).joined(separator: "\n"),
      en: problems.map(\.explanation.en).joined(separator: "\n"))
  }
}
