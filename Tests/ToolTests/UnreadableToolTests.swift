import Foundation
import SyncHub
import SyncKit
import TestSupport
import Testing

/// One report that cannot be read, of a colleague's broken program: everybody else's work goes on.
@Suite(.serialized) struct UnreadableToolTests {
  @Test(.long, arguments: Pace.seeds([#"{"guided":[[1]]}"#, "{", "7"], fast: 1)) func oneBadReportStopsNothing(answers: String) async throws
  {
    let world = try await FieldToolWorld()
    let field = try await world.enrolled()
    let example = try await field.run("report", "--example", "--day", "2024-04-01")
    try world.write(example.out, to: "report.json")
    #expect(try await field.run("report", "--from", "report.json").code == 0)
    let form = try #require(try await world.hubRows("SELECT id FROM form WHERE form = 'report01'").first)
    try await world.hub.write { session in
      try session.execute(
        "INSERT INTO report (id, unit, campaign, day, form, answers) VALUES ('07201/2024-03-31', '07201', 'c', '2024-03-31', ?1, ?2)",
        [.text(form), .text(answers)])
    }
    #expect(try await field.run("sync").code == 0)
    let named = "07201/2024-03-31 in table report cannot be read: column answers holds no answers; file the report anew:"
    for arguments in [
      ["list"], ["show", "2024-04-01"], ["status"], [], ["next"], ["conflicts"], ["doctor"], ["sync"], ["export", "x.skb"],
    ] {
      let ended = try await field.run(arguments)
      #expect(ended.code == 0, "\(arguments): \(ended.err)")
      if ["list", "show", "status", "next"].contains(arguments.first ?? "next") {
        #expect(ended.err.contains(named), "\(arguments): \(ended.err)")
      }
    }
    let list = try await field.run("list", "--json")
    let rows = list.object["unreadable"] as? [[String: Any]]
    #expect(rows?.count == 1 && rows?.first?["key"] as? String == "07201/2024-03-31" && rows?.first?["remedy"] != nil)
    let shown = try await field.run("show", "2024-03-31")
    #expect(shown.code == 1 && shown.err.contains(named))
    // The good one is changed, and the bad one is filed anew, with a reason.
    let changed = try await field.run("report", "--day", "2024-04-01", "--set", "guided=3", "--reason", "recount")
    #expect(changed.code == 0 || changed.err.contains("guided"), "\(changed.err)")
    let anew = try await field.run("report", "--example", "--day", "2024-03-31")
    try world.write(anew.out, to: "anew.json")
    let refused = try await field.run("report", "--from", "anew.json", "--day", "2024-03-31")
    #expect(refused.code == 1 && refused.err.contains("--reason"))
    #expect(try await field.run("report", "--from", "anew.json", "--day", "2024-03-31", "--reason", "unreadable").code == 0)
    #expect(try await field.run("sync").code == 0)
    #expect(try await field.run("show", "2024-03-31").code == 0)
    #expect(!(try await field.run("list").err.contains("cannot be read")))
    #expect(try await world.hubRows("SELECT answers FROM report WHERE id = '07201/2024-03-31'") == ["-"])
  }
}
