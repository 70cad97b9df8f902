internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Exchange with the hub as the tool shows it: a progress bar, then what was done, also when it stopped early.
struct Exchange: Sendable {
  /// Milliseconds of clock difference from which on a sentence is shown.
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
    /// Photos that this exchange completed at the hub, and those here that the hub still lacks.
    var sentPhotos = 0
    var photosLeft = 0
    /// True when the hub has no room for photos at present.
    var arePhotosDeferred = false
    var bytesSent = 0
    var bytesReceived = 0
    /// True when the exchange came to its end.
    var isComplete = true
    /// Unusual events, and what was done about them.
    var notices: [SyncNotice] = []
    /// First of the rows that others changed.
    var changed: [SyncedRow] = []
    /// Address to which the hub has moved, proved; the device uses it from now on.
    var movedTo: String?
    /// Messages of operators that nobody of the commune has seen.
    var messagesUnseen = 0
    /// Rest that `--budget` left for next time; nil when it was enough.
    var left: Left?
  }

  struct Left: Codable, Sendable {
    var changes = 0
    var answers = 0
    var photos = 0
    var photoBytes = 0
    /// True when the hub has news that did not fit.
    var hasNews = false
    /// Least bytes of the next step, if known.
    var bytesNeeded: Int?
  }

  let survey: SurveyField
  let console: Console
  var deadlineMs: Int?
  /// Budget; see `SyncOptions.bytesMax`.
  var bytesMax: Int?
  /// True when a signal ends only the exchange; false leaves the signal to the caller.
  var isInterruptible = true

  /// Runs the exchange.
  ///
  /// - Throws: the `SyncError` that stopped it, after `report` was made.
  func run(through transport: any Transport) async throws -> (report: Report, error: SyncError?) {
    let before = try await survey.replica.status()
    let bar = isInterruptible ? ProgressBar(console.words.text("Đồng bộ", "Sync"), console: console) : nil
    var options = SyncOptions()
    if let deadlineMs { options.deadlineMs = deadlineMs }
    options.bytesMax = bytesMax
    options.onProgress = { progress, left in
      let done = progress.batchesSent + progress.packetsSent + progress.blobsSent
      let total = max(done, progress.batchesSent + left + before.packetsWaiting + progress.blobsSent + progress.blobsLeft)
      bar?.show(
        done: done, of: total, note: console.words.text("nhận \(progress.received)", "received \(progress.received)")
      )
    }
    let replica = survey.replica
    let chosen = options
    var summary = SyncSummary()
    var stopped: SyncError?
    do {
      summary =
        try await isInterruptible
        ? interruptible { try await replica.sync(with: transport, options: chosen) } : replica.sync(with: transport, options: chosen)
    } catch let error as SyncError {
      stopped = error
      summary.progress = error.progress ?? SyncProgress()
      summary.notices = error.notices
    }
    bar?.finish()
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
    report.sentPhotos = summary.progress.blobsSent
    report.photosLeft = summary.progress.blobsLeft
    report.arePhotosDeferred = summary.areBlobsDeferred
    report.bytesSent = summary.progress.bytesSent
    report.bytesReceived = summary.progress.bytesReceived
    report.isComplete = stopped == nil
    report.notices = summary.notices
    report.changed = summary.changed
    report.movedTo = summary.movedTo
    report.messagesUnseen = try await survey.notices().count { $0.turn == .unseen }
    if summary.isBudgetSpent { report.left = try await left(after, summary) }
    return (report, stopped)
  }

  private func left(_ status: ReplicaStatus, _ summary: SyncSummary) async throws -> Left {
    let photos = try await survey.photosToSend()
    return Left(
      changes: status.pendingChanges + status.sealedChanges, answers: status.packetsWaiting, photos: photos.count, photoBytes: photos.bytes,
      hasNews: !status.isAtHead || summary.bytesNeeded != nil, bytesNeeded: summary.bytesNeeded)
  }

  /// Prints what the budget left, in one sentence.
  private func show(_ left: Left) {
    let words = console.words
    func n(_ value: Int) -> String { words.number(value) }
    var parts: [LocalizedText] = []
    if left.changes > 0 { parts.append(LocalizedText(vi: "\(n(left.changes)) thay đổi", en: "\(n(left.changes)) changes")) }
    if left.answers > 0 { parts.append(LocalizedText(vi: "\(n(left.answers)) phiếu", en: "\(n(left.answers)) answers")) }
    if left.photos > 0 {
      let size = ByteAmount.text(left.photoBytes, words)
      parts.append(LocalizedText(vi: "\(n(left.photos)) ảnh (\(size))", en: "\(n(left.photos)) photos (\(size))"))
    }
    if left.hasNews { parts.append(LocalizedText(vi: "tin mới của tỉnh", en: "news from the hub")) }
    if parts.isEmpty { parts.append(LocalizedText(vi: "phần so lại với tỉnh", en: "the comparison with the hub")) }
    console.say(
      "Hết mức cho phép; để lần sau: \(parts.map(\.vi).joined(separator: ", ")).",
      "The budget is spent; left for next time: \(parts.map(\.en).joined(separator: ", ")).")
    if let needed = left.bytesNeeded {
      let size = ByteAmount.text(needed, words)
      console.say("Bước tiếp theo cần ít nhất \(size).", "The next step takes at least \(size).")
    }
  }

  /// Prints what the exchange noticed and handled: a sentence each, on standard error.
  func warn(_ report: Report) { for notice in report.notices { console.warn(notice.explanation) } }

  /// Prints the summary for people: one line, and a sentence for each thing to act on.
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
    if report.sentPhotos + report.photosLeft > 0 {
      console.say(
        "Ảnh: đã gửi \(n(report.sentPhotos)), còn \(n(report.photosLeft)).",
        "Photos: \(n(report.sentPhotos)) sent, \(n(report.photosLeft)) left.")
    }
    if let left = report.left { show(left) }
    if report.arePhotosDeferred {
      console.warn(
        LocalizedText(
          vi: "Tỉnh tạm chưa nhận ảnh; ảnh còn nguyên trên máy này và sẽ gửi sau.",
          en: "The hub takes no photos for now; they are safe on this device and go later."))
    }
    if let movedTo = report.movedTo {
      console.say(
        "Máy chủ đã chuyển sang \(movedTo), đúng là nó theo chữ ký; từ nay máy này dùng địa chỉ đó.",
        "The hub has moved to \(movedTo), as its signature proves; this device uses that address from now on.")
    }
    if report.messagesUnseen > 0 {
      let count = n(report.messagesUnseen)
      console.say("Có \(count) tin của tỉnh chưa xem: field inbox.", "\(count) messages have not been seen: field inbox.")
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
