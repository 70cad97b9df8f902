import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

@Suite struct HubBoardTests {
  @Test(.long) func noContactAndZeroAnswersAreDifferentThings() async throws {
    let world = try await HubWorld()
    let before = try await world.row("07201")
    #expect(before.counts.lastContactMs == nil && before.counts.received == 0)
    #expect(before.counts.backlog == nil && before.counts.skewMs == nil && before.counts.devices == 0)
    _ = try await world.device("a", unit: "07201")
    let after = try await world.row("07201")
    #expect(after.counts.lastContactMs == Int64(HubWorld.morningMs) && after.counts.received == 0)
    #expect(after.counts.backlog == 0 && after.counts.devices == 1)
    #expect(after.counts.expected == 20)
    let board = try #require(try await world.survey.board())
    #expect(board.total.silent == 208)
    #expect(board.total.counts.expected == 4187)
  }

  @Test(.long) func everyCommuneStandsOnceUnderItsDistrictInVietnameseOrder() async throws {
    let world = try await HubWorld()
    let board = try #require(try await world.survey.board())
    #expect(board.rows.count == 209 && board.districts.count == 10)
    #expect(Set(board.rows.map(\.unit)).count == 209)
    let names = board.districts.map(\.name)
    #expect(names == names.sorted(by: VietnameseOrder.precedes))
    for district in board.districts {
      #expect(district.rows.map(\.name) == district.rows.map(\.name).sorted(by: VietnameseOrder.precedes))
      #expect(district.total.communes == district.rows.count)
    }
    #expect(board.districts.reduce(0) { $0 + $1.total.communes } == 209)
    let empty = try await HubWorld(loaded: false)
    #expect(try await empty.survey.board() == nil)
  }

  @Test(.long) func reportsAreOnTimeLateOrMissingByHubTimeAlone() async throws {
    let world = try await HubWorld()
    // The device believes it is 2009; the campaign's day and the lateness come from the hub.
    let early = try await world.device("a", unit: "07201", clock: TestClock(1_230_768_000_000))
    try await world.report(early, unit: "07201", day: "2024-04-01")
    let late = try await world.device("b", unit: "07204")
    #expect(try await world.row("07201").report == .onTime)
    #expect(try await world.row("07204").report == .notYetDue)
    // Due at midnight and 480 minutes: 2 April, 08:00.
    world.clock.advance(24 * HubWorld.hourMs - 1)
    #expect(try await world.row("07204").report == .notYetDue)
    world.clock.advance(1)
    #expect(try await world.row("07204").report == .missing)
    world.clock.advance(HubWorld.hourMs)
    try await world.report(late, unit: "07204", day: "2024-04-01")
    #expect(try await world.row("07204").report == .late)
    #expect(try await world.row("07207").report == .missing)
    // A correction does not make a report late.
    try await world.report(early, unit: "07201", day: "2024-04-01", seed: 2)
    #expect(try await world.row("07201").report == .onTime)
    let board = try #require(try await world.survey.board())
    #expect(board.total[.onTime] == 1 && board.total[.late] == 1 && board.total[.missing] == 207 && board.total[.notYetDue] == 0)
    #expect(board.reportDay?.description == "2024-04-01" && board.today.description == "2024-04-02")
  }

  @Test(.long) func theReportColumnIsAboutTodayElseTheLastReportDayElseTheFirst() async throws {
    let world = try await HubWorld()
    func day(_ ms: UInt64) async throws -> String? {
      world.clock.set(ms)
      return try await world.survey.board()?.reportDay?.description
    }
    #expect(try await day(HubWorld.morningMs - 30 * 24 * HubWorld.hourMs) == "2024-03-29")
    #expect(try await day(HubWorld.morningMs - 48 * HubWorld.hourMs) == "2024-03-30")
    #expect(try await day(HubWorld.morningMs + 90 * 24 * HubWorld.hourMs) == "2024-04-01")
  }

  @Test(.long) func collisionsAndTheWorstClockAreShownAndSummedUp() async throws {
    let world = try await HubWorld()
    let a = try await world.device("a", unit: "07201")
    let b = try await world.device("b", unit: "07201", clock: TestClock(HubWorld.morningMs - 2 * HubWorld.hourMs))
    let form = try #require(try await a.form(id: "report01"))
    for (device, guided) in [(a, 1), (b, 2)] {
      let answers = try AnswerGenerator(form: form, day: "2024-04-01").answers(
        seed: 1, fixed: ["officials_total": .integer(137), "answered": .integer(9), "guided": .integer(guided)])
      _ = try await device.saveReport(day: try #require(CalendarDay("2024-04-01")), answers: answers)
    }
    for device in [a, b, a] { try await world.sync(device) }
    let row = try await world.row("07201")
    #expect(row.counts.conflicts == 1 && row.counts.devices == 2)
    #expect(row.counts.skewMs.map { abs($0 + Int64(2 * HubWorld.hourMs)) < 5000 } == true)
    let board = try #require(try await world.survey.board())
    #expect(board.total.counts.conflicts == 1 && board.total.counts.devices == 2)
    let status = try await world.survey.status()
    #expect(status.conflictsOpen == 1 && status.addsUp)
  }

  @Test(.long) func aRevokedDeviceCountsNoMoreButItsContactDid() async throws {
    let world = try await HubWorld()
    _ = try await world.device("a", unit: "07201")
    let device = try #require(try await world.survey.hub.devices().first)
    #expect(try await world.survey.hub.revoke(device.replica) == [device.replica])
    let row = try await world.row("07201")
    #expect(row.counts.devices == 0 && row.counts.backlog == nil && row.counts.lastContactMs != nil)
    #expect(try await world.survey.status().devicesRevoked == 1)
  }
}

@Suite struct SurveyHubTests {
  @Test(.long) func moreAnswersThanPeopleAreSaidAndRefuseNothing() async throws {
    let world = try await HubWorld()
    let a = try await world.device("a", unit: "07201")
    try await world.answer(a, unit: "07201", seeds: 0..<20)
    #expect(try await world.survey.board()?.aboveHeadcount == [])
    try await world.answer(a, unit: "07201", seeds: 20..<22)
    let above = try #require(try await world.survey.board()).aboveHeadcount
    #expect(above.map(\.unit) == ["07201"] && above.map(\.received) == [22] && above.map(\.expected) == [20])
    let status = try await world.survey.status()
    #expect(status.aboveHeadcount == above && status.addsUp && status.packetsKept == 22)
    #expect(above.first?.explanation.en.contains("no answer is refused") == true)
  }

  @Test func aHubIsNeverMadeOverAnother() async throws {
    let world = try await HubWorld(loaded: false)
    await #expect(throws: SyncError.self) { try await SurveyHub.create(at: world.folder.path + "/hub") }
  }

  @Test func whatIsMissingOrDamagedIsNamed() async throws {
    let folder = try TemporaryFolder()
    func code(_ path: String) async -> SyncError.Code? {
      do {
        _ = try await SurveyHub.open(at: path)
        return nil
      } catch { return (error as? SyncError)?.code }
    }
    #expect(await code(folder.path + "/none") == .storeMissing)
    #expect(await code(folder.path) == .storeMissing)
    let survey = try await SurveyHub.create(at: folder.path + "/hub")
    try survey.close()
    #expect(await code(folder.path + "/hub") == nil)
    let keys = SurveyHub.keysPath(in: folder.path + "/hub")
    try FileManager.default.moveItem(atPath: keys, toPath: keys + "-away")
    #expect(await code(folder.path + "/hub") == .keyUnusable)
    try FileManager.default.moveItem(atPath: keys + "-away", toPath: keys)
    let store = SurveyHub.storePath(in: folder.path + "/hub")
    for file in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: store + file) }
    try Data(repeating: 0x5A, count: 40_000).write(to: URL(fileURLWithPath: store))
    #expect(await code(folder.path + "/hub") == .storeDamaged)
  }

  @Test(.long) func aSecondProcessLooksOnWhileTheFirstWrites() async throws {
    let world = try await HubWorld()
    let other = try await SurveyHub.open(at: world.folder.path + "/hub", clock: world.clock)
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<6)
    #expect(try await other.status().answers == 5)
    #expect(try await other.board()?.total.counts.received == 5)
    try other.close()
  }
}
