public import SyncCore

/// Formats of numbers, days, times, spans and states for people in one language, on pages and in a terminal.
///
/// JSON keeps plain numbers and ISO dates. The host's locale takes no part, so every machine writes alike.
public struct Wording: Sendable {
  public let language: Language

  public init(language: Language) { self.language = language }

  public func text(_ vi: String, _ en: String) -> String { language == .vietnamese ? vi : en }

  public var noContact: String { text("chưa liên lạc", "no contact") }
  public var unknown: String { "–" }

  // MARK: Numbers

  /// Returns a number with the language's sign between thousands.
  public func number(_ value: Int?) -> String {
    guard let value else { return unknown }
    let digits = String(value.magnitude)
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { grouped += text(".", ",") }
      grouped.append(digit)
    }
    return (value < 0 ? "−" : "") + grouped
  }

  /// Returns tenths as a decimal, with the language's decimal sign; a zero tenth is left out.
  public func decimal(tenths: Int) -> String {
    let (whole, rest) = tenths.quotientAndRemainder(dividingBy: 10)
    let sign = tenths < 0 && whole == 0 ? "−" : ""
    return rest == 0 ? number(whole) : "\(sign)\(number(whole))\(text(",", "."))\(rest.magnitude)"
  }

  public func percent(_ permille: Int?) -> String {
    guard let permille else { return unknown }
    return "\(decimal(tenths: permille)) %"
  }

  // MARK: Days and times

  /// Returns a day as `01/04/2024` or `2024-04-01`.
  public func day(_ day: CalendarDay) -> String {
    language == .vietnamese ? day.description.split(separator: "-").reversed().joined(separator: "/") : day.description
  }

  /// Returns a time as `08:51 01/04/2024` or `2024-04-01 08:51`.
  public func time(_ time: LocalTime) -> String {
    let clock = time.description.suffix(5)
    return text("\(clock) \(day(time.day))", "\(day(time.day)) \(clock)")
  }

  /// Returns a time of `Board.times`, short enough for a narrow screen: `08:51`, `08:51 01/04` or `04-01 08:51`.
  public func time(_ text: String?) -> String? {
    guard let text, text.count == 16 else { return text }
    let (day, clock) = (text.prefix(10).dropFirst(5), text.suffix(5))
    return language == .vietnamese ? "\(clock) \(day.split(separator: "-").reversed().joined(separator: "/"))" : "\(day) \(clock)"
  }

  /// Returns the time since an instant, in one unit.
  public func ago(_ ms: Int64, nowMs: Int64) -> String {
    let seconds = max(0, nowMs - ms) / 1000
    switch seconds {
    case ..<60: return text("vừa xong", "just now")
    case ..<3600: return text("\(seconds / 60) phút trước", "\(seconds / 60) min ago")
    case ..<86_400: return text("\(seconds / 3600) giờ trước", "\(seconds / 3600) h ago")
    default: return text("\(seconds / 86_400) ngày trước", "\(seconds / 86_400) d ago")
    }
  }

  /// Returns how far a device's clock is ahead of the hub's; below a second it is right.
  public func skew(_ ms: Int64?) -> String {
    guard let ms else { return unknown }
    let seconds = Int64(clamping: ms.magnitude / 1000)
    let sign = ms < 0 ? "−" : "+"
    switch seconds {
    case 0: return text("đúng giờ", "right")
    case ..<120: return "\(sign)\(seconds) s"
    case ..<7200: return "\(sign)\(seconds / 60) \(text("phút", "min"))"
    case ..<172_800: return "\(sign)\(seconds / 3600) \(text("giờ", "h"))"
    default: return "\(sign)\(number(Int(seconds / 86_400))) \(text("ngày", "d"))"
    }
  }

  /// Returns a length of time in whole words, in one unit.
  public func span(ms: Int64) -> String {
    let seconds = Int(clamping: ms.magnitude / 1000)
    switch seconds {
    case ..<120: return text("\(seconds) giây", "\(seconds) seconds")
    case ..<7200: return text("\(seconds / 60) phút", "\(seconds / 60) minutes")
    case ..<172_800: return text("\(seconds / 3600) giờ", "\(seconds / 3600) hours")
    default: return text("\(number(seconds / 86_400)) ngày", "\(number(seconds / 86_400)) days")
    }
  }

  // MARK: States

  public func phase(_ phase: CampaignPhase) -> String {
    switch phase {
    case .notYetOpen: text("chưa mở", "not open yet")
    case .open: text("đang thu phiếu", "open")
    case .grace: text("đang nhận bổ sung", "late arrivals accepted")
    case .closed: text("đã đóng", "closed")
    }
  }

  /// Returns the phase of a campaign, with the time at which it changes.
  public func standing(of campaign: Campaign, atMs nowMs: Int64) -> String {
    let graceEnds = time(campaign.localTime(atMs: campaign.graceEndsMs))
    return switch campaign.phase(atMs: nowMs) {
    case .notYetOpen: text("mở lúc \(time(campaign.opens))", "opens \(time(campaign.opens))")
    case .open: text("đang thu phiếu đến \(time(campaign.closes))", "open until \(time(campaign.closes))")
    case .grace: text("nhận phiếu đến muộn đến \(graceEnds)", "late arrivals until \(graceEnds)")
    case .closed: text("đã đóng lúc \(graceEnds)", "closed since \(graceEnds)")
    }
  }

  public func report(_ status: ReportStatus) -> String {
    switch status {
    case .onTime: text("đúng hạn", "on time")
    case .late: text("muộn", "late")
    case .missing: text("chưa có", "missing")
    case .notYetDue: text("chưa đến hạn", "not due yet")
    }
  }

  /// Returns the name of a form's state; a state that this program does not know is shown as itself.
  public func formState(_ state: String) -> String {
    switch FormState(rawValue: state) {
    case .open: text("mở", "open")
    case .closing: text("đang đóng", "closing")
    case .closed: text("đã đóng", "closed")
    case nil: state
    }
  }
}
