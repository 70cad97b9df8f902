import CSQLite
import Foundation

/// `bench [--quick] [--million] [--only W4] [--folder DIR] [--results DIR]`: runs the workloads, prints the table beside the stored baseline,
/// and writes the figures as JSON. `--count NAME` does one piece of work whose instructions are counted from outside.
@main struct Bench {
  struct Settings: Codable {
    var isQuick = false
    var runs = 5
    var localRows = 20_000
    var communes = 209
    var rowsEach = 500
    var growthCommunes = 2090
    var growthRowsEach = 500
    var lateCommunes = 40
    var firstSyncRows = 100_000
    var answersEach = 50
    var isMillion = false
    var journal = "WAL; plain: synchronous NORMAL; SyncKit as shipped: FULL, secure_delete ON"
    var row = "24 columns and a random 16-byte key, about 244 bytes"
  }

  struct Results: Codable {
    var machine: Machine
    var settings: Settings
    var workloads: [Figure]
  }

  /// Not itself async: an async `main` gives up the main thread, which Valgrind does not survive.
  static func main() {
    let isNeverOver = DispatchSemaphore(value: 0)
    Task.detached {
      do {
        try await run()
        exit(0)
      } catch {
        say("\(error)")
        exit(1)
      }
    }
    isNeverOver.wait()
  }

  private static func run() async throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    var settings = Settings()
    func value(of name: String) -> String? {
      guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
      defer { arguments.removeSubrange(index...index + 1) }
      return arguments[index + 1]
    }
    let folder = value(of: "--folder") ?? NSTemporaryDirectory()
    let only = value(of: "--only") ?? ""
    let results = value(of: "--results") ?? "Benchmarks/results"
    if arguments.contains("--quick") {
      settings = Settings(
        isQuick: true, runs: 3, localRows: 5000, communes: 209, rowsEach: 100, growthCommunes: 1045, growthRowsEach: 100, lateCommunes: 10,
        firstSyncRows: 20_000, answersEach: 10)
    }
    if let name = value(of: "--count") { return try await Instructions.work(name, folder) }
    settings.isMillion = arguments.contains("--million")
    let figures = try await run(settings, only, folder)
    let report = Results(machine: machine(), settings: settings, workloads: figures)
    let baseline = (try? Data(contentsOf: URL(fileURLWithPath: results + "/baseline.json")))
      .flatMap { try? JSONDecoder().decode(Results.self, from: $0) }
    print(Table.text(report, baseline: baseline))
    try FileManager.default.createDirectory(atPath: results, withIntermediateDirectories: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let stamp = ISO8601DateFormatter().string(from: Date()).replacingOccurrences(of: ":", with: "")
    let path = results + "/\(stamp).json"
    try encoder.encode(report).write(to: URL(fileURLWithPath: path), options: .atomic)
    print("written: \(path)")
  }

  static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

  /// - Parameter only: How the names of the workloads begin that are wanted.
  static func run(_ settings: Settings, _ only: String, _ folder: String) async throws -> [Figure] {
    func isWanted(_ names: String...) -> Bool { names.contains { Bench.isWanted(only, $0) } }
    var figures: [Figure] = []
    if isWanted("W1", "W2", "W3") { figures += try await local(settings, folder) }
    var rate: [Rate] = []
    if isWanted("W4") {
      say("W4: \(settings.communes) devices are made")
      let (merges, rates) = try await merges(settings.communes, settings.rowsEach, settings.runs, folder)
      rate = rates
      figures += [
        Figure("W4.merge", "×", merges.map { $0.hub / $0.plain }), Figure("W4.merge.session", "×", merges.map { $0.session / $0.plain }),
        Figure("W4.hubSize", "×", merges.map { Double($0.hubBytes) / Double($0.plainBytes) }),
        Figure("W4.written", "×", merges.map(\.written)), Figure("W4.rowsPerSecond", "rows/CPU s", rate.map(\.hub)),
      ]
    }
    if isWanted("W5") { figures += try await late(settings, folder) }
    if isWanted("W7") { figures += try await firstSync(settings, folder) }
    if isWanted("W8") { figures += try await bundles(settings, folder) }
    if isWanted("W6") {
      say("W6: \(settings.growthCommunes) devices are made")
      let isSame = settings.growthRowsEach == settings.rowsEach && !rate.isEmpty
      let small = isSame ? rate : try await merges(settings.communes, settings.growthRowsEach, 1, folder).1
      let (_, large) = try await merges(settings.growthCommunes, settings.growthRowsEach, 1, folder)
      let (few, many) = (Figure("", "", small.map { $0.hub / $0.plain }).value, Figure("", "", large.map { $0.hub / $0.plain }).value)
      figures.append(Figure("W6.growth", "÷ plain's", [many / few]))
    }
    if settings.isQuick ? only.hasPrefix("I") : isWanted("I") { figures += try Instructions.figures(settings, folder) }
    if isWanted("F") { figures += try FormWork.figures(settings) }
    if isWanted("E") { figures += try await endToEnd(settings, only, folder) }
    return figures
  }

  /// Whether `only`, how the names of wanted workloads begin, wants one of these.
  static func isWanted(_ only: String, _ names: String...) -> Bool { names.contains { $0.hasPrefix(only) || only.hasPrefix($0) } }

  private static func local(_ settings: Settings, _ folder: String) async throws -> [Figure] {
    let local = LocalWork(folder: folder, rows: settings.localRows)
    var runs: [LocalWork.Run] = []
    for number in 0..<settings.runs {
      say("W1–W3: run \(number + 1) of \(settings.runs)")
      runs.append(try await local.run(seed: UInt64(number + 1)))
    }
    let bytes = try await local.bytes(seed: 3)
    return [
      Figure("W1.insert.txn100", "×", runs.map(\.insertTxn100)), Figure("W1.insert.txn100.session", "×", runs.map(\.sessionInsertTxn100)),
      Figure("W1.insert.onetxn", "×", runs.map(\.insertOneTxn)), Figure("W1.insert.onetxn.session", "×", runs.map(\.sessionInsertOneTxn)),
      Figure("W2.update.txn100", "×", runs.map(\.updateTxn100)), Figure("W2.update.txn100.session", "×", runs.map(\.sessionUpdateTxn100)),
      Figure("W1.written", "×", runs.map(\.insertWritten)), Figure("W2.written", "×", runs.map(\.updateWritten)),
      Figure("W3.seal", "×", runs.map(\.seal)), Figure("W3.seal.session", "×", runs.map(\.sessionSeal)),
      Figure("W3.bytesPerRow", "bytes", [bytes.row]), Figure("W3.bytesPerUpdate", "bytes", [bytes.update]),
    ]
  }

  private static func firstSync(_ settings: Settings, _ folder: String) async throws -> [Figure] {
    let work = FirstSync(folder: folder, rows: settings.firstSyncRows)
    var runs: [FirstSync.Run] = []
    for number in 0..<(settings.runs + 1) / 2 {
      say("W7: first sync of \(settings.firstSyncRows) rows, run \(number + 1) of \((settings.runs + 1) / 2)")
      runs.append(try await work.run(seed: UInt64(number + 7)))
    }
    return [
      Figure("W7.feed", "×", runs.map(\.feed)), Figure("W7.feed.hub", "×", runs.map(\.feedAtHub)),
      Figure("W7.snapshot", "×", runs.map(\.snapshot)), Figure("W7.snapshot.hub", "×", runs.map(\.snapshotAtHub)),
      Figure("W7.idleBytes", "bytes", runs.map(\.idleBytes)),
    ]
  }

  private static func late(_ settings: Settings, _ folder: String) async throws -> [Figure] {
    let work = LateWork(folder: folder, communes: settings.lateCommunes, rowsEach: settings.rowsEach)
    say("W5: late edits")
    let (half, all) = (try await work.prepare(every: 2), try await work.prepare(every: 1))
    // Two columns of half the rows, and of all.
    let edits = settings.lateCommunes * settings.rowsEach
    for (prepared, expected) in [(half, edits), (all, edits * 2)] {
      let opened = try await work.conflicts(prepared)
      guard opened == expected else { throw SQLiteFailure(description: "\(opened) conflicts where \(expected) were expected") }
    }
    var late: [Double] = []
    var conflict: [Double] = []
    var written: [Double] = []
    for number in 0..<settings.runs {
      say("W5: run \(number + 1) of \(settings.runs)")
      let (plain, ours, worst) = (try await work.plain(half), try await work.merge(half), try await work.merge(all))
      late.append(ours.cpu / plain.cpu)
      conflict.append(worst.cpu / ours.cpu)
      written.append(ours.written / plain.written)
    }
    return [Figure("W5.late", "×", late), Figure("W5.conflict", "÷ W5.late", conflict), Figure("W5.written", "×", written)]
  }

  /// Rows for each CPU second of hub and plain.
  struct Rate { var hub, plain: Double }

  private static func merges(
    _ communes: Int, _ rowsEach: Int, _ runs: Int, _ folder: String
  ) async throws -> ([MergeWork.Run], [Rate]) {
    let work = MergeWork(folder: folder, communes: communes, rowsEach: rowsEach)
    let prepared = try await work.prepare()
    var merges: [MergeWork.Run] = []
    for number in 0..<runs {
      say("merge of \(communes) × \(rowsEach): run \(number + 1) of \(runs)")
      merges.append(try await work.run(prepared, number: number))
    }
    let rows = Double(communes * rowsEach)
    return (merges, merges.map { Rate(hub: rows / $0.hub, plain: rows / $0.plain) })
  }

  private static func machine() -> Machine {
    func line(_ path: String, _ name: String) -> String? {
      (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n").first { $0.hasPrefix(name) }
        .map { $0.drop { $0 != ":" && $0 != "=" }.dropFirst().trimmingCharacters(in: CharacterSet(charactersIn: " \t\"")) }
    }
    let info = ProcessInfo.processInfo
    return Machine(
      cpu: line("/proc/cpuinfo", "model name") ?? "unknown", cores: info.activeProcessorCount,
      memoryGiB: Int(info.physicalMemory >> 30), system: line("/etc/os-release", "PRETTY_NAME") ?? info.operatingSystemVersionString,
      sqlite: String(cString: sqlite3_libversion()))
  }
}
