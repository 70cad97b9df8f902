import Foundation
import GRDB
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub

/// Reports merge question by question, also those that programs wrote before they did.
@Suite struct ReportUpgradeTests {
  private static let unit = "07201"

  // MARK: Two members

  @Test(.long) func membersWhoFillDifferentQuestionsOfOneReportMergeWithoutAConflict() async throws {
    let world = try await FieldWorld()
    let (a, b) = (try await world.device("a", unit: Self.unit), try await world.device("b", unit: Self.unit))
    let form = try Samples.form("report01")
    let day = try #require(CalendarDay("2024-04-01"))
    func answers(_ guided: Int, _ total: Int) throws -> ValidatedAnswers {
      try AnswerGenerator(form: form, day: "2024-04-01").answers(
        seed: 1, fixed: ["officials_total": .integer(total), "answered": .integer(9), "guided": .integer(guided)])
    }
    try await a.saveReport(day: day, answers: try answers(1, 137))
    for device in [a, b] { _ = try await device.replica.sync(with: world.transport) }
    try await a.saveReport(day: day, answers: try answers(2, 137), reason: "one more")
    world.clock.advance(60_000)
    try await b.saveReport(day: day, answers: try answers(1, 140), reason: "three more officials")
    for device in [a, b, a] { _ = try await device.replica.sync(with: world.transport) }
    for device in [a, b] {
      let report = try #require(try await device.report(day: day))
      #expect(report.answers["guided"] == .integer(2) && report.answers["officials_total"] == .integer(140))
      #expect(try await device.openConflicts().isEmpty)
      #expect(try await device.reportChanges(day: day).map(\.before.count).count == 2)
    }
    try await a.saveReport(day: day, answers: try answers(5, 140), reason: "again")
    world.clock.advance(60_000)
    try await b.saveReport(day: day, answers: try answers(7, 140), reason: "no, so")
    for device in [a, b, a] { _ = try await device.replica.sync(with: world.transport) }
    let conflict = try #require(try await a.openConflicts().first)
    #expect(conflict.column == "by_question" && conflict.member == "guided")
    #expect(conflict.losingValue == "5" && conflict.winningValue == "7")
    #expect(try await a.openConflicts().count == 1)
  }

  // MARK: A store of the program before

  /// Stores of a hub and three devices, written by the program that kept a report's answers as one text: a report of two members
  /// who collided, corrected since; on the device `late` a correction that is not sealed yet.
  private struct Sample {
    let folder: TemporaryFolder
    let clock: TestClock
    let day: CalendarDay
    var hub: Hub

    init() async throws {
      folder = try TemporaryFolder()
      let tar = Process()
      tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      let archive = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Samples/report-as-text.tar.gz")
      tar.arguments = ["tar", "-xzf", archive.path, "-C", folder.path]
      try tar.run()
      tar.waitUntilExit()
      try #require(tar.terminationStatus == 0)
      day = try #require(CalendarDay("2026-11-25"))
      // Two hours after the sample was made.
      clock = TestClock(1_795_575_600_000)
      hub = try await Self.open(folder, clock)
    }

    private static func open(_ folder: TemporaryFolder, _ clock: TestClock) async throws -> Hub {
      let store = try SQLiteHubStore.open(
        at: folder.path + "/hub.sqlite", tables: SurveySchema.tables, migrator: SurveySchema.hubMigrator, clock: clock, create: false)
      return try await Hub.open(store: store, keys: try HubKeys.load(from: folder.path + "/keys"), clock: clock)
    }

    func device(_ name: String) throws -> SurveyField { try SurveyField.open(at: "\(folder.path)/\(name).sqlite", clock: clock) }

    /// The device as the program before has it: it knows no `by_question` and no photos.
    func old(_ name: String) throws -> Replica {
      var migrator = DatabaseMigrator()
      for known in ["survey-1", "report-change"] { migrator.registerMigration(known) { _ in } }
      let tables = SurveySchema.tables.filter { !["attachment", "post", "notice", "notice_reply", "unit_window"].contains($0.name) }.map {
        $0.name == "report" ? ReplicatedTable("report", scopeColumn: "unit") : $0
      }
      return try Replica.open(at: "\(folder.path)/\(name).sqlite", tables: tables, migrator: migrator, clock: clock, create: false)
    }

    func sync(_ replicas: Replica...) async throws {
      for replica in replicas {
        clock.advance(1000)
        _ = try await replica.sync(with: LocalTransport(hub: hub))
      }
    }
  }

  private func validated(_ report: FieldReport, _ changes: [String: AnswerValue], without: [String] = []) throws -> ValidatedAnswers {
    let form = try Samples.form("report01")
    let calculated = Set(form.questions.filter { !$0.kind.isAsked && $0.kind != .hidden }.map(\.name))
    var answers = report.answers.filter { !calculated.contains($0.key) }
    for (question, value) in changes { answers[question] = value }
    for question in without { answers[question] = nil }
    return try AnswerValidator(form: form, today: "2026-11-25").validate(answers).get()
  }

  @Test(.long) func aReportOfTheProgramBeforeShowsAndIsCorrectedQuestionByQuestion() async throws {
    let sample = try await Sample()
    let (clerk, late, chair) = (try sample.device("clerk"), try sample.device("late"), try sample.device("chair"))
    for (device, guided) in [(clerk, 13), (late, 15), (chair, 12)] {
      let report = try #require(try await device.report(day: sample.day))
      #expect(report.answers["guided"] == .integer(guided) && report.answers["officials_total"] == .integer(137))
      #expect(report.overridden.isEmpty)
    }
    // What was written and not sealed before the upgrade goes out as it was written.
    try await sample.sync(late.replica, clerk.replica, chair.replica)
    #expect(try await clerk.report(day: sample.day)?.answers["guided"] == .integer(15))
    #expect(try await clerk.reportChanges(day: sample.day).map(\.reason) == ["counted again", "late count"])
    // Two correct different questions of it, offline.
    let standing = try #require(try await clerk.report(day: sample.day))
    try await clerk.saveReport(day: sample.day, answers: try validated(standing, ["guided": .integer(20)]), reason: "clerk")
    sample.clock.advance(60_000)
    try await late.saveReport(day: sample.day, answers: try validated(standing, ["channels_other": .text("họp tổ")]), reason: "late")
    try await sample.sync(clerk.replica, late.replica, clerk.replica, chair.replica)
    for device in [clerk, late, chair] {
      let report = try #require(try await device.report(day: sample.day))
      #expect(report.answers["guided"] == .integer(20) && report.answers["channels_other"] == .text("họp tổ"))
      #expect(report.answers["officials_total"] == .integer(137), "what nobody touched since")
      #expect(try await device.openConflicts().isEmpty)
      #expect(try await device.replica.status().agreement == .proved)
    }
    // A question taken away stays away, though the old text has it.
    let filed = try #require(try await late.report(day: sample.day))
    try await late.saveReport(day: sample.day, answers: try validated(filed, ["difficulties": .choices(["khac"])]), reason: "other")
    let next = try #require(try await late.report(day: sample.day))
    try await late.saveReport(
      day: sample.day,
      answers: try validated(next, ["channels": .choices(["zalo"])], without: ["channels_other"]), reason: "taken away")
    try await sample.sync(late.replica, clerk.replica)
    #expect(try await clerk.report(day: sample.day)?.answers["channels_other"] == nil)
  }

  @Test(.long) func aProgramBeforeAndOneOfNowWriteOneReportAndNothingIsSilent() async throws {
    let sample = try await Sample()
    let new = try sample.device("clerk")
    var old = try sample.old("late")
    try await sample.sync(old, new.replica, old)
    let standing = try #require(try await new.report(day: sample.day))
    try await new.saveReport(day: sample.day, answers: try validated(standing, ["guided": .integer(20)]), reason: "new")
    try await sample.sync(new.replica, old)
    #expect(try await old.status().agreement == .proved, "it keeps the question aside")
    // The old program writes the whole text, later, with what it shows.
    sample.clock.advance(60_000)
    try await old.execute("UPDATE report SET answers = replace(answers, '\"guided\":15', '\"guided\":16')")
    try await sample.sync(old, new.replica)
    let report = try #require(try await new.report(day: sample.day))
    #expect(report.answers["guided"] == .integer(16), "the later write")
    #expect(report.overridden["guided"] == .integer(20), "and what it overrode")
    // Settled by saying what is right.
    try await new.saveReport(day: sample.day, answers: try validated(report, ["guided": .integer(21)]), reason: "asked both")
    let settled = try #require(try await new.report(day: sample.day))
    #expect(settled.answers["guided"] == .integer(21))
    try await sample.sync(new.replica, old)
    try old.close()
    let upgraded = try sample.device("late")
    #expect(try await upgraded.report(day: sample.day)?.answers["guided"] == .integer(21), "shown without asking again")
    try await sample.sync(upgraded.replica)
    #expect(try await upgraded.replica.status().agreement == .proved)
    old = upgraded.replica
  }
}
