import Foundation
import HummingbirdCore
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import RehearsalTool
@testable import SurveyKit
@testable import SurveyKitHub
@testable import SyncStore

/// Rows and statements that each page asks of the hub: no more with answers than without, no more at 2,090 units than ten times those at 209, no more
/// for a hundred units shown than for one; and a page that is not too large.
@Suite(.serialized) struct PageCostTests {
  /// A page at most, in bytes.
  private static let bytesMax = 200_000

  private static let paths = [
    "/now", "/", "/units", "/units?sort=missing&page=2", "/decide", "/contacts", "/reports", "/sums", "/devices", "/unit/07204",
    "/posts.json", "/units?q=hoa",
    "/units?q=07204", "/results.json?level=commune", "/setup", "/remind", "/units.json",
  ]

  private struct Cost {
    /// Times that a statement was run.
    var statements: Int
    /// Instructions of SQLite's virtual machine, some for each row that is read.
    var steps: Int
    var bytes: Int
  }

  /// Costs of each page at a hub with so many times the units of the campaign.
  private func costs(times: Int, answersEach: Int = 0) async throws -> [String: Cost] {
    let watch = StatementWatch()
    return try await StatementWatch.$current.withValue(watch) {
      let folder = try TemporaryFolder()
      let clock = TestClock(ConsoleWorld.nowMs)
      let survey = try await SurveyHub.create(at: folder.path + "/hub", clock: clock)
      let source = try CampaignFolder(URL(fileURLWithPath: HubTool.campaign), movedTo: CalendarDay("2031-03-29")).multiplied(by: times)
      _ = try await survey.load(source)
      if answersEach > 0 { try await fill(survey, answersEach) }
      var costs: [String: Cost] = [:]
      let person = Person(name: "a", capabilities: Set(Capability.allCases), scope: nil, isReady: true)
      for path in Self.paths {
        let call = ConsoleCall(
          URI(path), survey: survey, visitor: Visitor(person: person, session: nil, formToken: "token"), language: .vietnamese)
        let pages = ConsolePages(call: call, days: SharedDays(), campaigns: PageCampaigns())
        _ = watch.take()
        let bytes: Int
        if call.path.hasSuffix(".json") {
          bytes = try #require(try await pages.file()).data.count
        } else {
          bytes = try #require(try await pages.page(), "\(path)").utf8.count
        }
        let read = watch.take().filter { $0.key.hasPrefix("SELECT") || $0.key.hasPrefix("WITH") }.values
        costs[path] = Cost(statements: read.reduce(0) { $0 + $1.runs }, steps: read.reduce(0) { $0 + $1.runs * $1.stepsMax }, bytes: bytes)
      }
      try survey.close()
      return costs
    }
  }

  /// Puts answers of every commune into the hub's tables with their counts, as steps of earlier days left them.
  private func fill(_ survey: SurveyHub, _ answersEach: Int) async throws {
    try await survey.hub.write { session in
      try session.withoutCapture {
        try session.execute(
          """
          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
          INSERT INTO answer (id, unit, campaign, form, day, language, answers)
          SELECT hex(randomblob(16)), unit.code, 'bac-giang-2024', 'pks01@2024032601', '2031-04-01', 'vi', '{}' FROM unit, n
          WHERE unit.level = 'commune'
          """, [.integer(Int64(answersEach))])
        try session.execute("INSERT INTO answer_count (unit, form, count) SELECT unit, form, count(*) FROM answer GROUP BY unit, form", [])
      }
    }
  }

  @Test(.long) func whatAPageReadsFollowsItsUnitsAndNothingElse() async throws {
    let (few, many, answered) = (
      try await costs(times: 1), try await costs(times: 10), try await costs(times: 1, answersEach: 100)
    )
    for path in Self.paths {
      let (small, large, full) = (try #require(few[path]), try #require(many[path]), try #require(answered[path]))
      #expect(small.statements == large.statements && small.statements > 0, "\(path): \(small.statements) → \(large.statements) statements")
      // Reading each unit of the campaign once makes ten times as much, and nothing makes more.
      #expect(large.steps <= small.steps * 10, "\(path): \(small.steps) → \(large.steps) steps at ten times the units")
      #expect(full.statements == small.statements, "\(path): \(small.statements) → \(full.statements) statements with answers")
      #expect(full.steps <= small.steps * 11 / 10 + Self.stepsFree, "\(path): \(small.steps) → \(full.steps) steps with 20,900 answers")
      guard !path.contains(".json"), path != "/remind" else { continue }
      #expect(large.bytes <= Self.bytesMax && small.bytes <= Self.bytesMax, "\(path): \(small.bytes), \(large.bytes) bytes")
    }
    // One unit, a hundred, or all of them in a file: the same is read.
    for costs in [few, many] {
      let (one, hundred, all) = (
        try #require(costs["/units?q=07204"]), try #require(costs["/units"]), try #require(costs["/units.json"])
      )
      #expect(one.steps == hundred.steps && hundred.steps == all.steps, "\(one.steps), \(hundred.steps), \(all.steps)")
      #expect(one.bytes < hundred.bytes && hundred.bytes < all.bytes, "they show more")
    }
    print(
      "page costs at 209, 2,090, 209 with answers: \(Self.paths.map { "\($0) \(few[$0]?.steps ?? 0)/\(many[$0]?.steps ?? 0)/\(answered[$0]?.steps ?? 0) steps" })"
    )
  }

  /// Steps for the counts of 209 communes that are there with answers and not without: a row each.
  private static let stepsFree = 209 * 60
}
