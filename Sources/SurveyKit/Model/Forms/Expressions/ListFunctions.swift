internal import Foundation

extension ExpressionFunction {
  /// The functions over the filling-ins of a repeat that fit, over texts that hold several items, and over positions.
  func ofLists(_ arguments: [ExpressionNode], in scope: ExpressionScope) -> ExpressionValue {
    func text(_ index: Int) -> String { index < arguments.count ? arguments[index].evaluate(in: scope).text : "" }
    func items(_ index: Int) -> [String] {
      let (list, separator) = (text(index), text(0))
      return list.isEmpty ? [] : separator.isEmpty ? [list] : list.components(separatedBy: separator)
    }
    switch self {
    case .countIf, .sumIf, .minIf, .maxIf: return aggregate(Self.fitting(arguments[0], arguments[1], in: scope))
    case .joinIf: return Self.joined(Self.fitting(arguments[1], arguments[2], in: scope).map(\.text), by: text(0))
    case .countItems: return .number(Double(items(1).count))
    case .itemAt:
      let (all, place) = (items(1), arguments[2].evaluate(in: scope).number)
      return place >= 0 && place < Double(all.count) ? .string(all[Int(place)]) : .empty
    case .itemIndex: return .number(Double(items(1).firstIndex(of: text(2)) ?? -1))
    case .itemPresent: return .boolean(items(1).contains(text(2)))
    case .withoutRepeats:
      var found: [String] = []
      for item in items(1) where !found.contains(item) { found.append(item) }
      return Self.joined(found, by: text(0))
    case .distance: return .number(Self.distance(arguments.flatMap { $0.all(in: scope) }.map(\.text)))
    default: return .empty
    }
  }

  /// Answers to a question of a repeat, of the filling-ins in which a condition holds.
  private static func fitting(_ question: ExpressionNode, _ condition: ExpressionNode, in scope: ExpressionScope) -> [ExpressionValue] {
    guard let name = question.referenceName else { return question.all(in: scope) }
    return scope.candidates(of: name).enumerated().compactMap { place, candidate in
      var inner = scope
      inner.candidate = (candidate, place + 1)
      // Answers of the filling-in that is looked at, and not of the one whose rule this is.
      inner.instance = candidate
      inner.current = candidate[name] ?? .empty
      return condition.evaluate(in: inner).boolean ? candidate[name] ?? .empty : nil
    }
  }

  /// The text that an id of a question's label stands for; what is no such id is the text already (`ExpressionLookup`).
  static func translated(_ id: String, _ scope: ExpressionScope) -> String {
    guard id.hasPrefix("/"), id.hasSuffix(":label"), let name = id.dropLast(6).split(separator: "/").last else { return id }
    return scope.facts.texts[String(name)] ?? ""
  }

  // MARK: Positions

  /// As JavaRosa takes it, in metres.
  private static let earthRadius = 6_378_100.0

  /// Metres along positions, one after the other; each text holds one or, with semicolons between, several. NaN where there is none.
  static func distance(_ texts: [String]) -> Double {
    var points: [(latitude: Double, longitude: Double)] = []
    for part in texts.flatMap({ $0.split(separator: ";") }) {
      let numbers = part.split(whereSeparator: \.isWhitespace).map { ExpressionValue.number(from: String($0)) }
      guard numbers.count >= 2, numbers[0].isFinite, numbers[1].isFinite else { continue }
      points.append((numbers[0] * .pi / 180, numbers[1] * .pi / 180))
    }
    guard !points.isEmpty else { return .nan }
    return zip(points, points.dropFirst()).reduce(0) { sum, pair in
      let (a, b) = pair
      let half = Foundation.pow(Foundation.sin((b.latitude - a.latitude) / 2), 2)
      let side =
        Foundation.cos(a.latitude) * Foundation.cos(b.latitude) * Foundation.pow(Foundation.sin((b.longitude - a.longitude) / 2), 2)
      return sum + 2 * earthRadius * Foundation.asin(Swift.min(1, (half + side).squareRoot()))
    }
  }
}
