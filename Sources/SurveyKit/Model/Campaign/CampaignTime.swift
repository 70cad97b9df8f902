/// Phase of a campaign. Legal next states: `notYetOpen` → `open` → `grace` → `closed`.
public enum CampaignPhase: String, Sendable, Hashable, Codable, CaseIterable {
  /// Before the opening: nobody may answer yet. Next: `open`.
  case notYetOpen
  /// Answers are accepted. Next: `grace`, or `closed` when there is no grace.
  case open
  /// Nobody may begin; late arrivals are accepted and flagged. Next: `closed`.
  case grace
  /// Answers are no longer accepted.
  case closed
}

/// State of one unit's report of one day.
public enum ReportStatus: String, Sendable, Hashable, Codable, CaseIterable {
  /// Received before it was due.
  case onTime
  /// Received at or after the due time.
  case late
  /// Not received although due.
  case missing
  /// Not received, and there is still time.
  case notYetDue
}

extension Campaign {
  /// Returns the day of an instant in the campaign's zone.
  public func dayOf(_ ms: Int64) -> CalendarDay {
    CalendarDay(msSince1970: ms, in: timeZone)
  }

  /// Returns the day of the hub's present in the campaign's zone.
  public func today(atMs nowMs: Int64) -> CalendarDay {
    dayOf(nowMs)
  }

  public var opensMs: Int64 { opens.ms(in: timeZone) }
  public var closesMs: Int64 { closes.ms(in: timeZone) }
  /// Instant from which on nothing is accepted.
  public var graceEndsMs: Int64 { closesMs + Int64(graceMinutes) * 60_000 }

  /// Returns the phase at an instant. Each phase begins at its instant and ends just before the next: at `closes` sharp the
  /// campaign is in `grace`.
  public func phase(atMs nowMs: Int64) -> CampaignPhase {
    if nowMs < opensMs { return .notYetOpen }
    if nowMs < closesMs { return .open }
    return nowMs < graceEndsMs ? .grace : .closed
  }

  /// Returns whether a report is asked for on `day`.
  public func expectsReport(on day: CalendarDay) -> Bool {
    reportDays.contains(day)
  }

  /// Returns the instant at which the report of `day` is due: midnight at the end of that day in the campaign's zone, and
  /// `reportGraceMinutes` more.
  ///
  /// A commune without signal writes its report in the evening and sends it in the morning; the grace tells until when that counts
  /// as on time.
  public func reportDueMs(_ day: CalendarDay) -> Int64 {
    let midnight = day.adding(days: 1).map { LocalTime(startOf: $0).ms(in: timeZone) }
    return (midnight ?? LocalTime(startOf: day).ms(in: timeZone) + CalendarDay.msPerDay) + Int64(reportGraceMinutes) * 60_000
  }

  /// Returns the state of the report of `day`, for any day; `expectsReport(on:)` tells whether one is asked for.
  ///
  /// - Parameters:
  ///   - receivedAtMs: Hub time when the hub first received a report of that day; `nil` when it has none. Corrections do not change
  ///     it.
  ///   - nowMs: Hub time now.
  public func reportStatus(_ day: CalendarDay, receivedAtMs: Int64?, nowMs: Int64) -> ReportStatus {
    let dueMs = reportDueMs(day)
    if let receivedAtMs { return receivedAtMs < dueMs ? .onTime : .late }
    return nowMs < dueMs ? .notYetDue : .missing
  }
}
