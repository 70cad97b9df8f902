internal import Foundation
internal import GRDB
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import Synchronization

/// Device of one member in a rehearsal. What it enters is recorded for the manifest when the device has it durably.
protocol RehearsalDevice: Sendable {
  func enroll(code: String, hub: String) async throws
  func submit(_ answers: [RehearsalAnswer], day: CalendarDay) async throws
  /// Saves a report.
  ///
  /// - Parameter pictures: PNG files that are filed with it.
  func saveReport(_ answers: ValidatedAnswers, day: CalendarDay, pictures: [Data]) async throws
  /// Writes a post.
  func post(_ words: String, pictures: [Data]) async throws
  /// Writes a post that the hub keeps and cannot merge: it names a campaign that the hub does not have.
  func misfile(_ words: String, day: CalendarDay) async throws
  /// Writes what the hub lacks into a bundle.
  func export(to path: String) async throws
  /// Exchanges with the hub.
  ///
  /// - Returns: Bytes sent and received.
  func sync(hub: String) async throws -> Int
  /// Closes its files until the next event: hundreds of devices share one process.
  func rest() throws
}

/// Reason of a rehearsed correction of a report.
private let rehearsedReason = "rehearsal"

/// Generated answer, with the id under which the hub will keep it.
struct RehearsalAnswer: Sendable {
  /// Id in an import file.
  var responseID: String
  var id: String
  var answers: ValidatedAnswers
}

/// Device inside the rehearsal's own process: its own store, real HTTP.
final class InProcessDevice: RehearsalDevice {
  private let path: String
  private let label: String
  private let clock: any WallClock
  private let unit: UnitCode
  /// Store that was made and never used: a device's begins as a copy of it.
  private let emptyStore: String
  private let field = Mutex<SurveyField?>(nil)

  /// Retries for a hub that is being killed and started again.
  private static let retry = RetryPolicy(attemptsMax: 40, delayFirstMs: 60, delayMaxMs: 1000)

  init(path: String, emptyStore: String, label: String, unit: UnitCode, clock: any WallClock) {
    self.path = path
    self.emptyStore = emptyStore
    self.label = label
    self.unit = unit
    self.clock = clock
  }

  private func opened() throws -> SurveyField {
    try field.withLock { field in
      if let field { return field }
      if !FileManager.default.fileExists(atPath: path) { try FileManager.default.copyItem(atPath: emptyStore, toPath: path) }
      let opened = try SurveyField.open(at: path, clock: clock)
      field = opened
      return opened
    }
  }

  func enroll(code: String, hub: String) async throws {
    let device = try opened()
    let transport = try HTTPTransport(hub: hub)
    try await Patience.again { try await device.enroll(code: code, label: self.label, through: transport) }
    _ = try await sync(hub: hub)
  }

  func submit(_ answers: [RehearsalAnswer], day: CalendarDay) async throws {
    try await opened().submitAll(answers.map { AnswerSubmission($0.answers, unit: unit, day: day, language: "vi", id: $0.id) })
  }

  func saveReport(_ answers: ValidatedAnswers, day: CalendarDay, pictures: [Data]) async throws {
    let photos = try pictures.map { NewPhoto(try Photo($0)) }
    _ = try await opened().saveReport(day: day, answers: answers, reason: rehearsedReason, photos: photos)
  }

  func post(_ words: String, pictures: [Data]) async throws {
    _ = try await opened().post(words, photos: try pictures.map { NewPhoto(try Photo($0)) })
  }

  func misfile(_ words: String, day: CalendarDay) async throws {
    let id = RehearsalManifest.hash("\(label) \(words)").prefix(32)
    let (unit, day, label) = (unit.rawValue, day.description, label)
    try await opened().replica.database.write { db in
      try db.execute(
        sql: "INSERT INTO post (id, unit, campaign, day, words, device) VALUES (?, ?, 'another-campaign', ?, ?, ?)",
        arguments: [String(id), unit, day, words, label])
    }
  }

  func export(to path: String) async throws { _ = try await opened().replica.exportBundle(to: path) }

  func sync(hub: String) async throws -> Int {
    let device = try opened()
    let transport = try HTTPTransport(hub: hub)
    var options = SyncOptions()
    options.retry = Self.retry
    let settled = options
    let summary = try await Patience.again { try await device.replica.sync(with: transport, options: settled) }
    return summary.progress.bytesSent + summary.progress.bytesReceived
  }

  func rest() throws {
    try field.withLock { field in
      try field?.close()
      field = nil
    }
  }
}

/// Device that is a `field` process, started for each thing it does, and now and then killed in the middle of it.
final class ProcessDevice: RehearsalDevice {
  private let executable: String
  private let folder: String
  private let label: String
  private let unit: UnitCode
  private let form: Form
  private let clockFile: String
  private let killer: FieldKiller

  init(executable: String, folder: String, label: String, unit: UnitCode, form: Form, clockFile: String, killer: FieldKiller) throws {
    self.executable = executable
    self.folder = folder
    self.label = label
    self.unit = unit
    self.form = form
    self.clockFile = clockFile
    self.killer = killer
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  func enroll(code: String, hub: String) async throws {
    try await run(["enroll", code, "--hub", hub, "--label", label])
    _ = try await sync(hub: hub)
  }

  func submit(_ answers: [RehearsalAnswer], day: CalendarDay) async throws {
    let questions = form.questions.filter { $0.kind.isAsked }.map(\.name)
    var csv = CSVWriter()
    csv.write(["response_id", "commune_code", "form_id", "form_version", "language", "submitted_at"] + questions)
    for answer in answers {
      csv.write(
        [answer.responseID, unit.rawValue, form.id, form.version, "vi", "\(day)T09:00:00+07:00"]
          + questions.map { answer.answers.values[$0]?.cell ?? "" })
    }
    let path = folder + "/answers.csv"
    try csv.data.write(to: URL(fileURLWithPath: path))
    try await run(["import", path, "--form", form.id])
    try FileManager.default.removeItem(atPath: path)
  }

  func saveReport(_ answers: ValidatedAnswers, day: CalendarDay, pictures: [Data]) async throws {
    let path = folder + "/report.json"
    try answers.canonicalJSON.write(to: URL(fileURLWithPath: path))
    try await with(pictures) { photos in
      try await run(["report", "--from", path, "--day", "\(day)", "--reason", rehearsedReason] + photos)
    }
    try FileManager.default.removeItem(atPath: path)
  }

  func post(_ words: String, pictures: [Data]) async throws {
    try await with(pictures) { photos in try await run(["post", words] + photos) }
  }

  /// Runs `body` with the pictures as files, named by options.
  private func with(_ pictures: [Data], _ body: ([String]) async throws -> Data) async throws {
    let paths = pictures.indices.map { "\(folder)/picture-\($0).png" }
    for (path, picture) in zip(paths, pictures) { try picture.write(to: URL(fileURLWithPath: path)) }
    _ = try await body(paths.flatMap { ["--photo", $0] })
    for path in paths { try FileManager.default.removeItem(atPath: path) }
  }

  func misfile(_ words: String, day: CalendarDay) async throws {
    throw SyncError(.internalFault, vi: "field không ghi sai được.", en: "field cannot misfile.")
  }

  func export(to path: String) async throws { try await run(["export", path]) }

  func sync(hub: String) async throws -> Int {
    struct Progress: Decodable {
      var bytesSent: Int?
      var bytesReceived: Int?
    }
    let output = try await run(["sync", "--hub", hub, "--json"])
    guard let progress = try? JSONDecoder().decode([String: Progress].self, from: output)["progress"] else { return 0 }
    return (progress.bytesSent ?? 0) + (progress.bytesReceived ?? 0)
  }

  func rest() {}

  /// Runs one command to its successful end, again after each kill and while the hub is away.
  @discardableResult
  private func run(_ arguments: [String]) async throws -> Data {
    for _ in 0..<Patience.attemptsMax {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: executable)
      process.arguments = arguments + ["--store", folder + "/field.sqlite", "--clock", "@\(clockFile)"]
      let (output, errors) = (Pipe(), Pipe())
      process.standardOutput = output
      process.standardError = errors
      process.standardInput = FileHandle.nullDevice
      try Task.checkCancellation()
      try process.run()
      let killed = killer.watch(process)
      // Stops the rehearsal's processes with it.
      let (said, complained) = await withTaskCancellationHandler {
        await Self.read(output, errors)
      } onCancel: {
        process.terminate()
      }
      process.waitUntilExit()
      try Task.checkCancellation()
      if process.terminationReason == .exit {
        if process.terminationStatus == 0 { return said }
        if process.terminationStatus != 75 {
          // Accepts a refused second enrolment: the first process was killed after it had enrolled and before it could say so.
          if arguments.first == "enroll" && killer.count > 0 && complained.contains("already") { return said }
          throw SyncError(
            .internalFault, vi: "field \(arguments[0]) của \(unit.rawValue) thất bại: \(complained)",
            en: "field \(arguments[0]) of \(unit.rawValue) failed: \(complained)")
        }
      } else if !killed.load() {
        throw SyncError(
          .internalFault, vi: "field \(arguments[0]) bị hệ thống dừng: \(complained)",
          en: "field \(arguments[0]) was ended by a signal: \(complained)")
      }
      try await Task.sleep(for: .milliseconds(200))
    }
    throw SyncError(.timeout, vi: "field \(arguments[0]) mãi không xong.", en: "field \(arguments[0]) never finished.")
  }

  private static func read(_ output: Pipe, _ errors: Pipe) async -> (Data, String) {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complained = errors.fileHandleForReading.readDataToEndOfFile()
        continuation.resume(returning: (said, String(decoding: complained, as: UTF8.self)))
      }
    }
  }
}

/// Kills `field` processes with SIGKILL at moments drawn from the seed, up to a number.
final class FieldKiller: Sendable {
  struct Flag: Sendable {
    let box: Box
    func load() -> Bool { box.value.withLock { $0 } }
    final class Box: Sendable { let value = Mutex(false) }
  }

  private struct State {
    var left: Int
    var done = 0
    var random: SeededGenerator
  }

  private let state: Mutex<State>

  init(kills: Int, seed: UInt64) { state = Mutex(State(left: kills, random: SeededGenerator(seed: seed))) }

  /// Processes killed while they were at work.
  var count: Int { state.withLock { $0.done } }

  /// Draws whether and when this process dies. The flag tells afterwards whether this killer did it.
  func watch(_ process: Process) -> Flag {
    let flag = Flag(box: Flag.Box())
    let delay = state.withLock { state -> UInt32? in
      guard state.left > 0, Bool.random(using: &state.random) else { return nil }
      state.left -= 1
      return UInt32.random(in: 5_000...220_000, using: &state.random)
    }
    guard let delay else { return flag }
    let number = process.processIdentifier
    Thread.detachNewThread { [self] in
      usleep(delay)
      guard process.isRunning else {
        state.withLock { $0.left += 1 }
        return
      }
      flag.box.value.withLock { $0 = true }
      kill(number, SIGKILL)
      state.withLock { $0.done += 1 }
    }
    return flag
  }
}

/// Retries while a hub is away, as a person would.
enum Patience {
  static let attemptsMax = 60

  static func again<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
    for attempt in 1... {
      do {
        return try await body()
      } catch let error as SyncError where (error.isRetryable || error.code == .unauthorized) && attempt < attemptsMax {
        try await Task.sleep(for: .milliseconds(150))
      }
    }
    throw CancellationError()
  }
}
