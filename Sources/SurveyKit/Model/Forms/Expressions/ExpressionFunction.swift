internal import SyncCore

/// The functions a form may call. Any other is refused when the form is imported, so that no rule is silently ignored.
///
/// An evaluation has no clock and no memory: `now()` is `today()`, and `once(x)` is the answer already given, else `x`. `uuid()` and
/// `random()` follow from what the answers are filed under, so that they stay the same wherever they are worked out again.
public enum ExpressionFunction: String, Sendable, Hashable, CaseIterable {
  case not, selected
  case selectedAt = "selected-at"
  case countSelected = "count-selected"
  case `if`, coalesce, once, regex
  case checklist
  case weightedChecklist = "weighted-checklist"
  case stringLength = "string-length"
  case substr, contains, translate
  case startsWith = "starts-with"
  case endsWith = "ends-with"
  case substringBefore = "substring-before"
  case substringAfter = "substring-after"
  case normalizeSpace = "normalize-space"
  case concat, join
  case date, today, now
  case dateTime = "date-time"
  case formatDate = "format-date"
  case formatDateTime = "format-date-time"
  case decimalDateTime = "decimal-date-time"
  case decimalDate = "decimal-date"
  case decimalTime = "decimal-time"
  case `true`, `false`, boolean
  case booleanFromString = "boolean-from-string"
  case number, int, round, ceiling, floor, pow, string, min, max, sum, count
  case magnitude = "abs"
  case sqrt, exp, exp10, log, log10, sin, cos, tan, asin, acos, atan, atan2, pi
  case countNonEmpty = "count-non-empty"
  case position
  case indexedRepeat = "indexed-repeat"
  case choiceName = "jr:choice-name"
  case uuid, random
  case daysBetween = "cht:difference-in-days"
  case weeksBetween = "cht:difference-in-weeks"
  case monthsBetween = "cht:difference-in-months"
  case yearsBetween = "cht:difference-in-years"

  /// Most arguments of a function that takes any number.
  static let functionArgumentsMax = 256

  /// Number of arguments that the function takes.
  var arity: ClosedRange<Int> {
    switch self {
    case .today, .now, .true, .false, .pi, .random: 0...0
    case .uuid: 0...1
    case .not, .countSelected, .date, .dateTime, .number, .int, .once, .boolean, .booleanFromString, .magnitude, .sum,
      .count, .countNonEmpty, .position, .decimalDateTime, .decimalDate, .decimalTime, .ceiling, .floor, .sqrt, .exp, .exp10, .log, .log10,
      .sin, .cos, .tan, .asin, .acos, .atan:
      1...1
    case .stringLength, .string, .normalizeSpace: 0...1
    case .selected, .selectedAt, .regex, .contains, .startsWith, .endsWith, .formatDate, .formatDateTime, .pow, .choiceName,
      .substringBefore, .substringAfter, .atan2, .daysBetween, .weeksBetween, .monthsBetween, .yearsBetween:
      2...2
    case .if, .translate: 3...3
    case .indexedRepeat: 3...(2 * RepeatNumber.repeatDepthMax + 1)
    case .round: 1...2
    case .substr: 2...3
    case .concat, .min, .max, .coalesce: 1...Self.functionArgumentsMax
    case .join: 1...Self.functionArgumentsMax
    case .checklist, .weightedChecklist: 2...Self.functionArgumentsMax
    }
  }

  /// Tells an argument that may stand for all the answers of a repeat.
  func takesMany(at index: Int) -> Bool {
    switch self {
    case .sum, .count, .countNonEmpty, .min, .max, .concat: true
    case .join: index > 0
    case .indexedRepeat: index == 0 || index % 2 == 1
    default: false
    }
  }

  /// Says where a rule is carried out otherwise than its author may expect.
  var remark: LocalizedText? {
    switch self {
    case .now: LocalizedText(vi: "now() là ngày của phiếu, không có giờ.", en: "now() is the day of the answers, without a time.")
    case .uuid, .random:
      LocalizedText(
        vi: "\(rawValue)() cho cùng một giá trị với cùng một báo cáo; phiếu ẩn danh: với cùng một xã và ngày.",
        en: "\(rawValue)() gives the same value for the same report; without names, for the same commune and day.")
    default: nil
    }
  }
}

/// A value looked up in a list: the first row that fits, or all of them.
public struct ExpressionLookup: Sendable, Hashable {
  /// Of choices, or of a file beside the form.
  let list: String
  /// Condition on a row; its columns are plain names. A number is the row's place.
  let conditions: [ExpressionNode]
  /// The column that must hold what `wanted` gives, for look-ups by key.
  let key: String?
  let wanted: ExpressionNode?
  /// Column taken of the row.
  let column: String

  /// Rules inside it.
  var operands: [ExpressionNode] { conditions + (wanted.map { [$0] } ?? []) }
}
