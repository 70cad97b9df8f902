import Foundation
import SurveyKit
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// What comes from elsewhere does not move anybody's cursor, whichever command shows it.
@Suite(.serialized) struct PlainOutputTests {
  /// An escape, a bell, a C1 control, an override and an isolate; and what is left of it.
  private static let evil = "front\u{1b}]52;c;cm0=\u{7}\u{1b}[2J\u{9b}31m\u{202e}desk\u{2066}"
  private static let shown = "front]52;c;cm0=[2J31mdesk"

  private static func unprintable(_ text: String) -> [String] {
    text.unicodeScalars.filter { $0 != "\n" && $0 != "\t" && isControl($0) }.map { String($0.value, radix: 16) }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  @Test(.long) func noControlCharacterOfOthersReachesATerminal() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let served = try await ServedHub(dir, folder)
    let code = try #require(
      (try JSONSerialization.jsonObject(with: Data(try await HubTool.run(["enroll", "07201", "--json", "--dir", dir]).output.utf8))
        as? [[String: Any]])?.first?["code"] as? String)
    let store = folder.path + "/device.sqlite"
    func field(_ arguments: String...) async throws -> Tool.Ended { try await Tool.field(arguments + ["--store", store]) }
    let enrolled = try await field("enroll", code, "--hub", "http://127.0.0.1:\(served.hubPort)", "--label", Self.evil)
    #expect(enrolled.status == 0, "\(enrolled.errors)")
    let survey = try await SurveyHub.open(at: dir)
    let campaign = try await survey.requirePlan().campaign.id
    let evil = Self.evil
    try await survey.hub.write { session in
      try session.execute(
        "INSERT INTO post (id, unit, campaign, day, words, device) VALUES (?1, '07201', ?2, '2024-04-01', ?1, ?1)",
        [.text(evil), .text(campaign)])
      try session.execute(
        "INSERT INTO report (id, unit, campaign, day, form, answers) VALUES (?1, '07201', ?2, '2024-04-01', ?3, ?4)",
        [.text("07201/2024-04-01"), .text(campaign), .text("report01@" + evil), .text(#"{"\#("a" + "\u{202e}")":"\#("b" + "\u{202e}")"}"#)])
      try session.execute(
        "INSERT INTO report (id, unit, campaign, day, form) VALUES (?1, '07201', ?2, ?1, ?1)", [.text("07201/" + evil), .text(campaign)])
      try session.execute(
        """
        INSERT INTO sync_conflict (id, scope, tbl, row_key, life, col, rule, losing_value, winning_value)
        VALUES ('0123456789abcdef0123456789abcdef', '07201', ?1, ?1, 1, ?1, 'lww', ?1, ?1)
        """, [.text(evil)])
      try session.execute(
        "INSERT INTO sync_decision (id, scope, conflict, decided_by, reason) VALUES ('d', '07201', '0123456789abcdef0123456789abcdef', ?1, ?1)",
        [.text(evil)])
    }
    #expect(try await field("sync").status == 0)
    var texts: [(String, Tool.Ended)] = []
    for arguments in [
      ["devices", "list"], ["posts"], ["status"], ["conflicts", "list"], ["held", "list"], ["photos"], ["verify"],
      ["posts", "--hide", evil],
      ["enroll", evil], ["held", "show", evil], ["nothing" + evil], ["status", "--dir", folder.path + "/" + evil], ["--" + evil],
    ] {
      for form in [[], ["--json"], ["--lang", "vi"]] {
        let place = arguments.contains("--dir") ? [] : ["--dir", dir]
        texts.append(("hub \(arguments) \(form)", try await Tool.hub(arguments + place + form)))
      }
    }
    for arguments in [
      ["list"], ["show", "2024-04-01"], ["show", "01234567"], ["conflicts", "--all"], ["posts"], ["status"], ["next"], ["forms"],
      ["doctor"], ["sync"],
      ["report", "--from", evil], ["report", "--set", evil + "=1", "--reason", evil], ["import", evil], ["show", evil], [evil],
      ["collect", evil], ["resolve", evil, "--keep", "--by", evil, "--reason", evil], ["enroll", evil, "--hub", evil],
      ["export", "/" + evil + "/x"],
    ] {
      for form in [[], ["--json"], ["--lang", "vi"]] {
        texts.append(("field \(arguments) \(form)", try await Tool.field(arguments + ["--store", store] + form)))
      }
    }
    for (command, ended) in texts {
      #expect(Self.unprintable(ended.output) == [], "\(command)")
      #expect(Self.unprintable(ended.errors) == [], "\(command)")
    }
    func output(_ command: String) -> String { texts.first { $0.0 == command }?.1.output ?? "" }
    #expect(output(#"hub ["devices", "list"] []"#).contains(Self.shown))
    #expect(output(#"hub ["posts"] []"#).contains(Self.shown))
    // Programs are told what it was.
    let devices = try JSONSerialization.jsonObject(with: Data(output(#"hub ["devices", "list"] ["--json"]"#).utf8)) as? [[String: Any]]
    #expect(devices?.contains { $0["label"] as? String == Self.evil } == true)
    let page = try await served.page("/posts").text
    #expect(page.contains(Self.shown) && Self.unprintable(page) == [])
    _ = await served.stop()
  }

  @Test func textsAreCleanedAndJSONSaysTheSame() throws {
    #expect(Self.evil.printable == Self.shown)
    #expect("a\u{0}\tb\r\nc\u{85}d\u{2028}e\u{7f}\u{2069}".printable == "a b  c d e")
    #expect("a\tb\r\nc\u{1b}[0m".printableLines == "a\tb\nc[0m")
    let kept = ["Phường Thọ Xương", "e\u{301}", "👩‍👧", "العربية", "a\u{200d}b"]
    #expect(kept.map(\.printable) == kept)
    let json = try JSONEncoder().encode([Self.evil])
    let text = String(decoding: json, as: UTF8.self).printableJSON
    #expect(Self.unprintable(text) == [])
    #expect(try JSONDecoder().decode([String].self, from: Data(text.utf8)) == [Self.evil])
  }
}
