import Foundation
import HummingbirdCore
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import RehearsalTool
@testable import SurveyKit
@testable import SurveyKitHub
@testable import SyncStore

/// Statements that each page asks of the hub: as many at 2,090 units as at 209, and a page that is not too large.
@Suite struct PageCostTests {
  /// A page at most, in bytes.
  private static let bytesMax = 200_000

  private static let paths = [
    "/now", "/", "/units", "/units?sort=missing&page=2", "/decide", "/contacts", "/reports", "/unit/07204", "/posts.json", "/units?q=hoa",
  ]

  private func costs(times: Int) async throws -> [String: (statements: Int, bytes: Int)] {
    let watch = StatementWatch()
    return try await StatementWatch.$current.withValue(watch) {
      let folder = try TemporaryFolder()
      let clock = TestClock(ConsoleWorld.nowMs)
      let survey = try await SurveyHub.create(at: folder.path + "/hub", clock: clock)
      let source = try CampaignFolder(URL(fileURLWithPath: HubTool.campaign), movedTo: CalendarDay("2031-03-29")).multiplied(by: times)
      _ = try await survey.load(source)
      var costs: [String: (Int, Int)] = [:]
      let person = Person(name: "a", capabilities: Set(Capability.allCases), scope: nil, isReady: true)
      for path in Self.paths {
        let call = ConsoleCall(
          URI(path), survey: survey, visitor: Visitor(person: person, session: nil, formToken: "token"), language: .vietnamese)
        let pages = ConsolePages(call: call, days: SharedDays(), campaigns: PageCampaigns())
        _ = watch.take()
        let bytes: Int
        if path.hasSuffix(".json") {
          bytes = try #require(try await pages.file()).data.count
        } else {
          bytes = try #require(try await pages.page(), "\(path)").utf8.count
        }
        costs[path] = (watch.take().filter { $0.key.hasPrefix("SELECT") }.values.reduce(0) { $0 + $1.runs }, bytes)
      }
      try survey.close()
      return costs
    }
  }

  @Test(.long) func aPageAsksAsMuchAtTenTimesTheUnits() async throws {
    let (few, many) = (try await costs(times: 1), try await costs(times: 10))
    for path in Self.paths {
      let (small, large) = (try #require(few[path]), try #require(many[path]))
      #expect(small.statements == large.statements && small.statements > 0, "\(path): \(small.statements) → \(large.statements) statements")
      #expect(large.bytes <= Self.bytesMax && small.bytes <= Self.bytesMax, "\(path): \(small.bytes), \(large.bytes) bytes")
    }
    print(
      "page costs: \(Self.paths.map { "\($0) \(few[$0]?.statements ?? 0)/\(many[$0]?.statements ?? 0) statements, \(few[$0]?.bytes ?? 0)/\(many[$0]?.bytes ?? 0) bytes" })"
    )
  }
}
