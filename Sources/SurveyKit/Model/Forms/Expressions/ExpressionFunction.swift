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
  /// Text of a choice, or of a question, by the id that `itextId` gives.
  case translation = "jr:itext"
  case distance
  /// Place of the filling-in that the question stands in.
  case index
  case countIf = "count-if"
  case sumIf = "sum-if"
  case minIf = "min-if"
  case maxIf = "max-if"
  case joinIf = "join-if"
  case countItems = "count-items"
  case itemAt = "item-at"
  case itemIndex = "item-index"
  case itemPresent = "item-present"
  case withoutRepeats = "de-duplicate"
  case choiceLabel = "choice-label"
  case empty
  case lineBreak = "linebreak"
  /// Fact that only a phone, or a program beside it, knows: always blank.
  case phoneFact = "device-info"

  /// - Parameter name: As forms write it; several programs call one thing by several names.
  init?(named name: String) { self.init(rawValue: Self.otherNames[name] ?? name) }

  private static let otherNames = [
    "difference-in-days": "cht:difference-in-days", "difference-in-weeks": "cht:difference-in-weeks",
    "difference-in-months": "cht:difference-in-months", "difference-in-years": "cht:difference-in-years",
    "distance-between": "distance", "duration": "device-info", "phone-call-log": "device-info", "phone-call-duration": "device-info",
    "collect-is-phone-app": "device-info", "plug-in-metadata": "device-info", "cht:extension-lib": "device-info",
    "username": "device-info", "simserial": "device-info", "phonenumber": "device-info",
  ]

  /// Most arguments of a function that takes any number.
  static let functionArgumentsMax = 256

  /// Number of arguments that the function takes.
  var arity: ClosedRange<Int> {
    switch self {
    case .today, .now, .true, .false, .pi, .random, .index, .lineBreak: 0...0
    case .uuid, .position: 0...1
    case .phoneFact: 0...Self.functionArgumentsMax
    case .not, .countSelected, .date, .dateTime, .number, .int, .once, .boolean, .booleanFromString, .magnitude, .sum,
      .count, .countNonEmpty, .translation, .empty, .decimalDateTime, .decimalDate, .decimalTime, .ceiling, .floor, .sqrt, .exp, .exp10,
      .log, .log10,
      .sin, .cos, .tan, .asin, .acos, .atan:
      1...1
    case .stringLength, .string, .normalizeSpace: 0...1
    case .selected, .selectedAt, .regex, .contains, .startsWith, .endsWith, .formatDate, .formatDateTime, .pow, .choiceName,
      .substringBefore, .substringAfter, .atan2, .daysBetween, .weeksBetween, .monthsBetween, .yearsBetween, .countIf, .sumIf, .minIf,
      .maxIf, .countItems, .withoutRepeats, .choiceLabel:
      2...2
    case .if, .translate, .joinIf, .itemAt, .itemIndex, .itemPresent: 3...3
    case .indexedRepeat: 3...(2 * RepeatNumber.repeatDepthMax + 1)
    case .round: 1...2
    case .substr: 2...3
    case .concat, .min, .max, .coalesce, .distance: 1...Self.functionArgumentsMax
    case .join: 1...Self.functionArgumentsMax
    case .checklist, .weightedChecklist: 2...Self.functionArgumentsMax
    }
  }

  /// Tells an argument that may stand for all the answers of a repeat.
  func takesMany(at index: Int) -> Bool {
    switch self {
    case .sum, .count, .countNonEmpty, .min, .max, .concat, .distance, .countIf, .sumIf, .minIf, .maxIf: true
    case .join, .joinIf: index > 0
    case .indexedRepeat: index == 0 || index % 2 == 1
    default: false
    }
  }

  /// Tells an argument that is a condition on the filling-ins of a repeat.
  func isCondition(at index: Int) -> Bool {
    switch self {
    case .countIf, .sumIf, .minIf, .maxIf: index == 1
    case .joinIf: index == 2
    default: false
    }
  }

  /// Says where a rule is carried out otherwise than its author may expect.
  var remark: LocalizedText? {
    switch self {
    case .phoneFact:
      LocalizedText(
        vi: "hàm này chỉ máy điện thoại biết kết quả; giá trị để trống.",
        en: "only a phone knows what this function gives; its value is blank.")
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

/// Filling-ins of a repeat that fit: `${repeat}[condition]/name`.
public struct ExpressionPick: Sendable, Hashable {
  /// A repeat, or a question.
  let base: ExpressionNode
  /// Conditions on a filling-in: plain names and `./name` are its own answers, and a number is its place.
  let conditions: [ExpressionNode]
  /// Question of the filling-in whose answer is taken; nil is what the base names.
  let column: String?

  /// Names of answers that it looks at by a plain name.
  var names: [String] {
    var names = column.map { [$0] } ?? []
    for condition in conditions { condition.walk { node in if case .column(let name) = node { names.append(name) } } }
    return names
  }
}
