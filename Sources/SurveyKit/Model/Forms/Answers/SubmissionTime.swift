/// Reads a moment as devices write it and keeps the day only: the time of day would help to tell who answered.
enum SubmissionTime {
  /// The day of an ISO 8601 moment such as `2024-04-01T08:21:22+07:00` in a zone, `YYYY-MM-DD`; nil if it is not one.
  ///
  /// - Parameter zoneOffsetMinutes: Minutes east of UTC; Vietnam is 420.
  static func day(of text: String, zoneOffsetMinutes: Int) -> String? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.count <= 40, bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
      bytes[16] == UInt8(ascii: ":"),
      let date = ISODate(text.prefix(10)), let hour = ISODate.number(bytes[11..<13]), let minute = ISODate.number(bytes[14..<16]),
      let second = ISODate.number(bytes[17..<19]), hour < 24, minute < 60, second <= 60, (-1_440...1_440).contains(zoneOffsetMinutes)
    else { return nil }
    var rest = bytes[19...]
    if rest.first == UInt8(ascii: ".") {
      let fraction = rest.dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard !fraction.isEmpty else { return nil }
      rest = rest.dropFirst(fraction.count + 1)
    }
    guard let offset = offsetMinutes(Array(rest)) else { return nil }
    let minutes = hour * 60 + minute - offset + zoneOffsetMinutes
    let days = Int((Double(minutes) / 1_440).rounded(.down))
    return ISODate(daysSinceEpoch: date.daysSinceEpoch + days)?.text
  }

  /// `Z` or `±HH:MM`.
  private static func offsetMinutes(_ bytes: [UInt8]) -> Int? {
    if bytes == [UInt8(ascii: "Z")] { return 0 }
    guard bytes.count == 6, bytes[3] == UInt8(ascii: ":"), let hours = ISODate.number(bytes[1..<3]),
      let minutes = ISODate.number(bytes[4..<6]),
      hours <= 18, minutes < 60
    else { return nil }
    switch bytes[0] {
    case UInt8(ascii: "+"): return hours * 60 + minutes
    case UInt8(ascii: "-"): return -(hours * 60 + minutes)
    default: return nil
    }
  }
}
