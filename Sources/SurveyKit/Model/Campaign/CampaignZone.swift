internal import Foundation

extension Campaign {
  /// Returns whether answers or reports may still come: its last day is not over.
  package func isAwaited(atMs nowMs: Int64) -> Bool { dayOf(nowMs) <= days.upperBound }

  /// Returns the campaign zone's wall clock at an instant, to the minute, for display.
  public func localTime(atMs ms: Int64) -> LocalTime {
    let local = LocalTime.localMs(ms, in: timeZone)
    let minute = Int(CalendarDay.floorDivide(local, CalendarDay.msPerDay).remainder / 60_000)
    return LocalTime(day: dayOf(ms), minute: minute) ?? LocalTime(startOf: dayOf(ms))
  }

  /// Minutes that the zone is east of UTC while the campaign runs.
  public var zoneOffsetMinutes: Int {
    timeZone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(opensMs) / 1000)) / 60
  }
}
