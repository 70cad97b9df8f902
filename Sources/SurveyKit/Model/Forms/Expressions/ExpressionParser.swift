internal import SyncCore

/// Builds the tree of an expression by operator precedence; its recursion is bounded by `FormExpression.expressionDepthMax`.
struct ExpressionParser {
  private typealias Token = ExpressionLexer.Token
  /// A node and how deep its tree is, so that a long chain of operators is refused before anyone has to evaluate it.
  private typealias Sized = (node: ExpressionNode, depth: Int)

  private let tokens: [ExpressionLexer.PlacedToken]
  private var index = 0

  /// Tells if plain names are columns of a list.
  private var isFilter: Bool

  init(tokens: [ExpressionLexer.PlacedToken], isFilter: Bool) {
    self.tokens = tokens
    self.isFilter = isFilter
  }

  mutating func parse() throws(ExpressionError) -> ExpressionNode {
    guard !tokens.isEmpty else { throw ExpressionError(position: 1, message: ExpressionMessage.empty) }
    let root = try expression(atLeast: 1, level: 1).node
    guard index == tokens.count else { throw failure(ExpressionMessage.unexpected) }
    return root
  }

  private mutating func expression(atLeast precedence: Int, level: Int) throws(ExpressionError) -> Sized {
    guard level <= FormExpression.expressionDepthMax else { throw failure(ExpressionMessage.tooDeep) }
    var left = try operand(level: level)
    while case .sign(let sign)? = token, sign.precedence >= precedence {
      if sign == .or || sign == .and {
        left = try chain(of: sign, from: left, level: level)
        continue
      }
      index += 1
      let right = try expression(atLeast: sign.precedence + 1, level: level + 1)
      left = try grown(.binary(sign, left.node, right.node), over: max(left.depth, right.depth))
    }
    return left
  }

  /// `a or b or c`, as shallow as can be: which pair is looked at first makes no difference.
  private mutating func chain(of sign: ExpressionOperator, from first: Sized, level: Int) throws(ExpressionError) -> Sized {
    var row = [first]
    while token == .sign(sign) {
      index += 1
      row.append(try expression(atLeast: sign.precedence + 1, level: level + 1))
    }
    while row.count > 1 {
      var pairs: [Sized] = []
      for place in stride(from: 0, to: row.count, by: 2) {
        guard place + 1 < row.count else {
          pairs.append(row[place])
          continue
        }
        let (left, right) = (row[place], row[place + 1])
        pairs.append(try grown(.binary(sign, left.node, right.node), over: max(left.depth, right.depth)))
      }
      row = pairs
    }
    return row[0]
  }

  private mutating func operand(level: Int) throws(ExpressionError) -> Sized {
    guard let token else { throw failure(ExpressionMessage.unexpectedEnd) }
    index += 1
    switch token {
    case .number(let value): return (.number(value), 1)
    case .string(let text): return (.string(text), 1)
    case .reference(let name): return try picked(.reference(name), level: level)
    case .current: return (.current, 1)
    case .path(let path):
      guard path.name != nil else { throw failure(ExpressionMessage.parent, at: index - 1) }
      guard !path.isAbsolute || path.steps.count > 1 else { throw failure(ExpressionMessage.path, at: index - 1) }
      return try picked(.path(path), level: level)
    case .function(let name): return try call(name, level: level)
    case .open:
      let inner = try expression(atLeast: 1, level: level + 1)
      try take(.close)
      return inner
    case .sign(.minus):
      guard level < FormExpression.expressionDepthMax else { throw failure(ExpressionMessage.tooDeep) }
      let inner = try operand(level: level + 1)
      return try grown(.negative(inner.node), over: inner.depth)
    case .sign, .close, .comma, .openBracket, .closeBracket:
      index -= 1
      throw failure(ExpressionMessage.unexpected)
    }
  }

  private mutating func call(_ name: String, level: Int) throws(ExpressionError) -> Sized {
    let start = index - 1
    if token == .open, name == "pulldata" { return try pulldata(level: level) }
    if token == .open, name == "instance" { return try instance(level: level) }
    guard let function = ExpressionFunction(named: name) else {
      if token == .open { throw failure(ExpressionMessage.unknownFunction(name), at: start) }
      return try column(name, at: start)
    }
    // `name`, `string` and the like are also what columns are called.
    if isFilter, token != .open { return try column(name, at: start) }
    try take(.open)
    if function == .position, token != .close, let parent = try position() { return parent }
    var arguments: [ExpressionNode] = []
    var depth = 0
    while token != .close {
      if !arguments.isEmpty { try take(.comma) }
      let argument = try expression(atLeast: 1, level: level + 1)
      arguments.append(argument.node)
      depth = max(depth, argument.depth)
      guard arguments.count <= function.arity.upperBound else { break }
    }
    guard function.arity.contains(arguments.count) else { throw failure(ExpressionMessage.arity(function, arguments.count), at: start) }
    try take(.close)
    return try grown(try node(function, arguments, at: start), over: depth)
  }

  private func column(_ name: String, at start: Int) throws(ExpressionError) -> Sized {
    // Elsewhere than in filters it is the child of an answer, which has none: `FormCheck` says so.
    guard FormName.isColumn(name) else { throw failure(ExpressionMessage.plainName, at: start) }
    return (.column(name), 1)
  }

  // MARK: Lists

  /// `pulldata('list', 'column', 'key', value)`.
  private mutating func pulldata(level: Int) throws(ExpressionError) -> Sized {
    try take(.open)
    var names: [String] = []
    while names.count < 3 {
      guard case .string(let name)? = token else { throw failure(ExpressionMessage.wantsList) }
      names.append(name.trimmingWhitespace)
      index += 1
      try take(.comma)
    }
    let wanted = try expression(atLeast: 1, level: level + 1)
    try take(.close)
    let list = names[0].lowercased().hasSuffix(".csv") ? String(names[0].dropLast(4)) : names[0]
    let lookup = ExpressionLookup(list: list, conditions: [], key: names[2], wanted: wanted.node, column: names[1])
    return try grown(.lookup(lookup), over: wanted.depth)
  }

  /// `instance('list')/root/item[condition]/column`.
  private mutating func instance(level: Int) throws(ExpressionError) -> Sized {
    try take(.open)
    guard case .string(let list)? = token else { throw failure(ExpressionMessage.wantsList) }
    index += 1
    try take(.close)
    guard case .path(let rows)? = token, rows.isAbsolute, (2...3).contains(rows.steps.count) else {
      throw failure(ExpressionMessage.wantsList)
    }
    index += 1
    let (conditions, depth) = try conditions(level: level)
    var column = rows.steps.count == 3 ? rows.steps[2] : ""
    if column.isEmpty, case .path(let last)? = token, last.isAbsolute, last.steps.count == 1 {
      column = last.steps[0]
      index += 1
    }
    return try grown(.lookup(ExpressionLookup(list: list, conditions: conditions, key: nil, wanted: nil, column: column)), over: depth)
  }

  /// A question or repeat, with the conditions and the name that may stand behind it: `${repeat}[position() = 1]/name`.
  private mutating func picked(_ base: ExpressionNode, level: Int) throws(ExpressionError) -> Sized {
    guard token == .openBracket else { return (base, 1) }
    let (conditions, depth) = try conditions(level: level)
    var column: String?
    if case .path(let rest)? = token, rest.isAbsolute {
      column = rest.name
      index += 1
      // `/repeat[1]/inner[2]`: the places of several repeats at once are what `indexed-repeat()` is for.
      guard token != .openBracket else { throw failure(ExpressionMessage.path) }
    }
    return try grown(.pick(ExpressionPick(base: base, conditions: conditions, column: column)), over: depth)
  }

  /// Reads the conditions in brackets, one pair after the other; plain names in them are columns.
  private mutating func conditions(level: Int) throws(ExpressionError) -> (conditions: [ExpressionNode], depth: Int) {
    var conditions: [ExpressionNode] = []
    var depth = 1
    let outer = isFilter
    isFilter = true
    defer { isFilter = outer }
    while token == .openBracket {
      index += 1
      let condition = try expression(atLeast: 1, level: level + 1)
      conditions.append(condition.node)
      depth = max(depth, condition.depth)
      try take(.closeBracket)
    }
    return (conditions, depth)
  }

  /// `position(..)`, the only place where `..` stands alone.
  private mutating func position() throws(ExpressionError) -> Sized? {
    guard case .path(let path)? = token, path.name == nil else { throw failure(ExpressionMessage.wantsQuestion) }
    index += 1
    try take(.close)
    return (.call(.position, [.path(path)]), 2)
  }

  /// The call, with what can be known of its arguments checked while its author is there to mend it.
  private func node(_ function: ExpressionFunction, _ arguments: [ExpressionNode], at start: Int) throws(ExpressionError) -> ExpressionNode
  {
    func literal(_ index: Int) -> String? {
      if case .string(let text) = arguments[index] { text } else { nil }
    }
    func isQuestion(_ index: Int) -> Bool {
      switch arguments[index] {
      case .reference, .path, .lookup, .pick: true
      default: false
      }
    }
    switch function {
    case .date:
      if let text = literal(0), ISODate(text.prefix(10)) == nil || text.utf8.count > 10 && !text.contains("T") {
        throw failure(ExpressionMessage.badDate, at: start)
      }
    case .formatDate, .formatDateTime:
      if let text = literal(1), !ExpressionFunction.isDateFormat(text) { throw failure(ExpressionMessage.dateFormat, at: start) }
    case .sum, .count, .countNonEmpty, .countIf, .sumIf, .minIf, .maxIf:
      guard isQuestion(0) else { throw failure(ExpressionMessage.wantsQuestion, at: start) }
    case .indexedRepeat:
      guard arguments.count % 2 == 1 else { throw failure(ExpressionMessage.arity(function, arguments.count), at: start) }
      guard isQuestion(0), stride(from: 1, to: arguments.count, by: 2).allSatisfy(isQuestion) else {
        throw failure(ExpressionMessage.wantsQuestion, at: start)
      }
    case .regex:
      guard let text = literal(1) else { throw failure(ExpressionMessage.wantsPattern, at: start) }
      do throws(PatternFault) {
        return .matches(arguments[0], try LinearPattern(text))
      } catch {
        throw failure(error.explanation, at: start)
      }
    case .joinIf: guard isQuestion(1) else { throw failure(ExpressionMessage.wantsQuestion, at: start) }
    case .choiceLabel: return .call(.choiceName, [arguments[1], arguments[0]])
    case .choiceName:
      // The question is named inside quotes: '${q}', which pyxform turns into ' /data/q '.
      if case .reference = arguments[1] { break }
      guard let text = literal(1) else { throw failure(ExpressionMessage.wantsQuestion, at: start) }
      let inner = try ExpressionLexer.tokens(of: text)
      switch inner.first?.token {
      case .reference(let name)? where inner.count == 1: return .call(function, [arguments[0], .reference(name)])
      case .path(let path)? where inner.count == 1 && path.name != nil: return .call(function, [arguments[0], .path(path)])
      default: throw failure(ExpressionMessage.wantsQuestion, at: start)
      }
    default: break
    }
    return .call(function, arguments)
  }

  private func grown(_ node: ExpressionNode, over depth: Int) throws(ExpressionError) -> Sized {
    guard depth < FormExpression.expressionDepthMax else { throw failure(ExpressionMessage.tooDeep) }
    return (node, depth + 1)
  }

  private mutating func take(_ wanted: ExpressionLexer.Token) throws(ExpressionError) {
    guard let token else { throw failure(ExpressionMessage.unexpectedEnd) }
    guard token == wanted else { throw failure(ExpressionMessage.unexpected) }
    index += 1
  }

  private var token: ExpressionLexer.Token? { index < tokens.count ? tokens[index].token : nil }

  private func failure(_ message: LocalizedText, at tokenIndex: Int? = nil) -> ExpressionError {
    let place = tokenIndex ?? index
    let position = place < tokens.count ? tokens[place].position : (tokens.last?.position ?? 0) + 1
    return ExpressionError(position: position, message: message)
  }
}
