import Foundation
import GRDB
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

/// `field collect` as a person at a terminal has it, and what the hub gets of it.
@Suite(.serialized, .sumsAddUp, .long) struct CollectTerminalTests {
  typealias Keys = PseudoTerminal
  typealias Step = PseudoTerminal.Step

  /// Vietnamese as some keyboards send it: letters and marks apart.
  static let typed = "Nên họp dân chủ hằng tuần ở Đồi Ngô".decomposedStringWithCanonicalMapping
  static let stored = "Nên họp dân chủ hằng tuần ở Đồi Ngô".precomposedStringWithCanonicalMapping

  /// From the notice to the question about topics, with the keys of somebody in a hurry.
  private static let toTopics: [Step] = [
    .see("Enter bắt đầu"), .type(Keys.enter), .see("PHIẾU MẪU"), .type(Keys.enter),
    .see("1/21"), .type("2" + Keys.enter), .see("2/21"), .type(Keys.down + Keys.down + Keys.enter),
    .see("3/21"), .type("1" + Keys.enter), .see("4/21"), .type(Keys.enter), .see("5/21"), .type("4" + Keys.enter), .see("6/21"),
  ]

  private func device(_ dir: String, _ hub: ServedHub, _ folder: TemporaryFolder, name: String = "device") async throws -> ToolProcess {
    let path = folder.path + "/" + name
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let said = try await HubTool.run(["enroll", "07201", "--json", "--dir", dir])
    let json = try JSONSerialization.jsonObject(with: Data(said.output.utf8))
    let code = try #require(((json as? [[String: Any]])?.first ?? json as? [String: Any])?["code"] as? String, "\(said.output)")
    let field = ToolProcess(name: "field", folder: path)
    let enrolled = try await field.run("enroll", code, "--hub", "http://127.0.0.1:\(hub.hubPort)", "--label", "bàn \(name)")
    try #require(enrolled.code == 0, "\(enrolled.err)")
    return field
  }

  @Test func aWholeSurveyReachesTheHubAsItWasTyped() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder)
    let field = try await device(dir, hub, folder)
    let steps: [Step] =
      Self.toTopics + [
        // Twelve choices: found by typing without accents, and marked by number.
        .type("quy che"), .see("Tìm: quy che"), .note("search"), .type(Keys.enter), .see("đã chọn 1"),
        .type("12 "), .see("đã chọn 2"), .type(Keys.enter), .see("không chọn cùng ý khác"), .note("constraint"),
        .type("12 "), .see("đã chọn 1"), .type(Keys.enter), .see("Các nội dung đó được công khai bằng hình thức nào"),
        .type("13"), .type(Keys.enter),
        .see("Trong năm 2023"), .type("1" + Keys.enter), .see("thảo luận và quyết định tại hội nghị"), .type("5" + Keys.enter),
        .see("D. Tham gia ý kiến"),
        // Back twice, and there was no conference after all: the question about it is gone.
        .type(Keys.escape), .see("thảo luận và quyết định tại hội nghị"), .type(Keys.escape), .see("Trong năm 2023"),
        .type("2" + Keys.enter), .see("Không còn cần trả lời nên đã bỏ"), .note("dropped"),
        .type("4" + Keys.enter), .see("10/"), .type("1" + Keys.enter), .see("11/"), .type("1" + Keys.enter), .see("12/"),
        .type("1" + Keys.enter), .see("Ban Thanh tra nhân dân không"), .type("2" + Keys.enter),
        .see("bao nhiêu kiến nghị"), .type("51" + Keys.enter), .see("Nhập số từ 0 đến 50."),
        .resize(columns: 40, rows: 20), .see("Nhập số từ 0 đến 50."), .note("narrow"),
        .type(Keys.clear + "3" + Keys.enter), .see("đã được trả lời?"), .type("4" + Keys.enter), .see("Không lớn hơn số kiến nghị"),
        .type(Keys.clear + "<" + Keys.enter), .see("bao nhiêu kiến nghị"), .type(Keys.enter), .see("đã được trả lời?"),
        .type(Keys.clear + "3" + Keys.enter), .see("F. Trách nhiệm"), .type("4" + Keys.enter), .see("dân chủ chưa?"),
        .type("1" + Keys.enter), .see("phục vụ người dân?"), .type("4" + Keys.enter), .see("môi trường làm việc"),
        .type("4" + Keys.enter), .see("(tối đa 3)"), .type("126" + Keys.enter), .see("Nhìn chung"), .type("4" + Keys.enter),
        .see("Đề xuất, kiến nghị"), .type(Self.typed + "x\u{7f}ê\u{7f}"), .see("Ngô"), .note("typed"), .type(Keys.enter),
        .see("Xem lại trước khi gửi"), .resize(columns: 80, rows: 24), .see("trang 1/4"), .note("review"), .type("g"),
        .see("Đã nhận"), .note("received"), .type("q"),
      ]
    let ended = try await PseudoTerminal(folder: field.folder).run(["collect", "--lang", "vi"], steps)
    #expect(ended.code == 0 && ended.isRestored)
    let search = try #require(ended.screens["search"])
    #expect(search.contains("Nội quy, quy chế của cơ quan") && !search.contains("Không biết"))
    #expect(ended.screens["narrow"]?.split(separator: "\n").allSatisfy { $0.count < 40 } == true)
    #expect(ended.screens["typed"]?.contains("› " + Self.stored.prefix(24)) == true, "\(ended.screens["typed"] ?? "")")
    let received = try #require(ended.screens["received"])
    for trace in ["dân chủ hằng tuần", "Không", "07201", "kiến nghị"] { #expect(!received.contains(trace), "\(received)") }
    #expect(ended.main.contains("Đã thu 1 phiếu") && !ended.main.contains("hằng"), "\(ended.main)")

    #expect(try await field.run("sync").out.contains("Sent 1 (1 answers"))
    // One answer alone stays sealed for good; beside others of its commune it is released.
    try FieldToolWorld.answersCSV(6).write(toFile: field.folder + "/others.csv", atomically: true, encoding: .utf8)
    #expect(try await field.run("import", "others.csv").code == 0)
    #expect(try await field.run("sync").out.contains("(6 answers"))
    #expect(await hub.stop() == 0)
    #expect(try await HubTool.run(["close", "pks01", "--dir", dir]).status == 0)
    let queue = try DatabaseQueue(path: dir + "/hub.sqlite")
    let rows = try await queue.read {
      try Row.fetchAll($0, sql: "SELECT answers, language FROM answer WHERE answers LIKE ?", arguments: ["%Nên họp dân chủ%"])
        .map { ($0[0] as String, $0[1] as String) }
    }
    try queue.close()
    #expect(rows.count == 1 && rows.first?.1 == "vi")
    let answers = try #require(try JSONSerialization.jsonObject(with: Data((rows.first?.0 ?? "").utf8)) as? [String: Any])
    let text = try #require(answers["g6_suggestion"] as? String)
    #expect(text.unicodeScalars.elementsEqual(Self.stored.unicodeScalars), "\(text)")
    #expect(answers["c1_conference"] as? String == "khong" && answers["c2_conference_quality"] == nil)
    #expect(answers["b2_topics"] as? [String] == ["noi_quy"] && answers["b3_means"] as? [String] == ["niem_yet", "van_ban"])
    #expect(answers["e3_petitions"] as? Int == 3 && answers["e4_answered"] as? Int == 3)
    #expect(answers["a4_gender"] == nil && answers["commune_code"] == nil)
  }

  /// How a person or a machine ends it in the middle, and the exit code.
  static let endings: [(String, Step, Int)] = [
    ("Ctrl-C", .type(Keys.interrupt), 75), ("Ctrl-D", .type(Keys.endOfInput), 75), ("SIGTERM", .signal(SIGTERM), 75),
    ("SIGINT", .signal(SIGINT), 75), ("SIGHUP", .signal(SIGHUP), 75), ("SIGSEGV", .signal(SIGSEGV), Int(-SIGSEGV)),
    ("SIGABRT", .signal(SIGABRT), Int(-SIGABRT)),
  ]

  @Test func whateverEndsItNothingIsLeftAndTheTerminalIsAsBefore() async throws {
    let world = try await FieldToolWorld()
    _ = try await world.enrolled()
    let status = try await world.field.run("status", "--json").out
    let secret = "Khong-ai-doc-duoc-cau-nay"
    for (name, ending, code) in Self.endings {
      let ended = try await PseudoTerminal(folder: world.path).run(
        ["collect", "--lang", "vi"], Self.toTopics + [.type(secret), .see(secret), ending])
      #expect(ended.code == code && ended.isRestored, "\(name): \(ended.code) \(ended.isRestored)")
      #expect(!ended.main.contains(secret) && !ended.main.contains("Phường"), "\(name): \(ended.main)")
      if code == 75 { #expect(ended.main.contains("chỉ ở trong bộ nhớ và đã mất"), "\(name): \(ended.main)") }
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: world.path)
    #expect(files.contains("field.sqlite"))
    for file in files {
      let bytes = FileManager.default.contents(atPath: world.path + "/" + file) ?? Data()
      #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(file) holds what was typed")
    }
    #expect(try await world.field.run("status", "--json").out == status, "nothing half-written")
  }

  @Test func leavingBetweenTwoPeopleDropsNothing() async throws {
    let world = try await FieldToolWorld()
    _ = try await world.enrolled()
    let ended = try await PseudoTerminal(folder: world.path).run(["collect"], [.see("Q leave"), .type(Keys.interrupt)])
    #expect(ended.code == 0 && ended.isRestored && ended.main.isEmpty, "\(ended.main)")
  }

  @Test func theReportIsFiledAndCorrectedWithAReasonThatTravels() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder)
    let (field, colleague) = (try await device(dir, hub, folder), try await device(dir, hub, folder, name: "kia"))
    let picture = Picture.phone(try Photo(Picture.png(300, 200)).jpeg, orientation: 6)
    try picture.write(to: URL(fileURLWithPath: field.folder + "/anh.jpg"))
    let filed = try await PseudoTerminal(folder: field.folder, columns: 60, rows: 20).run(
      ["collect", "report01", "--lang", "vi"],
      [
        .see("PHIẾU MẪU"), .type(Keys.enter), .see("Ngày báo cáo"), .note("day"), .type(Keys.clear + "1/4/2024" + Keys.enter),
        .see("2/"), .type("3" + Keys.enter), .see("Hình thức đã dùng"), .type("6" + Keys.enter),
        .see("Tổng số cán bộ"), .type("21" + Keys.enter), .see("hướng dẫn"), .type("20" + Keys.enter),
        .see("đã trả lời phiếu"), .type("18" + Keys.enter), .see("Khó khăn trong ngày"), .type("1" + Keys.enter),
        .see("Chưa có mục nào"), .type("1" + Keys.enter), .see("Ảnh công tác"), .type("/no/such.jpg" + Keys.enter),
        .see("Không đọc được tệp"), .type(Keys.clear + "anh.jpg" + Keys.enter), .see("Chú thích"), .type("Họp tổ" + Keys.enter),
        .see("Đã có 1."), .type("2" + Keys.enter), .see("Xem lại trước khi ghi"), .type("g"),
      ])
    #expect(filed.code == 0 && filed.isRestored && filed.main.contains("Đã lập báo cáo ngày 01/04/2024"), "\(filed.main)")
    #expect(filed.screens["day"]?.contains(/› \d\d\/\d\d\/20\d\d/) == false, "today is not a day of the campaign: the day is asked for")
    for device in [field, colleague] { #expect(try await device.run("sync").code == 0) }
    let photos = try await colleague.run("photos", "2024-04-01", "--save", "photos")
    #expect(photos.code == 0 && photos.out.contains("Saved 1 of 1"), "\(photos.err)")

    // Without a reason nothing is changed, by whichever command.
    let bare = try await colleague.run("report", "--day", "2024-04-01", "--set", "answered=19")
    #expect(bare.code == 1 && bare.err.contains("--reason"), "\(bare.err)")
    let given = try await colleague.run("report", "--day", "2024-04-01", "--set", "answered=19", "--reason", "một người đến muộn")
    #expect(given.code == 0, "\(given.err)")
    for device in [colleague, field] { #expect(try await device.run("sync").code == 0) }
    let shown = try await field.run("show", "2024-04-01", "--lang", "vi")
    #expect(shown.out.contains("máy bàn kia: một người đến muộn") && shown.out.contains("18 → 19"), "\(shown.out)")
    let json = try await field.run("show", "2024-04-01", "--json")
    let changes = try #require(json.object["changes"] as? [[String: Any]])
    #expect(changes.count == 1 && (changes[0]["after"] as? [String: Any])?["answered"] as? Int == 19)
    #expect(await hub.stop() == 0)
  }

  @Test func todaysReportIsCorrectedFromItsReview() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    try world.write(try await field.run("report", "--example").out, to: "report.json")
    let answers = ["channels=zalo", "meetings=", "channels_other=", "guided=5", "answered=4", "officials_total=21"].flatMap {
      ["--set", $0]
    }
    #expect(try await field.run(["report", "--from", "report.json"] + answers).code == 0)
    let ended = try await PseudoTerminal(folder: world.path).run(
      ["collect", "report01"],
      [
        .see("is filed; choose what to correct"), .type("s"), .see("says so already"),
      ])
    #expect(ended.code == 0 && ended.isRestored)
    let left = try await PseudoTerminal(folder: world.path).run(
      ["collect", "report01"],
      [.see("choose what to correct"), .type("6" + Keys.enter), .see("Number who have answered"), .type(Keys.endOfInput)])
    #expect(left.code == 75 && left.main.contains("one that was filed before is unchanged"), "\(left.main)")
    let corrected = try await PseudoTerminal(folder: world.path).run(
      ["collect", "report01"],
      [
        .see("choose what to correct"), .type("6" + Keys.enter), .see("› 4"), .type(Keys.clear + "5" + Keys.enter),
        .see("Check before filing"), .type("s"), .see("Why is it changed?"), .type(Keys.enter), .see("This needs an answer."),
        .type("đếm lại".decomposedStringWithCanonicalMapping + Keys.enter),
      ])
    #expect(corrected.code == 0 && corrected.isRestored && corrected.main.contains("Changed the report"), "\(corrected.main)")
    let shown = try await field.run("show", "2024-04-08")
    #expect(shown.out.contains("device front desk: đếm lại") && shown.out.contains("Number who have answered: 4 → 5"), "\(shown.out)")
  }

  @Test func lineByLineInATerminalWhatWasTypedIsWiped() async throws {
    let world = try await FieldToolWorld()
    _ = try await world.enrolled()
    for (ending, code) in [(Step.type(Keys.interrupt), 75), (.type(Keys.endOfInput), 75), (.signal(SIGTERM), 75)] {
      let ended = try await PseudoTerminal(folder: world.path).run(
        ["collect", "--plain"],
        [
          .see("Q leave"), .type("\n"), .see("Enter next"), .type("\n"), .see("1/21"), .type("khong ai doc\n"), .see("No choice matches"),
          .note("typed"), ending,
        ])
      #expect(ended.screens["typed"]?.contains("khong ai doc") == true, "a terminal shows what is typed")
      #expect(ended.code == code && ended.isRestored && ended.main.contains("only in memory and is gone"), "\(ended.code) \(ended.main)")
      #expect(!ended.main.contains("khong ai doc"), "\(ended.main)")
    }
  }

  @Test func withoutATerminalItAsksLineByLine() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    // An answer a line; ? and a refused answer in between, < to go back, a choice by a part of its name.
    let lines = [
      "", "", "2", "công chức chuyên", "?", "1", "", "4", "11", "2", "4", "1", "1", "1", "2", "77", "1", "<", "0", "4", "1", "4", "4",
      "1 2 6",
      "4", Self.typed + "\\", "và hết", "g", "q",
    ]
    try world.write(lines.joined(separator: "\n") + "\n", to: "lines.txt")
    let piped = ["-c", "cd '\(world.path)' && exec '\(Tool.path("field"))' collect --lang vi < lines.txt"]
    let ended = try await Tool.run("/bin/sh", piped)
    #expect(ended.status == 0, "\(ended.output)\n\(ended.errors)")
    #expect(ended.output.contains("Ẩn danh") && ended.output.contains("! Nhập số từ 0 đến 50.") && ended.output.contains("Đã nhận"))
    #expect(!ended.output.contains("\u{1b}"))
    let dropped = try await Tool.run("/bin/sh", ["-c", "cd '\(world.path)' && head -4 lines.txt | '\(Tool.path("field"))' collect --json"])
    #expect(dropped.status == 75 && dropped.errors.contains("nothing of it was written"), "\(dropped.errors)")
    let said = try JSONSerialization.jsonObject(with: Data(dropped.output.utf8)) as? [String: Any]
    #expect(said?["taken"] as? Int == 0 && said?["isDropped"] as? Bool == true, "only the result is on standard output")
    #expect(try await field.run("sync").out.contains("Sent 1 (1 answers"))
    try await world.hub.releaseEverything()
    let answers = try await world.hubRows("SELECT answers FROM answer")
    #expect(answers.first?.contains("\"g6_suggestion\":\"\(Self.stored)\\nvà hết\"") == true, "\(answers)")
  }

  /// An answer line by line, up to its review.
  private static let lines = [
    "", "", "2", "1", "1", "", "4", "11", "2", "4", "1", "1", "1", "2", "1", "<", "0", "4", "1", "4", "4", "1 2 6", "4", "giữ lại",
  ]

  /// What stands in the way of a finished answer: how it comes, how it goes, and what is said.
  static let reasons: [(name: String, begin: String, end: String, said: String)] = {
    let hold = """
      import sqlite3, os, time
      store = sqlite3.connect('field.sqlite', isolation_level=None)
      store.execute('BEGIN IMMEDIATE')
      open('held', 'w').close()
      while os.path.exists('held'): time.sleep(0.02)
      """
    return [
      (
        "another program", "python3 -c \"\(hold)\" >/dev/null 2>&1 & while ! [ -e held ]; do sleep 0.02; done", "rm held",
        "đang được chương trình khác dùng"
      ),
      // Python ignores the signal of this limit, and so does what it starts: writing fails as on a failing disk.
      ("a failing disk", "prlimit --pid $PROGRAM --fsize=0:", "prlimit --pid $PROGRAM --fsize=unlimited:", "Đĩa báo lỗi"),
    ]
  }()

  @Test func aFinishedAnswerWaitsAtItsReviewWhateverStandsInTheWay() async throws {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    var taken = 0
    for reason in Self.reasons {
      let typed = Self.lines.joined(separator: "\n") + "\n"
      let ended = try await PseudoTerminal(folder: world.path).run(
        ["collect", "--plain", "--lang", "vi"],
        [
          .type(typed), .see("G gửi"), .run(reason.begin), .type("g\n"), .see("Chưa nhận được"), .see(reason.said), .note("refused"),
          .run(reason.end), .type("g\n"), .see("Đã nhận"), .type("q\n"),
        ])
      #expect(ended.code == 0, "\(reason.name): \(ended.code) \(ended.main)")
      #expect(ended.screens["refused"]?.contains("giữ lại") == true, "\(reason.name): \(ended.screens["refused"] ?? "")")
      taken += 1
      let status = try await field.run("status", "--json").object["status"] as? [String: Any]
      #expect(status?["packetsMade"] as? Int == taken, "\(reason.name)")
    }
  }

  @Test func aFinishedAnswerOfAFormThatClosesStaysAtItsReview() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder)
    let field = try await device(dir, hub, folder)
    let close = "'\(Tool.path("hub"))' forms state pks01 closed --dir '\(dir)' >/dev/null && '\(Tool.path("field"))' sync >/dev/null"
    let ended = try await PseudoTerminal(folder: field.folder).run(
      ["collect", "--plain", "--lang", "vi"],
      [
        .type(Self.lines.joined(separator: "\n") + "\n"), .see("G gửi"), .run(close), .type("g\n"), .see("đã đóng, không nhận thêm phiếu"),
        .note("refused"), .type("g\n"), .type(Keys.interrupt),
      ])
    #expect(ended.code == 75 && ended.screens["refused"]?.contains("giữ lại") == true, "\(ended.main)")
    #expect(await hub.stop() == 0)
  }

  @Test func aFormThatClosesAsksNobodyButTakesWhatWasCollected() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder)
    let field = try await device(dir, hub, folder)
    try FieldToolWorld.answersCSV(3).write(toFile: field.folder + "/a.csv", atomically: true, encoding: .utf8)
    #expect(try await HubTool.run(["forms", "state", "pks01", "closing", "--dir", dir]).status == 0)
    #expect(try await field.run("sync").code == 0)
    let refused = try await field.run("collect")
    #expect(refused.code == 1 && refused.err.contains("is closing: nobody is asked any more"), "\(refused.err)")
    #expect(try await field.run("import", "a.csv").code == 0)
    #expect(try await HubTool.run(["forms", "state", "pks01", "closed", "--dir", dir]).status == 0)
    #expect(try await field.run("sync").out.contains("Sent 3 (3 answers"), "what was collected still travels")
    for command in [["collect", "pks01"], ["import", "a.csv"]] {
      let ended = try await field.run(command)
      #expect(ended.code == 1 && ended.err.contains("is closed and takes no more answers"), "\(ended.err)")
    }
    #expect(await hub.stop() == 0)
  }
}
