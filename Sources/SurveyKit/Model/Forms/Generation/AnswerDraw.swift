/// Draws the answer to one question at a time: candidates of its kind, until one passes.
struct AnswerDraw {
  let form: Form
  let validator: AnswerValidator
  let day: String

  /// Nil when the question is optional and left blank, or no candidate passed.
  ///
  /// - Parameter scope: What the question's rules see.
  mutating func answer(
    to question: FormQuestion, in scope: ExpressionScope, given: [String: AnswerValue], instance: [String: AnswerValue]?,
    using generator: inout some RandomNumberGenerator
  ) -> AnswerValue? {
    let isRequired = !passes(nil, question, scope)
    if !isRequired {
      let chance = question.kind == .text ? 0.3 : 0.85
      guard question.kind != .image, Double.random(in: 0..<1, using: &generator) < chance else { return nil }
    }
    let range = numberRange(of: question, given: given, instance: instance)
    for attempt in 0..<AnswerGenerator.candidatesMax {
      guard let candidate = candidate(for: question, attempt: attempt, range: range, using: &generator) else { continue }
      if passes(candidate, question, scope) { return candidate }
    }
    return nil
  }

  private func passes(_ answer: AnswerValue?, _ question: FormQuestion, _ scope: ExpressionScope) -> Bool {
    if case .success = validator.check(answer, to: question.name, in: scope) { true } else { false }
  }

  // MARK: Candidates

  private func candidate(
    for question: FormQuestion, attempt: Int, range: ClosedRange<Int>, using generator: inout some RandomNumberGenerator
  ) -> AnswerValue? {
    switch question.kind {
    case .selectOne: return form.choices(of: question).randomElement(using: &generator).map { .choice($0.name) }
    case .selectMultiple: return selection(question, attempt: attempt, using: &generator)
    case .integer: return .integer(number(attempt: attempt, range: range, using: &generator))
    case .decimal:
      let whole = number(attempt: attempt, range: range, using: &generator)
      return .decimal(attempt % 2 == 0 ? Double(whole) : Double(whole) + 0.5)
    case .text: return .text(text(attempt: attempt, using: &generator))
    case .image: return .text("anh-thu.jpg")
    case .rank: return .choices(form.choices(of: question).map(\.name).shuffled(using: &generator))
    case .geopoint: return .text("21.27 106.19 0 0")
    case .date:
      if attempt == 0 { return .date(day) }
      return ISODate(daysSinceEpoch: number(attempt: attempt, range: range, using: &generator)).map { .date($0.text) }
    case .time: return .text(Self.times[attempt % Self.times.count])
    case .dateTime: return .text(day + "T" + Self.times[attempt % Self.times.count])
    case .calculate, .note, .hidden: return nil
    }
  }

  /// First a few at random, then fewer and fewer, at last each choice alone.
  private func selection(_ question: FormQuestion, attempt: Int, using generator: inout some RandomNumberGenerator) -> AnswerValue? {
    let choices = form.choices(of: question).map(\.name)
    guard !choices.isEmpty else { return nil }
    if attempt >= 16 { return .choices([choices[attempt % choices.count]]) }
    let most = max(1, min(choices.count, 5 - attempt / 3))
    let taken = Set(choices.shuffled(using: &generator).prefix(Int.random(in: 1...most, using: &generator)))
    return .choices(choices.filter(taken.contains))
  }

  /// First within the range, then its ends, then small numbers.
  private func number(attempt: Int, range: ClosedRange<Int>, using generator: inout some RandomNumberGenerator) -> Int {
    switch attempt {
    case ..<16: Int.random(in: range, using: &generator)
    case 16: range.lowerBound
    case 17: range.upperBound
    default: attempt - 18
    }
  }

  private func text(attempt: Int, using generator: inout some RandomNumberGenerator) -> String {
    if attempt < 8 { return Self.sentences.randomElement(using: &generator) ?? "Nhất trí." }
    if attempt < 16 { return Self.words[attempt - 8] }
    return String(repeating: "1", count: attempt - 15)  // Codes and phone-like texts of every short length.
  }

  // MARK: Reading the constraint

  /// Between which numbers the constraint allows an answer, as far as it says so plainly: `. >= a and . <= ${b}`.
  private func numberRange(of question: FormQuestion, given: [String: AnswerValue], instance: [String: AnswerValue]?) -> ClosedRange<Int> {
    var low: Double?
    var high: Double?
    if let constraint = question.constraint {
      let all = given.merging(instance ?? [:]) { _, inner in inner }
      var scope = ExpressionScope(today: day, values: all.mapValues(\.expressionValue))
      for name in constraint.references where scope.values[name] == nil {
        scope.values[name] = validator.calculated(name, given: given)?.expressionValue
      }
      for (sign, side) in Self.bounds(in: constraint.root) {
        let value = side.evaluate(in: scope).number
        guard value.isFinite, abs(value) < 1e9 else { continue }
        switch sign {
        case .greaterOrEqual: low = max(low ?? value, value.rounded(.up))
        case .greater: low = max(low ?? value, value.rounded(.down) + 1)
        case .lessOrEqual: high = min(high ?? value, value.rounded(.down))
        case .less: high = min(high ?? value, value.rounded(.up) - 1)
        case .equal: (low, high) = (value, value)
        default: break
        }
      }
    }
    let usual = question.kind == .date ? Double(ISODate(day)?.daysSinceEpoch ?? 0) : 0
    let bottom = low ?? min(high ?? usual, usual)
    let top = max(bottom, high ?? bottom + 20)
    return Int(bottom)...Int(top)
  }

  /// Comparisons of `.` with something else that must all hold.
  private static func bounds(in node: ExpressionNode) -> [(ExpressionOperator, ExpressionNode)] {
    guard case .binary(let sign, let left, let right) = node else { return [] }
    if sign == .and { return bounds(in: left) + bounds(in: right) }
    if left == .current { return [(sign, right)] }
    guard right == .current else { return [] }
    switch sign {
    case .less: return [(.greater, left)]
    case .lessOrEqual: return [(.greaterOrEqual, left)]
    case .greater: return [(.less, left)]
    case .greaterOrEqual: return [(.lessOrEqual, left)]
    default: return [(sign, left)]
    }
  }

  // MARK: Words

  private static let times = ["08:30", "14:15", "07:00", "10:45", "16:20", "00:00", "23:59", "12:00"]
  private static let words = ["Có", "Không", "Nhất trí", "Tốt", "a", "Đồng ý.", "Bình thường", "abc"]
  private static let sentences = [
    "Đề nghị thông báo lịch họp sớm hơn.",
    "Nên niêm yết kế hoạch ở nơi dễ thấy.",
    "Mạng ở trụ sở còn chậm, phải chờ đến chiều.",
    "Cảm ơn tổ công tác đã hướng dẫn.",
    "Cần thêm máy tính cho bộ phận một cửa.",
    "Đề nghị trả lời góp ý bằng văn bản.",
    "Một số anh chị chưa quen quét mã QR.",
    "Mọi việc thuận lợi, không có kiến nghị.",
    "Nên tập huấn thêm một buổi vào cuối tuần.",
    "Tài liệu cần ngắn gọn,\ndễ hiểu hơn.",
  ]
}
