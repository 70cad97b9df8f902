public import SurveyKit
public import SyncHub

/// State of one commune at one moment, as the hub knows it.
public struct BoardRow: Sendable, Hashable, Codable {
  public var unit: UnitCode
  /// Name of the commune alone; its district is the heading above it.
  public var name: String
  public var counts: BoardCounts
  /// State of the report of `Board.reportDay`; nil when none is asked for.
  public var report: ReportStatus?
  /// Hub time at which that report first arrived; nil when there is none.
  public var reportMs: Int64?
}

/// Sums over one commune, a district or the province.
public struct BoardCounts: Sendable, Hashable, Codable {
  /// Number of people who may answer; nil when the headcount is unknown.
  public var expected: Int?
  /// Answers at the hub, including encrypted ones.
  public var received = 0
  /// Hub time of the latest contact of any device; nil when none ever called: "no contact", which is not "0 answers".
  public var lastContactMs: Int64?
  /// Devices that are enrolled and not revoked.
  public var devices = 0
  /// Changes that the devices reported and the hub does not have; nil when none ever reported.
  public var backlog: Int?
  /// Answers that were still waiting on the devices, by their report; nil when none ever reported.
  public var packets: Int?
  /// Changes at the hub that could not be merged.
  public var held = 0
  /// Open conflicts; those of one declined unit count as one.
  public var conflicts = 0
  /// Reports that contradict their form as they stand.
  public var reportsInvalid = 0
  /// Largest clock difference, as its device measured it: device minus hub, in milliseconds.
  public var skewMs: Int64?
  /// Photos that reports refer to.
  public var photos = 0
  /// Photos of those that are at the hub.
  public var photosIn = 0
  /// Photos that are missing a day after the text that names them.
  public var photosOverdue = 0

  public init() {}

  mutating func add(_ other: BoardCounts) {
    expected = Self.sum(expected, other.expected)
    received += other.received
    lastContactMs = [lastContactMs, other.lastContactMs].compactMap { $0 }.max()
    devices += other.devices
    backlog = Self.sum(backlog, other.backlog)
    packets = Self.sum(packets, other.packets)
    held += other.held
    conflicts += other.conflicts
    reportsInvalid += other.reportsInvalid
    photos += other.photos
    photosIn += other.photosIn
    photosOverdue += other.photosOverdue
    skewMs = [skewMs, other.skewMs].compactMap { $0 }.max { $0.magnitude < $1.magnitude }
  }

  private static func sum(_ a: Int?, _ b: Int?) -> Int? { a == nil && b == nil ? nil : (a ?? 0) + (b ?? 0) }
}

/// Sums over the communes of a district or the province.
public struct BoardTotal: Sendable, Hashable, Codable {
  public var counts = BoardCounts()
  public var communes = 0
  /// Communes without any contact so far.
  public var silent = 0
  /// Reports by status; statuses that do not occur are 0.
  public var reports: [String: Int] = [:]

  public init() {}

  public subscript(status: ReportStatus) -> Int { reports[status.rawValue] ?? 0 }

  mutating func add(_ row: BoardRow) {
    counts.add(row.counts)
    communes += 1
    if row.counts.lastContactMs == nil { silent += 1 }
    if let report = row.report { reports[report.rawValue, default: 0] += 1 }
  }
}

/// District and its communes, in the order of their names; the province itself for communes that lie in no district.
public struct BoardDistrict: Sendable, Hashable, Codable {
  public var unit: UnitCode
  public var name: String
  public var rows: [BoardRow]
  public var total: BoardTotal
}

/// Whole province at one moment: who has reported, who is late, what waits, what is in conflict.
public struct Board: Sendable, Hashable, Codable {
  public var campaign: LocalizedText
  public var province: String
  /// Hub time in milliseconds.
  public var nowMs: Int64
  /// Day of `nowMs` in the campaign's zone.
  public var today: CalendarDay
  /// Clock in the campaign's zone, `YYYY-MM-DD HH:MM`.
  public var clock: String
  public var phase: CampaignPhase
  /// Day of the report column: today when it is a report day, otherwise the last report day before, otherwise the first to come.
  public var reportDay: CalendarDay?
  public var districts: [BoardDistrict]
  public var total: BoardTotal
  /// Answers of units that the tree does not know; 0 unless something is wrong.
  public var strayAnswers: Int
  /// Reports that contradict their form as they stand, at most `Board.invalidReportsMax`.
  public var invalidReports: [InvalidReport] = []
  /// Milliseconds by which the clock of the hub's machine jumped since it was trusted; nil when it did not.
  public var clockJumpMs: Int64?
  /// Reason why `today` may be another day; nil when it is certain.
  public var todayDoubt: CampaignToday.Doubt?
  /// Storage of photos, when the hub defers them for lack of room; nil while they are taken.
  public var photosDeferred: BlobUsage?
  /// Packets under a key that a revocation had ended, by unit.
  public var latePackets: [LatePackets] = []
  /// Communes from which more answers came than people may answer.
  public var aboveHeadcount: [AboveHeadcount] = []
  /// Warnings about what stops the hub's work now, or will before long.
  public var warnings: [LocalizedText] = []
  /// Devices that hold other data than the hub.
  public var different: [Disagreement] = []
  /// Clock texts of the instants above, in the campaign's zone: `HH:MM`, with the day when it is not today.
  public var times: [Int64: String]

  public static let invalidReportsMax = 50

  public var rows: [BoardRow] { districts.flatMap(\.rows) }
}
