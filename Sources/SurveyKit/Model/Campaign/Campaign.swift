public import Foundation
public import SyncCore

/// Survey campaign as data: when it runs, what it asks, when reports are due, what may be shown.
///
/// All times are on the wall clock of `timeZone`. Functions of time take milliseconds since 1970-01-01 UTC from the caller, the
/// hub's time, and never read a clock, so every device and page agrees about today.
public struct Campaign: Sendable, Hashable {
  public static let defaultTimeZone = "Asia/Ho_Chi_Minh"
  /// Minutes of the longest grace: 366 days.
  public static let graceMinutesMax = 366 * 1_440
  /// Report days, and forms: enough for a year of daily reports.
  public static let listCountMax = 400

  public var id: String
  public var title: LocalizedText
  /// Top of the unit tree.
  public var province: ProvinceName
  public var timeZone: TimeZone
  public var opens: LocalTime
  public var closes: LocalTime
  /// Minutes after `closes` in which late answers are accepted and flagged.
  public var graceMinutes: Int
  /// Minutes after the end of a report day until its report is due.
  public var reportGraceMinutes: Int
  /// Days on which each commune reports, in order.
  public var reportDays: [CalendarDay]
  /// Ids of the forms that people answer.
  public var forms: [String]
  /// Id of the daily report's form.
  public var reportForm: String
  public var thresholds: Thresholds
  /// True when results come out once a day while a form is open, in ranges; otherwise only when it closes.
  public var hasDailyResults: Bool

  public init(
    id: String, title: LocalizedText, province: ProvinceName, timeZone: TimeZone, opens: LocalTime, closes: LocalTime, graceMinutes: Int,
    reportGraceMinutes: Int? = nil, reportDays: [CalendarDay], forms: [String], reportForm: String, thresholds: Thresholds = Thresholds(),
    hasDailyResults: Bool = false
  ) {
    self.id = id
    self.title = title
    self.province = province
    self.timeZone = timeZone
    self.opens = opens
    self.closes = closes
    self.graceMinutes = min(max(graceMinutes, 0), Self.graceMinutesMax)
    self.reportGraceMinutes = min(max(reportGraceMinutes ?? self.graceMinutes, 0), Self.graceMinutesMax)
    self.reportDays = Array(Set(reportDays)).sorted()
    self.forms = forms
    self.reportForm = reportForm
    self.thresholds = thresholds
    self.hasDailyResults = hasDailyResults
  }

  /// First day on which anything happens: the opening or the first report day.
  public var firstDay: CalendarDay {
    min(opens.day, reportDays.first ?? opens.day)
  }

  /// Years to which a campaign is moved: another is a slip of the keyboard.
  private var yearsOfDays: ClosedRange<Int> { 2000...2100 }

  /// Returns the campaign moved by whole days so that `firstDay` is `day`; hours on the wall clock stay.
  ///
  /// - Throws: when a day would leave the calendar.
  public func moved(toDay day: CalendarDay) throws(DataProblems) -> Campaign {
    guard yearsOfDays.contains(day.year) else {
      throw DataProblems([
        DataProblem(
          "campaign.json", vi: "Không dời đến \(day): năm phải từ \(yearsOfDays.lowerBound) đến \(yearsOfDays.upperBound).",
          en: "It is not moved to \(day): the year must be \(yearsOfDays.lowerBound) to \(yearsOfDays.upperBound).")
      ])
    }
    return try moved(byDays: day.daysSince1970 - firstDay.daysSince1970)
  }

  static func shifted(_ day: CalendarDay, by days: Int) throws(DataProblems) -> CalendarDay {
    guard let result = day.adding(days: days) else {
      throw DataProblems([
        DataProblem(
          "campaign.json", vi: "Không thể dời ngày \(day) đi \(days) ngày: ngoài lịch.",
          en: "The day \(day) cannot be moved by \(days) days: it would leave the calendar.")
      ])
    }
    return result
  }
}
