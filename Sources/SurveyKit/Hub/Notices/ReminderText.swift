public import SurveyKit
internal import SyncHub

/// Text that reminds one unit of what it lacks, with the unit's own figures. Always in Vietnamese, because the group reads it,
/// whatever language the operator reads.
public struct ReminderText: Sendable {
  private let day: OperatorDay
  private let words = Wording(language: .vietnamese)

  public init(_ day: OperatorDay) { self.day = day }

  public func text(_ line: UnitLine) -> String {
    var lacks: [String] = []
    let target = line.target.map { words.number($0) } ?? "?"
    if let expected = line.target, line.counts.received < expected {
      let due = line.expected > line.counts.received ? ", lẽ ra \(words.number(line.expected)) vào giờ này" : ""
      lacks.append("đã nhận \(words.number(line.counts.received))/\(target) phiếu\(due)")
    }
    let missing = day.reportDays.filter { line.arrivals[$0] == nil }
    let overdue = missing.filter { day.campaign.reportDueMs($0) <= day.nowMs }
    if !overdue.isEmpty { lacks.append("thiếu báo cáo đã quá hạn các ngày \(overdue.map(short).joined(separator: ", "))") }
    for reportDay in missing where !overdue.contains(reportDay) {
      lacks.append("báo cáo ngày \(short(reportDay)) chưa có, hạn \(time(day.campaign.reportDueMs(reportDay)))")
    }
    let photos = line.counts.photos - line.counts.photosIn
    if photos > 0 { lacks.append("\(words.number(photos)) ảnh chưa về") }
    if let ms = line.counts.lastContactMs {
      if day.nowMs - ms > UnitFacts.silentAfterMs { lacks.append("máy chưa liên lạc từ \(time(ms))") }
    } else {
      lacks.append("chưa có máy nào liên lạc")
    }
    let said = lacks.isEmpty ? "mọi việc đến hạn đã có" : lacks.joined(separator: "; ")
    return
      "Gửi tổ công tác \(line.name) (\(line.unit.rawValue)): tính đến \(time(day.nowMs)), \(said). Đề nghị tổ làm tiếp phần còn thiếu và đồng bộ máy (field sync)."
  }

  /// Returns the state on which a text rests: a reminder is not sent when the state has changed since.
  public func basis(_ line: UnitLine) -> String {
    let missing = day.reportDays.filter { line.arrivals[$0] == nil }.map(\.description)
    return ([line.state.rawValue] + missing).joined(separator: " ")
  }

  /// Returns a day as `30/11`.
  private func short(_ day: CalendarDay) -> String { day.description.split(separator: "-").suffix(2).reversed().joined(separator: "/") }

  private func time(_ ms: Int64) -> String {
    let text = day.campaign.wallText(atMs: ms)
    return words.time(text.hasPrefix(day.board.today.description) ? String(text.suffix(5)) : text) ?? text
  }
}

/// Error for units that were reminded a short while ago: a second reminder needs a confirmation.
public struct RemindedAlready: Error {
  /// Reminders of the last hour, by unit, the newest first.
  public var notices: [Notice]

  /// Milliseconds within which a second reminder needs a confirmation: one hour.
  public static let askedMs: Int64 = 3_600_000
}
