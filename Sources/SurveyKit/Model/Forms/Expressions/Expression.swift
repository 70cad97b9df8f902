public import SyncCore

/// A rule of a form: when a question is asked, what answers it takes, how a value is calculated.
///
/// Written in the part of XPath 1.0 that survey forms use, with the meaning ODK gives it: see `ExpressionOperator`,
/// `ExpressionFunction` and `ExpressionPath`. Parsing checks the syntax, the functions and their number of arguments; whether
/// the questions it refers to exist is for the form to check. A value of this type always parses and is safe to evaluate:
/// its length and depth are bounded, so that a hostile form can neither exhaust the stack nor the processor.
public struct FormExpression: Sendable, Hashable {
  /// Longest source, in bytes.
  public static let expressionBytesMax = 32_768
  /// Deepest nesting of operators, calls and parentheses.
  public static let expressionDepthMax = 200

  /// The text the author wrote, trimmed and in NFC. Two expressions are equal when their sources are.
  public let source: String
  /// What the source says.
  public let root: ExpressionNode
  /// Names in `${…}` and at the end of paths, each once, in order of appearance.
  public let references: [String]
  /// Whether it mentions `.`, the answer being tested.
  public let usesCurrent: Bool

  /// - Parameter isFilter: Whether it is a `choice_filter`, in which plain names are columns of the choices sheet.
  public init(_ source: String, isFilter: Bool = false) throws(ExpressionError) {
    guard source.utf8.count <= Self.expressionBytesMax else {
      throw ExpressionError(
        position: 1,
        explanation: LocalizedText(
          vi: "Biểu thức dài hơn \(Self.expressionBytesMax) byte; hãy viết ngắn lại.",
          en: "The expression is longer than \(Self.expressionBytesMax) bytes; shorten it."))
    }
    let text = source.nfc.trimmingWhitespace
    let tokens = try ExpressionLexer.tokens(of: text.withStraightQuotes)
    var parser = ExpressionParser(tokens: tokens, isFilter: isFilter)
    root = try parser.parse()
    self.source = text
    var references: [String] = []
    var seen: Set<String> = []
    var usesCurrent = false
    root.walk { node in
      switch node {
      case .reference(let name): if seen.insert(name).inserted { references.append(name) }
      case .path(let path): if let name = path.name, seen.insert(name).inserted { references.append(name) }
      case .pick(let pick): for name in pick.names where seen.insert(name).inserted { references.append(name) }
      case .current: usesCurrent = true
      default: break
      }
    }
    self.references = references
    self.usesCurrent = usesCurrent
  }

  /// The rule that gives a text as it stands.
  static func quoting(_ text: String) -> FormExpression? {
    if !text.contains("'") { return try? FormExpression("'\(text)'") }
    if !text.contains("\"") { return try? FormExpression("\"\(text)\"") }
    let parts = text.split(separator: "'", omittingEmptySubsequences: false).map { "'\($0)'" }
    return try? FormExpression("concat(\(parts.joined(separator: ", \"'\", ")))")
  }

  /// The rule that holds where two do.
  static func both(_ one: FormExpression, _ other: FormExpression) -> FormExpression? {
    try? FormExpression("(\(one.source)) and (\(other.source))")
  }

  /// Names in `${…}` alone: a path also says where a question stands.
  var plainReferences: [String] {
    var names: [String] = []
    var seen: Set<String> = []
    root.walk { node in if case .reference(let name) = node, seen.insert(name).inserted { names.append(name) } }
    return names
  }

  /// Says where the rule is carried out otherwise than its author may expect; each remark once.
  var remarks: [LocalizedText] {
    var remarks: [LocalizedText] = []
    root.walk { node in
      guard case .call(let function, _) = node, let remark = function.remark, !remarks.contains(remark) else { return }
      remarks.append(remark)
    }
    if source.contains("${last-saved#") { remarks.append(ExpressionMessage.lastSaved) }
    return remarks
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
  /// `/data/group/name`, `../name`: the answer to another question by where it stands.
  case path(ExpressionPath)
  /// In a choice filter: a column of the choices sheet. Elsewhere it is blank.
  case column(String)
  /// `.`: the answer being tested.
  case current
  /// `regex(text, 'pattern')`.
  case matches(ExpressionNode, LinearPattern)
  case negative(ExpressionNode)
  case binary(ExpressionOperator, ExpressionNode, ExpressionNode)
  case call(ExpressionFunction, [ExpressionNode])
  /// `pulldata('list', 'column', 'key', value)`, `instance('list')/root/item[…]/column`.
  case lookup(ExpressionLookup)
  /// `${repeat}[condition]/name`.
  case pick(ExpressionPick)

  /// Visits this node and all beneath it, outermost first.
  public func walk(_ visit: (ExpressionNode) -> Void) {
    visit(self)
    switch self {
    case .number, .string, .reference, .path, .column, .current: break
    case .negative(let operand), .matches(let operand, _): operand.walk(visit)
    case .binary(_, let left, let right):
      left.walk(visit)
      right.walk(visit)
    case .call(_, let arguments):
      for argument in arguments { argument.walk(visit) }
    case .lookup(let lookup):
      for operand in lookup.operands { operand.walk(visit) }
    case .pick(let pick):
      pick.base.walk(visit)
      for condition in pick.conditions { condition.walk(visit) }
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

/// Where a question stands, as XForms write it.
///
/// Names are unique in a form, so the last step says which question is meant; `FormCheck` sees to it that the others agree.
public struct ExpressionPath: Sendable, Hashable {
  /// `/data/…`; else it starts at the question whose rule this is.
  public let isAbsolute: Bool
  /// How many times `..` leads outwards.
  public let ups: Int
  public let steps: [String]

  /// The question meant; nil for `..` alone.
  public var name: String? { steps.last }

  /// `./name`, as in `[…]` behind a repeat.
  var isInsidePick: Bool { !isAbsolute && ups == 0 }

  /// Whether the path, written in a rule of the item at `home`, leads to `place`; both are names from the outside in.
  func leads(from home: [String], to place: [String]) -> Bool {
    let written = isAbsolute ? Array(steps.dropFirst()) : Array(home.dropLast(ups)) + steps
    return (isAbsolute || ups <= home.count) && written.map(Self.plain) == place.map(Self.plain)
  }

  /// The name as its author wrote it, where the import had to tell two of one name apart (`SurveyNames`).
  private static func plain(_ name: String) -> Substring {
    guard let dot = name.lastIndex(of: "."), name[name.index(after: dot)...].allSatisfy(\.isASCIIDigit) else { return name[...] }
    return name[..<dot]
  }
}

extension String {
  /// The text with plain quotes for the curly ones that spreadsheets make of them.
  var withStraightQuotes: String {
    // Every one of them begins with this byte, and few rules have it.
    guard utf8.contains(0xE2), contains(where: { "‘’“”".contains($0) }) else { return self }
    return String(map { "‘’".contains($0) ? "'" : "“”".contains($0) ? "\"" : $0 })
  }

  /// Without spaces and line breaks at either end.
  var trimmingWhitespace: String {
    // Most texts begin and end with a sign that is no space, which costs no copy.
    if let first = utf8.first, let last = utf8.last, (0x21...0x7E).contains(first), (0x21...0x7E).contains(last) { return self }
    guard let first = unicodeScalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = unicodeScalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(unicodeScalars[first...last])
  }
}
