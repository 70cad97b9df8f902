public import SyncCore

/// Answers as people write and read them, turned into the spelling forms store, and back.
///
/// Days are read as `d/m/yyyy`, with points or dashes too, and as `YYYY-MM-DD`; times as `8:30`, `8h30`, `8h`; decimals with a
/// comma. What is none of these is given back as it is, for `AnswerValidator` to refuse in its own words.
public enum LocalAnswer {
  /// What was typed in answer to a question of that kind, in the spelling the form stores.
  public static func stored(_ typed: String, for kind: QuestionKind) -> String {
    let text = typed.nfc.trimmingWhitespace
    switch kind {
    case .date: return day(text) ?? text
    case .time: return time(text) ?? text
    case .dateTime:
      let parts = text.replacing("T", with: " ").split(separator: " ").map(String.init)
      guard parts.count == 2, let day = day(parts[0]), let time = time(parts[1]) else { return text }
      return "\(day)T\(time)"
    case .decimal:
      return text.contains(".") || text.count(where: { $0 == "," }) != 1 ? text : text.replacing(",", with: ".")
    default: return text
    }
  }

  /// A stored answer as it is read in that language: in Vietnamese days as `dd/mm/yyyy` and decimals with a comma.
  public static func shown(_ value: AnswerValue, for kind: QuestionKind, in language: Language) -> String {
    let text = value.cell
    let words = Wording(language: language)
    switch kind {
    case .date: return CalendarDay(text).map(words.day) ?? text
    case .dateTime:
      let parts = text.split(separator: "T").map(String.init)
      guard parts.count == 2, let day = CalendarDay(parts[0]) else { return text }
      return "\(words.day(day)) \(parts[1])"
    case .decimal: return text.replacing(".", with: words.text(",", "."))
    default: return text
    }
  }

  private static func day(_ text: String) -> String? {
    if let day = CalendarDay(text) { return day.description }
    let parts = text.split(omittingEmptySubsequences: false) { "/.-".contains($0) }
    guard parts.count == 3, (1...2).contains(parts[0].utf8.count), (1...2).contains(parts[1].utf8.count), parts[2].utf8.count == 4,
      let day = ISODate.number(parts[0].utf8), let month = ISODate.number(parts[1].utf8),
      let year = ISODate.number(parts[2].utf8)
    else { return nil }
    return CalendarDay(year: year, month: month, day: day)?.description
  }

  private static func time(_ text: String) -> String? {
    let parts = text.lowercased().split(omittingEmptySubsequences: false) { ":h".contains($0) }
    guard parts.count == 2, (1...2).contains(parts[0].utf8.count), let hour = ISODate.number(parts[0].utf8), hour < 24 else { return nil }
    let minute = parts[1].isEmpty && text.lowercased().hasSuffix("h") ? 0 : parts[1].utf8.count == 2 ? ISODate.number(parts[1].utf8) : nil
    guard let minute, minute < 60 else { return nil }
    return "\(CalendarDay.padded(hour, 2)):\(CalendarDay.padded(minute, 2))"
  }
}
