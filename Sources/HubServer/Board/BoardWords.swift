internal import SurveyKit
internal import SyncKit

/// How numbers, days and states are written on pages and in tables, in one language.
struct BoardWords {
  let language: Language

  func text(_ vi: String, _ en: String) -> String { language == .vietnamese ? vi : en }

  var noContact: String { text("chưa liên lạc", "no contact") }
  var unknown: String { "–" }

  /// With the language's sign between thousands.
  func number(_ value: Int?) -> String {
    guard let value else { return unknown }
    let digits = String(value.magnitude)
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { grouped += text(".", ",") }
      grouped.append(digit)
    }
    return (value < 0 ? "-" : "") + grouped
  }

  func percent(_ permille: Int?) -> String {
    guard let permille else { return unknown }
    return permille % 10 == 0 ? "\(number(permille / 10)) %" : "\(number(permille / 10))\(text(",", "."))\(permille % 10) %"
  }

  func day(_ day: CalendarDay) -> String {
    let parts = day.description.split(separator: "-")
    return language == .vietnamese ? parts.reversed().joined(separator: "/") : day.description
  }

  /// A time as `Board.times` gives it, short enough for a narrow screen: `08:51`, `08:51 01/04` or `04-01 08:51`.
  func time(_ text: String?) -> String? {
    guard let text, text.count == 16 else { return text }
    let (day, clock) = (text.prefix(10).dropFirst(5), text.suffix(5))
    return language == .vietnamese ? "\(clock) \(day.split(separator: "-").reversed().joined(separator: "/"))" : "\(day) \(clock)"
  }

  func phase(_ phase: CampaignPhase) -> String {
    switch phase {
    case .notYetOpen: text("chưa mở", "not open yet")
    case .open: text("đang thu phiếu", "open")
    case .grace: text("đang nhận bổ sung", "late arrivals accepted")
    case .closed: text("đã đóng", "closed")
    }
  }

  func report(_ status: ReportStatus) -> String {
    switch status {
    case .onTime: text("đúng hạn", "on time")
    case .late: text("muộn", "late")
    case .missing: text("chưa có", "missing")
    case .notYetDue: text("chưa đến hạn", "not due yet")
    }
  }

  /// How long ago, in one unit.
  func ago(_ ms: Int64, nowMs: Int64) -> String {
    let seconds = max(0, nowMs - ms) / 1000
    switch seconds {
    case ..<60: return text("vừa xong", "just now")
    case ..<3600: return text("\(seconds / 60) phút trước", "\(seconds / 60) min ago")
    case ..<86_400: return text("\(seconds / 3600) giờ trước", "\(seconds / 3600) h ago")
    default: return text("\(seconds / 86_400) ngày trước", "\(seconds / 86_400) d ago")
    }
  }

  /// How far a device's clock is ahead of the hub's; below a second it is right.
  func skew(_ ms: Int64?) -> String {
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
}
