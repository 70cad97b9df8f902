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
  ///
  /// - Parameter more: Number of problems that were counted and not kept.
  init(capping problems: [FormProblem], more: Int = 0) {
    self.problems = Array(problems.prefix(Self.formProblemsMax))
    count = problems.count + more
  }

  /// One problem per line, the first of them.
  public var explanation: LocalizedText { MistakeLines.capped(problems.map(\.explanation)) }
}

/// Problems of one sheet: the first of them with their cells, all of them counted.
struct ProblemList {
  private(set) var kept: [FormProblem] = []
  private(set) var count = 0

  /// Number of problems that are counted only.
  var more: Int { count - kept.count }

  mutating func add(_ problem: @autoclosure () -> FormProblem) {
    count += 1
    if kept.count < FormProblems.formProblemsMax { kept.append(problem()) }
  }

  /// Counts problems that nobody has kept.
  mutating func addUnkept(_ number: Int) { count += number }
}

/// Warnings of a form: of each kind the first cells, and how many there are.
struct WarningList {
  /// Key of warnings that are one line for their reader.
  struct Kind: Hashable {
    var sheet: String
    var column: String?
    var message: LocalizedText
  }

  /// Cells kept of one kind.
  static let cellsMax = 200
  /// Kinds kept; a sheet with more has one cause behind many of them.
  static let kindsMax = 1_000

  private(set) var kept: [FormProblem] = []
  private(set) var counts: [Kind: Int] = [:]
  /// Cells of kinds beyond `kindsMax`.
  private(set) var more = 0

  var count: Int { counts.values.reduce(more, +) }

  mutating func add(_ problem: FormProblem) { add(problem.sheet, problem.column, problem.message, rows: [problem.row]) }

  /// Adds the same warning of several rows.
  mutating func add(_ sheet: String, _ column: String?, _ message: LocalizedText, rows: [Int?]) {
    guard !rows.isEmpty else { return }
    let kind = Kind(sheet: sheet, column: column, message: message)
    let before = counts[kind] ?? 0
    guard before > 0 || counts.count < Self.kindsMax else {
      more += rows.count
      return
    }
    counts[kind] = before + rows.count
    for row in rows.prefix(max(0, Self.cellsMax - before)) {
      kept.append(FormProblem(sheet: sheet, row: row, column: column, message: message))
    }
  }

  /// The kept ones by row; those of one row in the order in which they were found.
  var inOrder: [FormProblem] { kept.inOrder }

  /// Joins the warnings of several sheets, each in its own order.
  init(joining lists: [WarningList] = []) {
    kept = lists.flatMap(\.inOrder)
    for list in lists {
      counts.merge(list.counts) { $0 + $1 }
      more += list.more
    }
  }
}

extension [FormProblem] {
  /// The findings by row; those of one row as they stand here.
  var inOrder: [FormProblem] {
    enumerated().sorted { ($0.element.row ?? 0, $0.offset) < ($1.element.row ?? 0, $1.offset) }.map(\.element)
  }
}
