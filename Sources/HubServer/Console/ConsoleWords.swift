internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Names states and their next acts on the pages.
extension Wording {
  func state(_ state: UnitState) -> String {
    switch state {
    case .neverInContact: text("chưa từng liên lạc", "never in contact")
    case .silent: text("im lặng", "silent")
    case .deviceTrouble: text("máy trục trặc", "device trouble")
    case .late: text("muộn", "late")
    case .onTheWay: text("đang thu", "on the way")
    case .nothingDue: text("chưa đến hạn", "nothing due")
    case .complete: text("đủ", "complete")
    }
  }

  /// The one thing to do next about a unit; nil where nobody need act.
  func nextAct(_ state: UnitState) -> String? {
    switch state {
    case .neverInContact: text("gọi; cấp mã hoặc QR", "call; new code or QR")
    case .silent: text("gọi", "call")
    case .deviceTrouble: text("gọi, mở trang máy", "call, with the device's page open")
    case .late: text("nhắc", "remind")
    case .onTheWay, .nothingDue, .complete: nil
    }
  }

  func trouble(_ trouble: DeviceTrouble) -> String {
    switch trouble {
    case .revokedSends(let batches, let answers):
      text(
        "máy đã thu hồi vẫn gửi: \(number(batches)) gói, \(number(answers)) phiếu chờ quyết định",
        "a revoked device goes on: \(number(batches)) batches, \(number(answers)) answers to decide about")
    case .stuck: text("gói việc bị kẹt", "a batch is stuck")
    case .differs: text("máy khác dữ liệu với máy chủ", "the device holds other data than the hub")
    case .clock(let ms):
      ms > 0
        ? text("đồng hồ nhanh \(span(ms: ms))", "its clock is \(span(ms: ms)) fast")
        : text("đồng hồ chậm \(span(ms: ms))", "its clock is \(span(ms: ms)) slow")
    case .full: text("máy đã gửi hết phần chữ của mình", "the device has sent all the text that one may")
    case .oldForm(let form): text("dùng biểu mẫu cũ \(form)", "uses the earlier form \(form)")
    }
  }

  /// A length of time as people say it, in two units: “7 giờ 45 phút”, “3 ngày”; to the nearest minute.
  func length(ms: Int64) -> String {
    let minutes = Int(clamping: (ms.magnitude + 30_000) / 60_000)
    let (days, hours, rest) = (minutes / 1440, minutes / 60, minutes % 60)
    if minutes < 60 { return text("\(minutes) phút", "\(minutes) min") }
    if hours < 48 {
      return rest == 0 ? text("\(hours) giờ", "\(hours) h") : text("\(hours) giờ \(rest) phút", "\(hours) h \(rest) min")
    }
    return text("\(number(days)) ngày", "\(number(days)) days")
  }

  /// Says whether the window is open and how long it remains so: “đóng sau 7 giờ 30 phút”.
  func remaining(of campaign: Campaign, atMs nowMs: Int64) -> String {
    switch campaign.phase(atMs: nowMs) {
    case .notYetOpen: text("mở sau \(length(ms: campaign.opensMs - nowMs))", "opens in \(length(ms: campaign.opensMs - nowMs))")
    case .open: text("đóng sau \(length(ms: campaign.closesMs - nowMs))", "closes in \(length(ms: campaign.closesMs - nowMs))")
    case .grace:
      text(
        "nhận đến muộn thêm \(length(ms: campaign.graceEndsMs - nowMs))", "late arrivals for \(length(ms: campaign.graceEndsMs - nowMs))")
    case .closed: text("đã đóng", "closed")
    }
  }

  /// Words for a value that is not known.
  var notKnown: String { text("chưa biết", "not known") }
}

extension UnitState {
  /// Readable without colour.
  var glyph: String {
    switch self {
    case .neverInContact: "∅"
    case .silent: "◔"
    case .deviceTrouble: "⚙"
    case .late: "!"
    case .onTheWay: "●"
    case .nothingDue: "…"
    case .complete: "✓"
    }
  }

  /// Class of the style sheet.
  var style: String {
    switch self {
    case .neverInContact: "never"
    case .silent: "silent"
    case .deviceTrouble: "odd"
    case .late: "late"
    case .onTheWay: "way"
    case .nothingDue: "none"
    case .complete: "done"
    }
  }
}
