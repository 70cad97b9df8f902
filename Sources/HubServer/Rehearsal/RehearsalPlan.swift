internal import SurveyKit

/// What every commune does on the day of a rehearsal, drawn from one seed. Pure.
struct RehearsalPlan {
  /// How a commune behaves; some kinds are always there, because a board must show them.
  enum Kind: String, Sendable, Codable {
    case usual
    /// Collects without a network all day and sends in the evening.
    case offline
    /// Sends its report the morning after.
    case late
    /// Never makes contact.
    case silent
    /// Makes contact and has nothing to say.
    case empty
    case threeAnswers
    case fiveEqualAnswers
    /// Two members edit one report without seeing one another.
    case twoMembers
  }

  enum Action: Sendable, Hashable {
    case enroll
    case collect(Int)
    case report
    case correct
    case sync
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
    /// Its device is a `field` process of its own.
    var isProcess: Bool
  }

  var communes: [Commune] = []
  /// In the order of time.
  var events: [Event] = []
  var startMs: Int64
  var endMs: Int64

  private static let minute: Int64 = 60_000
  private static let hour: Int64 = 60 * minute
  /// Communes whose device is a separate process, at least.
  static let processesMin = 5

  init(campaign: Campaign, tree: UnitTree, headcount: Headcount, communesMax: Int, processes: Int, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let day = campaign.opensMs
    startMs = day - Self.hour
    endMs = max(campaign.closesMs, campaign.reportDueMs(campaign.dayOf(campaign.opensMs)) + 4 * Self.hour)
    let units = Array(tree.units(at: .commune).sorted { $0.code < $1.code }.prefix(communesMax))
    let special: [Kind] = [.threeAnswers, .fiveEqualAnswers, .empty, .silent, .late, .twoMembers, .offline]
    for (index, unit) in units.enumerated() {
      let eligible = headcount.staff[unit.code]?.eligible ?? 20
      let kind = index < special.count && units.count > special.count ? special[index] : Self.kind(Double.random(in: 0..<1, using: &random))
      let rate = Double.random(in: 0.88...1, using: &random)
      let answers =
        switch kind {
        case .silent, .empty: 0
        case .threeAnswers: min(3, eligible)
        case .fiveEqualAnswers: min(5, eligible)
        default: Int((Double(eligible) * rate).rounded())
        }
      let isProcess = kind == .usual && communes.count(where: \.isProcess) < processes
      communes.append(Commune(unit: unit, eligible: eligible, kind: kind, answers: answers, isProcess: isProcess))
      plan(index, day: day, random: &random)
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

  private mutating func plan(_ index: Int, day: Int64, random: inout SeededGenerator) {
    let commune = communes[index]
    guard commune.kind != .silent else { return }
    func at(_ hours: Double) -> Int64 { day + Int64(hours * Double(Self.hour)) + Int64.random(in: 0..<(20 * Self.minute), using: &random) }
    func add(_ time: Int64, _ action: Action, device: Int = 0) {
      events.append(Event(atMs: time, commune: index, device: device, action: action))
    }
    add(at(-0.5), .enroll)
    let first = commune.answers / 2
    add(at(1.5), .collect(first))
    add(at(7), .collect(commune.answers - first))
    switch commune.kind {
    case .empty:
      add(at(2), .sync)
    case .offline:
      add(at(9), .report)
      add(at(13), .sync)
    case .late:
      add(at(2), .sync)
      add(at(8), .sync)
      add(at(27), .report)
      add(at(27.5), .sync)
    case .twoMembers:
      add(at(-0.4), .enroll, device: 1)
      add(at(2), .sync)
      add(at(8), .sync)
      add(at(9), .report)
      add(at(9.4), .sync)
      add(at(9.8), .sync, device: 1)
      add(at(10.2), .correct)
      add(at(10.2), .correct, device: 1)
      add(at(10.8), .sync)
      add(at(11.2), .sync, device: 1)
      add(at(11.6), .sync)
    default:
      add(at(2), .sync)
      add(at(8), .sync)
      add(at(9), .report)
      add(at(9.5), .sync)
    }
  }
}
