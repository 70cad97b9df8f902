import Foundation

/// What is measured over HTTP: the tools as they are shipped, in processes of their own.
enum EndToEnd {
  static let goals: [String: Double] = [
    "E1.push.hubRate": 0.5, "E1.hubMemory": 200, "E1.push.longestWrite": 50, "E5.longestWrite.million": 50, "E3.idle.sent": 1024,
    "E3.idle.received": 1024,
    "E4.feed": 3.5, "E4.snapshot": 2.5, "E4.feed.million": 3.5, "E4.snapshot.million": 2.5, "E6.status": 3, "E7.bundle.import": 1,
    "E8.page.hubCPU": 50, "E8.page.bytes": 200_000,
  ]
  static let floors: Set = ["E1.push.hubRate"]
  static let runs = 3

  /// 209 devices and the hub's stores in one process: more files than a shell allows by itself.
  static func allowManyFiles() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

extension Bench {
  static func endToEnd(_ settings: Settings, _ only: String, _ folder: String) async throws -> [Figure] {
    let tools = try Tools()
    EndToEnd.allowManyFiles()
    var figures: [Figure] = []
    if isWanted(only, "E1", "E2", "E5") { figures += try await crowd(settings, only, tools, folder) }
    if isWanted(only, "E3", "E4", "E6") { figures += try await farSync(settings, tools, folder) }
    if isWanted(only, "E7") { figures += try await carried(settings, tools, folder) }
    if isWanted(only, "E8") { figures += try await pages(settings, tools, folder) }
    return figures
  }

  private static func pages(_ settings: Settings, _ tools: Tools, _ folder: String) async throws -> [Figure] {
    let work = PageWork(
      folder: folder, tools: tools, times: settings.isQuick ? 5 : 17, answers: settings.isQuick ? 100_000 : 2_000_000, runs: 3)
    say("E8: the console's pages of \(work.times * 209) units and \(work.answers) answers")
    let outcome = try await work.measure()
    for (page, runs) in outcome.cpuMs.sorted(by: { $0.key < $1.key }) {
      say("E8: \(page): \(Int(runs.percentile(50).rounded())) ms, \(Int(outcome.bytes[page] ?? 0)) bytes")
    }
    say("E8: the slowest is \(outcome.slowest.page), the largest \(outcome.largest.page)")
    return [
      Figure("E8.page.hubCPU", "CPU ms", outcome.slowest.runs), Figure("E8.page.bytes", "bytes", [outcome.largest.bytes]),
      Figure("E8.now.hubCPU", "CPU ms", outcome.cpuMs["/now"] ?? []), Figure("E8.units.hubCPU", "CPU ms", outcome.cpuMs["/units"] ?? []),
    ]
  }

  private static func crowd(_ settings: Settings, _ only: String, _ tools: Tools, _ folder: String) async throws -> [Figure] {
    say("E1, E2, E5: \(2 * settings.communes) devices are made")
    let crowd = Crowd(folder: folder, tools: tools, communes: settings.communes, rowsEach: settings.rowsEach)
    let prepared = try await crowd.prepare()
    var figures: [Figure] = []
    if isWanted(only, "E1", "E2") { figures += try await exchanges(settings, crowd, prepared) }
    if isWanted(only, "E5") { figures += try await answers(settings, crowd, prepared) }
    return figures
  }

  private static func exchanges(_ settings: Settings, _ crowd: Crowd, _ prepared: Crowd.Prepared) async throws -> [Figure] {
    var runs: [Crowd.Run] = []
    for number in 0..<EndToEnd.runs {
      say("E1, E2: run \(number + 1) of \(EndToEnd.runs)")
      runs.append(try await crowd.run(prepared))
    }
    let rows = Double(settings.communes * settings.rowsEach)
    return [
      Figure("E1.push.rowsPerSecond", "rows/s", runs.map { rows / $0.pushWall }),
      Figure("E1.push.p50", "ms", runs.map { $0.pushes.percentile(50) }),
      Figure("E1.push.p99", "ms", runs.map { $0.pushes.percentile(99) }),
      Figure("E1.push.hubCPU", "CPU s", runs.map(\.pushCPU)),
      Figure("E1.push.hubRate", "× in process", runs.map { $0.inProcess / $0.pushCPU }),
      Figure("E1.push.longestWrite", "ms", runs.map(\.longestWriteMs)),
      Figure("E1.hubMemory", "MiB", runs.map(\.memory)),
      Figure("E2.feed.rowsPerSecond", "rows/s", runs.map { rows / $0.feedWall }),
      Figure("E2.feed.p50", "ms", runs.map { $0.pages.percentile(50) }),
      Figure("E2.feed.p99", "ms", runs.map { $0.pages.percentile(99) }),
      Figure("E2.feed.hubCPU", "CPU s", runs.map(\.feedCPU)),
    ]
  }

  private static func answers(_ settings: Settings, _ crowd: Crowd, _ prepared: Crowd.Prepared) async throws -> [Figure] {
    say("E5: answers, results and board")
    let reading = try await Reading(tools: crowd.tools, crowd: crowd, answersEach: settings.answersEach).measure(prepared)
    say("E5: the same at a hub that has a million answers")
    var full = Reading(tools: crowd.tools, crowd: crowd, answersEach: settings.answersEach)
    full.answersBefore = 1_000_000
    let filled = try await full.measure(prepared)
    return [
      Figure("E5.answers.perSecond", "answers/s", [reading.answersPerSecond]),
      Figure("E5.answers.perHubCPU", "answers/CPU s", [reading.answersPerCPU]),
      Figure("E5.longestWrite", "ms", [reading.longestWriteMs]), Figure("E5.longestWrite.million", "ms", [filled.longestWriteMs]),
      Figure("E5.answers.perHubCPU.million", "answers/CPU s", [filled.answersPerCPU]),
      Figure("E5.results.million", "ms", filled.results), Figure("E5.status.million", "ms", filled.status),
      Figure("E5.board.p50.million", "ms", [filled.board.percentile(50)]),
      Figure("E5.results", "ms", reading.results), Figure("E5.status", "ms", reading.status),
      Figure("E5.board.p50", "ms", [reading.board.percentile(50)]), Figure("E5.board.p99", "ms", [reading.board.percentile(99)]),
    ]
  }

  private static func farSync(_ settings: Settings, _ tools: Tools, _ folder: String) async throws -> [Figure] {
    say("E3, E4: \(settings.firstSyncRows) rows of one commune")
    let province = try await Province(folder, communes: 1)
    let work = FarSync(tools: tools, rows: settings.firstSyncRows, runs: EndToEnd.runs)
    let outcome = try await work.measure(in: province)
    say("E6: the tools' start")
    let start = try ToolStart(tools: tools).measure(store: outcome.store, in: province.scratch)
    var figures =
      [
        Figure("E3.idle.sent", "bytes", outcome.idle.map(\.sent)), Figure("E3.idle.received", "bytes", outcome.idle.map(\.received)),
        Figure("E3.idle.device", "CPU ms", outcome.idle.map(\.device)), Figure("E3.idle.hub", "CPU ms", outcome.idle.map(\.hub)),
      ] + firstSync(outcome, "")
      + [
        Figure("E6.start.field", "ms", start.field), Figure("E6.start.hub", "ms", start.hub), Figure("E6.status.wall", "ms", start.status),
        Figure("E6.sqlite3.wall", "ms", start.sqlite), Figure("E6.status", "× sqlite3", start.statusToSQLite),
      ]
    if settings.isMillion {
      say("E4: a million rows")
      let far = FarSync(tools: tools, rows: 1_000_000, runs: 1)
      figures += firstSync(try await far.measure(in: try await Province(folder, communes: 1)), ".million")
    }
    return figures
  }

  private static func firstSync(_ outcome: FarSync.Outcome, _ rows: String) -> [Figure] {
    [
      Figure("E4.feed" + rows, "×", outcome.feed.map(\.device)), Figure("E4.feed.hub" + rows, "×", outcome.feed.map(\.hub)),
      Figure("E4.feed.seconds" + rows, "s", outcome.feed.map(\.wall)),
      Figure("E4.snapshot" + rows, "×", outcome.snapshot.map(\.device)), Figure("E4.snapshot.hub" + rows, "×", outcome.snapshot.map(\.hub)),
      Figure("E4.snapshot.seconds" + rows, "s", outcome.snapshot.map(\.wall)),
    ]
  }

  private static func carried(_ settings: Settings, _ tools: Tools, _ folder: String) async throws -> [Figure] {
    say("E7: a bundle, and the same over HTTP")
    let work = CarriedWork(
      folder: folder, tools: tools, devices: settings.isQuick ? 8 : 20, batchesEach: settings.isQuick ? 5 : 10, rowsEach: 500)
    let prepared = try await work.prepare()
    var runs: [Double] = []
    for _ in 0..<EndToEnd.runs { runs.append(try await work.run(prepared)) }
    return [Figure("E7.bundle.import", "÷ HTTP", runs)]
  }
}
