extension ExpressionFunction {
  /// The functions that look at days and times.
  func ofDays(_ value: ExpressionValue, format: String, today: ExpressionValue) -> ExpressionValue {
    switch self {
    case .today, .now: return today
    case .date: return Self.day(of: value)
    case .dateTime: return Self.hasClock(value) ? value : Self.day(of: value)
    case .formatDate, .formatDateTime: return .string(Self.formatted(value, format))
    case .decimalDate: return .number(Self.day(of: value).number)
    case .decimalDateTime:
      let day = Self.day(of: value).number
      return .number(day + (Self.clock(of: value)?.fraction ?? 0))
    case .decimalTime: return .number(Self.clock(of: value)?.fraction ?? .nan)
    default: return .empty
    }
  }

  /// Whole days, weeks, months or years from one day to another.
  func between(_ first: ExpressionValue, _ last: ExpressionValue) -> Double {
    let (first, last) = (Self.day(of: first), Self.day(of: last))
    guard case .date(let from) = first, case .date(let to) = last else { return .nan }
    func parts(_ day: ExpressionValue) -> [Int] { day.text.split(separator: "-").compactMap { Int($0) } }
    let (begin, end) = from <= to ? (parts(first), parts(last)) : (parts(last), parts(first))
    guard begin.count == 3, end.count == 3 else { return .nan }
    let months = (end[0] - begin[0]) * 12 + end[1] - begin[1] - (end[2] < begin[2] ? 1 : 0)
    let sign = from <= to ? 1 : -1
    return switch self {
    case .daysBetween: Double(to - from)
    case .weeksBetween: Double((to - from) / 7)
    case .monthsBetween: Double(sign * months)
    default: Double(sign * (months / 12))
    }
  }

  private static let dateFields: Set<Character> = ["Y", "y", "m", "n", "b", "d", "e", "a", "H", "h", "M", "S", "3"]

  /// Tells if `format-date()` understands every field of the format.
  static func isDateFormat(_ format: String) -> Bool {
    format.split(separator: "%", omittingEmptySubsequences: false).dropFirst().allSatisfy { $0.first.map(dateFields.contains) ?? false }
  }

  /// A time of day.
  private struct Clock {
    var hour = 0
    var minute = 0
    var second = 0

    var fraction: Double { Double(hour * 3_600 + minute * 60 + second) / 86_400 }
  }

  private static func hasClock(_ value: ExpressionValue) -> Bool {
    if case .string(let text) = value { text.contains("T") && clock(of: value) != nil } else { false }
  }

  /// Of `08:30` and `2024-03-26T08:30`; nil where there is none.
  private static func clock(of value: ExpressionValue) -> Clock? {
    guard case .string(let text) = value else { return nil }
    let time = text.split(separator: "T", maxSplits: 1).last.map { $0.prefix(8) } ?? ""
    let parts = time.split(separator: ":", omittingEmptySubsequences: false).map { ISODate.number(Array($0.utf8)) }
    guard (2...3).contains(parts.count), let hour = parts[0], let minute = parts[1], hour < 24, minute < 60 else { return nil }
    let second = parts.count == 3 ? parts[2] ?? 0 : 0
    return second < 60 ? Clock(hour: hour, minute: minute, second: second) : nil
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  /// The first day of 1970 was a Thursday.
  private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

  private static func formatted(_ value: ExpressionValue, _ format: String) -> String {
    let day = day(of: value)
    let text = day.text
    let clock = clock(of: value)
    guard text.count == 10 || clock != nil else { return "" }
    let time = clock ?? Clock()
    let (year, month, date) = (text.prefix(4), text.dropFirst(5).prefix(2), text.suffix(2))
    func padded(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
    var out = ""
    var isField = false
    for character in format.prefix(expressionTextBytesMax / 16) {
      guard isField else {
        isField = character == "%"
        if !isField { out.append(character) }
        continue
      }
      isField = false
      switch character {
      case "Y": out += year
      case "y": out += year.suffix(2)
      case "m": out += month
      case "n": out += month.drop { $0 == "0" }
      case "b": out += Int(month).flatMap { (1...12).contains($0) ? months[$0 - 1] : nil } ?? ""
      case "d": out += date
      case "e": out += date.drop { $0 == "0" }
      case "a": if case .date(let number) = day { out += weekdays[((number % 7) + 7) % 7] }
      case "H": out += padded(time.hour)
      case "h": out += String(time.hour)
      case "M": out += padded(time.minute)
      case "S": out += padded(time.second)
      case "3": out += "000"
      default: break
      }
    }
    return out
  }

  static func day(of value: ExpressionValue) -> ExpressionValue {
    switch value {
    case .date: return value
    case .number(let days):
      guard days.isFinite, Swift.abs(days) < 1e9 else { return .empty }
      return ISODate(daysSinceEpoch: Int(days.rounded(.down))).map { .date(day: $0.daysSinceEpoch) } ?? .empty
    case .string(let text):
      return ISODate(text.prefix(10)).map { .date(day: $0.daysSinceEpoch) } ?? .empty
    case .boolean: return .empty
    }
  }
}
