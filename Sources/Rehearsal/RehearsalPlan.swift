internal import SurveyKit

/// Plan of what every commune does on the day of a rehearsal, drawn from one seed. Pure.
struct RehearsalPlan {
  /// Behaviour of a commune; some kinds are always there, because a board must show them.
  enum Kind: String, Sendable, Codable {
    case usual
    /// The commune collects without a network all day and sends in the evening.
    case offline
    /// The commune sends its report the morning after.
    case late
    /// The commune never makes contact.
    case silent
    /// The commune makes contact and has nothing to say.
    case empty
    case threeAnswers
    case fiveEqualAnswers
    /// Members of the commune, two of them, edit one report without seeing each other's edits.
    case twoMembers
  }

  enum Action: Sendable, Hashable {
    case enroll
    case collect(Int)
    case report(CalendarDay)
    case correct
    case sync
    case post
    /// The device writes what the hub will hold.
    case misfile
    /// The hub revokes the device.
    case revoke
    /// A courier takes the device's bundle to the hub.
    case carry
  }

  struct Event: Sendable {
    /// Campaign time in milliseconds.
    var atMs: Int64
    var commune: Int
    /// 0, or 1 for a second member's device.
    var device: Int
    var action: Action
  }

  struct Commune: Sendable {
    var unit: SurveyUnit
    var eligible: Int
    var kind: Kind
    var answers: Int
    /// True when its device is a `field` process of its own.
    var isProcess: Bool
    var troubles: Set<Trouble> = []
  }

  var communes: [Commune] = []
  /// Events in the order of time.
  var events: [Event] = []
  var startMs: Int64
  var endMs: Int64

  private static let minute: Int64 = 60_000
  private static let hour: Int64 = 60 * minute
  /// Communes whose device is a separate process, at least.
  static let processesMin = 5

  init(
    campaign: Campaign, tree: UnitTree, headcount: Headcount, communesMax: Int, processes: Int, seed: UInt64, troubles: Set<Trouble> = []
  ) {
    var random = SeededGenerator(seed: seed)
    let day = campaign.opensMs
    let surveyDay = campaign.dayOf(day)
    // Collects the reported survey days, by their distance from the day of the survey.
    let reports = campaign.reportDays.filter { $0 == surveyDay || troubles.contains(.days) }.map { reported in
      (day: reported, offset: campaign.reportDueMs(reported) - campaign.reportDueMs(surveyDay))
    }
    let earliest = min(0, reports.map(\.offset).min() ?? 0)
    startMs = day + earliest - Self.hour
    let lastDue = ([surveyDay] + reports.map(\.day)).map { campaign.reportDueMs($0) }.max() ?? day
    endMs = max(campaign.closesMs, lastDue + 4 * Self.hour)
    let units = Array(tree.units(at: .commune).sorted { $0.code < $1.code }.prefix(communesMax))
    let special: [Kind] = [.threeAnswers, .fiveEqualAnswers, .empty, .silent, .late, .twoMembers, .offline]
    // Plants each trouble in a commune that is otherwise as usual.
    var alone = Trouble.allCases.filter { troubles.contains($0) && $0.isAlone }.flatMap { trouble in
      Array(repeating: trouble, count: max(1, units.count / trouble.oneIn))
    }
    let hasSpecial = units.count > special.count + alone.count
    for (index, unit) in units.enumerated() {
      let eligible = headcount.staff[unit.code]?.eligible ?? 20
      var kind = index < special.count && hasSpecial ? special[index] : Self.kind(Double.random(in: 0..<1, using: &random))
      // Prefers requested troubles to drawn ones, when few take part.
      if !alone.isEmpty, alone.count >= units.count - index { kind = .usual }
      var befallen: Set<Trouble> = []
      if kind == .usual, !alone.isEmpty { befallen.insert(alone.removeFirst()) }
      if befallen == [.silent] { kind = .silent }
      for trouble in [Trouble.photos, .posts] where troubles.contains(trouble) && (befallen.isEmpty && index % trouble.oneIn == 0) {
        befallen.insert(trouble)
      }
      if troubles.contains(.days), kind == .usual || kind == .twoMembers { befallen.insert(.days) }
      let rate = Double.random(in: 0.88...1, using: &random)
      let answers =
        switch kind {
        case .silent, .empty: 0
        case .threeAnswers: min(3, eligible)
        case .fiveEqualAnswers: min(5, eligible)
        case _ where befallen.contains(.over): eligible + max(3, eligible / 4)
        default: Int((Double(eligible) * rate).rounded())
        }
      let mayBeProcess = kind == .usual && befallen.isDisjoint(with: [.clock, .held]) && communes.count(where: \.isProcess) < processes
      let isProcess = mayBeProcess || befallen.contains(.revoked)
      communes.append(Commune(unit: unit, eligible: eligible, kind: kind, answers: answers, isProcess: isProcess, troubles: befallen))
      plan(index, day: day, reports: reports, random: &random)
    }
    events.sort { ($0.atMs, $0.commune, $0.device) < ($1.atMs, $1.commune, $1.device) }
  }

  private static func kind(_ chance: Double) -> Kind {
    switch chance {
    case ..<0.03: .silent
    case ..<0.09: .late
    case ..<0.21: .offline
    case ..<0.27: .twoMembers
    default: .usual
    }
  }

  private mutating func plan(
    _ index: Int, day: Int64, reports: [(day: CalendarDay, offset: Int64)], random: inout some RandomNumberGenerator
  ) {
    let commune = communes[index]
    guard commune.kind != .silent else { return }
    func at(_ hours: Double) -> Int64 { day + Int64(hours * Double(Self.hour)) + Int64.random(in: 0..<(20 * Self.minute), using: &random) }
    func add(_ time: Int64, _ action: Action, device: Int = 0) {
      events.append(Event(atMs: time, commune: index, device: device, action: action))
    }
    guard let today = reports.first(where: { $0.offset == 0 })?.day else { return }
    let others = commune.troubles.contains(.days) ? reports.filter { $0.offset != 0 } : []
    add(at(-0.5) + min(0, others.map(\.offset).min() ?? 0), .enroll)
    for report in others {
      add(at(9) + report.offset, .report(report.day))
      add(at(9.5) + report.offset, .sync)
    }
    let first = commune.answers / 2
    add(at(1.5), .collect(first))
    add(at(7), .collect(commune.answers - first))
    if commune.troubles.contains(.posts) { add(at(5), .post) }
    switch commune.kind {
    case .empty:
      add(at(2), .sync)
    case .offline:
      add(at(9), .report(today))
      add(at(13), .sync)
    case .late:
      add(at(2), .sync)
      add(at(8), .sync)
      add(at(27), .report(today))
      add(at(27.5), .sync)
    case .twoMembers:
      add(at(-0.4), .enroll, device: 1)
      add(at(2), .sync)
      add(at(8), .sync)
      add(at(9), .report(today))
      add(at(9.4), .sync)
      add(at(9.8), .sync, device: 1)
      add(at(10.2), .correct)
      add(at(10.2), .correct, device: 1)
      add(at(10.8), .sync)
      add(at(11.2), .sync, device: 1)
      add(at(11.6), .sync)
    case _ where commune.troubles.contains(.revoked):
      add(at(2), .sync)
      add(at(4), .revoke)
      add(at(9), .report(today))
      add(at(10), .carry)
    default:
      add(at(2), .sync)
      if commune.troubles.contains(.held) { add(at(6), .misfile) }
      add(at(8), .sync)
      add(at(9), .report(today))
      add(at(9.5), .sync)
    }
  }
}
