public import SurveyKit
public import SyncHub

/// What the hub knows of one commune at one moment.
public struct BoardRow: Sendable, Hashable, Codable {
  public var unit: UnitCode
  /// The commune's own name; its district is the heading it stands under.
  public var name: String
  public var counts: BoardCounts
  /// How the report of `Board.reportDay` stands; nil when none is asked for.
  public var report: ReportStatus?
  /// Hub time at which that report first came; nil when there is none.
  public var reportMs: Int64?
}

/// Sums over one commune, a district or the province.
public struct BoardCounts: Sendable, Hashable, Codable {
  /// How many may answer; nil when no headcount is known.
  public var expected: Int?
  /// Answers at the hub, those still encrypted included.
  public var received = 0
  /// Most recent contact of any device, hub time; nil when none ever came: "no contact", which is not "0 answers".
  public var lastContactMs: Int64?
  /// Devices that are enrolled and not revoked.
  public var devices = 0
  /// Changes the devices said they had and the hub did not; nil when none ever said.
  public var backlog: Int?
  /// Answers the devices said were still waiting there; nil when none ever said.
  public var packets: Int?
  /// Changes at the hub that could not be merged.
  public var held = 0
  /// Open conflicts; what was declined as one thing is one.
  public var conflicts = 0
  /// Reports that contradict their form as they stand.
  public var reportsInvalid = 0
  /// The clock that is furthest off, as its device measured it: device minus hub, in milliseconds.
  public var skewMs: Int64?
  /// Photos that reports refer to.
  public var photos = 0
  /// Those of them that are here.
  public var photosIn = 0
  /// Those that are not, a day after the text that names them.
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

/// How the communes of a district or the province stand.
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

/// One district and its communes, in the order of their names; the province itself for communes that lie in no district.
public struct BoardDistrict: Sendable, Hashable, Codable {
  public var unit: UnitCode
  public var name: String
  public var rows: [BoardRow]
  public var total: BoardTotal
}

/// The whole province at one moment: who has reported, who is late, what waits, what collided.
public struct Board: Sendable, Hashable, Codable {
  public var campaign: LocalizedText
  public var province: String
  /// Hub time.
  public var nowMs: Int64
  /// The day of `nowMs` in the campaign's zone.
  public var today: CalendarDay
  /// The clock in the campaign's zone, `YYYY-MM-DD HH:MM`.
  public var clock: String
  public var phase: CampaignPhase
  /// The day the report column is about: today when it is a report day, else the last one before, else the first to come.
  public var reportDay: CalendarDay?
  public var districts: [BoardDistrict]
  public var total: BoardTotal
  /// Answers of units that the tree does not know; 0 unless something is wrong.
  public var strayAnswers: Int
  /// Reports that contradict their form as they stand, `Board.invalidReportsMax` of them.
  public var invalidReports: [InvalidReport] = []
  /// By how much the clock of the hub's machine jumped since it was believed; nil when it did not.
  public var clockJumpMs: Int64?
  /// Why `today` may be another day; nil when it is certain.
  public var todayDoubt: CampaignToday.Doubt?
  /// Why photos are put off at present: no room. Nil while they are taken.
  public var photosDeferred: BlobUsage?
  /// Packets under a key that a revocation had ended, by unit.
  public var latePackets: [LatePackets] = []
  /// Communes from which more answers came than people may answer.
  public var aboveHeadcount: [AboveHeadcount] = []
  /// Warns of what stops the hub's work now, or will before long.
  public var warnings: [LocalizedText] = []
  /// Devices that hold other data than the hub.
  public var different: [Disagreement] = []
  /// Each instant above on the campaign's wall clock: `HH:MM`, with the day when it is not today.
  public var times: [Int64: String]

  public static let invalidReportsMax = 50

  public var rows: [BoardRow] { districts.flatMap(\.rows) }
}
