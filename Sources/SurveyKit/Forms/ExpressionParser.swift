internal import SyncKit

/// Builds the tree of an expression by operator precedence; its recursion is bounded by `FormExpression.expressionDepthMax`.
struct ExpressionParser {
  private typealias Token = ExpressionLexer.Token
  /// A node and how deep its tree is, so that a long chain of operators is refused before anyone has to evaluate it.
  private typealias Sized = (node: ExpressionNode, depth: Int)

  private let tokens: [ExpressionLexer.PlacedToken]
  private var index = 0

  init(tokens: [ExpressionLexer.PlacedToken]) { self.tokens = tokens }

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
      index += 1
      let right = try expression(atLeast: sign.precedence + 1, level: level + 1)
      left = try grown(.binary(sign, left.node, right.node), over: max(left.depth, right.depth))
    }
    return left
  }

  private mutating func operand(level: Int) throws(ExpressionError) -> Sized {
    guard let token else { throw failure(ExpressionMessage.unexpectedEnd) }
    index += 1
    switch token {
    case .number(let value): return (.number(value), 1)
    case .string(let text): return (.string(text), 1)
    case .reference(let name): return (.reference(name), 1)
    case .current: return (.current, 1)
    case .function(let name): return try call(name, level: level)
    case .open:
      let inner = try expression(atLeast: 1, level: level + 1)
      try take(.close)
      return inner
    case .sign(.minus):
      guard level < FormExpression.expressionDepthMax else { throw failure(ExpressionMessage.tooDeep) }
      let inner = try operand(level: level + 1)
      return try grown(.negative(inner.node), over: inner.depth)
    case .sign, .close, .comma:
      index -= 1
      throw failure(ExpressionMessage.unexpected)
    }
  }

  private mutating func call(_ name: String, level: Int) throws(ExpressionError) -> Sized {
    let start = index - 1
    guard let function = ExpressionFunction(rawValue: name) else {
      let isCall = token == .open
      throw failure(isCall ? ExpressionMessage.unknownFunction(name) : ExpressionMessage.path, at: start)
    }
    try take(.open)
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
    if function == .date, case .string(let text)? = arguments.first, ISODate(text) == nil {
      throw failure(ExpressionMessage.badDate, at: start)
    }
    return try grown(.call(function, arguments), over: depth)
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
