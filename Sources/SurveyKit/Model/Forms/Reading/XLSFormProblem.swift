public import SyncCore

/// One thing to mend in an XLSForm, with its place as the author sees it.
public struct FormProblem: Sendable, Hashable {
  /// `survey`, `choices` or `settings`.
  public let sheet: String
  /// Row as a spreadsheet counts it; the header is row 1. Nil when it concerns the whole sheet.
  public let row: Int?
  /// Header of the column, as written there.
  public let column: String?
  /// What is wrong and what to do, without the place.
  public let message: LocalizedText

  /// The sentence with its place in front.
  public var explanation: LocalizedText {
    var vi = sheet
    var en = sheet
    if let row {
      vi += ", dòng \(row)"
      en += ", row \(row)"
    }
    if let column {
      vi += ", cột \(column)"
      en += ", column \(column)"
    }
    return LocalizedText(vi: "\(vi): \(message.vi)", en: "\(en): \(message.en)")
  }
}

/// All the reasons why an XLSForm was refused, in the order of its sheets and rows.
public struct FormProblems: ExplainedError, Hashable {
  /// Most problems listed; a form with more has one cause behind many of them.
  public static let formProblemsMax = 200

  /// At least one; the first `formProblemsMax`.
  public let problems: [FormProblem]
  /// Number of findings, unlisted ones included.
  public let count: Int

  init(problems: [FormProblem]) { self.init(capping: problems) }

  /// Lists the first of them and counts the others.
  init(capping problems: [FormProblem]) {
    self.problems = Array(problems.prefix(Self.formProblemsMax))
    count = problems.count
  }

  /// One problem per line, the first of them.
  public var explanation: LocalizedText { MistakeLines.capped(problems.map(\.explanation)) }
}
