import Foundation
import GRDB
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit

/// E5: the crowd's devices send answers and a report each; then results and board are asked for, of a hub that has it all.
struct Reading {
  let tools: Tools
  let crowd: Crowd
  let answersEach: Int
  /// Answers of earlier days that the hub has beforehand.
  var answersBefore = 0

  struct Outcome {
    var answersPerSecond = 0.0, answersPerCPU = 0.0
    /// For how long the longest transaction kept others from writing.
    var longestWriteMs = 0.0
    /// Milliseconds of each.
    var results: [Double] = [], board: [Double] = [], status: [Double] = []
  }

  func measure(_ prepared: Crowd.Prepared) async throws -> Outcome {
    let province = prepared.province
    let scratch = try Scratch(province.scratch.path)
    try province.copyHub(to: scratch.path + "/hub")
    if answersBefore > 0 { try addAnswers(to: scratch.path + "/hub/hub.sqlite", province) }
    var hub = try ServedHub(tools, folder: scratch.path + "/hub")
    let members = try (0..<crowd.communes).map { try province.copy("author-\($0)", to: scratch.path) }
    let sending = try TimedHTTP(hub.address, isForSending: true)
    _ = try await crowd.together(members, hub) { try await $0.push(sending) }
    for (number, member) in members.enumerated() { try await fill(member, number, province) }
    let sent = try await crowd.together(members, hub) { try await $0.push(sending) }
    for member in members { try member.close() }

    var outcome = Outcome()
    outcome.longestWriteMs = try await hub.longestWriteMs()
    // Answers lie in the spool until the next flush, with which a hub begins.
    try hub.stop()
    hub = try ServedHub(tools, folder: scratch.path + "/hub")
    try await flushed(scratch)
    outcome.longestWriteMs = max(outcome.longestWriteMs, try await hub.longestWriteMs())
    let answers = Double(crowd.communes * answersEach)
    (outcome.answersPerSecond, outcome.answersPerCPU) = (answers / sent.wall, answers / sent.cpu)
    let token = try token(scratch)
    let board = try HTTPTransport(hub: hub.boardAddress)
    for _ in 0..<100 {
      let start = ContinuousClock.now
      let page = try await board.send(HubRequest("GET", "/", headers: ["authorization": "Bearer \(token)"]), timeoutMs: 30_000)
      outcome.board.append((ContinuousClock.now - start) / .milliseconds(1))
      guard page.status == 200, page.body.count > 10_000 else { throw SQLiteFailure(description: "the board answered \(page.status)") }
    }
    try hub.stop()
    for _ in 0..<7 {
      let results = try WholeProcess(tools.hub, ["results", "--json", "--dir", scratch.path + "/hub"], scratch: scratch)
      outcome.results.append(results.wall * 1000)
      try check(results.output)
      outcome.status.append(try WholeProcess(tools.hub, ["status", "--dir", scratch.path + "/hub"], scratch: scratch).wall * 1000)
    }
    return outcome
  }

  /// Waits until the answers that came are released.
  private func flushed(_ scratch: Scratch) async throws {
    struct Report: Decodable { var status: HubStatus }
    for _ in 0..<300 {
      let said = try WholeProcess(tools.hub, ["status", "--json", "--dir", scratch.path + "/hub"], scratch: scratch)
      let counts = try JSONDecoder().decode(Report.self, from: said.output).status
      if counts.packetsWaiting == 0, counts.answers >= answersBefore + crowd.communes * answersEach { return }
      try await Task.sleep(for: .seconds(1))
    }
    throw SQLiteFailure(description: "answers wait at the hub for 300 s")
  }

  /// By which a program may read the operators' pages.
  private func token(_ scratch: Scratch) throws -> String {
    struct Made: Decodable { var token: String }
    let place = ["--dir", scratch.path + "/hub", "--json"]
    _ = try WholeProcess(tools.hub, ["people", "invite", "bench", "--may", "read,answers"] + place, scratch: scratch)
    return try JSONDecoder().decode(
      Made.self, from: try WholeProcess(tools.hub, ["people", "token", "bench"] + place, scratch: scratch).output
    ).token
  }

  /// Puts rows into the hub's table, and counts them, as steps of earlier days would have left them.
  private func addAnswers(to path: String, _ province: Province) throws {
    let form = province.source.forms[0]
    let database = try DatabaseQueue(path: path)
    try database.write { db in
      try db.execute(
        sql: """
          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
          INSERT INTO answer (id, unit, campaign, form, day, language, answers)
          SELECT lower(hex(randomblob(16))), (SELECT code FROM unit WHERE level = 'commune' LIMIT 1 OFFSET i % ?), ?, ?, '2024-01-01', 'vi',
            '{"q1":"1","q2":"a few words that somebody wrote"}' FROM n
          """,
        arguments: [answersBefore, crowd.communes, province.source.campaign.id, "\(form.id)@\(form.version)"])
      try db.execute(
        sql: """
          INSERT INTO answer_count (unit, form, count) SELECT unit, form, count(*) FROM answer GROUP BY unit, form;
          INSERT INTO hub_drop (scope, kept, spoiled, released, repeated) SELECT unit, count(*), 0, count(*), 0 FROM answer GROUP BY unit;
          """)
    }
    try database.close()
  }

  /// Answers and a report of one commune, as people would give them.
  private func fill(_ member: Member, _ number: Int, _ province: Province) async throws {
    let (day, unit) = (province.source.campaign.firstDay, try await member.field.unit())
    let forms = province.source.forms
    guard let form = forms.first(where: { $0.id == province.source.campaign.forms.first }),
      let reportForm = forms.first(where: { $0.id == province.source.campaign.reportForm })
    else { throw SQLiteFailure(description: "the campaign has no forms") }
    let generator = AnswerGenerator(form: form, day: day.description)
    try await member.field.submitAll(
      (0..<answersEach).map {
        AnswerSubmission(try generator.answers(seed: UInt64(number * answersEach + $0)), unit: unit, day: day, language: "vi")
      })
    let report = try AnswerGenerator(form: reportForm, day: day.description).answers(seed: UInt64(number))
    _ = try await member.field.saveReport(day: day, answers: report)
  }

  private func check(_ output: Data) throws {
    struct Results: Decodable { var participation: [Participation] }
    let province = try JSONDecoder().decode(Results.self, from: output).participation.first { $0.level == .province }
    guard province?.answers == answersBefore + crowd.communes * answersEach else {
      throw SQLiteFailure(description: "\(province?.answers ?? 0) answers in the results")
    }
  }
}
