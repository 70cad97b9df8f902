internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

struct Status: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say where everything entered on this device is now.",
    discussion: """
      field status
      field status --json

      Every entry is in exactly one place, so the numbers add up; if they do not, field says so and ends with 1.
      """)

  @OptionGroup var field: FieldOptions

  private struct Outcome: Encodable {
    var unit: String
    var addsUp: Bool
    var status: ReplicaStatus
    /// In the campaign's zone; nil before the first contact.
    var lastContact: String?
    var timeZone: String?
    /// Hub time minus this device's clock.
    var offsetMs: Int64
    var today: String?
  }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    let unit = try await survey.unit()
    let status = try await survey.replica.status()
    let campaign = try await survey.campaign()
    let name = try await survey.units()?.displayName(of: unit) ?? ""
    let contact = status.lastContactMs.map { Int64(clamping: $0) }
    let outcome = Outcome(
      unit: unit.rawValue, addsUp: status.addsUp, status: status,
      lastContact: contact.flatMap { ms in campaign?.localTime(atMs: ms).description }, timeZone: campaign?.timeZone.identifier,
      offsetMs: status.offsetMs, today: campaign == nil ? nil : try await survey.today().description)
    try console.result(outcome)
    console.say("Đơn vị: \(unit) \(name)", "Unit: \(unit) \(name)")
    showSum(status, console)
    showContact(outcome, hasContact: contact != nil, console)
    console.say("Xung đột chưa giải quyết: \(status.openConflicts)", "Open conflicts: \(status.openConflicts)")
    for notice in status.notices {
      let time = campaign?.localTime(atMs: Int64(clamping: notice.atMs)).description ?? ""
      console.say("\(time) \(notice.explanation.vi)", "\(time) \(notice.explanation.en)")
    }
    guard status.addsUp else {
      console.warn(
        LocalizedText(
          vi: "CÁC SỐ KHÔNG KHỚP: có thể đã mất dữ liệu. Giữ nguyên máy và tệp \(field.storePath), báo ngay cho tỉnh.",
          en:
            "THE NUMBERS DO NOT ADD UP: something may be lost. Keep the device and \(field.storePath) as they are and tell the province now."
        ))
      throw ToolExit.failed
    }
  }

  private func showSum(_ status: ReplicaStatus, _ console: Console) {
    console.say(
      "Thay đổi: \(status.captured) đã ghi = \(status.pendingChanges) chờ đóng gói + \(status.superseded) đã được ghi đè + \(status.sealedChanges) đã đóng gói"
        + " + \(status.waitingChanges) chờ ở tỉnh + \(status.mergedChanges) đã hợp nhất + \(status.heldChanges) tạm giữ",
      "Changes: \(status.captured) entered = \(status.pendingChanges) pending + \(status.superseded) superseded + \(status.sealedChanges) sealed"
        + " + \(status.waitingChanges) waiting at the hub + \(status.mergedChanges) merged + \(status.heldChanges) held")
    console.say(
      "Phiếu: \(status.packetsMade) đã thu = \(status.packetsWaiting) chờ gửi + \(status.packetsKept) tỉnh đã nhận",
      "Answers: \(status.packetsMade) collected = \(status.packetsWaiting) waiting + \(status.packetsKept) kept at the hub")
  }

  private func showContact(_ outcome: Outcome, hasContact: Bool, _ console: Console) {
    if let time = outcome.lastContact, let zone = outcome.timeZone {
      console.say("Liên lạc gần nhất: \(time) (\(zone))", "Last contact: \(time) (\(zone))")
    } else if hasContact {
      console.say("Đã liên lạc, nhưng chưa nhận được đợt khảo sát.", "There was contact, but the campaign has not arrived.")
    } else {
      console.say("Chưa liên lạc lần nào; 0 phiếu ở tỉnh không có nghĩa là đã gửi.", "No contact yet: nothing has been sent or fetched.")
    }
    let span = Spans.text(outcome.offsetMs)
    if outcome.offsetMs.magnitude < 1000 {
      console.say("Đồng hồ: khớp với máy chủ", "Clock: agrees with the hub's")
    } else if outcome.offsetMs > 0 {
      console.say("Đồng hồ: chậm hơn máy chủ \(span.vi)", "Clock: \(span.en) behind the hub's")
    } else {
      console.say("Đồng hồ: nhanh hơn máy chủ \(span.vi)", "Clock: \(span.en) ahead of the hub's")
    }
  }
}
