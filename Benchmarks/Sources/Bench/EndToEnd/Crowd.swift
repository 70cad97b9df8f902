import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit

/// E1 and E2: all communes' devices push a batch to a hub at once, then a second device of each fetches it.
struct Crowd {
  let folder: String
  let tools: Tools
  let communes: Int
  let rowsEach: Int

  struct Run {
    /// Seconds of the clock, and of the hub's processors; `inProcess` are those the same batches take without sockets and HTTP.
    var pushWall = 0.0, pushCPU = 0.0, inProcess = 0.0, feedWall = 0.0, feedCPU = 0.0
    /// Milliseconds of each call.
    var pushes: [Double] = [], pages: [Double] = []
    var longestWriteMs = 0.0
    /// In MiB, of all the hub's work.
    var memory = 0.0
  }

  struct Prepared {
    let province: Province
    let batches: [SealedBatch]
  }

  func prepare() async throws -> Prepared {
    let province = try await Province(folder, communes: communes)
    let survey = try await SurveyHub.open(at: province.hubFolder)
    let codes = try await province.codes(survey, province.communes + province.communes)
    var maker = RowMaker(seed: 4)
    var batches: [SealedBatch] = []
    for (number, commune) in province.communes.enumerated() {
      let author = try await province.member("author-\(number)", code: codes[number], survey)
      try await author.insert(maker.make(rowsEach, commune), transactionOf: 1)
      let wire = Wire(survey.hub, holdsBatches: true)
      try await author.push(wire)
      guard wire.batches.count == 1 else { throw SQLiteFailure(description: "\(wire.batches.count) batches where 1 was expected") }
      batches += wire.batches
      try author.close()
      try await province.member("reader-\(number)", code: codes[communes + number], survey).close()
    }
    try survey.close()
    return Prepared(province: province, batches: batches)
  }

  func run(_ prepared: Prepared) async throws -> Run {
    let province = prepared.province
    let scratch = try Scratch(province.scratch.path)
    var run = Run()
    try province.copyHub(to: scratch.path + "/in-process")
    let inProcess = try await SurveyHub.open(at: scratch.path + "/in-process")
    run.inProcess = try await Cost.of { for batch in prepared.batches { _ = try await inProcess.hub.ingest(batch) } }.cpu
    try await check(inProcess)

    try province.copyHub(to: scratch.path + "/hub")
    let hub = try ServedHub(tools, folder: scratch.path + "/hub")
    let authors = try (0..<communes).map { try province.copy("author-\($0)", to: scratch.path) }
    let pushing = try TimedHTTP(hub.address, isForSending: true)
    (run.pushWall, run.pushCPU) = try await together(authors, hub) { try await $0.push(pushing) }
    run.pushes = pushing.times("batches")
    run.longestWriteMs = try await hub.longestWriteMs()
    for author in authors { try author.close() }

    let readers = try (0..<communes).map { try province.copy("reader-\($0)", to: scratch.path) }
    let fetching = try TimedHTTP(hub.address)
    (run.feedWall, run.feedCPU) = try await together(readers, hub) { _ = try await $0.field.replica.sync(with: fetching) }
    run.pages = fetching.times("feed")
    run.memory = hub.peakMemory
    for reader in readers {
      try await reader.check(posts: rowsEach)
      try reader.close()
    }
    try hub.stop()
    guard run.pushes.count == communes else { throw SQLiteFailure(description: "\(run.pushes.count) pushes") }
    try await check(try await SurveyHub.open(at: scratch.path + "/hub"))
    return run
  }

  /// All at once. Gives seconds of the clock and of the hub's processors.
  func together(
    _ members: [Member], _ hub: ServedHub, _ body: @escaping @Sendable (Member) async throws -> Void
  ) async throws -> (wall: Double, cpu: Double) {
    let before = try hub.cpu()
    let wall = try await Cost.of {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for member in members { group.addTask { try await body(member) } }
        try await group.waitForAll()
      }
    }.wall
    return (wall, try hub.cpu() - before)
  }

  private func check(_ survey: SurveyHub) async throws {
    let posts = try await survey.hub.read { try $0.rows("SELECT count(*) FROM post", [])[0][0].integer ?? 0 }
    let addsUp = try await survey.status().addsUp
    try survey.close()
    guard posts == Int64(communes * rowsEach), addsUp else { throw SQLiteFailure(description: "\(posts) posts at the hub") }
  }
}
