import Foundation
import GRDB
import SurveyKit
import SurveyKitHub
import SyncKit

/// E8: every page of the console of a hub that has thousands of units and millions of answers, on the day of its survey.
struct PageWork {
  let folder: String
  let tools: Tools
  /// The campaign of `Examples` so many times: 17 makes 3,553 units.
  let times: Int
  let answers: Int
  let runs: Int

  struct Outcome {
    /// Milliseconds of the hub's processors for one call, and bytes of its answer, by page.
    var cpuMs: [String: [Double]] = [:], bytes: [String: Double] = [:]

    /// The page that takes most, by the median of its runs.
    var slowest: (page: String, runs: [Double]) {
      cpuMs.max { $0.value.percentile(50) < $1.value.percentile(50) }.map { ($0.key, $0.value) } ?? ("", [])
    }
    var largest: (page: String, bytes: Double) { bytes.max { $0.value < $1.value }.map { ($0.key, $0.value) } ?? ("", 0) }
  }

  /// Wait between two calls, so that none is answered from the reading of the one before.
  private static let pause = Duration.milliseconds(2_500)
  /// A page has more bytes than this, or something went wrong.
  private static let bytesMin = 2_000

  func measure() async throws -> Outcome {
    let scratch = try Scratch(folder)
    let hubFolder = scratch.path + "/hub"
    let today = try Self.today()
    let units = try await make(hubFolder, on: today)
    let hub = try ServedHub(tools, folder: hubFolder)
    let token = try token(scratch, hubFolder)
    let pages = [
      "/now", "/", "/units", "/units?sort=missing&page=20", "/units?q=hoa", "/units?state=neverInContact", "/decide", "/posts", "/results",
      "/results?level=commune", "/contacts", "/reports?day=\(today)", "/unit/\(units[units.count / 2])", "/people", "/setup", "/account",
    ]
    let board = try HTTPTransport(hub: hub.boardAddress)
    var outcome = Outcome()
    for run in 0...runs {
      for page in pages {
        try await Task.sleep(for: Self.pause)
        let before = try hub.cpu()
        let answer = try await board.send(HubRequest("GET", page, headers: ["authorization": "Bearer \(token)"]), timeoutMs: 60_000)
        let cpuMs = (try hub.cpu() - before) * 1000
        guard answer.status == 200, answer.body.count >= Self.bytesMin else {
          throw SQLiteFailure(description: "\(page) answered \(answer.status) with \(answer.body.count) bytes")
        }
        // The first round fills caches.
        guard run > 0 else { continue }
        outcome.cpuMs[page, default: []].append(cpuMs)
        outcome.bytes[page] = Double(answer.body.count)
      }
    }
    try hub.stop()
    return outcome
  }

  /// The day in the zone of the campaign.
  private static func today() throws -> CalendarDay {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: Campaign.defaultTimeZone)
    format.dateFormat = "yyyy-MM-dd"
    guard let day = CalendarDay(format.string(from: Date())) else { throw SQLiteFailure(description: "the clock tells no day") }
    return day
  }

  /// A hub with many units, answers and reports; gives the codes of its communes.
  private func make(_ hubFolder: String, on today: CalendarDay) async throws -> [String] {
    var source = try CampaignFolder(URL(fileURLWithPath: "Examples/bac-giang-2024"), movedTo: today)
    var units = source.tree.units
    for copy in 2...max(2, times) {
      func code(_ code: UnitCode) -> UnitCode { source.tree[code]?.parentCode == nil ? code : UnitCode("\(code)-\(copy)") }
      units += source.tree.units.filter { $0.parentCode != nil }.map { unit in
        SurveyUnit(
          code: code(unit.code), name: "\(unit.name) \(copy)", kind: unit.kind, parentCode: unit.parentCode.map(code), level: unit.level)
      }
      for (unit, staff) in source.headcount.staff { source.headcount.staff[code(unit)] = staff }
    }
    source.tree = try UnitTree(units: units)
    // Open all day: every state is asked for.
    source.campaign.reportDays = [today]
    (source.campaign.opens, source.campaign.closes) = (LocalTime(startOf: today), LocalTime(startOf: today.adding(days: 1) ?? today))
    let survey = try await SurveyHub.create(at: hubFolder)
    _ = try await survey.load(source)
    try survey.close()
    let communes = source.tree.units(at: .commune).map(\.code.rawValue)
    try fill(hubFolder + "/hub.sqlite", source, communes)
    return communes
  }

  /// Puts answers, their counts, and a report of every second commune into the store, as days of work would have left them.
  private func fill(_ path: String, _ source: CampaignFolder, _ communes: [String]) throws {
    let (form, report) = (source.forms[0], source.forms[source.forms.count - 1])
    let day = source.campaign.reportDays.first ?? .first
    let database = try DatabaseQueue(path: path)
    try database.write { db in
      try db.execute(sql: "CREATE TEMP TABLE place (number INTEGER PRIMARY KEY, code TEXT NOT NULL)")
      for (number, code) in communes.enumerated() { try db.execute(sql: "INSERT INTO place VALUES (?, ?)", arguments: [number, code]) }
      try db.execute(
        sql: """
          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
          INSERT INTO answer (id, unit, campaign, form, day, language, answers)
          SELECT lower(hex(randomblob(16))), (SELECT code FROM place WHERE number = i % ?), ?, ?, ?, 'vi',
            '{"q1":"1","q2":"a few words that somebody wrote"}' FROM n
          """,
        arguments: [answers, communes.count, source.campaign.id, "\(form.id)@\(form.version)", day.description])
      try db.execute(
        sql: """
          INSERT INTO answer_count (unit, form, count) SELECT unit, form, count(*) FROM answer GROUP BY unit, form;
          INSERT INTO hub_drop (scope, kept, spoiled, released, repeated) SELECT unit, count(*), 0, count(*), 0 FROM answer GROUP BY unit;
          """)
      try db.execute(
        sql: """
          INSERT INTO report (id, unit, campaign, day, form, answers)
          SELECT code || '/' || ?1, code, ?2, ?1, ?3, '{"answered":1,"guided":1,"officials_total":9}' FROM place WHERE number % 2 = 0
          """, arguments: [day.description, source.campaign.id, "\(report.id)@\(report.version)"])
      try db.execute(
        sql: "INSERT INTO report_arrival (id, unit, first_ms, last_ms) SELECT id, unit, ?1, ?1 FROM report",
        arguments: [Int64(Date().timeIntervalSince1970 * 1000)])
      let asked = try Int.fetchOne(db, sql: "SELECT sum(count) FROM answer_count") ?? 0
      guard asked == answers else { throw SQLiteFailure(description: "\(asked) answers are counted") }
    }
    try database.close()
  }

  private func token(_ scratch: Scratch, _ hubFolder: String) throws -> String {
    struct Made: Decodable { var token: String }
    let place = ["--dir", hubFolder, "--json"]
    _ = try WholeProcess(tools.hub, ["people", "invite", "bench", "--may", "read,act,configure,answers"] + place, scratch: scratch)
    return try JSONDecoder().decode(
      Made.self, from: try WholeProcess(tools.hub, ["people", "token", "bench"] + place, scratch: scratch).output
    ).token
  }
}
