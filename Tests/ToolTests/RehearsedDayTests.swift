import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitHub

/// A rehearsed day that stands in its middle, for operators to practise with.
@Suite(.long) struct RehearsedDayTests {
  @Test func aDayStopsWhereItIsToldWithItsTroubles() async throws {
    let folder = try TemporaryFolder()
    let out = folder.path + "/r"
    let ended = try await Tool.hub([
      "rehearse", HubTool.campaign, "--out", out, "--speed", "1000000", "--communes", "24", "--troubles", "all", "--until", "18:15",
      "--lang",
      "en",
    ])
    try #require(ended.status == 0, "\(ended.errors)\n\(ended.output)")
    #expect(ended.output.contains("It is 18:15 of the survey's day"))
    #expect(try await Tool.hub(["rehearse", HubTool.campaign, "--out", out + "2", "--until", "25:00"]).status != 0)
    let clock = try #require(FileClock(path: out + "/clock"))
    let survey = try await SurveyHub.open(at: out + "/hub", clock: clock)
    defer { try? survey.close() }
    let day = try #require(try await survey.operatorDay(within: .all))
    #expect(day.board.clock == "2024-04-01 18:15")
    let taking = day.units.filter { $0.counts.received > 0 }
    #expect(taking.count >= 12 && taking.contains { $0.counts.received < ($0.target ?? 0) }, "in mid-flow")
    #expect(day.count(.neverInContact) >= 1 && day.units.contains { !$0.troubles.isEmpty } && day.units.contains { $0.counts.held > 0 })
    #expect(day.contacts.count == 24 && day.calls.count >= 3)
    #expect(day.calls.values.contains { $0.isPromiseDue(atMs: day.nowMs) } && day.calls.values.contains { $0.isCalling(atMs: day.nowMs) })
  }
}
