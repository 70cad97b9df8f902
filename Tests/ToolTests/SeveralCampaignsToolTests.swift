import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField

/// `field` at a hub with two open campaigns.
@Suite(.sumsAddUp) struct SeveralCampaignsToolTests {
  private func clock(_ text: String) throws -> [String] {
    let zone = try #require(TimeZone(identifier: "Asia/Ho_Chi_Minh"))
    let ms = try #require(LocalTime(text)).ms(in: zone)
    return ["--clock", "\(ms),\(UInt64(Date.now.timeIntervalSince1970 * 1000)),1"]
  }

  @Test(.long) func theFormOrTheDaySaysWhichCampaignIsMeant() async throws {
    // The day after the survey: late answers of the first are still taken.
    let world = try await FieldToolWorld(clockMs: 1_712_019_600_000)
    let second = try HubTool.secondCampaign(in: world.folder, reportDays: #"["2024-04-02"]"#)
    try await world.load(second)
    let (field, now) = (world.field, try clock("2024-04-02 09:00"))
    #expect(try await field.run(["enroll", try await world.code(), "--hub", world.server.address] + now).code == 0)
    func run(_ arguments: [String]) async throws -> String {
      let ended = try await field.run(arguments + now)
      #expect(ended.code == 0, "\(arguments): \(ended.err)")
      return ended.out
    }
    let forms = try await run(["forms"]).split(separator: "\n")
    #expect(forms.contains { $0.hasPrefix("q2 ") && $0.contains("second") && $0.contains("answers") }, "\(forms)")
    #expect(forms.contains { $0.hasPrefix("r2 ") && $0.contains("daily report") })
    #expect(forms.contains { $0.hasPrefix("pks01 ") && $0.contains("bac-giang-2024") })

    // Answers: by the form that the file or the option names, else the default's first.
    let first = try FieldToolWorld.answersCSV(3)
    try world.write(first, to: "first.csv")
    try world.write(first.replacing(",pks01,", with: ",q2,"), to: "second.csv")
    #expect(try await run(["import", "first.csv"]).contains("Took 3"))
    #expect(try await run(["import", "second.csv"]).contains("Took 3"))
    // The numbers of both are remembered: nothing of either is another sheet.
    for name in ["first.csv", "second.csv"] { #expect(try await run(["import", name]).contains("3 were seen before"), "\(name)") }
    #expect(try await run(["import", "--example", "q2"]).contains(",q2,"))
    #expect(try await run(["import", "--example", "--campaign", "second"]).contains(",q2,"))
    let unknown = try await field.run(["import", "--example", "--campaign", "third"] + now)
    #expect(unknown.code == 1 && unknown.err.contains("bac-giang-2024, second"), "\(unknown.err)")
    #expect(try await run(["sync"]).contains("Sent 12"))
    // A repetition is told by a step.
    for campaign in ["bac-giang-2024", "second"] { #expect(try await world.received(campaign) == 3 + 3) }

    // Reports: by the day, as it is given, stated in the answers or today.
    try world.write(try await run(["report", "--example"]), to: "r2.json")
    #expect(try await run(["report", "--from", "r2.json", "--json"]).contains("\"r2@"))
    try world.write(try await run(["report", "--example", "--day", "2024-04-01"]), to: "r1.json")
    #expect(try await run(["report", "--from", "r1.json", "--json"]).contains("\"report01@"))
    // Posts: by the day, and where somebody says so.
    _ = try await run(["post", "a"])
    _ = try await run(["post", "b", "--campaign", "bac-giang-2024"])
    _ = try await run(["sync"])
    #expect(try await world.hubRows("SELECT campaign FROM report ORDER BY day") == ["bac-giang-2024", "second"])
    #expect(try await world.hubRows("SELECT campaign FROM post ORDER BY words") == ["second", "bac-giang-2024"])

    let next = try await run([])
    #expect(next.contains("bac-giang-2024: ") && next.contains("second: "), "\(next)")
    #expect(next.contains("No report of 2024-03-31"))
    let status = try await run(["status"])
    #expect(status.contains("Answers: 12") && status.contains("Campaigns: bac-giang-2024: ") && status.contains("; second: "), "\(status)")
    #expect(try await run(["list", "--json"]).contains("2024-03-31"))
    let list = try await run(["list"]).split(separator: "\n")
    #expect(list.contains { $0.contains("Campaign") } && list.contains { $0.hasSuffix("second") }, "\(list)")
    let other = try await run(["list", "--campaign", "second"])
    #expect(!other.contains("2024-03-31") && !other.contains("bac-giang") && other.contains("07201"), "\(other)")
  }
}
