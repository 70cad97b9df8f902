internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// One exchange with the hub as the tool shows it: a progress bar, then what was done, also when it stopped early.
struct Exchange: Sendable {
  /// A clock further off than this is worth a sentence.
  static let skewMsShown: Int64 = 5 * 60 * 1000

  struct Report: Codable, Sendable {
    var sent = 0
    var sentChanges = 0
    var sentAnswers = 0
    var received = 0
    var openConflicts = 0
    var newConflicts = 0
    var held = 0
    var waiting = 0
    var skewMs: Int64 = 0
    var bytesSent = 0
    var bytesReceived = 0
    /// Whether the exchange came to its end.
    var isComplete = true
    /// What was out of the ordinary, and what was done about it.
    var notices: [SyncNotice] = []
  }

  let survey: SurveyField
  let console: Console

  /// - Throws: the `SyncError` that stopped it, after `report` was made.
  func run(through transport: any Transport, deadlineMs: Int?) async throws -> (report: Report, error: SyncError?) {
    let before = try await survey.replica.status()
    let bar = ProgressBar(console.words.text("Đồng bộ", "Sync"), console: console)
    var options = SyncOptions()
    if let deadlineMs { options.deadlineMs = deadlineMs }
    options.onProgress = { progress, left in
      let done = progress.batchesSent + progress.packetsSent
      let total = max(done, progress.batchesSent + left + before.packetsWaiting)
      bar.show(
        done: done, of: total, note: console.words.text("nhận \(progress.received)", "received \(progress.received)")
      )
    }
    let replica = survey.replica
    let chosen = options
    var summary = SyncSummary()
    var stopped: SyncError?
    do {
      summary = try await interruptible { try await replica.sync(with: transport, options: chosen) }
    } catch let error as SyncError {
      stopped = error
      summary.progress = error.progress ?? SyncProgress()
      summary.notices = error.notices
    }
    bar.finish()
    let after = try await survey.replica.status()
    var report = Report()
    report.sentChanges = summary.progress.changesSent
    report.sentAnswers = summary.progress.packetsSent
    report.sent = report.sentChanges + report.sentAnswers
    report.received = summary.progress.received
    report.openConflicts = after.openConflicts
    report.newConflicts = max(0, after.openConflicts - before.openConflicts)
    report.held = after.heldChanges
    report.waiting = after.pendingChanges + after.sealedChanges + after.waitingChanges + after.packetsWaiting
    report.skewMs = stopped == nil ? summary.skewMs : 0 - after.offsetMs
    report.bytesSent = summary.progress.bytesSent
    report.bytesReceived = summary.progress.bytesReceived
    report.isComplete = stopped == nil
    report.notices = summary.notices
    return (report, stopped)
  }

  /// What the exchange noticed and mended: a sentence each, on standard error.
  func warn(_ report: Report) { for notice in report.notices { console.warn(notice.explanation) } }

  /// The summary for people: one line, and a sentence for each thing to act on.
  func show(_ report: Report) {
    func n(_ value: Int) -> String { console.words.number(value) }
    console.say(
      "Đã gửi \(n(report.sent)) (\(n(report.sentAnswers)) phiếu, \(n(report.sentChanges)) thay đổi), nhận \(n(report.received)), xung đột \(n(report.openConflicts))"
        + " (mới \(n(report.newConflicts))), tạm giữ \(n(report.held)).",
      "Sent \(n(report.sent)) (\(n(report.sentAnswers)) answers, \(n(report.sentChanges)) changes), received \(n(report.received)), conflicts \(n(report.openConflicts))"
        + " (\(n(report.newConflicts)) new), held \(n(report.held)).")
    if report.waiting > 0 {
      console.say(
        "Còn \(n(report.waiting)) trên máy này, chưa được tỉnh xác nhận.",
        "\(n(report.waiting)) still on this device, not yet confirmed by the hub.")
    }
    if report.openConflicts > 0 {
      console.say("Xem xung đột: field list, rồi field show.", "See the conflicts: field list, then field show.")
    }
    if report.skewMs.magnitude > Self.skewMsShown.magnitude {
      let span = console.words.span(ms: report.skewMs)
      console.warn(
        LocalizedText(
          vi: "Đồng hồ máy này \(report.skewMs > 0 ? "nhanh" : "chậm") hơn máy chủ \(span); công việc vẫn đúng, nên chỉnh lại đồng hồ.",
          en: "This device's clock is \(span) \(report.skewMs > 0 ? "ahead of" : "behind") the hub; work goes on, but set the clock."))
    }
  }
}
