public import Foundation
package import SyncCore

/// One answer. Any kind of question also takes a `.text` and reads it, so that files and pages need no parser of their own.
public enum AnswerValue: Sendable, Hashable {
  /// A text; also a time, a date and time, and the name or content address of an image.
  case text(String)
  case integer(Int)
  case decimal(Double)
  /// Name of the one choice taken.
  case choice(String)
  /// Names of the choices taken.
  case choices([String])
  /// `YYYY-MM-DD`.
  case date(String)
  /// The answers of a repeat, one element for each time it was filled in.
  case instances([[String: AnswerValue]])

  /// As XPath sees it. A repeat has no value.
  var expressionValue: ExpressionValue {
    switch self {
    case .text(let text), .choice(let text): .string(text)
    case .integer(let value): .number(Double(value))
    case .decimal(let value): .number(value)
    case .choices(let names): .string(names.joined(separator: " "))
    case .date(let text): ISODate(text).map { .date(day: $0.daysSinceEpoch) } ?? .string(text)
    case .instances: .empty
    }
  }

  package var json: CanonicalJSON {
    switch self {
    case .text(let text), .choice(let text), .date(let text): .string(text)
    case .integer(let value): .integer(value)
    case .decimal(let value): .number(value)
    case .choices(let names): .array(names.map { .string($0) })
    case .instances(let instances): .array(instances.map { .object($0.mapValues(\.json)) })
    }
  }

  /// The value as one cell of a file; multiple choices are separated by spaces. Repeats have no cell.
  public var cell: String {
    if case .date(let text) = self { return text }
    return expressionValue.text
  }
}

extension AnswerValue {
  /// Largest set of answers as JSON, in bytes.
  public static let answersJSONBytesMax = 512 * 1_024

  /// Deepest nesting of answers as JSON: a list and an object for each repeat, and the choices taken.
  static let answersJSONDepthMax = 2 + 2 * RepeatNumber.repeatDepthMax

  /// Reads answers from a JSON object: texts, numbers, arrays of choices, arrays of objects for repeats; null is no answer.
  ///
  /// Only the shape is looked at; `AnswerValidator` says whether they answer a form.
  /// - Throws: `AnswerFaults` of kind `malformed`.
  public static func answers(fromJSON data: Data) throws(AnswerFaults) -> [String: AnswerValue] {
    guard data.count <= answersJSONBytesMax, case .object(let members)? = CanonicalJSON.parse(data, depthMax: answersJSONDepthMax) else {
      throw AnswerFaults(faults: [AnswerFault(question: "", kind: .malformed, message: AnswerMessage.notAnswers)])
    }
    return try answers(members)
  }

  /// The line of a file of answers, from 1, at which it stops being JSON; nil where it is JSON.
  public static func faultLine(inJSON data: Data) -> Int? { CanonicalJSON.faultLine(in: data, depthMax: answersJSONDepthMax) }

  /// Answers as the JSON that `answers(fromJSON:)` reads, whether or not a form accepts them.
  public static func json(_ answers: [String: AnswerValue]) -> Data { CanonicalJSON.object(answers.mapValues(\.json)).data }

  private static func answers(_ members: [String: CanonicalJSON]) throws(AnswerFaults) -> [String: AnswerValue] {
    var answers: [String: AnswerValue] = [:]
    for (name, json) in members where json != .null { answers[name] = try value(json, name) }
    return answers
  }

  private static func value(_ json: CanonicalJSON, _ name: String) throws(AnswerFaults) -> AnswerValue {
    switch json {
    case .string(let text): return .text(text)
    case .integer(let value): return .integer(value)
    case .number(let value): return .decimal(value)
    case .decimal(let digits): return .decimal(Double(digits) ?? 0)
    case .array(let elements):
      var names: [String] = []
      var instances: [[String: AnswerValue]] = []
      for element in elements {
        switch element {
        case .string(let text): names.append(text)
        case .object(let members): instances.append(try answers(members))
        default: throw malformed(name)
        }
      }
      guard names.isEmpty || instances.isEmpty else { throw malformed(name) }
      return instances.isEmpty ? .choices(names) : .instances(instances)
    case .boolean, .object, .null: throw malformed(name)
    }
  }

  private static func malformed(_ name: String) -> AnswerFaults {
    AnswerFaults(faults: [AnswerFault(question: name, kind: .malformed, message: AnswerMessage.malformed)])
  }
}

/// Answers that a form has accepted: only what was asked, in one spelling, calculated values filled in.
public struct ValidatedAnswers: Sendable, Hashable {
  public let formID: String
  public let formVersion: String
  /// Of the form's definition they were judged by: `Form.digest`.
  public let formDigest: String
  /// By question; unanswered and irrelevant questions are absent.
  public let values: [String: AnswerValue]
  private let calculated: Set<String>

  /// - Parameter validator: Whose form accepted them.
  init(_ validator: AnswerValidator, values: [String: AnswerValue]) {
    (formID, formVersion, formDigest) = (validator.form.id, validator.form.version, validator.digest)
    calculated = validator.calculated
    self.values = values
  }

  /// The same without what the form calculates: what people said.
  public var given: [String: AnswerValue] { given(of: values) }

  /// Other answers to the form without what it calculates.
  package func given(of answers: [String: AnswerValue]) -> [String: AnswerValue] { answers.without(calculated) }

  /// The one spelling of these answers: a JSON object with sorted keys, question to answer.
  ///
  /// Validating it again on the same day gives the same bytes.
  public var canonicalJSON: Data { CanonicalJSON.object(values.mapValues(\.json)).data }
}

extension [String: AnswerValue] {
  /// Without the questions of those names, also inside repeats.
  package func without(_ names: Set<String>) -> [String: AnswerValue] {
    guard !names.isEmpty else { return self }
    return filter { !names.contains($0.key) }.mapValues { value in
      if case .instances(let instances) = value { .instances(instances.map { $0.without(names) }) } else { value }
    }
  }
}
