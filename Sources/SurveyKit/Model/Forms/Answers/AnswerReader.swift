internal import SyncCore

/// Reads one raw answer into the one spelling its question stores, or says what is wrong. Knows nothing of other answers.
struct AnswerReader {
  /// Longest text answer, in bytes of UTF-8.
  static let answerTextBytesMax = 16_384
  /// Most digits of a number: every such number is exact in a `Double`.
  static let answerDigitsMax = 15

  enum Reading {
    case blank
    case value(AnswerValue)
    /// `raw` is what expressions see of it, so that one bad answer does not make others look wrong too.
    case fault(AnswerFault.Kind, LocalizedText, raw: ExpressionValue)

    var expressionValue: ExpressionValue? {
      switch self {
      case .blank: nil
      case .value(let value): value.expressionValue
      case .fault(_, _, let raw): raw
      }
    }

    var isBlank: Bool {
      if case .blank = self { true } else { false }
    }
  }

  /// - Parameter choices: What the question offers, in the form's order.
  static func read(_ answer: AnswerValue?, for question: FormQuestion, choices: [FormChoice]) -> Reading {
    guard let answer else { return .blank }
    if case .text(let text) = answer, text.trimmingWhitespace.isEmpty { return .blank }
    switch question.kind {
    case .integer: return integer(answer)
    case .decimal: return decimal(answer)
    case .selectOne, .selectMultiple, .rank: return selection(answer, question.kind, choices)
    case .geopoint: return position(answer)
    case .date: return date(answer)
    case .time, .dateTime: return time(answer, question.kind)
    case .text, .image, .hidden: return text(answer)
    case .calculate where question.isWorkedOutOnce:
      if case .instances = answer { return .blank }
      return .value(answer)
    case .calculate, .note: return .blank
    }
  }

  private static func fault(_ kind: AnswerFault.Kind, _ message: LocalizedText, _ answer: AnswerValue) -> Reading {
    .fault(kind, message, raw: answer.expressionValue)
  }

  private static func text(_ answer: AnswerValue) -> Reading {
    guard case .text(let raw) = answer else { return fault(.malformed, AnswerMessage.malformed, answer) }
    guard raw.utf8.count <= answerTextBytesMax else { return .fault(.tooLong, AnswerMessage.tooLong, raw: .empty) }
    let lines = raw.split(separator: "\r\n", omittingEmptySubsequences: false).joined(separator: "\n")
    let text = lines.nfc.trimmingWhitespace
    let isPlain = text.unicodeScalars.allSatisfy { $0 == "\n" || $0 == "\t" || ($0.value >= 0x20 && !(0x7F...0x9F).contains($0.value)) }
    guard isPlain else { return fault(.malformed, AnswerMessage.malformed, answer) }
    guard text.utf8.count <= answerTextBytesMax else { return .fault(.tooLong, AnswerMessage.tooLong, raw: .empty) }
    return text.isEmpty ? .blank : .value(.text(text))
  }

  private static func integer(_ answer: AnswerValue) -> Reading {
    let refused = fault(.notInteger, AnswerMessage.notInteger, answer)
    switch answer {
    case .integer(let value): return abs(Double(value)) < 1e15 ? .value(.integer(value)) : refused
    case .decimal(let value):
      guard value == value.rounded(), abs(value) < 1e15 else { return refused }
      return .value(.integer(Int(value)))
    case .text(let raw):
      let text = raw.trimmingWhitespace
      let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
      guard (1...answerDigitsMax).contains(digits.count), digits.allSatisfy(\.isASCIIDigit), let value = Int(text) else { return refused }
      return .value(.integer(value))
    default: return refused
    }
  }

  private static func decimal(_ answer: AnswerValue) -> Reading {
    let refused = fault(.notDecimal, AnswerMessage.notDecimal, answer)
    switch answer {
    case .integer(let value): return abs(Double(value)) < 1e15 ? .value(.decimal(Double(value))) : refused
    case .decimal(let value): return value.isFinite && abs(value) < 1e15 ? .value(.decimal(value)) : refused
    case .text(let raw):
      let text = raw.trimmingWhitespace
      let value = ExpressionValue.number(from: text)
      let digits = text.utf8.count { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
      return value.isFinite && digits <= answerDigitsMax ? .value(.decimal(value)) : refused
    default: return refused
    }
  }

  private static func selection(_ answer: AnswerValue, _ kind: QuestionKind, _ choices: [FormChoice]) -> Reading {
    let names: [String]
    switch answer {
    case .choice(let name): names = [name]
    case .choices(let several): names = several
    case .text(let raw):
      guard raw.utf8.count <= answerTextBytesMax else { return .fault(.tooLong, AnswerMessage.tooLong, raw: .empty) }
      // Takes a code with spaces where a single choice is asked for.
      let whole = raw.nfc.trimmingWhitespace
      names =
        kind == .selectOne && choices.contains { $0.name == whole } ? [whole] : whole.split(whereSeparator: \.isWhitespace).map(String.init)
    case .integer(let value): names = [String(value)]
    default: return fault(.malformed, AnswerMessage.malformed, answer)
    }
    if names.isEmpty { return .blank }
    guard kind != .selectOne || names.count == 1 else { return fault(.malformed, AnswerMessage.malformed, answer) }
    let taken = Set(names)
    var left = taken
    // A list may hold a code twice, for two answers of the question before.
    let known = choices.map(\.name).filter { left.remove($0) != nil }
    guard left.isEmpty else { return fault(.unknownChoice, AnswerMessage.unknownChoice, answer) }
    guard taken.count == names.count else { return fault(.duplicateChoice, AnswerMessage.duplicateChoice, answer) }
    guard kind != .rank || known.count == Set(choices.map(\.name)).count else { return fault(.malformed, AnswerMessage.incomplete, answer) }
    return .value(kind == .selectOne ? .choice(names[0]) : .choices(kind == .rank ? names : known))
  }

  /// `latitude longitude`, with altitude and accuracy where they are known; a comma may stand between.
  private static func position(_ answer: AnswerValue) -> Reading {
    guard case .text(let raw) = answer else { return fault(.malformed, AnswerMessage.notPosition, answer) }
    let parts = raw.split { $0.isWhitespace || $0 == "," || $0 == ";" }.map(String.init)
    let numbers = parts.map { ExpressionValue.number(from: $0) }
    guard (2...4).contains(parts.count), numbers.allSatisfy(\.isFinite), abs(numbers[0]) <= 90, abs(numbers[1]) <= 180,
      parts.allSatisfy({ $0.utf8.count <= 24 })
    else { return fault(.malformed, AnswerMessage.notPosition, answer) }
    return .value(.text((parts + ["0", "0"]).prefix(4).joined(separator: " ")))
  }

  private static func date(_ answer: AnswerValue) -> Reading {
    switch answer {
    case .date(let raw), .text(let raw):
      guard let day = ISODate(raw.trimmingWhitespace) else { break }
      return .value(.date(day.text))
    default: break
    }
    return fault(.notDate, AnswerMessage.notDate, answer)
  }

  private static func time(_ answer: AnswerValue, _ kind: QuestionKind) -> Reading {
    guard case .text(let raw) = answer else { return fault(.notTime, AnswerMessage.notTime, answer) }
    let text = raw.trimmingWhitespace
    var clock = text[...]
    if kind == .dateTime {
      let parts = text.split(separator: "T", omittingEmptySubsequences: false)
      guard parts.count == 2, ISODate(parts[0]) != nil else { return fault(.notTime, AnswerMessage.notTime, answer) }
      clock = parts[1]
    }
    let bytes = Array(clock.utf8)
    guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), let hour = ISODate.number(bytes[0..<2]),
      let minute = ISODate.number(bytes[3..<5]),
      hour < 24, minute < 60
    else { return fault(.notTime, AnswerMessage.notTime, answer) }
    return .value(.text(text))
  }
}
