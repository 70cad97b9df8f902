import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit

/// E3 and E4: a new device fetches all rows of its commune over HTTP, from the log or in bulk; then it asks once more.
struct FarSync {
  let tools: Tools
  let rows: Int
  let runs: Int

  struct Run {
    /// CPU of the device and of the hub, to a plain insert of the same rows in one transaction; seconds of the clock.
    var device = 0.0, hub = 0.0, wall = 0.0
  }

  struct Idle {
    /// Bytes of both heads and bodies of an exchange without news.
    var sent = 0.0, received = 0.0
    /// CPU, in milliseconds.
    var device = 0.0, hub = 0.0
  }

  struct Outcome {
    var feed: [Run] = [], snapshot: [Run] = []
    var idle: [Idle] = []
    /// A closed store that has all rows.
    var store = ""
  }

  private static let batchRows = 5000

  func measure(in province: Province) async throws -> Outcome {
    let commune = province.communes[0]
    let survey = try await SurveyHub.open(at: province.hubFolder)
    let codes = try await province.codes(survey, Array(repeating: commune, count: 2 * runs + 1))
    let author = try await province.member("author", code: codes[2 * runs], survey)
    var maker = RowMaker(seed: 7)
    let made = maker.make(rows, commune)
    for start in stride(from: 0, to: rows, by: Self.batchRows) {
      try await author.insert(Array(made[start..<min(start + Self.batchRows, rows)]), transactionOf: 500)
      _ = try await author.field.replica.sync(with: Wire(survey.hub))
    }
    try author.close()
    try survey.close()
    var plain: [Double] = []
    for _ in 0..<runs { plain.append(try await self.plain(made, province.scratch.path)) }
    let inserted = Figure("", "", plain).value

    var outcome = Outcome()
    var hub = try ServedHub(tools, folder: province.hubFolder)
    for number in 0..<runs {
      let name = "feed-\(number)"
      let member = try await province.stranger(name, code: codes[number], hub)
      outcome.feed.append(try await fetch(member, hub, inBulk: false, plain: inserted))
      if number == 0 { outcome.idle = try await idle(member, hub) }
      try member.close()
      outcome.store = province.scratch.path + "/\(name).sqlite"
    }
    try hub.stop()

    let cleared = try await SurveyHub.open(at: province.hubFolder)
    _ = try await cleared.hub.backUp(to: province.scratch.path + "/backup.sqlite")
    guard try await cleared.hub.clearLog(leaseMs: 0) > 0 else { throw SQLiteFailure(description: "no batch was cleared") }
    try cleared.close()
    hub = try ServedHub(tools, folder: province.hubFolder)
    for number in 0..<runs {
      let member = try await province.stranger("snapshot-\(number)", code: codes[runs + number], hub)
      outcome.snapshot.append(try await fetch(member, hub, inBulk: true, plain: inserted))
      try member.close()
    }
    try hub.stop()
    return outcome
  }

  private func plain(_ rows: [SurveyRow], _ folder: String) async throws -> Double {
    let scratch = try Scratch(folder)
    let plain = try Plain(scratch.path + "/plain.sqlite")
    try plain.execute(Post.createSQL)
    let values = rows.map(Post.values)
    return try await Cost.of {
      try plain.transaction {
        let statement = try plain.statement(Post.insertSQL)
        for row in values {
          for (index, value) in row.enumerated() { statement.bind(Int32(index + 1), value) }
          try statement.run()
        }
      }
    }.cpu
  }

  private func fetch(_ member: Member, _ hub: ServedHub, inBulk: Bool, plain: Double) async throws -> Run {
    let wire = try TimedHTTP(hub.address)
    let before = try hub.cpu()
    let cost = try await Cost.of { _ = try await member.field.replica.sync(with: wire) }
    let run = Run(device: cost.cpu / plain, hub: (try hub.cpu() - before) / plain, wall: cost.wall)
    try await member.check(posts: rows)
    guard wire.times("snapshot").isEmpty != inBulk else { throw SQLiteFailure(description: "the rows came the other way") }
    return run
  }

  private func idle(_ member: Member, _ hub: ServedHub) async throws -> [Idle] {
    let meter = try Meter(hubPort: hub.port)
    let wire = try TimedHTTP("http://127.0.0.1:\(meter.port)")
    _ = try await member.field.replica.sync(with: wire)
    var idle: [Idle] = []
    for _ in 0..<21 {
      let (counts, cpu) = (meter.counted, try hub.cpu())
      let cost = try await Cost.of { _ = try await member.field.replica.sync(with: wire) }
      let after = meter.counted
      guard after.connections == counts.connections else { throw SQLiteFailure(description: "the connection was not kept") }
      idle.append(
        Idle(
          sent: Double(after.sent - counts.sent), received: Double(after.received - counts.received), device: cost.cpu * 1000,
          hub: (try hub.cpu() - cpu) * 1000))
    }
    return idle
  }
}

extension Province {
  /// A device that has enrolled over HTTP, and has nothing else yet.
  func stranger(_ name: String, code: String, _ hub: ServedHub) async throws -> Member {
    let member = try copy("blank", to: scratch.path, as: name)
    try await member.field.enroll(code: code, label: name, through: try HTTPTransport(hub: hub.address))
    return member
  }
}
