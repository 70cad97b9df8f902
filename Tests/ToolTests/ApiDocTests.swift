import Foundation
import HummingbirdCore
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// Holds docs/api.md against the hub: the columns of every table, and each call with its answer.
@Suite(.long) struct ApiDocTests {
  private static let document = try? String(contentsOf: Tool.packageRoot.appendingPathComponent("docs/api.md"), encoding: .utf8)

  private static func pages(_ conflict: String, _ device: String) -> [(named: String, path: String)] {
    [
      ("/now", "/now"), ("/overview", "/"), ("/units", "/units"), ("/reports", "/reports"), ("/sums", "/sums"), ("/devices", "/devices"),
      ("/decide", "/decide"), ("/posts", "/posts"),
      ("/results", "/results"), ("/contacts", "/contacts"), ("/people", "/people"), ("/unit/UNIT", "/unit/07201"),
      ("/report/UNIT/DAY", "/report/07201/\(ConsoleWorld.day)"), ("/device/DEVICE", "/device/\(device)"),
      ("/conflict/CONFLICT", "/conflict/\(conflict)"),
    ]
  }

  @Test func everyTableHasTheColumnsThatTheDocumentNames() async throws {
    let folder = try TemporaryFolder()
    let (dir, conflict, device) = try await ConsoleWorld.make(folder)
    let survey = try await SurveyHub.open(at: dir, clock: TestClock(ConsoleWorld.nowMs))
    defer { try? survey.close() }
    let person = Person(name: "a", capabilities: Set(Capability.allCases), scope: nil, isReady: true)
    let visitor = Visitor(person: person, session: nil, formToken: nil)
    var lines: [String] = []
    let reminder = try await survey.send([NoticeDraft("07201", "Gửi báo cáo")], by: "x")
    for page in Self.pages(conflict, device) + [("/reminder/REMINDER", "/reminder/\(reminder)")] {
      let call = ConsoleCall(URI(page.path), survey: survey, visitor: visitor, language: .english)
      let pages = ConsolePages(call: call, days: SharedDays(), campaigns: PageCampaigns())
      let tables = try #require(try await pages.tables(try await pages.day()), "\(page.path)")
      for table in tables {
        #expect(Set(table.columns.map(\.key)).count == table.columns.count, "\(page.path) \(table.key): a name twice")
        let columns = table.columns.map(\.key).filter { !$0.hasPrefix("answer_") }
        lines.append("| `\(page.named)` | `\(table.key)` | \(columns.map { "`\($0)`" }.joined(separator: " ")) |")
      }
    }
    let document = try #require(Self.document)
    let missing = lines.filter { !document.contains($0 + "\n") }
    #expect(missing.isEmpty, "docs/api.md lacks:\n\(missing.joined(separator: "\n"))")
    #expect(document.matches(of: /(?m)^\| `\/[^`]+` \| `/).count == lines.count, "docs/api.md names tables that there are not")
  }

  @Test func everyCallOfTheDocumentIsAnsweredAsItSays() async throws {
    let folder = try TemporaryFolder()
    let (dir, _, _) = try await ConsoleWorld.make(folder)
    let file = folder.path + "/clock"
    try FileClock.set(ConsoleWorld.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock)
    for arguments in [["people", "invite", "monitor", "--may", "read"], ["people", "token", "monitor"]] {
      let ended = try await HubTool.run(arguments + ["--dir", dir] + clock)
      try ended.output.write(toFile: folder.path + "/token", atomically: true, encoding: .utf8)
    }
    let document = try #require(Self.document)
    let calls = document.matches(of: /(?s)```sh\n(curl.*?)```\n+```json\n(.*?)```/)
    #expect(calls.count >= 3)
    for call in calls {
      let command =
        "TOKEN=$(tr -d '\\n' < '\(folder.path)/token') HUB=http://127.0.0.1:\(hub.boardPort); \(call.output.1)"
      let ended = try await Tool.run("/bin/sh", ["-c", command])
      let (is_, said) = (try? Self.canonical(ended.output), try Self.canonical(String(call.output.2)))
      #expect(is_ == said, "\(call.output.1)\n\(ended.output)\(ended.errors)")
    }
    #expect(await hub.stop() == 0)
  }

  private static func canonical(_ json: String) throws -> String {
    let value = try JSONSerialization.jsonObject(with: Data(json.utf8))
    return String(decoding: try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys]), as: UTF8.self)
  }
}
