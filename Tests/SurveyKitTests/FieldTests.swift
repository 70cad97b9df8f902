import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

@Suite struct FieldTests {
  private static let unit = "07201"
  private static let firstDay = CalendarDay(year: 2024, month: 4, day: 1)

  @Test func deviceBeforeEnrolmentSaysWhatToDo() async throws {
    let folder = try TemporaryFolder()
    let field = try SurveyField.open(at: folder.path + "/a.sqlite", clock: TestClock(), create: true)
    #expect(try await field.campaign() == nil)
    #expect(try await field.units() == nil)
    #expect(try await field.forms().isEmpty)
    await #expect(throws: SurveyFieldError.notEnrolled) { try await field.unit() }
    await #expect(throws: SurveyFieldError.notEnrolled) { try await field.today() }
    #expect(throws: SyncError.self) { try SurveyField.open(at: folder.path + "/missing.sqlite") }
  }

  @Test func campaignFormsAndUnitsArriveByTheFeed() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("a", unit: Self.unit)
    #expect(try await field.campaign()?.id == "bac-giang-2024")
    #expect(try await field.forms().map(\.id) == ["pks01", "report01"])
    #expect(try await field.form(id: "pks01") == Samples.form("pks01"))
    #expect(try await field.form(id: "pks01", version: "1") == nil)
    let units = try #require(try await field.units())
    #expect(units.units(at: .commune).count == 209)
    #expect(units.displayName(of: UnitCode(Self.unit)) == "Phường Thọ Xương, Thành phố Bắc Giang")
    #expect(try await field.unit() == UnitCode(Self.unit))
  }

  @Test func todayIsTheCampaignsDayByHubTimeWhateverTheDevicesClockSays() async throws {
    let world = try await FieldWorld()
    let wrong = TestClock(1_230_768_000_000)  // 2009-01-01
    let field = try await world.device("a", unit: Self.unit, clock: wrong)
    #expect(try await field.today() == Self.firstDay)
    wrong.advance(16 * 3_600_000 - 1)
    #expect(try await field.today() == Self.firstDay)
    wrong.advance(1)
    #expect(try await field.today().description == "2024-04-02")
  }

  @Test func submittedAnswersArriveAtTheHubWithTheirDayOnly() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("a", unit: Self.unit)
    let form = try #require(try await field.form(id: "pks01"))
    let day = try await field.today()
    var sent: [String] = []
    for seed in 1...6 as ClosedRange<UInt64> {
      let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: seed)
      sent.append(String(decoding: answers.canonicalJSON, as: UTF8.self))
      try await field.submit(answers, unit: UnitCode(Self.unit), day: day, language: "vi")
    }
    _ = try await field.replica.sync(with: world.transport)
    #expect(try await world.hubRows("SELECT answers FROM answer ORDER BY answers") == sent.sorted())
    let envelope = try await world.hubRows("SELECT DISTINCT unit, campaign, form, day, language FROM answer")
    #expect(envelope == ["07201 bac-giang-2024 pks01@\(form.version) 2024-04-01 vi"])
    #expect(try await world.hubRows("SELECT DISTINCT length(id) FROM answer") == ["32"])
  }

  @Test func submissionForAnotherUnitIsRefusedWholeAndExplained() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("a", unit: Self.unit)
    let form = try Samples.form("pks01")
    let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: 1)
    let day = try await field.today()
    let error = await #expect(throws: SyncError.self) {
      try await field.submitAll([
        AnswerSubmission(answers, unit: UnitCode(Self.unit), day: day, language: "vi"),
        AnswerSubmission(answers, unit: "07204", day: day, language: "vi"),
      ])
    }
    #expect(error?.code == .wrongScope)
    #expect(try await field.replica.status().packetsMade == 0)
  }

  // MARK: Reports

  @Test func reportIsFiledOnceAndSavingItAgainSendsNothing() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("a", unit: Self.unit)
    let form = try Samples.form("report01")
    let day = try await field.today()
    let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: 1)
    #expect(try await field.saveReport(day: day, answers: answers) == .created)
    #expect(try await field.saveReport(day: day, answers: answers) == .unchanged)
    #expect(try await field.replica.status().captured == 1)
    #expect(try await field.report(day: day)?.answers.keys.sorted() == answers.values.keys.sorted())
    _ = try await field.replica.sync(with: world.transport)
    #expect(
      try await world.hubRows("SELECT id, unit, campaign, day, form FROM report") == [
        "07201/2024-04-01 07201 bac-giang-2024 2024-04-01 report01@\(form.version)"
      ])
    let corrected = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: 2)
    for blank in [nil, "", " \n "] as [String?] {
      await #expect(throws: SurveyFieldError.reasonNeeded(day: day)) {
        try await field.saveReport(day: day, answers: corrected, reason: blank)
      }
    }
    await #expect(throws: SurveyFieldError.reasonTooLong) {
      try await field.saveReport(day: day, answers: corrected, reason: String(repeating: "ê", count: 501))
    }
    #expect(try await field.report(day: day)?.answers["answered"] == answers.values["answered"])
    #expect(try await field.saveReport(day: day, answers: corrected, reason: "đếm lại") == .changed)
    _ = try await field.replica.sync(with: world.transport)
    #expect(
      try await world.hubRows("SELECT by_question FROM report") == [String(decoding: AnswerValue.json(corrected.given), as: UTF8.self)])
    #expect(try await field.openConflicts().isEmpty)
    #expect(try await field.replica.status().addsUp)
  }

  @Test(.long) func everyCorrectionIsKeptAndTravels() async throws {
    let world = try await FieldWorld()
    let (a, b) = (try await world.device("front desk", unit: Self.unit), try await world.device("b", unit: Self.unit))
    let form = try Samples.form("report01")
    let day = try #require(Self.firstDay)
    let reports = try (1...3 as ClosedRange<UInt64>).map { try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: $0) }
    try await a.saveReport(day: day, answers: reports[0], reason: "not looked at")
    #expect(try await a.reportChanges(day: day).isEmpty, "filing is no correction")
    for device in [a, b] { _ = try await device.replica.sync(with: world.transport) }
    world.clock.advance(90_500)
    try await a.saveReport(day: day, answers: reports[1], reason: "  hai ngu\u{31B}o\u{31B}\u{300}i\nđến muộn ")
    #expect(try await a.saveReport(day: day, answers: reports[1], reason: "again") == .unchanged)
    for device in [a, b] { _ = try await device.replica.sync(with: world.transport) }
    world.clock.advance(60_000)
    try await b.saveReport(day: day, answers: reports[2], reason: "counted again")
    for device in [b, a] { _ = try await device.replica.sync(with: world.transport) }
    for device in [a, b] {
      let changes = try await device.reportChanges(day: day)
      #expect(changes.map(\.reason) == ["hai người đến muộn", "counted again"])
      #expect(changes.map(\.device) == ["front desk", "b"])
      #expect(changes.map(\.changedMs) == [Int64(FieldWorld.morningMs) + 60_000, Int64(FieldWorld.morningMs) + 120_000], "to the minute")
      #expect(changes[0].reason.unicodeScalars.elementsEqual("hai người đến muộn".unicodeScalars))
      for name in Set(reports[0].given.keys).union(reports[1].given.keys) {
        let (old, new) = (reports[0].given[name], reports[1].given[name])
        #expect((changes[0].before[name] == nil) == (old == new || old == nil), "\(name)")
        #expect((changes[0].after[name] == nil) == (old == new || new == nil), "\(name)")
      }
      #expect(try await device.replica.status().addsUp)
    }
    #expect(try await world.hubRows("SELECT unit, report FROM report_change").count == 2)
  }

  @Test func aClosingFormAsksNobodyAndAClosedOneTakesNothing() async throws {
    let world = try await FieldWorld()
    let field = try await world.device("a", unit: Self.unit)
    let form = try await field.formToAsk(id: "pks01")
    let day = try await field.today()
    let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: 1)
    func move(to state: String) async throws {
      try await world.hub.write { try $0.execute("UPDATE form SET state = ?1 WHERE form = 'pks01'", [.text(state)]) }
      _ = try await field.replica.sync(with: world.transport)
    }
    try await move(to: "closing")
    await #expect(throws: SurveyFieldError.formClosing(id: "pks01")) { try await field.formToAsk(id: "pks01") }
    try await field.submit(answers, unit: UnitCode(Self.unit), day: day, language: "vi")
    try await world.hub.write { try $0.execute("UPDATE form SET state = 'closed' WHERE form = 'pks01'") }
    #expect(try await field.replica.sync(with: world.transport).progress.packetsSent == 1, "what was collected still travels")
    await #expect(throws: SurveyFieldError.formClosed(id: "pks01")) { try await field.formToAsk(id: "pks01") }
    await #expect(throws: SurveyFieldError.formClosed(id: "pks01")) {
      try await field.submit(answers, unit: UnitCode(Self.unit), day: day, language: "vi")
    }
    await #expect(throws: SurveyFieldError.formClosed(id: "pks01")) { try await field.importAnswers(csv: Data("a\n".utf8), form: form) }
    await #expect(throws: SurveyFieldError.noForm(id: "x", version: nil)) { try await field.formToAsk(id: "x") }
    #expect(try await field.replica.status().packetsMade == 1)
  }

  @Test(.long) func twoDevicesThatFileOneDayMeetInAConflictThatALaterReportCloses() async throws {
    let world = try await FieldWorld()
    let (a, b) = (try await world.device("a", unit: Self.unit), try await world.device("b", unit: Self.unit))
    let form = try Samples.form("report01")
    let day = try #require(Self.firstDay)
    let reports = try (1...3 as ClosedRange<UInt64>).map { try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: $0) }
    try await a.saveReport(day: day, answers: reports[0])
    world.clock.advance(60_000)
    try await b.saveReport(day: day, answers: reports[1])
    for device in [a, b, a] { _ = try await device.replica.sync(with: world.transport) }
    for device in [a, b] {
      #expect(try await device.reports().map(\.day) == [day])
      #expect(try await device.report(day: day)?.answers["answered"] == reports[1].values["answered"])
      let conflicts = try await device.openConflicts().sorted { ($0.member ?? "") < ($1.member ?? "") }
      let differing = Set(reports[0].given.keys).intersection(reports[1].given.keys)
        .filter { reports[0].values[$0] != reports[1].values[$0] }.sorted()
      #expect(conflicts.map(\.member) == differing, "one for each question on which they differ")
      #expect(Set(conflicts.map(\.row)) == ["07201/2024-04-01"] && Set(conflicts.map(\.reportDay)) == [day])
      for conflict in conflicts {
        let sides = try #require(conflict.differingAnswers?.first)
        #expect(sides.losing == reports[0].values[sides.question] && sides.winning == reports[1].values[sides.question])
      }
      #expect(try await device.conflicts(idPrefix: String(conflicts.first?.id.prefix(8) ?? "")).count == 1)
    }
    #expect(try await a.conflicts(idPrefix: "%").isEmpty)
    try await a.saveReport(day: day, answers: reports[2], reason: "settled together")
    for device in [a, b] { _ = try await device.replica.sync(with: world.transport) }
    #expect(try await b.openConflicts().isEmpty)
  }

  @Test(.long) func newestEditionIsTheOneWithTheLargestNumber() async throws {
    let world = try await FieldWorld()
    let form = try Samples.form("pks01")
    let editions = try ["9", "10"].map { version in
      try Form(
        id: "numbered", version: version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
        choiceLists: form.choiceLists, items: form.items)
    }
    try await world.hub.write { session in
      for form in editions {
        try session.execute(
          "INSERT INTO form (id, scope, form, version, campaign, definition) VALUES (?1, '24', 'numbered', ?2, 'bac-giang-2024', ?3)",
          [.text("numbered@" + form.version), .text(form.version), .text(String(decoding: form.canonicalJSON, as: UTF8.self))])
      }
    }
    let field = try await world.device("a", unit: Self.unit)
    #expect(try await field.form(id: "numbered")?.version == "10")
    #expect(try await field.form(id: "numbered", version: "9")?.version == "9")
  }

  @Test func whatCannotBeReadIsNamedAndDoesNotTrap() async throws {
    let world = try await FieldWorld()
    try await world.hub.write { session in
      try session.execute("INSERT INTO campaign (id, scope, definition) VALUES ('odd', '24', '{')")
      try session.execute("INSERT INTO form (id, scope, form, version, definition) VALUES ('odd@1', '24', 'odd', '1', x'ff01')")
      try session.execute("INSERT INTO form (id, scope, form, version, definition) VALUES ('odd@2', '24', 'odd', '2', '[]')")
    }
    let field = try await world.device("a", unit: Self.unit)
    #expect(try await field.campaign()?.id == "bac-giang-2024")
    let named = try await field.unreadableRows().map { "\($0.table) \($0.key)" }
    #expect(Set(named).isSuperset(of: ["campaign odd", "form odd@2"]))
    await #expect(throws: SurveyFieldError.unreadable(table: "form", id: "odd@2")) { try await field.form(id: "odd") }
  }
}
