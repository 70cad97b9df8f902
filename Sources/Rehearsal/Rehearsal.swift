internal import Foundation
internal import QRCodes
internal import SurveyKit
internal import SurveyKitField
internal import SyncHub
internal import SyncKit
internal import Synchronization
internal import ToolSupport

/// Run of a plan: a hub process, devices, a clock that moves when the work of a moment is done.
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
    /// Campaign time at which the day stops; nil for its end.
    var untilMs: Int64?
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
    /// Answers that came through the web form.
    var webAnswers = 0
    /// First event that was not done, and the campaign's time then.
    var next = 0
    var nowMs: Int64 = 0
  }

  /// Communes at work at once: most of an event is waiting, for the hub and for the disk.
  static let workersMax = 24
  /// Campaign time between two movements of the clock.
  static let tickMs: Int64 = 15 * 60 * 1000
  /// Error of a wrong clock: three years ahead.
  static let clockErrorMs: UInt64 = 3 * 366 * 86_400_000

  let settings: Settings
  let plan: RehearsalPlan
  let campaign: Campaign
  let form: Form
  let reportForm: Form
  let codes: [[String]]
  let phones: PhoneRespondents
  let hub: HubProcess
  private let resting = RestingDevices(files: DescriptorLimit.raise())
  private let answerPool: AnswerPool
  private let reportGenerators: [CalendarDay: AnswerGenerator]
  let clockFile: String
  private let emptyStore: String
  private let notes = Mutex(Notes())

  private struct Notes {
    var answers: [RehearsalManifest.Answer] = []
    var reports: [String: [Int: Set<String>]] = [:]
    var devices: [Int: any RehearsalDevice] = [:]
    var posts: [RehearsalManifest.Post] = []
    var photos: Set<String> = []
    /// Units whose device was revoked: its later changes wait for a decision.
    var revoked: Set<String> = []
    var lateReports: Set<String> = []
    var bytes = 0
    var done = 0
    var webAnswers = 0
  }

  init(
    settings: Settings, plan: RehearsalPlan, campaign: Campaign, form: Form, reportForm: Form, codes: [[String]], phones: PhoneRespondents
  ) throws {
    self.settings = settings
    self.plan = plan
    self.campaign = campaign
    self.form = form
    self.reportForm = reportForm
    self.codes = codes
    self.phones = phones
    let day = campaign.dayOf(campaign.opensMs).description
    answerPool = AnswerPool(AnswerGenerator(form: form, day: day), seed: settings.seed &* 7_919)
    reportGenerators = Dictionary(
      campaign.reportDays.map { ($0, AnswerGenerator(form: reportForm, day: $0.description)) }, uniquingKeysWith: { first, _ in first })
    clockFile = settings.folder + "/clock"
    emptyStore = settings.folder + "/field-empty.sqlite"
    try SurveyField.open(at: emptyStore, create: true).close()
    try FileClock.set(UInt64(max(0, plan.startMs)), at: clockFile)
    hub = HubProcess(
      executable: settings.hubExecutable, folder: settings.folder + "/hub", clockFile: clockFile, logPath: settings.folder + "/hub.log",
      extra: settings.hubKills > 0 ? ["--merge-pause-ms", "80"] : [])
  }

  /// Runs the rehearsal.
  ///
  /// - Parameter words: Language of the texts beside the progress.
  /// - Throws: `CancellationError` when it was stopped, whatever broke by that.
  func run(progress: ProgressBar, words: Wording) async throws -> Outcome {
    do {
      return try await runToEnd(progress: progress, words: words)
    } catch {
      guard !Task.isCancelled else { throw CancellationError() }
      throw error
    }
  }

  private func runToEnd(progress: ProgressBar, words: Wording) async throws -> Outcome {
    let started = ContinuousClock.now
    try await hub.start(boardPort: settings.boardPort)
    let link = settings.isPoorLink ? try PoorLink(target: hub.port, seed: settings.seed) : nil
    let address = "http://127.0.0.1:\(link?.port ?? hub.port)"
    let fieldKiller = FieldKiller(kills: settings.fieldKills, seed: settings.seed &+ 1)
    let hubKiller = HubKiller(hub: hub, kills: settings.hubKills, seed: settings.seed &+ 2)
    let kills = Task { try await hubKiller.run { [self] in notes.withLock { Double($0.done) } / Double(max(1, plan.events.count)) } }
    defer { kills.cancel() }
    let pace = RehearsalPace(plan: plan, speedMax: settings.speedMax, started: started, words: words)
    var next = 0
    var nowMs = plan.startMs
    let untilMs = settings.untilMs ?? .max
    while next < plan.events.count && plan.events[next].atMs <= untilMs {
      nowMs = min(untilMs, max(nowMs + Self.tickMs, plan.events[next].atMs))
      try FileClock.set(UInt64(nowMs), at: clockFile)
      var due: [RehearsalPlan.Event] = []
      while next < plan.events.count && plan.events[next].atMs <= nowMs {
        due.append(plan.events[next])
        next += 1
      }
      try await perform(due, hub: address, killer: fieldKiller) { [nowMs, plan] done in
        progress.show(done: done, of: plan.events.count, note: pace.left(done: done, nowMs: nowMs))
      }
      hub.sampleMemory()
      let earliest = started + .milliseconds(Int64(Double(nowMs - plan.startMs) / settings.speedMax))
      if earliest > .now { try await Task.sleep(until: earliest, clock: .continuous) }
    }
    let killed = try await kills.value
    try resting.closeAll()
    let endMs = settings.untilMs ?? max(plan.endMs, nowMs)
    try FileClock.set(UInt64(max(0, endMs)), at: clockFile)
    progress.finish()
    var outcome = Outcome()
    (outcome.next, outcome.nowMs) = (next, endMs)
    let elapsed = ContinuousClock.now - started
    outcome.seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    (outcome.hubKills, outcome.hubKillsInMerge) = (killed.total, killed.inMerge)
    outcome.fieldKills = fieldKiller.count
    outcome.linkCuts = link?.cuts ?? 0
    outcome.hubPeakMiB = hub.peakMemoryKiB / 1024
    notes.withLock { notes in
      outcome.bytes = notes.bytes
      outcome.webAnswers = notes.webAnswers
      outcome.manifest.answers = notes.answers.sorted { $0.id < $1.id }
      outcome.manifest.reports = notes.reports.sorted { $0.key < $1.key }.map { key, contents in
        RehearsalManifest.Report(
          key: key, contents: contents.values.reduce(into: Set()) { $0.formUnion($1) }.sorted(),
          mayWait: notes.lateReports.contains(key) ? true : nil)
      }
      outcome.manifest.posts = notes.posts.sorted { $0.content < $1.content }
      outcome.manifest.photos = notes.photos.sorted()
      outcome.manifest.troubles = plan.communes.flatMap { commune in
        commune.troubles.sorted { $0.rawValue < $1.rawValue }.map {
          RehearsalManifest.Befallen(trouble: $0, unit: commune.unit.code.rawValue)
        }
      }
    }
    return outcome
  }

  /// Carries out what is due: communes side by side, the events of one commune in order.
  func perform(_ due: [RehearsalPlan.Event], hub: String, killer: FieldKiller, onProgress: @escaping @Sendable (Int) -> Void)
    async throws
  {
    let groups = Dictionary(grouping: due, by: \.commune).sorted { $0.key < $1.key }.map(\.value)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for (index, group) in groups.enumerated() {
        if index >= Self.workersMax { try await tasks.next() }
        tasks.addTask { [self] in
          let numbers = Set(group.map { $0.commune * 2 + $0.device })
          resting.wake(numbers)
          for event in group {
            try await perform(event, hub: hub, killer: killer)
            let done = notes.withLock { notes in
              notes.done += 1
              return notes.done
            }
            onProgress(done)
          }
          let used = notes.withLock { notes in numbers.sorted().compactMap { number in notes.devices[number].map { (number, $0) } } }
          try resting.rest(used)
        }
      }
      try await tasks.waitForAll()
    }
  }

  private func device(_ event: RehearsalPlan.Event, killer: FieldKiller) throws -> any RehearsalDevice {
    let commune = plan.communes[event.commune]
    let number = event.commune * 2 + event.device
    if let known = notes.withLock({ $0.devices[number] }) { return known }
    let label = Self.label(commune, event.device)
    let made: any RehearsalDevice
    if commune.isProcess {
      made = try ProcessDevice(
        executable: settings.fieldExecutable, folder: settings.folder + "/field-" + label, label: label, unit: commune.unit.code,
        form: form,
        clockFile: clockFile, killer: killer)
    } else {
      guard let clock = FileClock(path: clockFile) else {
        throw SyncError(.internalFault, vi: "Mất tệp đồng hồ.", en: "The clock file is gone.")
      }
      let wrong = OffsetClock(base: clock, byMs: Self.clockErrorMs)
      made = InProcessDevice(
        path: settings.folder + "/field-\(label).sqlite", emptyStore: emptyStore, label: label, unit: commune.unit.code,
        clock: commune.troubles.contains(.clock) ? wrong : clock)
    }
    notes.withLock { $0.devices[number] = made }
    return made
  }

  private func perform(_ event: RehearsalPlan.Event, hub: String, killer: FieldKiller) async throws {
    let commune = plan.communes[event.commune]
    let device = try device(event, killer: killer)
    let (day, unit) = (campaign.dayOf(campaign.opensMs), commune.unit.code.rawValue)
    switch event.action {
    case .enroll:
      try await device.enroll(code: codes[event.commune][event.device], hub: hub)
    case .collect(let count):
      guard count > 0 else { return }
      var answers = try generate(count, event: event, commune: commune, day: day)
      let isLate = notes.withLock { $0.revoked.contains(unit) }
      let byPhone = answers.indices.filter { !isLate && PhoneRespondents.takes($0, of: commune) }
      let ids = try await phones.submit(byPhone.map { answers[$0].answers }, unit: commune.unit.code, hub: hub)
      for (place, id) in zip(byPhone, ids) { answers[place].id = id }
      let byDevice = answers.indices.filter { !byPhone.contains($0) }.map { answers[$0] }
      if !byDevice.isEmpty { try await device.submit(byDevice, day: day) }
      note(answers, unit: unit, byPhone: byPhone.count, mayWait: isLate)
    case .report(let reported):
      // Counts no answers before the day of the survey.
      let answered = reported == day ? min(commune.answers, commune.eligible) : 0
      let seed = settings.seed &* 1_000_003 &+ UInt64(event.commune * 16 + event.device * 4)
      try await report(reported, answered: answered, seed: seed, event: event, device: device)
    case .correct:
      let seed = settings.seed &* 1_000_003 &+ UInt64(event.commune * 16 + event.device * 4 + 1)
      try await report(day, answered: max(0, commune.answers - event.device - 1), seed: seed, event: event, device: device)
    case .sync:
      let bytes = try await device.sync(hub: hub)
      notes.withLock { $0.bytes += bytes }
    case .post:
      let name = commune.unit.name
      let words = LocalizedText(
        vi: "Tổ công tác \(name): đã phát phiếu, mọi việc thuận lợi.",
        en: "Working group of \(name): the sheets are handed out, all is well."
      ).vi
      let pictures = try pictures(1, of: event)
      try await device.post(words, pictures: pictures)
      notes.withLock { $0.posts.append(RehearsalManifest.Post(unit: unit, words: words)) }
    case .misfile:
      let words = LocalizedText(vi: "Tin ghi nhầm đợt khảo sát.", en: "A post under the wrong campaign.").vi
      try await device.misfile(words, day: day)
      notes.withLock { $0.posts.append(RehearsalManifest.Post(unit: unit, words: words, mayWait: true)) }
    case .revoke:
      try revoke(label: Self.label(commune, event.device))
      notes.withLock { _ = $0.revoked.insert(unit) }
    case .carry:
      let bundle = settings.folder + "/\(unit).skb"
      try await device.export(to: bundle)
      // Allows exit code 2: its answers and report wait for a decision, and the import says so.
      try Executables.run(
        settings.hubExecutable, ["import", bundle, "--dir", settings.folder + "/hub", "--clock", "@\(clockFile)"], allowed: [0, 2])
    }
  }

  private func report(_ day: CalendarDay, answered: Int, seed: UInt64, event: RehearsalPlan.Event, device: any RehearsalDevice) async throws
  {
    let commune = plan.communes[event.commune]
    let report = try (reportGenerators[day] ?? AnswerGenerator(form: reportForm, day: day.description)).answers(
      seed: seed,
      fixed: ["officials_total": .integer(commune.eligible), "answered": .integer(answered), "guided": .integer(answered)])
    try await device.saveReport(report, day: day, pictures: try commune.troubles.contains(.photos) ? pictures(2, of: event) : [])
    let key = SurveySchema.reportKey(unit: commune.unit.code.rawValue, day: day.description)
    let contents = RehearsalManifest.hashes(ofReport: String(decoding: AnswerValue.json(report.given), as: UTF8.self))
    notes.withLock { notes in
      notes.reports[key, default: [:]][event.device] = contents
      if notes.revoked.contains(commune.unit.code.rawValue) { notes.lateReports.insert(key) }
    }
  }

  /// Returns pictures that no other event has, recorded as those that the hub must have in the end.
  private func pictures(_ count: Int, of event: RehearsalPlan.Event) throws -> [Data] {
    let texts = (0..<count).map { "\(settings.seed)-\(event.commune)-\(event.atMs)-\($0)" }
    let pictures = try texts.map { try QRCode($0).png() }
    let names = try pictures.map { BlobID(of: try Photo($0).jpeg).hex }
    notes.withLock { $0.photos.formUnion(names) }
    return pictures
  }

  /// Revokes a device as an operator does it, while the hub serves.
  private func revoke(label: String) throws {
    struct Listed: Decodable {
      var replica: String
      var label: String
    }
    let place = ["--dir", settings.folder + "/hub", "--clock", "@\(clockFile)"]
    let listed = try Executables.run(settings.hubExecutable, ["devices", "list", "--json"] + place)
    guard let device = try JSONDecoder().decode([Listed].self, from: listed.output).first(where: { $0.label == label }) else {
      throw SyncError(.internalFault, vi: "Không thấy thiết bị \(label).", en: "There is no device \(label).")
    }
    try Executables.run(
      settings.hubExecutable, ["devices", "revoke", device.replica, "--by", "rehearsal", "--reason", "rehearsal"] + place)
  }

  static func label(_ commune: RehearsalPlan.Commune, _ device: Int) -> String { "\(commune.unit.code)-\(device + 1)" }

  private func note(_ answers: [RehearsalAnswer], unit: String, byPhone: Int, mayWait: Bool) {
    notes.withLock { notes in
      notes.webAnswers += byPhone
      notes.answers += answers.map {
        RehearsalManifest.Answer(
          id: $0.id, unit: unit, content: RehearsalManifest.hash(String(decoding: $0.answers.canonicalJSON, as: UTF8.self)),
          mayWait: mayWait ? true : nil)
      }
    }
  }

  private func generate(_ count: Int, event: RehearsalPlan.Event, commune: RehearsalPlan.Commune, day: CalendarDay) throws
    -> [RehearsalAnswer]
  {
    // Gives every person a text that nobody else writes, so that a search of all files for it means something.
    let opinion = form.questions.first { $0.kind == .text && $0.relevant == nil }?.name
    let base = UInt64(event.commune) &* 1009
    return try (0..<count).map { index in
      // Makes five equal answers: the five people must not be identified, nor shown as unanimous.
      let number = commune.kind == .fiveEqualAnswers ? 0 : UInt64(index) + UInt64(bitPattern: event.atMs)
      let responseID = "\(settings.seed)-\(commune.unit.code)-\(event.atMs)-\(index)"
      let id = SurveySchema.importedID(campaign: campaign.id, responseID: responseID)
      let words = opinion.map { [$0: AnswerValue.text("Ý kiến thử số \(RehearsalManifest.hash(id).prefix(12)).")] } ?? [:]
      let answers = try answerPool.answers(base &+ number, fixed: words)
      // Computes the id as a `field` process does, which imports answers by number: it depends on the content, too.
      let kept =
        commune.isProcess
        ? SurveySchema.contentID(
          number: id, unit: commune.unit.code.rawValue, form: SurveySchema.formKey(id: form.id, version: form.version),
          day: day.description, answers: String(decoding: answers.canonicalJSON, as: UTF8.self)) : id
      return RehearsalAnswer(responseID: responseID, id: kept, answers: answers)
    }
  }
}
