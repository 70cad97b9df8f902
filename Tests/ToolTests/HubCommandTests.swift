import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import TestSupport
import Testing

@Suite(.sumsAddUp) struct HubCommandTests {
  @Test func whatIsWrongIsOneSentenceAndExitCode1() async throws {
    let folder = try TemporaryFolder()
    let missing = folder.path + "/none"
    for command in [
      ["status"], ["results"], ["serve"], ["devices", "list"], ["enroll", "--all"], ["close", "pks01"],
      ["campaign", "load", HubTool.campaign],
    ] {
      let ended = try await HubTool.run(command + ["--dir", missing])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains("hub init"), "\(command): \(ended.errors)")
      #expect(!FileManager.default.fileExists(atPath: missing))
    }
    let empty = folder.path + "/empty"
    #expect(try await HubTool.run(["init", empty]).status == 0)
    for command in [["results"], ["enroll", "--all"], ["close", "pks01"]] {
      let ended = try await HubTool.run(command + ["--dir", empty])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains("hub campaign load"), "\(ended.errors)")
    }
    let again = try await HubTool.run(["init", empty])
    #expect(again.status == 1 && again.errors.contains("not overwritten"))
  }

  /// What is in an earlier list of codes, or in any other file, is in no other place.
  @Test func codesAndKeysReplaceNoFile() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let file = folder.path + "/codes.csv"
    #expect(try await HubTool.run(["enroll", "07201", "--file", file, "--dir", dir]).status == 0)
    let first = FileManager.default.contents(atPath: file)
    for command in [["enroll", "07201", "--file", file], ["enroll", "--all", "--file", file], ["keys", "sheet", file]] {
      let ended = try await HubTool.run(command + ["--dir", dir])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains("not overwritten"), "\(command): \(ended.errors)")
    }
    #expect(FileManager.default.contents(atPath: file) == first)
    let codes = try await HubTool.run(["codes", "--json", "--dir", dir])
    #expect(try JSONDecoder().decode([EnrolmentCode].self, from: Data(codes.output.utf8)).count == 1, "\(codes.output)")
  }

  /// Kills `hub init` between its first key and its end. Tried in one folder after another, as a busy machine may look too late.
  @Test func anInterruptedInitIsBegunAnew() async throws {
    let folder = try TemporaryFolder()
    var interrupted: String?
    for attempt in 0..<20 where interrupted == nil {
      let dir = folder.path + "/hub-\(attempt)"
      let process = HubTool.process(["init", dir])
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      while process.isRunning, !FileManager.default.fileExists(atPath: dir + "/keys/hub.key") { usleep(500) }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      if FileManager.default.fileExists(atPath: dir + "/init-unfinished") { interrupted = dir }
    }
    let dir = try #require(interrupted)
    for command in [["status"], ["serve"], ["campaign", "load", HubTool.campaign], []] {
      let ended = try await HubTool.run(command + ["--dir", dir])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains("hub init"), "\(command): \(ended.errors)")
      #expect(ended.errors.contains("interrupted"), "\(command): \(ended.errors)")
    }
    let again = try await HubTool.run(["init", dir])
    #expect(again.status == 0 && again.output.contains("invitation"), "\(again.errors)")
    #expect(try await HubTool.run(["status", "--dir", dir]).status == 0)
    let third = try await HubTool.run(["init", dir])
    #expect(third.status == 1 && third.errors.contains("not overwritten"), "\(third.errors)")
  }

  @Test(.enabled(if: SmallDisk.canMount, SmallDisk.needs)) func anInitWithoutRoomLeavesNothing() async throws {
    let folder = try TemporaryFolder()
    let script = """
      mkdir disk && mount -t tmpfs -o size=200k none disk || exit 90
      "$1" init disk/hub >out.txt 2>err.txt; echo "ended $?"
      ls -A disk
      mount -o remount,size=64m disk
      "$1" init disk/hub >out.txt 2>>err.txt; echo "ended $?"
      cat err.txt
      """
    let ended = try await ToolProcess.Running(
      ["unshare", "-m", "bash", "-c", script, "bash", Tool.path("hub")], folder: folder.path, environment: [:]
    ).end()
    #expect(ended.out.hasPrefix("ended 1\nended 0\n"), "\(ended.out) \(ended.err)")
  }

  /// An empty list would read as if nothing had come.
  @Test func aNameThatNothingHasIsRefused() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    for command in ["codes --unit", "devices list --unit", "conflicts --unit", "photos --unit", "posts --unit", "acts --about"] {
      let arguments = command.split(separator: " ").map(String.init)
      let ended = try await HubTool.run(arguments + ["nope", "--dir", dir])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains("nope"), "\(command): \(ended.errors)")
      #expect(try await HubTool.run(arguments + ["07201", "--dir", dir]).status == 0, "\(command)")
    }
    let used = try await HubTool.run(["campaign", "use", "nope", "--dir", dir])
    #expect(used.status == 1 && used.errors.contains("has no such campaign"), "\(used.errors)")
    #expect(try await HubTool.run(["acts", "--about", "bac-giang-2024", "--dir", dir]).status == 0)
  }

  /// A backup that was killed leaves nothing for good, and is not listed as if it were there.
  @Test(.enabled(if: SmallDisk.canMount, SmallDisk.needs)) func unfinishedBackupsDoNotPileUp() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let script = """
      mkdir small && mount -t tmpfs -o size=100k none small || exit 90
      "$1" backup small --dir "$2" >out.txt 2>err.txt; echo "ended $?"
      ls -A small
      mount -o remount,size=64m small
      touch -d '1 hour ago' small/hub-1.sqlite.part small/hub-1.sqlite.part-journal small/hub-2.sqlite.part-journal
      touch small/hub-3.sqlite.part
      "$1" acts --dir "$2" | grep -c backup
      "$1" backup small --dir "$2" >out.txt 2>err.txt; echo "ended $?"
      "$1" acts --dir "$2" | grep -c backup
      ls small | grep part
      """
    let ended = try await ToolProcess.Running(
      ["unshare", "-m", "bash", "-c", script, "bash", Tool.path("hub"), dir], folder: folder.path, environment: [:]
    ).end()
    #expect(ended.out == "ended 1\n0\nended 0\n1\nhub-3.sqlite.part\n", "\(ended.out) \(ended.err)")
  }

  @Test func aDamagedStoreIsNamedAndLeftAlone() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let store = SurveyHub.storePath(in: dir)
    for file in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: store + file) }
    let damage = Data(repeating: 0x5A, count: 30_000)
    try damage.write(to: URL(fileURLWithPath: store))
    for command in ["serve", "status"] {
      let ended = try await HubTool.run([command, "--dir", dir])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains("damaged"), "\(ended.errors)")
    }
    #expect(FileManager.default.contents(atPath: store) == damage)
  }

  @Test func wrongArgumentsAreRefused() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    for arguments in [
      ["enroll"], ["enroll", "07201", "--all"], ["serve", "--port", "70000"], ["results", "--level", "village"], ["nonsense"],
      ["status", "--lang", "fr"],
    ] {
      let ended = try await HubTool.run(arguments + ["--dir", dir])
      #expect(ended.status == 64, "\(arguments): \(ended.status) \(ended.errors)")
    }
    for (arguments, word) in [
      (["enroll", "99999"], "99999"), (["devices", "revoke", "abcdef0123", "--reason", "lost"], "abcdef0123"),
      (["close", "pks99"], "pks01"),
      (["results", "--question", "zz"], "g4_overall"), (["results", "report01"], "pks01"),
      (["campaign", "load", HubTool.campaign, "--move-to", "1 April"], "YYYY-MM-DD"), (["status", "--clock", "now"], "--clock"),
    ] {
      let ended = try await HubTool.run(arguments + ["--dir", dir])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains(word), "\(arguments): \(ended.errors)")
    }
  }

  @Test func aCampaignWithMistakesIsNotLoadedAndSaysThemAll() async throws {
    let folder = try TemporaryFolder()
    let copy = folder.path + "/campaign"
    try FileManager.default.copyItem(atPath: HubTool.campaign, toPath: copy)
    try FileManager.default.removeItem(atPath: copy + "/pks01.xlsform/choices.csv")
    try Data("code,name\n".utf8).write(to: URL(fileURLWithPath: copy + "/communes.csv"))
    let dir = folder.path + "/hub"
    _ = try await HubTool.run(["init", dir])
    let ended = try await HubTool.run(["campaign", "load", copy, "--dir", dir])
    #expect(ended.status == 1 && ended.errors.contains("communes.csv, line 1") && ended.errors.contains("pks01.xlsform"))
    #expect(try await HubTool.run(["status", "--dir", dir]).output.contains("No campaign"))
  }

  @Test func codesAndEnrolmentFilesAreForTheirOwnerOnly() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let csv = folder.path + "/codes.csv"
    #expect(try await HubTool.run(["enroll", "--all", "--file", csv, "--dir", dir]).status == 0)
    let table = try CSVTable(try #require(FileManager.default.contents(atPath: csv)))
    #expect(table.records.count == 209 && Set(table.records.compactMap { $0["code"] }).count == 209)
    let usb = folder.path + "/usb"
    let ended = try await HubTool.run([
      "enroll", "07201", "07204", "--count", "2", "--files", usb, "--hub", "http://10.0.0.5:8080", "--dir", dir,
    ])
    #expect(ended.status == 0, "\(ended.errors)")
    let files = try FileManager.default.contentsOfDirectory(atPath: usb).sorted()
    #expect(files == ["07201-1.enrol", "07201-2.enrol", "07204-1.enrol", "07204-2.enrol"])
    for path in [csv] + files.map({ usb + "/" + $0 }) {
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(path)")
    }
    let field = try SurveyField.open(at: folder.path + "/f.sqlite", create: true)
    try await field.enroll(file: try #require(FileManager.default.contents(atPath: usb + "/07201-1.enrol")))
    #expect(try await field.forms().count == 2)
    let devices = try await HubTool.run(["devices", "list", "--dir", dir, "--json"])
    let list = try #require(try JSONSerialization.jsonObject(with: Data(devices.output.utf8)) as? [[String: Any]])
    #expect(list.count == 4)
    let replica = try #require(list.first?["replica"] as? String)
    #expect(try await HubTool.run(["devices", "revoke", String(replica.prefix(8)), "--reason", "lost", "--dir", dir]).status == 0)
    #expect(try await HubTool.run(["devices", "list", "--dir", dir]).output.contains("revoked"))
  }

  @Test func statusAndResultsSpeakJSONToo() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let status = try await HubTool.run(["status", "--dir", dir, "--json"])
    let said = try #require(try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any])
    #expect((said["status"] as? [String: Any])?["addsUp"] as? Bool == true)
    let results = try await HubTool.run(["results", "--dir", dir, "--json", "--level", "district", "--question", "g4_overall"])
    let view = try JSONDecoder().decode(FormResults.self, from: Data(results.output.utf8)).view
    #expect(view.units.count == 10 && view.questions.map(\.id) == ["g4_overall"])
    #expect(view.units.allSatisfy { $0.questions.count == 1 })
    let closed = try await HubTool.run(["close", "pks01", "--dir", dir])
    #expect(closed.status == 0 && closed.output.contains("Closed pks01"))
  }

  private static func dayAgo(_ days: Int) throws -> String {
    try #require(CalendarDay(TroubleWorld.today)?.adding(days: -days)).description
  }

  @Test(.long) func loadingARunningCampaignAgainKeepsItsDaysAndAsks() async throws {
    let folder = try TemporaryFolder()
    let dir = folder.path + "/hub"
    let copy = folder.path + "/campaign"
    try FileManager.default.copyItem(atPath: HubTool.campaign, toPath: copy)
    #expect(try await HubTool.run(["init", dir]).status == 0)
    let load = ["campaign", "load", copy, "--dir", dir]
    // The survey was yesterday: late arrivals are accepted.
    let day = try Self.dayAgo(4)
    #expect(try await HubTool.run(load + ["--move-to", day]).status == 0)
    func standing() async throws -> [Substring] {
      try await HubTool.run(["status", "--dir", dir]).output.split(separator: "\n").dropFirst(2).prefix(2).map { $0 }
    }
    let before = try await standing()
    let again = try await HubTool.run(load)
    #expect(again.status == 0 && again.output.contains("from \(day)") && again.output.contains("nothing changed"), "\(again.output)")
    #expect(try await standing() == before)
    let file = URL(fileURLWithPath: copy + "/headcount.csv")
    let text = try String(contentsOf: file, encoding: .utf8).replacing("07201,II,11,9,12,20,32", with: "07201,II,12,9,12,21,33")
    try text.write(to: file, atomically: true, encoding: .utf8)
    let refused = try await HubTool.run(load)
    #expect(refused.status == 1 && refused.sentences.count == 1 && refused.errors.contains("--yes"), "\(refused.errors)")
    #expect(refused.output.contains("Headcounts changed (1): 07201 20 → 21."))
    #expect(try await HubTool.run(["status", "--dir", dir]).output.contains("/ 4,187"))
    let json = try await HubTool.run(load + ["--json"])
    #expect(json.status == 1 && json.output.isEmpty && json.errors.contains("--yes"))
    #expect(try await HubTool.run(load + ["--yes"]).status == 0)
    #expect(try await HubTool.run(["status", "--dir", dir]).output.contains("/ 4,188"))
    // Another id that would take the first one's forms is refused, and nothing that is shown changes.
    let json2 = URL(fileURLWithPath: copy + "/campaign.json")
    let other = try String(contentsOf: json2, encoding: .utf8).replacing("\"bac-giang-2024\"", with: "\"second\"")
    try other.write(to: json2, atomically: true, encoding: .utf8)
    for arguments in [load, load + ["--use", "--yes"]] {
      let second = try await HubTool.run(arguments)
      #expect(second.status == 1 && second.errors.contains("pks01, report01"), "\(second.errors)")
    }
    let listed = try await HubTool.run(["campaign", "list", "--dir", dir])
    #expect(listed.output.split(separator: "\n").count == 2 && listed.output.contains("bac-giang-2024"))
    #expect(try await HubTool.run(["campaign", "use", "second", "--dir", dir, "--yes"]).status == 1)
  }

  @Test(.long) func commandsSpeakOfTheCampaignThatIsNamed() async throws {
    let folder = try TemporaryFolder()
    let dir = folder.path + "/hub"
    #expect(try await HubTool.run(["init", dir]).status == 0)
    let load = ["campaign", "load", HubTool.campaign, "--dir", dir, "--move-to", try Self.dayAgo(4)]
    #expect(try await HubTool.run(load).status == 0)
    let second = try HubTool.secondCampaign(in: folder)
    let beside = try await HubTool.run(["campaign", "load", second, "--dir", dir, "--move-to", try Self.dayAgo(0)])
    #expect(
      beside.status == 0 && beside.output.contains("“bac-giang-2024” stays the one that is shown"), "\(beside.output)\(beside.errors)")
    func run(_ arguments: [String]) async throws -> String {
      let ended = try await HubTool.run(arguments + ["--dir", dir])
      #expect(ended.status == 0, "\(ended.errors)")
      return ended.output
    }
    let (shown, other) = (try await run(["status"]), try await run(["status", "--campaign", "second"]))
    #expect(!shown.contains("Second survey") && other.contains("Second survey"), "\(other)")
    #expect(try await run(["results", "--campaign", "second"]).contains("(q2)"))
    #expect(try await run(["results", "q2"]).contains("(q2)"))
    #expect(try await run(["results"]).contains("(pks01)"))
    let next = try await run([])
    #expect(next.contains("bac-giang-2024: ") && next.contains("; second: "), "\(next)")
    #expect(try await run(["next", "--campaign", "second"]).contains("second: "))
    let longer = ["campaign", "window", "--campaign", "second", "--grace-minutes", "77", "--reason", "slow links"]
    #expect(try await run(longer).contains("4320 → 77"))
    #expect(try await run(["acts"]).contains("second"))
    let codes = try await run(["qr", "--campaign", "second", "--out", folder.path + "/codes", "--json"])
    #expect(codes.contains("\"expires\""))
    #expect(try await run(["posts", "--campaign", "second"]).contains("no posts"))
    let unknown = try await HubTool.run(["status", "--campaign", "third", "--dir", dir])
    #expect(unknown.status == 1 && unknown.sentences.count == 1 && unknown.errors.contains("bac-giang-2024, second"), "\(unknown.errors)")
    // It ends by its name while the other goes on.
    let close = ["campaign", "close", "second", "--archive", folder.path, "--yes"]
    #expect(try await run(close).contains("Closed q2"))
    let list = try await run(["forms", "list"]).split(separator: "\n")
    #expect(list.contains { $0.hasPrefix("pks01") && $0.contains("open") } && list.contains { $0.hasPrefix("q2") && $0.contains("closed") })
    #expect(try await run(["campaign", "use", "second", "--yes"]).contains("second"))
    #expect(try await run(["status"]).contains("Second survey"))
  }

  @Test func aPersonIsAskedOnATerminal() async throws {
    let folder = try TemporaryFolder()
    let dir = folder.path + "/hub"
    #expect(try await HubTool.run(["init", dir]).status == 0)
    let day = try Self.dayAgo(4)
    #expect(try await HubTool.run(["campaign", "load", HubTool.campaign, "--dir", dir, "--move-to", day]).status == 0)
    let moved = try Self.dayAgo(5)
    let load = ["campaign", "load", HubTool.campaign, "--dir", dir, "--move-to", moved, "--lang", "en"]
    let terminal = PseudoTerminal(folder: folder.path, tool: "hub", columns: 160)
    let no = try await terminal.run(load, [.see("[y/N]"), .type(PseudoTerminal.enter)])
    #expect(no.code == 1 && no.main.contains("Nothing was changed"))
    let yes = try await terminal.run(load, [.see("[y/N]"), .type("y" + PseudoTerminal.enter)])
    #expect(yes.code == 0 && yes.main.contains("from \(moved)"))
  }
}
