internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Shows that everything the hub took is still there, and how the campaign stands.
struct StatusCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: LocalizedText(
      vi: "Cho biết máy chủ đang giữ gì, các số có khớp không, cuộc khảo sát đến đâu.",
      en: "Show what the hub holds, whether the sums agree, and how the campaign stands."),
    discussion: LocalizedText(vi: "Thoát với mã 1 khi có số không khớp.", en: "Ends with exit code 1 when a sum does not agree."),
    examples: ["hub status --json"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var chosen: CampaignOption

  private struct Report: Encodable {
    var status: HubStatus
    /// Drop keys that answers need and the key folder lacks.
    var missingDropKeys: [MissingDropKey]
    var total: BoardTotal?
    var reportDay: CalendarDay?
    var phase: CampaignPhase?
  }

  func perform(_ console: Console) async throws {
    let status = try await place.withHubForReading(options) { hub in
      let survey = try await chosen.of(hub)
      let status = try await survey.status()
      let board = try await survey.board()
      let missing = try await survey.hub.missingDropKeys()
      try console.result(
        Report(status: status, missingDropKeys: missing, total: board?.total, reportDay: board?.reportDay, phase: board?.phase))
      if let board { campaign(board, console) } else { console.say("Chưa nạp cuộc khảo sát nào.", "No campaign is loaded.") }
      sums(status, missing, console)
      console.warn(ofUnreadable: try await survey.unreadableRows())
      return status
    }
    guard status.addsUp else {
      for discrepancy in status.discrepancies { console.warn(discrepancy) }
      throw ToolExit.failed
    }
  }

  private func campaign(_ board: Board, _ console: Console) {
    let (words, total) = (console.words, board.total)
    let clock = LocalTime(board.clock).map(words.time) ?? board.clock
    console.say("\(board.campaign.vi)", "\(board.campaign.en)")
    console.say(
      "Giờ máy chủ \(clock), \(words.phase(board.phase)); \(words.number(total.communes)) xã, \(words.number(total.silent)) xã chưa liên lạc lần nào.",
      "Hub time \(clock), \(words.phase(board.phase)); \(words.number(total.communes)) communes, \(words.number(total.silent)) without any contact."
    )
    if let day = board.reportDay {
      console.say(
        "Báo cáo ngày \(words.day(day)): đúng hạn \(words.number(total[.onTime])), muộn \(words.number(total[.late])), chưa có \(words.number(total[.missing])), chưa đến hạn \(words.number(total[.notYetDue])).",
        "Reports of \(words.day(day)): on time \(words.number(total[.onTime])), late \(words.number(total[.late])), missing \(words.number(total[.missing])), not due yet \(words.number(total[.notYetDue]))."
      )
    }
    console.say(
      "Phiếu đã nhận \(words.number(total.counts.received)) / \(words.number(total.counts.expected)).",
      "Answers received \(words.number(total.counts.received)) / \(words.number(total.counts.expected)).")
  }

  private func sums(_ status: HubStatus, _ missing: [MissingDropKey], _ console: Console) {
    func n(_ value: Int) -> String { console.words.number(value) }
    let verdict =
      status.addsUp
      ? LocalizedText(vi: "các số khớp nhau", en: "the sums agree") : LocalizedText(vi: "CÁC SỐ KHÔNG KHỚP", en: "THE SUMS DO NOT AGREE")
    console.say(
      "Phiếu kín: \(n(status.packetsKept)) nhận = \(n(status.packetsWaiting)) chờ + \(n(status.packetsReleased)) đã mở + \(n(status.packetsRepeated)) trùng + \(n(status.packetsDiffering)) khác nội dung + \(n(status.packetsSpoiled)) hỏng + \(n(status.packetsWithheld)) giữ kín + \(n(status.packetsHeld)) tạm giữ + \(n(status.packetsLate)) dưới khóa cũ + \(n(status.packetsDeclined)) từ chối.",
      "Packets: \(n(status.packetsKept)) kept = \(n(status.packetsWaiting)) waiting + \(n(status.packetsReleased)) released + \(n(status.packetsRepeated)) repeated + \(n(status.packetsDiffering)) differing + \(n(status.packetsSpoiled)) spoiled + \(n(status.packetsWithheld)) withheld + \(n(status.packetsHeld)) held + \(n(status.packetsLate)) under an earlier key + \(n(status.packetsDeclined)) declined."
    )
    for erased in status.erasures { console.say(erased.explanation.vi, erased.explanation.en) }
    for key in missing { console.warn(key.explanation) }
    // Leaves out answers whose key is missing: the lines above tell of them.
    let unfit = status.packetsHeld - missing.reduce(0) { $0 + $1.answers }
    if unfit > 0 {
      console.say(
        "\(n(unfit)) phiếu không hợp với bản nào của biểu mẫu mà máy chủ biết; `hub close` nêu tên bản còn thiếu.",
        "\(n(unfit)) answers fit no edition of a form that the hub knows; `hub close` names the editions that are missing.")
    }
    if status.packetsSpoiled > 0 {
      console.say(
        "\(n(status.packetsSpoiled)) phiếu hỏng được giữ nguyên như lúc đến; sau khi nâng cấp hoặc có lại khóa: hub held answers --retry.",
        "\(n(status.packetsSpoiled)) spoiled packets are kept as they came; after an upgrade, or when a key is back: hub held answers --retry."
      )
    }
    console.say(
      "Thay đổi: \(n(status.changes)) nhận = \(n(status.changesMerged)) đã gộp + \(n(status.changesHeld)) giữ lại + \(n(status.changesWaiting)) chờ gói trước + \(n(status.changesUndecided)) chờ quyết định; trong \(n(status.batches)) gói.",
      "Changes: \(n(status.changes)) received = \(n(status.changesMerged)) merged + \(n(status.changesHeld)) held + \(n(status.changesWaiting)) waiting for an earlier batch + \(n(status.changesUndecided)) undecided; in \(n(status.batches)) batches."
    )
    console.say(
      "Xung đột: \(n(status.conflictsOpen)) mở, \(n(status.conflictsClosed)) đã xử lý. Thiết bị: \(n(status.devices)), thu hồi \(n(status.devicesRevoked)). Báo cáo: \(n(status.reports)).",
      "Conflicts: \(n(status.conflictsOpen)) open, \(n(status.conflictsClosed)) closed. Devices: \(n(status.devices)), revoked \(n(status.devicesRevoked)). Reports: \(n(status.reports))."
    )
    for warning in status.warnings { console.warn(warning) }
    if let jump = status.clockJumpMs { console.warn(ClockCommand.explanation(jump, console.words)) }
    for report in status.invalidReports { console.warn(report.explanation) }
    let more = status.reportsInvalid - status.invalidReports.count
    if more > 0 {
      console.warn(
        LocalizedText(
          vi: "… và \(n(more)) báo cáo khác trái với biểu mẫu.", en: "… and \(n(more)) more reports that contradict their form."))
    }
    for packets in status.latePackets { packets.explanation.map(console.warn) }
    for unit in status.aboveHeadcount { console.warn(unit.explanation) }
    for restore in status.restores { console.say(restore.explanation.vi, restore.explanation.en) }
    for one in status.different { console.say(one.explanation.vi, one.explanation.en) }
    console.say("→ \(verdict.vi)", "→ \(verdict.en)")
  }
}
