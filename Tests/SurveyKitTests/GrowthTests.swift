import Foundation
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub
@testable import SyncStore

/// Nothing that a device or a page asks of a hub grows with everything the hub holds: the same work is done at a small hub and at one with
/// a million answers, ten thousand conflicts in one scope and ten thousand units, and each statement must take about as many of SQLite's
/// steps at both. Its plan at the large one may not go through a whole table.
@Suite struct GrowthTests {
  private struct Size {
    var answers: Int
    var others: Int
    var units: Int
  }

  private static let small = Size(answers: 300, others: 300, units: 1)
  private static let large = Size(answers: 1_000_000, others: 10_000, units: 10_000)
  /// A statement that takes fewer steps than so is no matter.
  private static let stepsFree = 1_500

  /// Statements that do read all of something, each with why that is right.
  private static let allowed: [(beginning: String, why: String)] = [
    ("SELECT scope, max(contact_ms)", "the board sums up all devices, a few for each of its lines"),
    ("SELECT sum(revoked_ms IS NULL), sum(", "monitors are told of all devices, a few for each unit"),
    ("SELECT public_key, label, scope, certificate", "the pages are about all devices, a few for each unit"),
    ("SELECT c.hash, c.scope, c.made_ms", "one unit's page lists its enrolment codes, which are few"),
    ("SELECT code, name, kind, parent, level FROM unit", "the board is about all units"),
    ("SELECT u.code, a.first_ms FROM unit u", "one look for each of the board's units"),
    ("SELECT u.code, a.first_ms, r.form FROM unit u", "one look for each of the pages' units and report days"),
    ("SELECT received_ms FROM hub_batch WHERE replica <> ?1", "ends at the first device's batch, behind those of loading the campaign"),
  ]

  @Test(.long) func noStatementOfARequestGrowsWithWhatTheHubHolds() async throws {
    let few = try await costs(filledWith: Self.small).costs
    let (many, scans) = try await costs(filledWith: Self.large)
    var grown = scans.filter { scan in !Self.allowed.contains { scan.sql.hasPrefix($0.beginning) } }.map { "\($0.step): \($0.sql)" }
    for (sql, cost) in many.sorted(by: { $0.value.stepsMax > $1.value.stepsMax }) {
      let before = few[sql]?.stepsMax ?? 0
      guard cost.stepsMax > Self.stepsFree, cost.stepsMax > before * 2, !Self.allowed.contains(where: { sql.hasPrefix($0.beginning) })
      else {
        continue
      }
      grown.append("\(before) → \(cost.stepsMax) steps: \(sql)")
    }
    #expect(grown.isEmpty, "\(grown.joined(separator: "\n\n"))")
    #expect(few.count > 100, "the work was watched")
  }

  /// The sums are checked by reading everything; the journal holds megabytes of bytes in its rows, which no sum needs.
  @Test func sumsReadPastNoBytesOfTheJournal() async throws {
    let watch = StatementWatch()
    try await StatementWatch.$current.withValue(watch) {
      let world = try await HubWorld()
      _ = watch.take()
      _ = try await world.survey.status()
      let sums = watch.take().keys.filter { $0.contains("FROM hub_batch") && $0.contains("count(*)") }
      #expect(sums.count == 2)
      for sql in sums {
        let plan = try await world.survey.hub.read { try $0.rows("EXPLAIN QUERY PLAN " + sql).compactMap { $0[3].text } }
        #expect(plan.allSatisfy { $0.contains("COVERING INDEX") }, "\(plan): \(sql)")
      }
    }
  }

  /// What a day's work takes at a hub that holds `count` of everything beforehand.
  private func costs(
    filledWith size: Size
  ) async throws -> (costs: [String: StatementWatch.Cost], scans: [(sql: String, step: String)]) {
    let watch = StatementWatch()
    return try await StatementWatch.$current.withValue(watch) {
      let world = try await HubWorld()
      try await fill(world, size)
      _ = watch.take()
      try await work(in: world)
      let costs = watch.take()
      return (costs, try await scans(costs.keys.sorted(), in: world))
    }
  }

  /// Steps of plans that go through a whole table of those that grow.
  private func scans(_ statements: [String], in world: HubWorld) async throws -> [(sql: String, step: String)] {
    let growing = try Regex(
      "^SCAN (\\w+ )?(answer|answer_number|answer_repeated|report|report_arrival|report_change|notice|notice_reply|post|attachment|attachment_arrival|conflict_counted|photo_counted|hub_blob|hub_blob_scope|sync_conflict|sync_decision|hub_batch|hub_feed|hub_device|hub_code|unit)\\b"
    )
    let plans = try await world.survey.hub.read { session in
      statements.filter { ["SELECT", "UPDATE", "DELETE", "INSERT"].contains($0.prefix(6).uppercased()) }.compactMap { sql in
        // A statement of a device's store names tables that a hub has not.
        (try? session.rows("EXPLAIN QUERY PLAN " + sql)).map { (sql: sql, steps: $0.compactMap { $0[3].text }) }
      }
    }
    #expect(plans.count > 60, "plans were read")
    return plans.flatMap { plan in plan.steps.filter { $0.contains(growing) }.map { (plan.sql, $0) } }
  }

  /// Puts rows into the hub's tables as years of work would leave them: all of one commune, which is the worst for what reads a scope.
  private func fill(_ world: HubWorld, _ size: Size) async throws {
    try await world.survey.hub.write { session in
      try session.withoutCapture {
        func numbers(_ sql: String) -> String {
          let count = sql.contains("INTO answer") ? size.answers : sql.contains("INTO unit") ? size.units : size.others
          return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count)) "
        }
        for sql in [
          "INSERT INTO unit (code, scope, name, kind, level, parent) SELECT 'x' || i, '24', 'Xã ' || i, 'xa', 'commune', '213' FROM n",
          "INSERT INTO answer (id, unit, campaign, form, day, language, answers) SELECT hex(randomblob(16)), '07201', 'bac-giang-2024', 'pks01@2024032601', '2024-04-01', 'vi', '{}' FROM n",
          "INSERT INTO answer_number (unit, form, number) SELECT '07201', 'pks01@2024032601', hex(randomblob(16)) FROM n",
          "INSERT INTO answer_repeated (digest, count) SELECT randomblob(32), 1 FROM n",
          "INSERT INTO report (id, unit, campaign, day, form, answers) SELECT '07201/' || i, '07201', 'bac-giang-2024', i, 'report01', '{}' FROM n",
          "INSERT INTO report_arrival (id, unit, first_ms, last_ms) SELECT '07201/' || i, '07201', 1, 1 FROM n",
          "INSERT INTO report_change (id, unit, report, changed_ms) SELECT hex(randomblob(16)), '07201', '07201/' || i, 1 FROM n",
          "INSERT INTO notice (id, unit, kind, report, words, sent_ms, sending, closed_ms) SELECT hex(randomblob(16)), '07201', iif(i % 2, 'return', 'reminder'), '07201/' || i, 'x', 1, hex(randomblob(8)), 1 FROM n",
          "INSERT INTO notice_reply (id, unit, notice, at_ms) SELECT hex(randomblob(16)), '07201', id, 1 FROM notice",
          "INSERT INTO post (id, unit, campaign, day, words) SELECT hex(randomblob(16)), '07201', 'bac-giang-2024', '2024-04-01', 'x' FROM n",
          "INSERT INTO attachment (id, unit, tbl, record, blob, bytes, day) SELECT hex(randomblob(16)), '07201', 'post', hex(randomblob(16)), hex(randomblob(32)), 9, '2024-04-01' FROM n",
          "INSERT INTO attachment_arrival (id, first_ms) SELECT id, 1 FROM attachment",
          "INSERT INTO hub_blob_scope (scope, blob) SELECT '07201', blob FROM attachment",
          "INSERT INTO hub_blob (id, bytes, replica, received_ms) SELECT blob, 9, x'00', 1 FROM attachment",
          "INSERT INTO sync_conflict (id, scope, tbl, row_key, life, col, rule, losing_value, losing_stamp, losing_replica, losing_position, winning_value, winning_stamp, winning_replica) SELECT hex(randomblob(16)), '07201', 'report', '07201/' || i, 1, 'answers', 'later', 'a', i, randomblob(16), 1, 'b', i, randomblob(16) FROM n",
          "INSERT INTO sync_decision (id, scope, conflict, tbl, row_key, choice, decided_ms) SELECT hex(randomblob(16)), '07201', id, tbl, row_key, 'undone', 1 FROM sync_conflict",
          "INSERT INTO hub_batch (scope, replica, number, hash, received_ms, state, bytes, changes, receipt) SELECT '07201', randomblob(16), 1, randomblob(32), 1, 1, randomblob(500), 1, randomblob(100) FROM n",
          "INSERT INTO hub_device (replica, public_key, label, scope, certificate, enrolled_ms) SELECT replica, randomblob(32), 'x', '07201', x'', 1 FROM hub_batch WHERE length(bytes) = 500",
          "INSERT INTO hub_code (hash, scope, read_scopes, made_ms) SELECT randomblob(32), '07201', '', 1 FROM n",
        ] {
          try session.execute(sql.contains("FROM n") ? numbers(sql) + sql : sql)
        }
        for gone in ["counted_all", "sync_state WHERE name IN ('blobCount', 'blobBytes')"] { try session.execute("DELETE FROM \(gone)") }
        try RunningCounts(session: session).countAll()
        try HubBlobTable(session: session).fillSums()
      }
    }
  }

  private func work(in world: HubWorld) async throws {
    let chair = try await world.device("chair", unit: "07201")
    let clerk = try await world.device("clerk", unit: "07204")
    try await world.report(chair, unit: "07201", day: "2024-04-01", seed: 1)
    try await world.answer(clerk, unit: "07204", seeds: 1..<8)
    try await world.survey.hub.flushPackets()
    try await world.report(clerk, unit: "07204", day: "2024-04-01", seed: 2)
    _ = try await chair.post("a picture", photos: [NewPhoto(try Photo(Picture.png(200, 100)))])
    try await world.sync(chair)
    try await world.sync(clerk)
    _ = try await world.survey.board()
    let day = try #require(try await world.survey.operatorDay(within: .all))
    let sending = try await world.survey.send([NoticeDraft("07204", "x")], by: "x")
    _ = try await world.survey.notices(sending: sending, in: day)
    _ = try await world.survey.unitDetail("07201", in: day)
    _ = try await world.survey.reportDetail("07201", CalendarDay("2024-04-01") ?? .first, in: day)
    _ = try await world.survey.pendingDecisions(in: day)
    _ = try await world.survey.results()
    _ = try await world.survey.gauges()
    _ = try await world.survey.visit(to: UnitCode("07204"))
  }
}
