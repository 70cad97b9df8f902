internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import Synchronization
internal import ToolSupport

/// Runs a plan: a hub process, devices, a clock that moves when the work of a moment is done.
final class Rehearsal: Sendable {
  struct Settings: Sendable {
    var folder: String
    var hubExecutable: String
    var fieldExecutable: String
    var seed: UInt64
    var isPoorLink: Bool
    var hubKills: Int
    var fieldKills: Int
    /// Campaign seconds for each second of the rehearsal, at most.
    var speedMax: Double
    var boardPort: Int
  }

  struct Outcome: Sendable {
    var manifest = RehearsalManifest()
    var bytes = 0
    var seconds = 0.0
    var hubKills = 0
    var hubKillsInMerge = 0
    var fieldKills = 0
    var linkCuts = 0
    var hubPeakMiB = 0
  }

  /// Communes at work at once.
  static let workersMax = 8
  /// Campaign time between two movements of the clock.
  static let tickMs: Int64 = 15 * 60 * 1000

  let settings: Settings
  let plan: RehearsalPlan
  let campaign: Campaign
  let form: Form
  let reportForm: Form
  let codes: [[String]]
  let hub: HubProcess
  private let clockFile: String
  private let notes = Mutex(Notes())

  private struct Notes {
    var answers: [RehearsalManifest.Answer] = []
    var reports: [String: [Int: String]] = [:]
    var devices: [Int: any RehearsalDevice] = [:]
    var bytes = 0
    var done = 0
  }

  init(settings: Settings, plan: RehearsalPlan, campaign: Campaign, form: Form, reportForm: Form, codes: [[String]]) throws {
    self.settings = settings
    self.plan = plan
    self.campaign = campaign
    self.form = form
    self.reportForm = reportForm
    self.codes = codes
    clockFile = settings.folder + "/clock"
    try FileClock.set(UInt64(max(0, plan.startMs)), at: clockFile)
    hub = HubProcess(
      executable: settings.hubExecutable, folder: settings.folder + "/hub", clockFile: clockFile, logPath: settings.folder + "/hub.log",
      extra: settings.hubKills > 0 ? ["--merge-pause-ms", "25"] : [])
  }

  func run(progress: ProgressBar) async throws -> Outcome {
    let started = ContinuousClock.now
    try await hub.start(boardPort: settings.boardPort)
    let link = settings.isPoorLink ? try PoorLink(target: hub.port, seed: settings.seed) : nil
    let address = "http://127.0.0.1:\(link?.port ?? hub.port)"
    let fieldKiller = FieldKiller(kills: settings.fieldKills, seed: settings.seed &+ 1)
    let hubKiller = HubKiller(hub: hub, kills: settings.hubKills, seed: settings.seed &+ 2)
    let kills = Task { try await hubKiller.run { [self] in notes.withLock { Double($0.done) } / Double(max(1, plan.events.count)) } }
    var next = 0
    var nowMs = plan.startMs
    while next < plan.events.count {
      nowMs = max(nowMs + Self.tickMs, plan.events[next].atMs)
      try FileClock.set(UInt64(nowMs), at: clockFile)
      var due: [RehearsalPlan.Event] = []
      while next < plan.events.count && plan.events[next].atMs <= nowMs {
        due.append(plan.events[next])
        next += 1
      }
      try await perform(due, hub: address, killer: fieldKiller, progress: progress)
      hub.sampleMemory()
      let earliest = started + .milliseconds(Int64(Double(nowMs - plan.startMs) / settings.speedMax))
      if earliest > .now { try await Task.sleep(until: earliest, clock: .continuous) }
    }
    let killed = try await kills.value
    try FileClock.set(UInt64(max(plan.endMs, nowMs)), at: clockFile)
    progress.finish()
    var outcome = Outcome()
    let elapsed = ContinuousClock.now - started
    outcome.seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    (outcome.hubKills, outcome.hubKillsInMerge) = (killed.total, killed.inMerge)
    outcome.fieldKills = fieldKiller.count
    outcome.linkCuts = link?.cuts ?? 0
    outcome.hubPeakMiB = hub.peakMemoryKiB / 1024
    notes.withLock { notes in
      outcome.bytes = notes.bytes
      outcome.manifest.answers = notes.answers.sorted { $0.id < $1.id }
      outcome.manifest.reports = notes.reports.sorted { $0.key < $1.key }.map {
        RehearsalManifest.Report(key: $0.key, contents: Set($0.value.values).sorted())
      }
    }
    return outcome
  }

  /// Does what is due: communes side by side, the events of one commune in order.
  private func perform(_ due: [RehearsalPlan.Event], hub: String, killer: FieldKiller, progress: ProgressBar) async throws {
    let groups = Dictionary(grouping: due, by: \.commune).sorted { $0.key < $1.key }.map(\.value)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for (index, group) in groups.enumerated() {
        if index >= Self.workersMax { try await tasks.next() }
        tasks.addTask { [self] in
          for event in group {
            try await perform(event, hub: hub, killer: killer)
            let done = notes.withLock { notes in
              notes.done += 1
              return notes.done
            }
            progress.show(done: done, of: plan.events.count)
          }
        }
      }
      try await tasks.waitForAll()
    }
  }

  private func device(_ event: RehearsalPlan.Event, killer: FieldKiller) throws -> any RehearsalDevice {
    let commune = plan.communes[event.commune]
    let number = event.commune * 2 + event.device
    if let known = notes.withLock({ $0.devices[number] }) { return known }
    let label = "\(commune.unit.code)-\(event.device + 1)"
    let made: any RehearsalDevice
    if commune.isProcess {
      made = try ProcessDevice(
        executable: settings.fieldExecutable, folder: settings.folder + "/field-" + label, label: label, unit: commune.unit.code, form: form,
        clockFile: clockFile, killer: killer)
    } else {
      guard let clock = FileClock(path: clockFile) else { throw SyncError(.internalFault, vi: "Mất tệp đồng hồ.", en: "The clock file is gone.") }
      made = InProcessDevice(path: settings.folder + "/field-\(label).sqlite", label: label, unit: commune.unit.code, clock: clock)
    }
    notes.withLock { $0.devices[number] = made }
    return made
  }

  private func perform(_ event: RehearsalPlan.Event, hub: String, killer: FieldKiller) async throws {
    let commune = plan.communes[event.commune]
    let device = try device(event, killer: killer)
    let day = campaign.dayOf(campaign.opensMs)
    switch event.action {
    case .enroll:
      try await device.enroll(code: codes[event.commune][event.device], hub: hub)
    case .collect(let count):
      guard count > 0 else { return }
      let answers = try generate(count, event: event, commune: commune, day: day)
      try await device.submit(answers, day: day)
      let unit = commune.unit.code.rawValue
      notes.withLock { notes in
        notes.answers += answers.map {
          RehearsalManifest.Answer(
            id: $0.id, unit: unit, content: RehearsalManifest.hash(String(decoding: $0.answers.canonicalJSON, as: UTF8.self)))
        }
      }
    case .report, .correct:
      let answered = event.action == .report ? commune.answers : max(0, commune.answers - event.device - 1)
      let seed = settings.seed &* 1_000_003 &+ UInt64(event.commune * 16 + event.device * 4 + (event.action == .report ? 0 : 1))
      let report = try AnswerGenerator(form: reportForm, day: day.description).answers(
        seed: seed,
        fixed: ["officials_total": .integer(commune.eligible), "answered": .integer(answered), "guided": .integer(answered)])
      try await device.saveReport(report, day: day)
      let key = SurveySchema.reportKey(unit: commune.unit.code.rawValue, day: day.description)
      let content = RehearsalManifest.hash(String(decoding: report.canonicalJSON, as: UTF8.self))
      notes.withLock { $0.reports[key, default: [:]][event.device] = content }
    case .sync:
      let bytes = try await device.sync(hub: hub)
      notes.withLock { $0.bytes += bytes }
    }
  }

  private func generate(_ count: Int, event: RehearsalPlan.Event, commune: RehearsalPlan.Commune, day: CalendarDay) throws -> [RehearsalAnswer] {
    let generator = AnswerGenerator(form: form, day: day.description)
    let base = settings.seed &* 7_919 &+ UInt64(event.commune) &* 1009
    return try (0..<count).map { index in
      // Five people who all say the same must not be told apart from one another, nor shown as unanimous.
      let number = commune.kind == .fiveEqualAnswers ? 0 : UInt64(index) + UInt64(bitPattern: event.atMs)
      let responseID = "\(settings.seed)-\(commune.unit.code)-\(event.atMs)-\(index)"
      return RehearsalAnswer(
        responseID: responseID, id: SurveyField.importedID(campaign: campaign.id, responseID: responseID),
        answers: try generator.answers(seed: base &+ number))
    }
  }
}

/// Kills the hub with SIGKILL at seeded moments of a rehearsal, every second time inside a merge, and starts it again.
struct HubKiller {
  let hub: HubProcess
  let kills: Int
  let seed: UInt64

  /// How long to wait for a merge to begin, in milliseconds.
  private static let mergeWaitMsMax = 8000

  func run(share: @Sendable () -> Double) async throws -> (total: Int, inMerge: Int) {
    var random = SeededGenerator(seed: seed)
    var inMerge = 0
    for kill in 0..<kills {
      let due = (Double(kill) + Double.random(in: 0.2..<0.8, using: &random)) / Double(kills) * 0.9
      while share() < due { try await Task.sleep(for: .milliseconds(5)) }
      let offset = hub.logSize
      if kill % 2 == 0 {
        for _ in 0..<Self.mergeWaitMsMax / 2 {
          if hub.log(after: offset).contains("merging ") { break }
          try await Task.sleep(for: .milliseconds(2))
        }
      } else {
        try await Task.sleep(for: .milliseconds(Int.random(in: 5...200, using: &random)))
      }
      hub.kill()
      // Inside a merge: the last merge it spoke of has begun and not ended.
      let log = hub.log(after: offset)
      if let began = log.range(of: "merging ", options: .backwards)?.lowerBound,
        log.range(of: "merged ", options: .backwards)?.lowerBound ?? log.startIndex < began
      {
        inMerge += 1
      }
      try await hub.start()
    }
    return (kills, inMerge)
  }
}
