internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Ends a campaign step by step: forms closed, results and store archived, keys destroyed, single answers erased.
struct CampaignCloseCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "close",
    abstract: LocalizedText(
      vi: "Kết thúc một cuộc khảo sát: đóng biểu mẫu, cất kết quả, hủy khóa phiếu, xóa phiếu lẻ khi hết hạn giữ.",
      en: "End a campaign: close its forms, archive its results, destroy its drop keys, erase single answers in time."),
    discussion: LocalizedText(
      vi: """
        Đóng hẳn mọi biểu mẫu (phần còn niêm phong tính vào "giữ kín" và bị xóa), ghi kết quả và một bản sao lưu vào thư mục lưu trữ, rồi \
        hủy từng khóa phiếu khi không còn gì mất được: phiếu đã mở phải nằm trong hai bản sao lưu mới nhất. Khóa nào chưa hủy được thì lệnh \
        nói vì sao; chạy lại sau, bao nhiêu lần cũng được. --erase-after: sau chừng ấy ngày kể từ ngày cuối, khi khóa đã hủy, từng phiếu đã mở \
        bị xóa khỏi kho; các số tổng, kết quả và báo cáo còn nguyên và vẫn kiểm được. Bản sao lưu cũ vẫn còn phiếu: lệnh nêu tên từng bản.
        """,
      en: """
        Closes every form for good (what stays sealed is counted as withheld and erased), writes the results and a backup into the archive \
        folder, and destroys each drop key once nothing can be lost by that: the answers released must be in the two newest backups. It \
        says of each key that is left why; run it again later, as often as needed. --erase-after: so many days after the last day, once the \
        keys are gone, every single answer is erased from the store; sums, results and reports stay, and can be verified still. Earlier \
        backups hold the answers still: the command names each.
        """),
    examples: [
      "hub campaign close bac-giang-2024 --archive /mnt/archive",
      "hub campaign close bac-giang-2024 --archive /mnt --erase-after 7 --reason over",
    ])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Cuộc khảo sát, như `hub campaign list` ghi.", en: "The campaign, as `hub campaign list` names it."))
  var id: String
  @Option(
    name: .long,
    help: .text(vi: "Thư mục có sẵn để ghi kết quả và bản sao lưu.", en: "A folder that exists, for the results and a backup."))
  var archive: String
  @Flag(
    name: .long,
    help: .text(
      vi: "Hủy khóa cả khi máy còn phiếu chưa gửi: những phiếu đó sẽ mất.",
      en: "Destroy keys also while devices have answers to send: those are lost."))
  var acceptLoss = false
  @Option(
    name: .long,
    help: .text(
      vi: "Số ngày giữ từng phiếu đã mở kể từ ngày cuối của cuộc khảo sát; sau đó xóa. Không có: giữ mãi.",
      en: "Days after the campaign's last day until single answers are erased. Without it they are kept for ever."))
  var eraseAfter: Int?
  @Flag(name: .long, help: .text(vi: "Không hỏi lại.", en: "Do not ask.")) var yes = false

  func validate() throws {
    guard eraseAfter.map({ (0...SurveyHub.erasureDaysMax).contains($0) }) ?? true else {
      throw ValidationError(
        vi: "--erase-after phải từ 0 đến \(SurveyHub.erasureDaysMax) ngày.",
        en: "--erase-after must be 0 to \(SurveyHub.erasureDaysMax) days.")
    }
  }

  func perform(_ console: Console) async throws {
    var isFolder = ObjCBool(false)
    guard FileManager.default.fileExists(atPath: archive, isDirectory: &isFolder), isFolder.boolValue else {
      throw ToolError(
        vi: "Không có thư mục \(archive); tạo trước, hay gắn đĩa lưu trữ.",
        en: "There is no folder \(archive); make it first, or mount the archive's disk.")
    }
    console.sayLasting(
      LocalizedText(
        vi: "biểu mẫu đóng rồi thì không mở lại, phần còn niêm phong bị xóa, khóa đã hủy không lấy lại được.",
        en: "closed forms do not open again, what is sealed is erased, and destroyed keys never come back."))
    if eraseAfter != nil {
      console.sayLasting(
        LocalizedText(
          vi: "phiếu lẻ đã xóa không lấy lại được; các số tổng còn nguyên.", en: "erased answers never come back; their sums stay."))
    }
    try await place.withHub(options) { survey in
      try await agree(survey, console)
      let act = try acts.act("campaign close", id, look: ActLook.forms)
      var closing = try await survey.hub.acting(act) { try await close(survey, console) }
      if !closing.keysDestroyed.isEmpty {
        let keys = closing.keysDestroyed.joined(separator: ", ")
        console.say(
          "Đã hủy khóa phiếu \(keys); hủy cả bản in trên tờ khôi phục.",
          "Destroyed drop keys \(keys); destroy their rows on the recovery sheet, too.")
      }
      for key in closing.keysLeft {
        console.say("Khóa \(key.id) còn: \(key.reason.vi)", "Key \(key.id) is left: \(key.reason.en)")
      }
      if closing.isOver {
        console.say("“\(id)” đã kết thúc; khóa phiếu riêng của nó không còn.", "“\(id)” is over; its own drop keys are gone.")
      }
      try await erase(survey, &closing, console)
      try console.result(closing)
    }
  }

  /// Erases single answers when their time has come, as an act of its own, and says what is left of them and where.
  private func erase(_ survey: SurveyHub, _ closing: inout CampaignClosing, _ console: Console) async throws {
    guard let eraseAfter else { return }
    let (id, left) = (id, closing.keysLeft)
    let act = try acts.act("campaign erase", id, look: ActLook.erasures)
    closing.erasing = try await survey.hub.acting(act) {
      try await survey.eraseAnswers(of: id, afterDays: eraseAfter, keysLeft: left)
    }
    guard let erasing = closing.erasing else { return }
    if let reason = erasing.reason {
      console.say("Chưa xóa phiếu lẻ: \(reason.vi)", "No single answers were erased: \(reason.en)")
    } else {
      let (now, all) = (console.words.number(erasing.erasedNow), console.words.number(erasing.erased))
      console.say(
        "Đã xóa \(now) phiếu lẻ (tất cả: \(all)); các số tổng, kết quả và báo cáo còn nguyên.",
        "Erased \(now) single answers (\(all) in all); sums, results and reports stand.")
    }
    guard !erasing.backups.isEmpty else { return }
    console.say(
      "Bản sao lưu cũ còn từng phiếu; hủy khi không cần nữa, và đừng khôi phục từ đó:",
      "Earlier backups hold single answers still; destroy them once they are not needed, and do not restore from them:")
    for backup in erasing.backups.prefix(Self.backupsNamedMax) {
      let time = console.words.ago(Int64(clamping: backup.begunMs), nowMs: survey.nowMs)
      console.say("  \(backup.path ?? "(bản không rõ chỗ)"), \(time)", "  \(backup.path ?? "(nobody noted where)"), \(time)")
    }
    let more = erasing.backups.count - Self.backupsNamedMax
    if more > 0 {
      console.say("  … và \(console.words.number(more)) bản cũ hơn", "  … and \(console.words.number(more)) older ones")
    }
  }

  /// Backups that are named one by one.
  private static let backupsNamedMax = 30

  /// Asks while people are still expected to answer, and before single answers go.
  private func agree(_ survey: SurveyHub, _ console: Console) async throws {
    if let eraseAfter, try await survey.erasureDay(of: id, afterDays: eraseAfter)?.hasCome == true {
      try console.requireConsent(
        yes,
        question: LocalizedText(vi: "Xóa từng phiếu của “\(id)” cho mãi mãi?", en: "Erase the single answers of “\(id)” for ever?"),
        elsewhere: LocalizedText(
          vi: "Đã đến hạn xóa từng phiếu của “\(id)”; thêm --yes để xóa; chưa đổi gì.",
          en: "The single answers of “\(id)” are due to be erased; add --yes to erase them; nothing was changed."))
    }
    guard let found = try await survey.campaigns().first(where: { $0.id == id }), found.phase != .closed else { return }
    try console.requireConsent(
      yes,
      question: LocalizedText(vi: "“\(id)” chưa hết ngày. Kết thúc nó?", en: "The days of “\(id)” are not over. End it?"),
      elsewhere: LocalizedText(
        vi: "“\(id)” chưa hết ngày; thêm --yes để kết thúc nó; chưa đổi gì.",
        en: "The days of “\(id)” are not over; add --yes to end it; nothing was changed."))
  }

  private func close(_ survey: SurveyHub, _ console: Console) async throws -> CampaignClosing {
    let forms = try await survey.closeForms(of: id)
    for form in forms { CloseCommand.tell(form, console) }
    for form in forms { try await write(survey.results(form: form.form), as: "results-\(form.form)") }
    try await write(survey.status(), as: "status")
    let backup = try await survey.hub.backUp(to: BackupCommand.path(in: archive, nowMs: survey.nowMs), withBlobs: true) { _, _ in }
    console.say("Đã ghi kết quả và bản sao lưu \(backup.path).", "Wrote the results and the backup \(backup.path).")
    let keys = try await survey.destroyKeys(of: id, acceptsLoss: acceptLoss)
    return CampaignClosing(campaign: id, forms: forms, keysDestroyed: keys.destroyed, keysLeft: keys.left)
  }

  /// Writes one file of the archive whole, or not at all; it replaces that of an earlier run.
  private func write(_ value: some Encodable, as name: String) throws {
    // An id that an earlier program took may name another folder.
    let path = "\(archive)/" + "\(id)-\(name).json".replacing("/", with: "_")
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(value).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ToolError(
        vi: "Không ghi được \(path); kiểm tra quyền và chỗ trống.", en: "Cannot write \(path); check permissions and free space.")
    }
  }
}
