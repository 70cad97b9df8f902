import Foundation
import GRDB
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub

/// A hub on the day of its survey, and people who sign in on its pages.
enum ConsoleWorld {
  static let day = "2031-04-01"
  /// 2031-04-01 14:00 in Vietnam.
  static let nowMs: UInt64 = 1_932_793_200_000

  typealias Operator = ConsoleOperator

  /// A hub on the day of its survey: two members of each commune disagree about a report, a device has a hostile name.
  static func make(_ folder: TemporaryFolder, units: [String] = ["07201"]) async throws -> (dir: String, conflict: String, device: String) {
    let dir = folder.path + "/hub"
    let clock = TestClock(Self.nowMs)
    let survey = try await SurveyHub.create(at: dir, clock: clock)
    _ = try await survey.load(try CampaignFolder(URL(fileURLWithPath: HubTool.campaign), movedTo: CalendarDay("2031-03-29")))
    let transport = LocalTransport(hub: survey.hub)
    let day = try #require(CalendarDay(Self.day))
    var fields: [SurveyField] = []
    for (unit, name, seed) in units.flatMap({ [($0, "một", UInt64(1)), ($0, Self.evil, UInt64(2))] }) {
      let field = try SurveyField.open(at: "\(folder.path)/\(unit)-\(seed).sqlite", clock: clock, create: true)
      let scopes = try await survey.requirePlan().readScopes(of: UnitCode(unit))
      try await field.enroll(code: try await survey.hub.makeCode(scope: unit, readScopes: scopes), label: name, through: transport)
      _ = try await field.replica.sync(with: transport)
      let form = try #require(try await field.form(id: "report01"))
      let answers = try AnswerGenerator(form: form, day: Self.day).answers(
        seed: seed, fixed: ["officials_total": .integer(20), "answered": .integer(Int(seed)), "guided": .integer(Int(seed))])
      _ = try await field.saveReport(day: day, answers: answers, reason: Self.evil)
      fields.append(field)
      // Else the devices' random names would say which of two answers stands.
      clock.advance(1)
    }
    for field in fields + fields { _ = try await field.replica.sync(with: transport) }
    let conflict = try #require(try await survey.hub.openConflicts(scope: "07201").first { $0.member == "answered" })
    let device = try #require(try await survey.hub.devices().first { $0.label == "một" && $0.scope == "07201" }).replica.description
    try survey.close()
    return (dir, conflict.id, device)
  }

  /// The same with a post, held work, and a reminder that was sent.
  static func full(_ folder: TemporaryFolder, units: [String] = ["07201"]) async throws -> FullWorld {
    let (dir, conflict, device) = try await make(folder, units: units)
    let clock = TestClock(Self.nowMs)
    let survey = try await SurveyHub.open(at: dir, clock: clock)
    let transport = LocalTransport(hub: survey.hub)
    let field = try SurveyField.open(at: "\(folder.path)/07201-1.sqlite", clock: clock)
    let post = try await field.post("Loa phường " + evil)
    let campaign = try await survey.requirePlan().campaign.id
    try await field.replica.database.write { db in
      try db.execute(
        sql: "INSERT INTO post (id, unit, campaign, day, words) VALUES ('hand', '07201', ?, 'hôm nay', 'viết tay')", arguments: [campaign])
    }
    _ = try await field.replica.sync(with: transport)
    let held = try #require(try await survey.hub.heldUnits().first).id
    let reminder = try await survey.send([NoticeDraft("07201", "Gửi báo cáo")], by: "x")
    try survey.close()
    let file = folder.path + "/clock"
    try FileClock.set(Self.nowMs, at: file)
    let arguments = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: arguments + ["--public-url", "https://khaosat.example.org"])
    return FullWorld(
      dir: dir, clock: arguments, hub: hub,
      places: [
        "UNIT": "07201", "DAY": Self.day, "DEVICE": device, "CONFLICT": conflict, "HELD": held, "POST": post, "REMINDER": reminder,
        "FILE": String(repeating: "a", count: 64) + ".jpg", "SECRET": String(repeating: "a", count: 64),
      ])
  }

  static let evil = "<script>alert(1)</script>\u{202E}\u{1B}[31m\"'=1+1"
}

/// A hub that serves, with one of everything that the console shows.
struct FullWorld {
  let dir: String
  let clock: [String]
  let hub: ServedHub
  /// What stands in the place of each capital part of a route's path.
  let places: [String: String]

  func path(_ route: String) -> String {
    let parts = route.split(separator: "/").map { places[String($0)] ?? String($0) }
    return "/" + parts.joined(separator: "/")
  }

  func acts() async throws -> String { try await HubTool.run(["acts", "--json", "--limit", "1000", "--dir", dir]).output }
}
