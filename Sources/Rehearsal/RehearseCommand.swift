internal import ArgumentParser
internal import FormWeb
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import SyncKit
internal import ToolSupport

/// Command `hub rehearse`: a dress rehearsal of a campaign, with a proof at the end.
struct RehearseCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "rehearse",
    abstract: LocalizedText(
      vi: "Tổng duyệt cả cuộc khảo sát: một máy chủ, mỗi xã một thiết bị, phiếu và báo cáo sinh sẵn, rồi kiểm chứng.",
      en: "Rehearse a whole campaign: a hub, a device for every commune, generated answers and reports, and a proof."),
    discussion: LocalizedText(
      vi: """
        Mỗi thiết bị có kho riêng và nói HTTP với một tiến trình máy chủ riêng; một số thiết bị là tiến trình `field` riêng. Cứ mười phiếu có một phiếu đi qua trang web, như từ điện thoại. Thời gian \
        của cuộc khảo sát chạy nhanh, nên xã muộn hay im lặng là chênh lệch thời gian thật.
        """,
      en: """
        Every device has its own store and talks HTTP to a hub process of its own; some devices are separate `field` processes. \
        One answer in ten comes through the web form, as from a phone. \
        Campaign time runs fast, so that late and silent communes are real differences in time.
        """),
    examples: [
      "hub rehearse Examples/bac-giang-2024 --link poor --seed 7", "hub rehearse Examples/bac-giang-2024 --troubles all --stay",
      "hub rehearse Examples/bac-giang-2024 --times 10", "hub rehearse Examples/bac-giang-2024 --troubles all --until 14:30 --stay",
    ])

  @OptionGroup var options: ToolOptions

  @Argument(
    help: .text(
      vi: "Thư mục của cuộc khảo sát.",
      en: "The campaign's folder."))
  var campaign: String

  @Option(
    name: .long,
    help: .text(
      vi: "Thư mục cho máy chủ và thiết bị; phải trống hoặc chưa có. Mặc định: thư mục tạm.",
      en: "Folder for the hub and devices; must be empty or missing. Default: a temporary one."))
  var out: String?

  @Option(
    name: .long,
    help: .text(
      vi: "Mọi thứ ngẫu nhiên đều theo số này.",
      en: "Everything random follows from this number."))
  var seed: UInt64 = 1

  @Option(
    name: .long,
    help: .text(
      vi: "Dời cuộc khảo sát để ngày đầu rơi vào ngày này, NĂM-THÁNG-NGÀY.",
      en: "Move the campaign so that its first day falls on this date, YYYY-MM-DD."))
  var moveTo: String?

  @Option(
    name: .long,
    help: .text(
      vi: "Số giây khảo sát mỗi giây, nhiều nhất; việc lâu hơn thì chạy chậm lại.",
      en: "Campaign seconds a second, at most; work that takes longer slows it down."))
  var speed: Double = 6000

  @Option(
    name: .long,
    help: .text(
      vi: "Đường truyền giữa thiết bị và máy chủ: good (tốt), hoặc poor (trễ, và kết nối đứt giữa chừng).",
      en: "The link between devices and hub: good, or poor (delays, and connections cut in the middle)."))
  var link: String = "good"

  @Option(
    name: .long,
    help: .text(
      vi: "Số xã tham gia. Mặc định: tất cả.",
      en: "Communes that take part. Default: all."))
  var communes: Int = .max

  @Option(
    name: .long,
    help: .text(
      vi: "Nhân danh sách đơn vị lên bấy nhiêu lần: 10 lần là 2.090 xã.",
      en: "So many times the units: ten times are 2,090 communes."))
  var times: Int = 1

  @Option(
    name: .long,
    help: .text(
      vi: "Sự cố cần tập, cách nhau bằng dấu phẩy: held, revoked, clock, over, photos, posts, days, silent; hay all.",
      en: "Troubles to rehearse, with commas between: held, revoked, clock, over, photos, posts, days, silent; or all."))
  var troubles: String = ""

  @Option(
    name: .long,
    help: .text(
      vi: "Số thiết bị là tiến trình field riêng.",
      en: "Devices that are separate field processes."))
  var processes: Int = RehearsalPlan.processesMin

  @Option(
    name: .long,
    help: .text(
      vi: "Số lần máy chủ bị kill -9 vào lúc ngẫu nhiên rồi chạy lại.",
      en: "Times the hub is killed with kill -9 at seeded moments, and started again."))
  var killHub: Int = 0

  @Option(
    name: .long,
    help: .text(
      vi: "Số lần một tiến trình field bị kill -9 vào lúc ngẫu nhiên rồi chạy lại.",
      en: "Times a field process is killed with kill -9 at seeded moments, and run again."))
  var killField: Int = 0

  @Option(
    name: .long,
    help: .text(
      vi: "Dừng giữa ngày khảo sát, GIỜ:PHÚT, không kiểm chứng; cùng --stay thì ngày đó chạy tiếp theo giờ thật.",
      en: "Stop in the middle of the survey's day, HH:MM, without a proof; with --stay that day then goes on in real time."))
  var until: String?

  @Option(
    name: .long,
    help: .text(
      vi: "Cổng của bảng theo dõi. Mặc định: cổng trống bất kỳ.",
      en: "Port of the board. Default: a free one."))
  var boardPort: Int = 0

  @Flag(
    name: .long,
    help: .text(
      vi: "Sau đó để bảng theo dõi mở, đến khi bị ngắt.",
      en: "Leave the board served afterwards, until interrupted."))
  var stay = false

  func validate() throws {
    if !["good", "poor"].contains(link) {
      throw ValidationError(vi: "--link phải là good hoặc poor, không phải \(link).", en: "--link must be good or poor, not \(link).")
    }
    if !(1...1_000_000).contains(speed) {
      throw ValidationError(vi: "--speed phải từ 1 đến 1000000.", en: "--speed must be from 1 to 1000000.")
    }
    if !(1...50).contains(times) {
      throw ValidationError(vi: "--times phải từ 1 đến 50.", en: "--times must be from 1 to 50.")
    }
    _ = try chosenTroubles()
    if communes < 1 || processes < 0 || !(0...1000).contains(killHub) || !(0...1000).contains(killField) {
      throw ValidationError(
        vi: "--communes, --processes và số lần ngắt không được âm hay quá 1000.",
        en: "--communes, --processes and the numbers of kills cannot be negative or over 1000.")
    }
  }

  private func chosenTroubles() throws -> Set<Trouble> {
    do throws(Trouble.UnknownWord) {
      return try Trouble.read(troubles)
    } catch {
      let known = Trouble.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError(
        vi: "--troubles không biết “\(error.word)”; chọn trong: \(known), hoặc all.",
        en: "--troubles does not know “\(error.word)”; choose among \(known), or all.")
    }
  }

  func perform(_ console: Console) async throws {
    let source = try folder(console).multiplied(by: times)
    let chosen = try chosenTroubles()
    let place = try emptyFolder()
    let executables = try Executables.beside()
    let plan = RehearsalPlan(
      campaign: source.campaign, tree: source.tree, headcount: source.headcount, communesMax: communes, processes: processes, seed: seed,
      troubles: chosen)
    guard let form = source.forms.first(where: { $0.id == source.campaign.forms.first }),
      let reportForm = source.forms.first(where: { $0.id == source.campaign.reportForm })
    else { throw ToolError(vi: "Cuộc khảo sát thiếu biểu mẫu.", en: "The campaign lacks a form.") }
    console.say(
      "Tổng duyệt: \(plan.communes.count) xã, \(plan.events.count) việc, hạt giống \(seed). Thư mục: \(place)",
      "Rehearsal: \(plan.communes.count) communes, \(plan.events.count) events, seed \(seed). Folder: \(place)")
    let (codes, key) = try await prepare(source, plan: plan, place: place)
    let rehearsal = try Rehearsal(
      settings: Rehearsal.Settings(
        folder: place, hubExecutable: executables.hub, fieldExecutable: executables.field, seed: seed, isPoorLink: link == "poor",
        hubKills: killHub, fieldKills: killField, speedMax: speed, boardPort: boardPort, untilMs: try untilMs(source.campaign)),
      plan: plan, campaign: source.campaign, form: form, reportForm: reportForm, codes: codes,
      phones: PhoneRespondents(key: key, campaign: source.campaign))
    let words = console.words
    defer { rehearsal.hub.stop() }
    let bar = ProgressBar(console.words.text("Tổng duyệt", "Rehearsal"), console: console)
    let outcome: Rehearsal.Outcome
    do {
      outcome = try await interruptible { try await rehearsal.run(progress: bar, words: words) }
    } catch is CancellationError {
      throw ToolError(vi: "Đã dừng tổng duyệt theo yêu cầu.", en: "The rehearsal was stopped on request.")
    }
    let manifest = place + "/manifest.json"
    try outcome.manifest.save(to: manifest)
    let clock = ["--clock", "@\(place)/clock"]
    if until != nil { return try await middle(of: rehearsal, outcome, plan: plan, place: place, console) }
    try Executables.run(executables.hub, ["close", form.id, "--dir", place + "/hub"] + clock)
    let proof = try Executables.run(
      executables.hub, ["prove", manifest, "--dir", place + "/hub", "--json", "--lang", console.language.rawValue] + clock, allowed: [0, 1])
    try await report(outcome, plan: plan, place: place, proof: proof, console: console)
    sayTasks(plan, place: place, console)
    guard proof.status == 0 else { throw ToolExit.failed }
    if stay {
      try sayHowToSignIn(rehearsal, place: place, console)
      await untilInterrupted()
    }
  }

  /// Stops in the middle of the day: prints what there is to practise, and goes on in real time when somebody stays.
  private func middle(
    of rehearsal: Rehearsal, _ outcome: Rehearsal.Outcome, plan: RehearsalPlan, place: String, _ console: Console
  ) async throws {
    try await rehearsal.addCalls(atMs: outcome.nowMs)
    sayTasks(plan, place: place, console)
    console.say(
      "Đang là \(until ?? "") của ngày khảo sát, đã làm \(outcome.next) trên \(plan.events.count) việc.",
      "It is \(until ?? "") of the survey's day; \(outcome.next) of \(plan.events.count) events are done.")
    guard stay else { return }
    try sayHowToSignIn(rehearsal, place: place, console)
    do {
      try await interruptible { try await rehearsal.goOn(from: outcome.next, atMs: outcome.nowMs) }
    } catch is CancellationError {}
  }

  private func sayHowToSignIn(_ rehearsal: Rehearsal, place: String, _ console: Console) throws {
    let invite = ["people", "invite", "demo", "--may", "read,act,configure,answers", "--lang", console.language.rawValue]
    let invited = try Executables.run(
      Executables.beside().hub, invite + ["--dir", place + "/hub", "--clock", "@\(place)/clock"])
    let link = String(decoding: invited.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    console.say(
      "Đăng nhập: mở liên kết dưới đây một lần, chọn mật khẩu; tên là demo.",
      "To sign in: open the link below once and choose a password; the name is demo.")
    console.say(link, link)
    console.say(
      "Bảng theo dõi: http://127.0.0.1:\(rehearsal.hub.boardPort)/ — nhấn Ctrl-C để dừng.",
      "The board: http://127.0.0.1:\(rehearsal.hub.boardPort)/ — press Ctrl-C to stop.")
  }

  /// Returns the campaign time at which the day stops; nil when it runs to its end.
  private func untilMs(_ campaign: Campaign) throws -> Int64? {
    guard let until else { return nil }
    let parts = until.split(separator: ":").compactMap { Int($0) }
    guard parts.count == 2, (0..<24).contains(parts[0]), (0..<60).contains(parts[1]) else {
      throw ToolError(vi: "--until phải là giờ dạng 14:30.", en: "--until must be an hour such as 14:30.")
    }
    let start = LocalTime(startOf: campaign.dayOf(campaign.opensMs)).ms(in: campaign.timeZone)
    return start + Int64(parts[0] * 60 + parts[1]) * 60_000
  }

  /// Prints the troubles, and what an operator does about each.
  private func sayTasks(_ plan: RehearsalPlan, place: String, _ console: Console) {
    let tasks = plan.communes.flatMap { commune in
      commune.troubles.sorted { $0.rawValue < $1.rawValue }.compactMap { $0.task(commune.unit.code.rawValue, dir: place + "/hub") }
    }
    guard !tasks.isEmpty else { return }
    console.say("Để tập, có các việc:", "To practise with:")
    for task in tasks.prefix(Self.tasksMax) { console.say("- \(task.vi)", "- \(task.en)") }
    let more = tasks.count - Self.tasksMax
    if more > 0 { console.say("… và \(console.words.number(more)) việc nữa.", "… and \(console.words.number(more)) more.") }
    guard until == nil else { return }
    console.say(
      "Làm xong, kiểm chứng lại: hub prove \(place)/manifest.json --dir \(place)/hub --clock @\(place)/clock",
      "When done, prove it again: hub prove \(place)/manifest.json --dir \(place)/hub --clock @\(place)/clock")
  }

  /// Tasks printed at the end; the manifest has them all.
  private static let tasksMax = 20

  private func folder(_ console: Console) throws -> CampaignFolder {
    var day: CalendarDay?
    if let moveTo {
      guard let parsed = CalendarDay(moveTo) else {
        throw ToolError(vi: "--move-to phải là ngày dạng NĂM-THÁNG-NGÀY.", en: "--move-to must be a date, YYYY-MM-DD.")
      }
      day = parsed
    }
    return try CampaignFolder(URL(fileURLWithPath: campaign), movedTo: day)
  }

  private func emptyFolder() throws -> String {
    let manager = FileManager.default
    let path = out ?? NSTemporaryDirectory() + "/hub-rehearsal-\(ProcessInfo.processInfo.processIdentifier)"
    if let entries = try? manager.contentsOfDirectory(atPath: path), !entries.isEmpty {
      throw ToolError(vi: "Thư mục \(path) đã có dữ liệu; chọn thư mục khác.", en: "The folder \(path) is not empty; choose another.")
    }
    do {
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ToolError(vi: "Không tạo được thư mục \(path).", en: "Cannot create the folder \(path).")
    }
    return path
  }

  /// Makes the hub, loads the campaign and draws two codes for every commune; also returns the key of the web form's links.
  private func prepare(
    _ source: CampaignFolder, plan: RehearsalPlan, place: String
  ) async throws -> (codes: [[String]], key: FormLinkKey) {
    let clockFile = place + "/clock"
    try FileClock.set(UInt64(max(0, plan.startMs)), at: clockFile)
    guard let clock = FileClock(path: clockFile) else { throw ToolError(vi: "Không ghi được đồng hồ.", en: "The clock cannot be written.") }
    let hub = try await SurveyHub.create(at: place + "/hub", clock: clock)
    defer { try? hub.close() }
    _ = try await hub.load(source)
    let hubPlan = try await hub.requirePlan()
    let targets = plan.communes.flatMap { commune -> [(scope: String, readScopes: [String])] in
      let target = (scope: commune.unit.code.rawValue, readScopes: hubPlan.readScopes(of: commune.unit.code))
      return [target, target]
    }
    let codes = try await hub.hub.makeCodes(targets)
    return (plan.communes.indices.map { [codes[$0 * 2], codes[$0 * 2 + 1]] }, FormLinkKey(hub: hub))
  }

  // MARK: Report

  private struct Summary: Encodable {
    var communes: Int
    var complete: Int
    var late: Int
    var silent: Int
    var answers: Int
    var webAnswers: Int
    var reports: Int
    var conflicts: Int
    var held: Int
    var seconds: Double
    var bytes: Int
    var hubPeakMiB: Int
    var hubKills: Int
    var hubKillsInMerge: Int
    var fieldKills: Int
    var linkCuts: Int
    var folder: String
    var proof: RehearsalProof
  }

  private func report(
    _ outcome: Rehearsal.Outcome, plan: RehearsalPlan, place: String, proof: Executables.Ended, console: Console
  ) async throws {
    guard let clock = FileClock(path: place + "/clock"), let proof = try? JSONDecoder().decode(RehearsalProof.self, from: proof.output)
    else {
      throw ToolError(vi: "Không đọc được kết quả kiểm chứng: \(proof.complaint)", en: "The proof cannot be read: \(proof.complaint)")
    }
    let hub = try await SurveyHub.open(at: place + "/hub", clock: clock)
    defer { try? hub.close() }
    let board = try await hub.board()
    let taking = Set(plan.communes.map(\.unit.code))
    let rows = (board?.rows ?? []).filter { taking.contains($0.unit) }
    let status = try await hub.status()
    let summary = Summary(
      communes: plan.communes.count, complete: rows.count { $0.report == .onTime }, late: rows.count { $0.report == .late },
      silent: rows.count { $0.counts.lastContactMs == nil }, answers: proof.foundAnswers,
      webAnswers: outcome.webAnswers, reports: status.reports, conflicts: status.conflictsOpen, held: status.changesHeld,
      seconds: outcome.seconds, bytes: outcome.bytes,
      hubPeakMiB: outcome.hubPeakMiB, hubKills: outcome.hubKills, hubKillsInMerge: outcome.hubKillsInMerge, fieldKills: outcome.fieldKills,
      linkCuts: outcome.linkCuts, folder: place, proof: proof)
    try console.result(summary)
    func text(_ vi: String, _ en: String) -> String { console.words.text(vi, en) }
    console.table(
      [
        [text("Xã", "Communes"), console.words.number(summary.communes)],
        [text("Đủ, đúng hạn", "Complete, on time"), console.words.number(summary.complete)],
        [text("Muộn", "Late"), console.words.number(summary.late)],
        [text("Chưa liên lạc", "Silent"), console.words.number(summary.silent)],
        [text("Phiếu trả lời", "Answers"), console.words.number(summary.answers)],
        [text("trong đó qua trang web", "of these by the web form"), console.words.number(summary.webAnswers)],
        [text("Báo cáo ngày", "Daily reports"), console.words.number(summary.reports)],
        [text("Xung đột mở", "Open conflicts"), console.words.number(summary.conflicts)],
        [text("Đang giữ lại", "Held changes"), console.words.number(summary.held)],
        [text("Thời gian", "Time"), "\(Int(summary.seconds.rounded())) s"],
        [text("Dữ liệu qua mạng", "Bytes exchanged"), "\(console.words.number(summary.bytes / 1024)) KiB"],
        [text("Bộ nhớ máy chủ", "Hub memory, peak"), "\(summary.hubPeakMiB) MiB"],
      ]
        + (killHub > 0
          ? [
            [
              text("Máy chủ bị kill -9", "Hub killed"),
              "\(summary.hubKills) (\(text("giữa lúc gộp", "inside a merge")): \(summary.hubKillsInMerge))",
            ]
          ]
          : [])
        + (killField > 0 ? [[text("field bị kill -9", "field killed"), "\(summary.fieldKills)"]] : [])
        + (link == "poor" ? [[text("Kết nối bị cắt", "Connections cut"), "\(summary.linkCuts)"]] : []))
    console.say(
      proof.holds
        ? "Kiểm chứng: đạt — \(console.words.number(proof.foundAnswers)) phiếu, mỗi phiếu đúng một lần; \(console.words.number(proof.expectedReports)) báo cáo không mất giá trị nào."
        : "Kiểm chứng: KHÔNG ĐẠT — thiếu \(console.words.number(proof.missing.count)), sai \(console.words.number(proof.altered.count)), thừa \(console.words.number(proof.unexpected.count)), báo cáo mất \(console.words.number(proof.lostReportValues.count)).",
      proof.holds
        ? "Proof: holds — \(console.words.number(proof.foundAnswers)) answers, each exactly once; \(console.words.number(proof.expectedReports)) reports with no value lost."
        : "Proof: FAILS — \(console.words.number(proof.missing.count)) missing, \(console.words.number(proof.altered.count)) altered, \(console.words.number(proof.unexpected.count)) unexpected, \(console.words.number(proof.lostReportValues.count)) reports lost a value."
    )
  }
}
