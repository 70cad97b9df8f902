public import Foundation

/// Day and minute on the wall clock of a campaign's zone. Its text form is `YYYY-MM-DD HH:MM`.
public struct LocalTime: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  public var day: CalendarDay
  /// Minutes since midnight, 0...1439.
  public let minute: Int

  /// Makes a time; `nil` when `minute` is not within a day.
  public init?(day: CalendarDay, minute: Int) {
    guard (0..<1_440).contains(minute) else { return nil }
    self.day = day
    self.minute = minute
  }

  /// The minute that an instant falls in, on the wall clock of `timeZone`.
  ///
  /// - Parameter ms: Milliseconds since 1970-01-01 UTC; instants outside the calendar give its ends.
  public init(msSince1970 ms: Int64, in timeZone: TimeZone) {
    day = CalendarDay(msSince1970: ms, in: timeZone)
    minute = Int(CalendarDay.floorDivide(Self.localMs(ms, in: timeZone), CalendarDay.msPerDay).remainder / 60_000)
  }

  /// Makes the midnight at the start of `day`.
  public init(startOf day: CalendarDay) {
    self.day = day
    minute = 0
  }

  /// Parses `YYYY-MM-DD HH:MM`, also with a `T` between; anything else gives `nil`.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count == 16, bytes[10] == UInt8(ascii: " ") || bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
      let day = CalendarDay(String(text.prefix(10))),
      let hours = CalendarDay.number(bytes[11..<13]), let minutes = CalendarDay.number(bytes[14..<16]), hours < 24, minutes < 60
    else { return nil }
    self.init(day: day, minute: hours * 60 + minutes)
  }

  /// Returns the instant in milliseconds since 1970-01-01 UTC.
  ///
  /// A time that the zone's clocks skip gives the instant to which they skip, or just after; a time that they show twice gives one
  /// of the two.
  public func ms(in timeZone: TimeZone) -> Int64 {
    let local = Int64(day.daysSince1970) * CalendarDay.msPerDay + Int64(minute) * 60_000
    let guess = local - Self.offsetMs(local, in: timeZone)
    return local - Self.offsetMs(guess, in: timeZone)
  }

  public static func < (a: LocalTime, b: LocalTime) -> Bool {
    (a.day, a.minute) < (b.day, b.minute)
  }

  public var description: String {
    "\(day) \(CalendarDay.padded(minute / 60, 2)):\(CalendarDay.padded(minute % 60, 2))"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let time = LocalTime(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "“\(text)” is not a time; write YYYY-MM-DD HH:MM.")
    }
    self = time
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// Returns the wall clock's reading at an instant, counted as if it were UTC. Instants outside the calendar are taken as its
  /// ends.
  package static func localMs(_ ms: Int64, in timeZone: TimeZone) -> Int64 {
    let earliest = Int64(CalendarDay.first.daysSince1970) * CalendarDay.msPerDay
    let latest = (Int64(CalendarDay.last.daysSince1970) + 1) * CalendarDay.msPerDay - 1
    let instant = min(max(ms, earliest), latest)
    return min(max(instant + offsetMs(instant, in: timeZone), earliest), latest)
  }

  /// Returns how many milliseconds the zone's clocks are ahead of UTC at that instant.
  private static func offsetMs(_ ms: Int64, in timeZone: TimeZone) -> Int64 {
    Int64(timeZone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(ms) / 1_000))) * 1_000
  }
}
