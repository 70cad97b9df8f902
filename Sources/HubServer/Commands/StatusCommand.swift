internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// Shows that everything the hub took is still there, and how the campaign stands.
struct StatusCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show what the hub holds, whether the sums agree, and how the campaign stands.",
    discussion: """
      Ends with exit code 1 when a sum does not agree.

      Example:
        hub status --json
      """)

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace

  private struct Report: Encodable {
    var status: HubStatus
    var total: BoardTotal?
    var reportDay: CalendarDay?
    var phase: CampaignPhase?
  }

  func perform(_ console: Console) async throws {
    let status = try await place.withHub(options) { survey in
      let status = try await survey.status()
      let board = try await survey.board()
      try console.result(Report(status: status, total: board?.total, reportDay: board?.reportDay, phase: board?.phase))
      if let board { campaign(board, console) } else { console.say("Chưa nạp cuộc khảo sát nào.", "No campaign is loaded.") }
      sums(status, console)
      return status
    }
    guard status.addsUp else {
      for discrepancy in status.discrepancies { console.warn(discrepancy) }
      throw ToolExit.failed
    }
  }

  private func campaign(_ board: Board, _ console: Console) {
    let (words, total) = (BoardWords(language: options.language), board.total)
    console.say("\(board.campaign.vi)", "\(board.campaign.en)")
    console.say(
      "Giờ máy chủ \(board.clock), \(words.phase(board.phase)); \(total.communes) xã, \(total.silent) xã chưa liên lạc lần nào.",
      "Hub time \(board.clock), \(words.phase(board.phase)); \(total.communes) communes, \(total.silent) without any contact.")
    if let day = board.reportDay {
      console.say(
        "Báo cáo ngày \(words.day(day)): đúng hạn \(total[.onTime]), muộn \(total[.late]), chưa có \(total[.missing]), chưa đến hạn \(total[.notYetDue]).",
        "Reports of \(words.day(day)): on time \(total[.onTime]), late \(total[.late]), missing \(total[.missing]), not due yet \(total[.notYetDue])."
      )
    }
    console.say(
      "Phiếu đã nhận \(total.counts.received) / \(words.number(total.counts.expected)).",
      "Answers received \(total.counts.received) / \(words.number(total.counts.expected)).")
  }

  private func sums(_ status: HubStatus, _ console: Console) {
    let verdict =
      status.addsUp
      ? LocalizedText(vi: "các số khớp nhau", en: "the sums agree") : LocalizedText(vi: "CÁC SỐ KHÔNG KHỚP", en: "THE SUMS DO NOT AGREE")
    console.say(
      "Phiếu kín: \(status.packetsKept) nhận = \(status.packetsWaiting) chờ + \(status.packetsReleased) đã mở + \(status.packetsRepeated) trùng + \(status.packetsSpoiled) hỏng.",
      "Packets: \(status.packetsKept) kept = \(status.packetsWaiting) waiting + \(status.packetsReleased) released + \(status.packetsRepeated) repeated + \(status.packetsSpoiled) spoiled."
    )
    console.say(
      "Thay đổi: \(status.changes) nhận = \(status.changesMerged) đã gộp + \(status.changesHeld) giữ lại + \(status.changesWaiting) chờ gói trước; trong \(status.batches) gói.",
      "Changes: \(status.changes) received = \(status.changesMerged) merged + \(status.changesHeld) held + \(status.changesWaiting) waiting for an earlier batch; in \(status.batches) batches."
    )
    console.say(
      "Xung đột: \(status.conflictsOpen) mở, \(status.conflictsClosed) đã xử lý. Thiết bị: \(status.devices), thu hồi \(status.devicesRevoked). Báo cáo: \(status.reports).",
      "Conflicts: \(status.conflictsOpen) open, \(status.conflictsClosed) closed. Devices: \(status.devices), revoked \(status.devicesRevoked). Reports: \(status.reports)."
    )
    console.say("→ \(verdict.vi)", "→ \(verdict.en)")
  }
}
