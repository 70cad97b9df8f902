public import SyncKit

/// A rule of a form: when a question is asked, what answers it takes, how a value is calculated.
///
/// Written in the part of XPath 1.0 that survey forms use, with the meaning ODK gives it: see `ExpressionOperator` and
/// `ExpressionFunction`. Parsing checks the syntax, the functions and their number of arguments; whether
/// the questions it refers to exist is for the form to check. A value of this type always parses and is safe to evaluate:
/// its length and depth are bounded, so that a hostile form can neither exhaust the stack nor the processor.
public struct FormExpression: Sendable, Hashable {
  /// Longest source, in bytes.
  public static let expressionBytesMax = 8_192
  /// Deepest nesting of operators, calls and parentheses.
  public static let expressionDepthMax = 64

  /// The text the author wrote, trimmed and in NFC. Two expressions are equal when their sources are.
  public let source: String
  /// What the source says.
  public let root: ExpressionNode
  /// Names in `${…}`, each once, in order of appearance.
  public let references: [String]
  /// Whether it mentions `.`, the answer being tested.
  public let usesCurrent: Bool

  public init(_ source: String) throws(ExpressionError) {
    guard source.utf8.count <= Self.expressionBytesMax else {
      throw ExpressionError(
        position: 1,
        explanation: LocalizedText(
          vi: "Biểu thức dài hơn \(Self.expressionBytesMax) byte; hãy viết ngắn lại.",
          en: "The expression is longer than \(Self.expressionBytesMax) bytes; shorten it."))
    }
    let text = source.nfc.trimmingWhitespace
    let tokens = try ExpressionLexer.tokens(of: text)
    var parser = ExpressionParser(tokens: tokens)
    root = try parser.parse()
    self.source = text
    var references: [String] = []
    var usesCurrent = false
    root.walk { node in
      switch node {
      case .reference(let name) where !references.contains(name): references.append(name)
      case .current: usesCurrent = true
      default: break
      }
    }
    self.references = references
    self.usesCurrent = usesCurrent
  }

  public static func == (left: FormExpression, right: FormExpression) -> Bool { left.source == right.source }

  public func hash(into hasher: inout Hasher) { hasher.combine(source) }

  /// The value of the expression. Never fails: what has no value is the empty text or NaN, as in XPath.
  public func evaluate(in scope: ExpressionScope) -> ExpressionValue { root.evaluate(in: scope) }

  /// Whether the value counts as true: a non-empty text, a number other than 0 and NaN, any date.
  public func holds(in scope: ExpressionScope) -> Bool { root.evaluate(in: scope).boolean }
}

extension FormExpression: Codable {
  public init(from decoder: any Decoder) throws {
    try self.init(decoder.singleValueContainer().decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(source)
  }
}

/// Why an expression cannot be read, and at which character.
public struct ExpressionError: ExplainedError, Hashable {
  /// Character of the trimmed source, counted from 1.
  public let position: Int
  public let explanation: LocalizedText
}

/// What an expression says, as a tree.
public indirect enum ExpressionNode: Sendable, Hashable {
  case number(Double)
  case string(String)
  /// `${name}`: the answer to another question, the empty text when there is none.
  case reference(String)
  /// `.`: the answer being tested.
  case current
  case negative(ExpressionNode)
  case binary(ExpressionOperator, ExpressionNode, ExpressionNode)
  case call(ExpressionFunction, [ExpressionNode])

  /// Visits this node and all beneath it, outermost first.
  public func walk(_ visit: (ExpressionNode) -> Void) {
    visit(self)
    switch self {
    case .number, .string, .reference, .current: break
    case .negative(let operand): operand.walk(visit)
    case .binary(_, let left, let right):
      left.walk(visit)
      right.walk(visit)
    case .call(_, let arguments):
      for argument in arguments { argument.walk(visit) }
    }
  }
}

public enum ExpressionOperator: String, Sendable, Hashable, CaseIterable {
  case or, and
  case equal = "="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case plus = "+"
  case minus = "-"
  case times = "*"
  case divided = "div"
  case remainder = "mod"

  /// How tightly it binds; all operators group from the left.
  var precedence: Int {
    switch self {
    case .or: 1
    case .and: 2
    case .equal, .notEqual: 3
    case .less, .lessOrEqual, .greater, .greaterOrEqual: 4
    case .plus, .minus: 5
    case .times, .divided, .remainder: 6
    }
  }
}

/// The functions a form may call. Any other is refused when the form is imported, so that no rule is silently ignored.
public enum ExpressionFunction: String, Sendable, Hashable, CaseIterable {
  case not, selected
  case countSelected = "count-selected"
  case `if`, coalesce, round
  case stringLength = "string-length"
  case date, today
  case `true`, `false`
  case number, int, string, concat, min, max

  /// How many arguments it takes.
  var arity: ClosedRange<Int> {
    switch self {
    case .today, .true, .false: 0...0
    case .not, .countSelected, .stringLength, .date, .number, .int, .string: 1...1
    case .selected, .coalesce: 2...2
    case .if: 3...3
    case .round: 1...2
    case .concat, .min, .max: 1...32
    }
  }
}

extension String {
  /// Without spaces and line breaks at either end.
  var trimmingWhitespace: String {
    guard let first = unicodeScalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = unicodeScalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(unicodeScalars[first...last])
  }
}
