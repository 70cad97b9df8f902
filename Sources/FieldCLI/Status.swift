internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Status: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Cho biết mọi thứ đã nhập trên thiết bị này đang ở đâu.", en: "Say where everything entered on this device is now."),
    discussion: LocalizedText(
      vi: "Mỗi mục ở đúng một nơi nên các số cộng lại phải khớp; không khớp thì field nói rõ và thoát với mã 1.",
      en: "Every entry is in exactly one place, so the numbers add up; if they do not, field says so and ends with 1."),
    examples: ["field status", "field status --json"])

  @OptionGroup var field: FieldOptions

  private struct Outcome: Encodable {
    var unit: String
    var addsUp: Bool
    var status: ReplicaStatus
    /// Time in the campaign's zone; nil before the first contact.
    var lastContact: String?
    var timeZone: String?
    /// Hub time minus this device's clock, in milliseconds.
    var offsetMs: Int64
    var today: String?
    /// Reason why today may be another day; nil when it is certain.
    var todayDoubt: CampaignToday.Doubt?
    /// Milliseconds by which this device's clock jumped since it was trusted.
    var clockJumpMs: Int64?
    /// Arrivals of reports with photos, by key.
    var photos: [String: RecordArrival]
    /// Reports that contradict their form as they stand.
    var invalidReports: [InvalidReport]
    /// True when the hub said in the last exchange that it has revoked this device.
    var isRevoked: Bool
    /// Messages of operators that nobody of the commune has seen, and reports sent back that are to be corrected.
    var messagesUnseen: Int
    var reportsToCorrect: Int
    /// Campaigns that still expect something, the one that is asked first.
    var campaigns: [Standing]

    struct Standing: Encodable {
      var id: String
      var phase: CampaignPhase
    }
  }

  func perform(_ console: Console) async throws {
    let survey = try field.openForReading(console)
    let unit = try await survey.unit()
    let status = try await survey.replica.status()
    let campaign = try await survey.campaign()
    let name = try await survey.units()?.displayName(of: unit) ?? ""
    let contact = status.lastContactMs.map { Int64(clamping: $0) }
    let today = campaign == nil ? nil : try await survey.campaignToday()
    let (awaited, nowMs) = (try await survey.openCampaigns(), try await survey.hubTimeMs())
    let notices = try await survey.notices()
    let outcome = Outcome(
      unit: unit.rawValue, addsUp: status.addsUp, status: status,
      lastContact: contact.flatMap { ms in campaign?.localTime(atMs: ms).description }, timeZone: campaign?.timeZone.identifier,
      offsetMs: status.offsetMs, today: today?.day.description, todayDoubt: today?.doubt,
      clockJumpMs: try await survey.replica.clockKnowledge().jumpMs, photos: try await survey.arrivals(),
      invalidReports: campaign == nil ? [] : try await survey.reports().compactMap(\.invalid),
      isRevoked: try await survey.replica.isRevoked(),
      messagesUnseen: notices.count { $0.turn == .unseen }, reportsToCorrect: notices.count(where: \.asksForCorrection),
      campaigns: awaited.map { Outcome.Standing(id: $0.id, phase: $0.phase(atMs: nowMs)) })
    try console.result(outcome)
    try await survey.warnOfUnreadableRows(console)
    if let trouble = try await survey.replica.keyTrouble() { console.warn(trouble.explanation) }
    if outcome.isRevoked { console.warn(Self.revoked(unit)) }
    console.say("Đơn vị: \(unit) \(name)", "Unit: \(unit) \(name)")
    if awaited.count > 1 {
      let standing = awaited.map { "\($0.id): " + console.words.standing(of: $0, atMs: nowMs) }.joined(separator: "; ")
      console.say("Các đợt khảo sát: \(standing)", "Campaigns: \(standing)")
    }
    showSum(status, console)
    for (report, arrival) in outcome.photos.sorted(by: { $0.key < $1.key }) where !arrival.isTextIn || arrival.photosIn < arrival.photos {
      let said = SyncWords.arrival(arrival)
      console.say("Báo cáo \(report): \(said.vi)", "Report \(report): \(said.en)")
    }
    showContact(outcome, hasContact: contact != nil, console)
    console.say("Xung đột chưa giải quyết: \(status.openConflicts)", "Open conflicts: \(status.openConflicts)")
    for invalid in outcome.invalidReports { console.warn(invalid.explanation) }
    if let waiting = Inbox.waiting(notices, console.words) { console.say("\(waiting.vi).", "\(waiting.en).") }
    showAgreement(status.agreement, console)
    for notice in status.notices {
      let time = campaign.map { console.words.time($0.localTime(atMs: Int64(clamping: notice.atMs))) } ?? ""
      console.say("\(time) \(notice.explanation.vi)", "\(time) \(notice.explanation.en)")
    }
    guard status.addsUp else {
      console.refuse(
        LocalizedText(
          vi: "CÁC SỐ KHÔNG KHỚP: có thể đã mất dữ liệu. Giữ nguyên máy và tệp \(field.storePath), báo ngay cho tỉnh.",
          en:
            "THE NUMBERS DO NOT ADD UP: something may be lost. Keep the device and \(field.storePath) as they are and tell the province now."
        ))
      throw ToolExit.failed
    }
  }

  /// Says what a revoked device is to do.
  static func revoked(_ unit: UnitCode) -> LocalizedText {
    LocalizedText(
      vi:
        "Tỉnh đã thu hồi thiết bị này và không nhận gì thêm từ nó; mọi thứ trên máy còn nguyên. Nếu thu hồi nhầm: báo tỉnh (hub devices restore), hoặc xin mã (hub enroll \(unit) --replaces …) rồi chạy field enroll MÃ trên kho này.",
      en:
        "The province has revoked this device and takes nothing more from it; everything on it is intact. If that was a mistake, tell the province (hub devices restore), or ask for a code (hub enroll \(unit) --replaces …) and run field enroll CODE on this store."
    )
  }

  private func showSum(_ status: ReplicaStatus, _ console: Console) {
    func n(_ value: Int) -> String { console.words.number(value) }
    console.say(
      "Thay đổi: \(n(status.captured)) đã ghi = \(n(status.pendingChanges)) chờ đóng gói + \(n(status.superseded)) đã được ghi đè + \(n(status.sealedChanges)) đã đóng gói"
        + " + \(n(status.waitingChanges)) chờ ở tỉnh + \(n(status.mergedChanges)) đã hợp nhất + \(n(status.heldChanges)) tạm giữ",
      "Changes: \(n(status.captured)) entered = \(n(status.pendingChanges)) pending + \(n(status.superseded)) superseded + \(n(status.sealedChanges)) sealed"
        + " + \(n(status.waitingChanges)) waiting at the hub + \(n(status.mergedChanges)) merged + \(n(status.heldChanges)) held")
    if status.refusedChanges > 0 {
      console.say(
        " + \(n(status.refusedChanges)) tỉnh không bao giờ nhận được, còn trên máy này",
        " + \(n(status.refusedChanges)) that the hub can never take, kept on this device")
    }
    console.say(
      "Phiếu: \(n(status.packetsMade)) đã thu = \(n(status.packetsWaiting)) chờ gửi + \(n(status.packetsKept)) tỉnh đã nhận",
      "Answers: \(n(status.packetsMade)) collected = \(n(status.packetsWaiting)) waiting + \(n(status.packetsKept)) kept at the hub")
    if status.packetsUncertain > 0 {
      console.say(
        "Trong đó \(n(status.packetsUncertain)) phiếu có thể ĐÃ MẤT: tỉnh đã khôi phục một bản sao lưu cũ hơn; hãy báo cho tỉnh.",
        "Of these \(n(status.packetsUncertain)) may be LOST: the province restored an older backup; tell the province.")
    }
  }

  private func showAgreement(_ agreement: Agreement, _ console: Console) {
    switch agreement {
    case .unknown: break
    case .outstanding:
      console.say("So với tỉnh: chưa so được, còn việc đang trên đường.", "Compared with the hub: not yet, something is on its way.")
    case .proved: console.say("So với tỉnh: giống hệt nhau.", "Compared with the hub: proved equal.")
    case .provedButHeld(let rows):
      console.say(
        "So với tỉnh: giống nhau, trừ \(console.words.number(rows)) dòng tỉnh đang giữ lại.",
        "Compared with the hub: equal but for \(console.words.number(rows)) held rows.")
    case .differs(let tables):
      console.warn(
        LocalizedText(
          vi: "So với tỉnh: KHÁC NHAU ở \(tables.joined(separator: ", ")); chạy field doctor rồi báo cho tỉnh.",
          en: "Compared with the hub: DIFFERENT in \(tables.joined(separator: ", ")); run field doctor and tell the province."))
    }
  }

  private func showContact(_ outcome: Outcome, hasContact: Bool, _ console: Console) {
    if let time = outcome.lastContact.flatMap({ LocalTime($0) }).map(console.words.time), let zone = outcome.timeZone {
      console.say("Liên lạc gần nhất: \(time) (\(zone))", "Last contact: \(time) (\(zone))")
    } else if hasContact {
      console.say("Đã liên lạc, nhưng chưa nhận được đợt khảo sát.", "There was contact, but the campaign has not arrived.")
    } else {
      console.say("Chưa liên lạc lần nào; 0 phiếu ở tỉnh không có nghĩa là đã gửi.", "No contact yet: nothing has been sent or fetched.")
    }
    let span = console.words.span(ms: outcome.offsetMs)
    if outcome.offsetMs.magnitude < 1000 {
      console.say("Đồng hồ: khớp với máy chủ", "Clock: agrees with the hub's")
    } else if outcome.offsetMs > 0 {
      console.say("Đồng hồ: chậm hơn máy chủ \(span)", "Clock: \(span) behind the hub's")
    } else {
      console.say("Đồng hồ: nhanh hơn máy chủ \(span)", "Clock: \(span) ahead of the hub's")
    }
    if let jump = outcome.clockJumpMs {
      let span = console.words.span(ms: jump)
      console.warn(
        LocalizedText(
          vi: "Đồng hồ máy này đã nhảy \(jump > 0 ? "tới" : "lùi") \(span) từ lúc còn tin được; chỉnh lại đồng hồ hoặc chạy field sync.",
          en:
            "This device's clock has jumped \(jump > 0 ? "forwards" : "backwards") by \(span) since it was believed; set it right, or run field sync."
        ))
    } else if outcome.todayDoubt == .behind {
      console.warn(
        LocalizedText(
          vi: "Đồng hồ máy này chậm hơn lần liên lạc gần nhất với tỉnh; chỉnh lại đồng hồ hoặc chạy field sync.",
          en: "This device's clock is behind the last contact with the hub; set it right, or run field sync."))
    }
  }
}
