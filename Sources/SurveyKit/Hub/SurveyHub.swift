internal import Foundation
public import SurveyKit
public import SyncHub
internal import Synchronization

/// Hub of surveys in one folder: the engine's `Hub` with the survey's tables, its receiver of answers and its observer of reports.
///
/// | in the folder | is |
/// |---|---|
/// | `hub.sqlite` | everything the hub knows |
/// | `clock` | what the machine's clocks showed when they were trusted last |
/// | `keys/` | its secrets, to be copied to a place of their own and kept out of backups |
///
/// Several processes may have the same folder open: one serves, others load, list and count.
public final class SurveyHub: Sendable {
  public let hub: Hub
  public let folder: String
  /// Campaign of this value; nil for the shown one, or the one that asks the form in question.
  public let campaign: String?
  let clock: HubClock
  let shelf: FormShelf

  public static func storePath(in folder: String) -> String { folder + "/hub.sqlite" }
  public static func keysPath(in folder: String) -> String { folder + "/keys" }

  /// Makes a new hub: keys first, then an empty store.
  ///
  /// Clears the remains of an earlier call that was interrupted first.
  ///
  /// - Parameter prepare: Puts what a hub begins with into it; it is part of the making.
  /// - Throws: `SyncError` when there is a hub in the folder already, or it cannot be written; nothing is overwritten, and nothing of a hub
  ///   is left that was not made whole.
  public static func create(
    at folder: String, clock: any WallClock = SystemClock(), prepare: (SurveyHub) async throws -> Void = { _ in }
  ) async throws -> SurveyHub {
    if !HubMaking.isUnfinished(folder) { try refuseOccupied(folder) }
    let making = try HubMaking.begin(in: folder) { try refuseOccupied(folder) }
    var made: SurveyHub?
    do {
      let keys = try HubKeys.create(in: keysPath(in: folder), nowMs: clock.nowMs())
      let survey = try await open(at: folder, keys: keys, clock: clock, options: Hub.Options(), create: true)
      made = survey
      try await survey.markStore()
      try await prepare(survey)
      making.end()
      return survey
    } catch {
      try? made?.close()
      making.undo()
      throw error
    }
  }

  /// Names of files that a disk or a desktop puts into an empty folder by itself, and of the mark of an unfinished hub.
  private static let unheeded: Set<String> = ["lost+found", ".DS_Store", HubMaking.markName]

  /// Refuses a folder that holds other files, or the keys of a hub: a hub gets a folder of its own.
  private static func refuseOccupied(_ folder: String) throws {
    guard !FileManager.default.fileExists(atPath: storePath(in: folder)) else {
      throw SyncError(
        .badRequest, vi: "Thư mục \(folder) đã có kho dữ liệu của máy chủ; không ghi đè.",
        en: "The folder \(folder) holds a hub's store already; it is not overwritten.")
    }
    let present = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !unheeded.contains($0) }.sorted()
    guard let first = present.first else { return }
    if present.contains("keys") {
      throw SyncError(
        .badRequest,
        vi:
          "Thư mục \(folder) có khóa của một máy chủ nhưng không có kho dữ liệu; dựng lại kho bằng `hub restore TỆP --dir \(folder)`, hoặc chọn thư mục khác.",
        en:
          "The folder \(folder) has a hub's keys and no store; restore its store with `hub restore FILE --dir \(folder)`, or choose another folder."
      )
    }
    throw SyncError(
      .badRequest, vi: "Thư mục \(folder) không trống (có \(first)); hãy chọn thư mục trống hoặc chưa có.",
      en: "The folder \(folder) is not empty (it holds \(first)); choose one that is empty or does not exist.")
  }

  /// Records the store's state beside the keys, so that a store that lost its data can be recognized. Call this when a hub begins
  /// to serve, and after its log was truncated.
  public func markStore() async throws { try await hub.markStore(keysFolder: Self.keysPath(in: folder)) }

  /// Returns whether a folder holds a hub.
  ///
  /// - Throws: `SyncError` when the folder cannot be read.
  public static func exists(in folder: String) throws -> Bool {
    let manager = FileManager.default
    var isFolder = ObjCBool(false)
    guard manager.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else { return false }
    guard manager.isExecutableFile(atPath: folder) else {
      throw SyncError(
        .storeMissing, vi: "Không mở được thư mục \(folder); kiểm tra quyền.",
        en: "The folder \(folder) cannot be opened; check its permissions.")
    }
    return manager.fileExists(atPath: storePath(in: folder))
  }

  /// Opens the hub of a folder.
  ///
  /// - Parameter options: Options, whose observer and judge of blobs are replaced by the survey's own.
  /// - Throws: `SyncError` that names what is missing or damaged; nothing is changed then.
  public static func open(
    at folder: String, clock: any WallClock = SystemClock(), options: Hub.Options = Hub.Options()
  ) async throws -> SurveyHub {
    return try await open(at: folder, keys: try keys(in: folder), clock: clock, options: options, create: false)
  }

  /// Examines the hub of a folder without opening it for writing, also while it serves; see `SQLiteHubStore.examine`.
  public static func examine(
    at folder: String, progress: @escaping Examination.Progress = { _, _, _ in }
  ) async throws -> Examination {
    let keys = try keys(in: folder)
    return try await SQLiteHubStore.examine(at: storePath(in: folder), tables: SurveySchema.tables, keys: keys, progress: progress) {
      try RepeatedAnswers(session: $0).problems() + AnswerSums.problems(in: $0)
    }
  }

  /// Opens a copy of another hub's store, with that hub's keys.
  static func open(copyAt folder: String, keysOf other: SurveyHub) async throws -> SurveyHub {
    try await open(at: folder, keys: try keys(in: other.folder), clock: other.clock, options: Hub.Options(), create: false)
  }

  /// Throws when a folder has a hub's keys but not its store: nobody should make another hub in place of the lost one.
  public static func refuseOrphanedKeys(in folder: String) throws {
    try HubMaking.refuseUnfinished(folder)
    let isThere = FileManager.default.fileExists(atPath:)
    guard isThere(keysPath(in: folder) + "/hub.key"), !isThere(storePath(in: folder)) else { return }
    throw SyncError(
      .storeMissing,
      vi:
        "Thư mục \(folder) có khóa nhưng thiếu kho dữ liệu hub.sqlite; đặt lại tệp ấy, hoặc dựng lại từ bản sao lưu: hub restore TỆP --dir \(folder)",
      en:
        "The folder \(folder) has keys but its store hub.sqlite is missing; put it back, or restore a backup: hub restore FILE --dir \(folder)"
    )
  }

  private static func keys(in folder: String) throws -> HubKeys {
    try HubMaking.refuseUnfinished(folder)
    guard try exists(in: folder) else {
      try refuseOrphanedKeys(in: folder)
      throw SyncError(
        .storeMissing, vi: "Không có máy chủ trong \(folder); tạo bằng `hub init \(folder)` hoặc chỉ đúng chỗ bằng --dir.",
        en: "There is no hub in \(folder); make one with `hub init \(folder)`, or name its folder with --dir.")
    }
    let keys = try HubKeys.load(from: keysPath(in: folder))
    try Hub.refuseForeignKeys(of: keys.signing.replica, storeAt: storePath(in: folder))
    try Hub.refuseLostStore(at: storePath(in: folder), keysFolder: keysPath(in: folder))
    return keys
  }

  private static func open(
    at folder: String, keys: HubKeys, clock: any WallClock, options: Hub.Options, create: Bool
  ) async throws -> SurveyHub {
    let clock = HubClock(clock, believed: believedClock(in: folder))
    let store = try SQLiteHubStore.open(
      at: storePath(in: folder), tables: SurveySchema.tables, migrator: SurveySchema.hubMigrator, clock: clock, create: create)
    var options = options
    let shelf = FormShelf()
    options.observer = SurveyMergeObserver(shelf: shelf)
    options.judgeBlobStart = { Photo.fault(ofStart: $0)?.explanation }
    options.judgeBlob = {
      switch Photo.fault(ofKept: $0) {
      // Reports the hub's own trouble, which is no fault of the picture.
      case .noLibrary?: throw SyncError(.hubFailed, vi: PhotoFault.noLibrary.explanation.vi, en: PhotoFault.noLibrary.explanation.en)
      case let fault: return fault?.explanation
      }
    }
    let hub = try await Hub.open(
      store: store, keys: keys, keysFolder: keysPath(in: folder), clock: clock, receiver: SurveyLotReceiver(clock: clock), options: options)
    let (isJudged, isCounted) = try await hub.read { session in
      (try session.integer("SELECT max(rules) FROM report_fault_rules") == ReportCheck.rules, try RunningCounts.isComplete(session))
    }
    if !isJudged { try await hub.write { session in try ReportCheck(session: session, shelf: shelf).checkAfterUpgrade() } }
    if !isCounted { try await hub.write { session in try RunningCounts(session: session).countAll() } }
    let survey = SurveyHub(hub: hub, folder: folder, clock: clock, shelf: shelf)
    if create { try survey.noteClock() }
    return survey
  }

  private init(hub: Hub, folder: String, clock: HubClock, shelf: FormShelf, campaign: String? = nil) {
    self.hub = hub
    self.campaign = campaign
    self.shelf = shelf
    self.folder = folder
    self.clock = clock
  }

  public func close() throws { try hub.close() }

  /// Returns the same hub for one of its campaigns.
  ///
  /// - Parameter id: Campaign; nil returns this value.
  /// - Throws: `DataProblems` when the hub has no such campaign.
  public func about(campaign id: String?) async throws -> SurveyHub {
    guard let id else { return self }
    let known = try await hub.read { session in try HubPlan.campaigns(session).map(\.id) }
    guard known.contains(id) else { throw SurveyHub.unknown(campaign: id, among: known) }
    return SurveyHub(hub: hub, folder: folder, clock: clock, shelf: shelf, campaign: id)
  }

  /// Returns the hub's campaigns, the newest first, and the one of this value.
  ///
  /// - Parameter form: Form whose campaign counts, when none is named.
  public func campaignTitles(asking form: String? = nil) async throws -> (all: [(id: String, title: LocalizedText)], meant: String?) {
    try await hub.read { [campaign] session in
      let all = try HubPlan.campaigns(session).sorted { ($0.opensMs, $0.id) > ($1.opensMs, $1.id) }
      return (all.map { ($0.id, $0.title) }, try HubPlan.campaign(session, campaign, asking: form)?.id)
    }
  }

  static func unknown(campaign id: String, among known: [String]) -> DataProblems {
    let list = known.joined(separator: ", ")
    return DataProblems([
      DataProblem(id, vi: "máy chủ không có cuộc khảo sát này; có: \(list).", en: "the hub has no such campaign; it has: \(list).")
    ])
  }

  /// Hub time in milliseconds.
  public var nowMs: Int64 { Int64(clamping: clock.nowMs()) }

  /// Returns the campaign and its units, from one snapshot; nil before one is loaded.
  ///
  /// - Parameter form: Form whose campaign counts, when none is named.
  public func plan(asking form: String? = nil) async throws -> HubPlan? {
    try await hub.read { [campaign] session in try HubPlan.read(session, campaign, asking: form) }
  }

  /// Returns the plan, or throws a sentence that says how to get one.
  public func requirePlan(asking form: String? = nil) async throws -> HubPlan {
    guard let plan = try await plan(asking: form) else { throw SurveyHub.noCampaign }
    return plan
  }

  static let noCampaign = SyncError(
    .badRequest, vi: "Chưa có cuộc khảo sát nào; nạp bằng `hub campaign load THƯ_MỤC`.",
    en: "There is no campaign yet; load one with `hub campaign load DIR`.")
}

/// Plan of a hub's campaign: when, where, with which forms.
public struct HubPlan: Sendable {
  public var campaign: Campaign
  /// Campaigns of the hub, this one included, by id.
  public var campaigns: [Campaign]
  public var tree: UnitTree
  /// Headcount; communes whose headcount is unknown are absent.
  public var headcount: Headcount
  /// Ends of the campaign for units for which it ends later.
  public var windows: [UnitCode: LocalTime] = [:]
  /// Records of the forms, by key, without their definitions.
  public var forms: [FormRecord]

  /// Form as the hub keeps it.
  public struct FormRecord: Sendable, Hashable, Codable {
    /// Key `form@version`.
    public var key: String
    public var form: String
    public var version: String
    public var state: String

    public init(form: String, version: String, state: String) {
      self.init(key: SurveySchema.formKey(id: form, version: version), form: form, version: version, state: state)
    }

    init(key: String, form: String, version: String, state: String) {
      (self.key, self.form, self.version, self.state) = (key, form, version, state)
    }
  }

  /// Number of people who may answer, in all communes together.
  public var expectedAnswers: Int { headcount.staff.values.reduce(0) { $0 + $1.eligible } }

  /// Returns the newest edition of a form; nil when the hub has none.
  public func latest(form: String) -> FormRecord? {
    forms.filter { $0.form == form }.max { ($0.version.count, $0.version) < ($1.version.count, $1.version) }
  }

  /// Returns the scopes that a device of `unit` reads, widest first: province, district, commune.
  public func readScopes(of unit: UnitCode) -> [String] {
    tree.ancestors(of: unit).reversed().map(\.code.rawValue) + [unit.rawValue]
  }

  /// Returns the campaign of an id or form; see `Campaign.meant`.
  static func campaign(_ session: any HubSession, _ id: String? = nil, asking form: String? = nil) throws -> Campaign? {
    var unreadable: DataProblems?
    let campaigns = try campaigns(session, unreadable: &unreadable)
    if campaigns.isEmpty, let unreadable { throw unreadable }
    return Campaign.meant(of: campaigns, named: id, asking: form)
  }

  /// Returns every campaign that the hub has and can read, by id.
  static func campaigns(_ session: any HubSession) throws -> [Campaign] {
    var unreadable: DataProblems?
    return try campaigns(session, unreadable: &unreadable).map(\.campaign)
  }

  private static func campaigns(
    _ session: any HubSession, unreadable: inout DataProblems?
  ) throws -> [(campaign: Campaign, chosen: Int64?)] {
    var campaigns: [(campaign: Campaign, chosen: Int64?)] = []
    for row in try session.rows("SELECT definition, chosen FROM campaign ORDER BY id") {
      guard let text = row[0].text else { continue }
      do throws(DataProblems) {
        campaigns.append((try campaign(definition: text), row[1].integer))
      } catch { unreadable = error }
    }
    return campaigns
  }

  /// Returns the campaign of a definition, read once: every call asks for the hub's campaigns.
  private static func campaign(definition: String) throws(DataProblems) -> Campaign {
    if let campaign = known.withLock({ $0[definition] }) { return campaign }
    let campaign = try Campaign(json: Data(definition.utf8))
    known.withLock { known in
      if known.count >= knownMax { known.removeAll() }
      known[definition] = campaign
    }
    return campaign
  }

  private static let known = Mutex<[String: Campaign]>([:])
  /// Definitions kept read at a time; the next one begins anew.
  private static let knownMax = 16

  static func forms(_ session: any HubSession) throws -> [FormRecord] {
    try session.rows("SELECT id, form, version, coalesce(state, 'open') FROM form ORDER BY id").map { row in
      FormRecord(key: row[0].text ?? "", form: row[1].text ?? "", version: row[2].text ?? "", state: row[3].text ?? "")
    }
  }

  /// Reads the plan from the transaction's snapshot; nil before a campaign is loaded.
  ///
  /// - Parameter id: Campaign; nil for the one that asks `form`, or the shown one.
  public static func read(_ session: any HubSession, _ id: String? = nil, asking form: String? = nil) throws -> HubPlan? {
    guard let campaign = try campaign(session, id, asking: form) else { return nil }
    var units: [SurveyUnit] = []
    for row in try session.rows("SELECT code, name, kind, parent, level FROM unit ORDER BY code") {
      guard let code = row[0].text, let level = row[4].text.flatMap(UnitLevel.init(rawValue:)) else { continue }
      units.append(
        SurveyUnit(
          code: UnitCode(code), name: row[1].text ?? code, kind: row[2].text ?? "", parentCode: row[3].text.map { UnitCode($0) },
          level: level))
    }
    let levels = UnitLevel.allCases
    let byLevel = levels.flatMap { level in units.filter { $0.level == level } }
    var staff: [UnitCode: Headcount.Staff] = [:]
    for row in try session.rows("SELECT code, officials, civil_servants, part_time, eligible FROM headcount") {
      guard let code = row[0].text, let eligible = row[4].integer else { continue }
      func people(_ value: CellValue) -> Int { Int(clamping: value.integer ?? 0) }
      staff[UnitCode(code)] = Headcount.Staff(
        officials: people(row[1]), civilServants: people(row[2]), partTime: people(row[3]), eligible: Int(clamping: eligible))
    }
    guard let tree = UnitTree.standing(byLevel).tree else { return nil }
    return HubPlan(
      campaign: campaign, campaigns: try campaigns(session), tree: tree, headcount: Headcount(staff: staff),
      windows: try UnitWindow.all(of: campaign, in: session), forms: try forms(session))
  }
}
