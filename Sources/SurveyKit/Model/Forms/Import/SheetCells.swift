internal import SyncCore

/// Reads cells as a spreadsheet shows them into the spelling that questions take, where there is one meaning only.
struct SheetCells {
  enum Reading: Hashable {
    case text(String)
    /// Two meanings, and the sentence that says which.
    case unclear(LocalizedText)
  }

  /// Says that the file's program writes a comma before decimals, since it put semicolons between fields.
  let hasDecimalCommas: Bool
  /// Says that people of the form's language write the day before the month; nobody can tell for English.
  let isDayFirst: Bool

  func cell(_ raw: String, for question: FormQuestion, choices: [FormChoice]) -> Reading {
    let text = raw.trimmingWhitespace
    switch question.kind {
    case .integer: return Self.integer(text)
    case .decimal: return decimal(text)
    case .date: return date(text)
    case .time: return .text(Self.clock(text) ?? text)
    case .dateTime: return dateTime(text)
    case .selectOne, .selectMultiple:
      let zeros = LostZeros(choices.map(\.name))
      return .text(text.split(whereSeparator: \.isWhitespace).map { zeros.restored(String($0)) }.joined(separator: " "))
    default: return .text(raw)
    }
  }

  // MARK: Numbers

  /// `1,0` and `1.0` are 1; `1.000` may be a thousand.
  package static func integer(_ text: String) -> Reading {
    if isGrouped(text) { return .unclear(grouped) }
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "," || $0 == "." }
    guard parts.count == 2, !parts[0].isEmpty, (1...2).contains(parts[1].count), parts[1].allSatisfy({ $0 == "0" }) else {
      return .text(text)
    }
    return .text(String(parts[0]))
  }

  private func decimal(_ text: String) -> Reading {
    let commas = text.count { $0 == "," }
    if commas == 1, !text.contains("."), hasDecimalCommas || !Self.isGrouped(text) {
      return .text(text.replacing(",", with: "."))
    }
    return commas > 0 || hasDecimalCommas && Self.isGrouped(text) ? .unclear(Self.grouped) : .text(text)
  }

  /// `1.000`, `12,345,678`: groups of three digits, of which a single one may be decimals.
  private static func isGrouped(_ text: String) -> Bool {
    let digits = text.drop { $0 == "-" || $0 == "+" }
    let parts = digits.split(omittingEmptySubsequences: false) { $0 == "," || $0 == "." }
    guard parts.count > 1, let first = parts.first, (1...3).contains(first.count), first != "0" else { return false }
    return parts.allSatisfy { $0.allSatisfy(\.isASCIIDigit) } && parts.dropFirst().allSatisfy { $0.count == 3 }
  }

  private static let grouped = LocalizedText(
    vi: "Số này có dấu chấm hoặc phẩy hiểu được hai cách; hãy viết không có dấu ngăn hàng nghìn.",
    en: "The comma or point of this number can be read in two ways; write it without signs between thousands.")

  // MARK: Days and times

  private func date(_ text: String) -> Reading {
    switch day(text) {
    case .text(let day): .text(day)
    case .unclear(let why): .unclear(why)
    case nil: .text(text)
    }
  }

  private func dateTime(_ text: String) -> Reading {
    let parts = text.split(maxSplits: 1) { $0 == " " || $0 == "T" }
    guard parts.count == 2, let clock = Self.clock(String(parts[1])) else { return .text(text) }
    switch day(String(parts[0])) {
    case .text(let day): return .text(day + "T" + clock)
    case .unclear(let why): return .unclear(why)
    case nil: return .text(text)
    }
  }

  /// The day that a moment without a zone states, with or without a time behind it; nil where it states none.
  func dayOfMoment(_ text: String) -> Reading? {
    let parts = text.split(maxSplits: 1) { $0 == " " || $0 == "T" }
    guard let first = parts.first, parts.count == 1 || Self.clock(String(parts[1]), needsWholeMinutes: false) != nil else { return nil }
    return day(String(first))
  }

  /// `28/11/2025`, `28-11-25`, `28-Nov-25`, `2025/11/28` as `2025-11-28`; nil for what is no day. A midnight behind it says nothing.
  private func day(_ text: String) -> Reading? {
    let pieces = text.split(separator: " ", maxSplits: 1)
    if pieces.count == 2, Self.clock(String(pieces[1])) == "00:00" { return day(String(pieces[0])) }
    if ISODate(text) != nil { return .text(text) }
    let parts = text.split(omittingEmptySubsequences: false) { "/-.".contains($0) }.map(String.init)
    guard parts.count == 3, parts.allSatisfy({ (1...4).contains($0.count) }) else { return nil }
    let numbers = parts.map { ISODate.number(Array($0.utf8)) }
    if let month = Self.months.firstIndex(of: parts[1].lowercased()), let first = numbers[0] {
      return Self.iso(parts[2], month + 1, first).map { .text($0) }
    }
    guard let first = numbers[0], let second = numbers[1], let third = numbers[2] else { return nil }
    if parts[0].count == 4 { return Self.iso(parts[0], second, third).map { .text($0) } }
    let dayFirst = Self.iso(parts[2], second, first)
    let monthFirst = Self.iso(parts[2], first, second)
    if isDayFirst { return dayFirst.map { .text($0) } ?? (monthFirst == nil ? nil : .unclear(Self.dayFirstNeeded)) }
    guard let one = dayFirst ?? monthFirst else { return nil }
    return dayFirst == nil || monthFirst == nil || dayFirst == monthFirst ? .text(one) : .unclear(Self.twoDays)
  }

  private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
  /// Puts a year of two digits where a spreadsheet does: up to this year into the century that began in 2000.
  private static let lastYearOfThisCentury = 29

  private static func iso(_ year: String, _ month: Int, _ day: Int) -> String? {
    guard let number = ISODate.number(Array(year.utf8)), year.count == 4 || year.count == 2, (0...99).contains(month),
      (0...99).contains(day)
    else { return nil }
    let whole = year.count == 4 ? number : number + (number <= lastYearOfThisCentury ? 2000 : 1900)
    func padded(_ value: Int, _ width: Int) -> String { String(repeating: "0", count: max(0, width - String(value).count)) + String(value) }
    return ISODate("\(padded(whole, 4))-\(padded(month, 2))-\(padded(day, 2))")?.text
  }

  private static let dayFirstNeeded = LocalizedText(
    vi: "Ngày phải viết ngày trước tháng, như 28/11/2025, hoặc 2025-11-28.",
    en: "The day must stand before the month, as in 28/11/2025, or write 2025-11-28.")
  private static let twoDays = LocalizedText(
    vi: "Không rõ đâu là ngày, đâu là tháng; hãy viết như 2025-11-28.",
    en: "Which is the day and which the month cannot be told; write it as 2025-11-28.")

  /// `8:30`, `08:30:00`, `2:05 PM` and `2:05 CH` as `HH:MM`; nil for what is none, or has seconds that would be lost.
  private static func clock(_ text: String, needsWholeMinutes: Bool = true) -> String? {
    var words = text.split(separator: " ").map(String.init)
    let half = words.count == 2 ? words.removeLast().uppercased() : ""
    guard words.count == 1, ["", "AM", "PM", "SA", "CH"].contains(half) else { return nil }
    let parts = words[0].split(separator: ":", omittingEmptySubsequences: false).map { ISODate.number(Array($0.utf8)) }
    guard (2...3).contains(parts.count), let hour = parts[0], let minute = parts[1], minute < 60 else { return nil }
    if parts.count == 3 {
      guard let second = parts[2], second < 60, !needsWholeMinutes || second == 0 else { return nil }
    }
    guard half.isEmpty ? hour < 24 : (1...12).contains(hour) else { return nil }
    let whole = half.isEmpty ? hour : hour % 12 + (half == "PM" || half == "CH" ? 12 : 0)
    return (whole < 10 ? "0" : "") + "\(whole):" + (minute < 10 ? "0" : "") + "\(minute)"
  }
}
