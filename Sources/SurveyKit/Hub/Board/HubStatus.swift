internal import Foundation
public import SurveyKit
public import SyncHub

/// Counts of everything a hub ever took, each item exactly once, with their sums checked (promise 2).
public struct HubStatus: Sendable, Hashable, Codable {
  // Counts of anonymous answers: kept = waiting + held + late + declined + released + repeated + differs + spoiled + withheld.
  public var packetsKept = 0
  public var packetsWaiting = 0
  public var packetsHeld = 0
  /// Packets under a key that a revocation had ended: an operator decides.
  public var packetsLate = 0
  public var packetsDeclined = 0
  public var packetsReleased = 0
  public var packetsRepeated = 0
  public var packetsDiffering = 0
  public var packetsSpoiled = 0
  public var packetsWithheld = 0
  /// Rows in the table of answers: as many as were released, but for those erased since.
  public var answers = 0
  /// Released answers of which only the sums are left.
  public var answersErased = 0
  /// Erased answers by edition.
  public var erasures: [ErasedAnswers] = []
  // Counts of devices' batches: changes = merged + held + waiting behind a batch that has not arrived.
  public var batches = 0
  public var batchesWaiting = 0
  public var changes = 0
  public var changesMerged = 0
  public var changesHeld = 0
  public var changesWaiting = 0
  /// Changes that arrived from devices after their revocation: an operator decides.
  public var changesUndecided = 0
  /// Batches of the hub's own: campaign data, conflicts.
  public var ownBatches = 0
  public var conflictsOpen = 0
  public var conflictsClosed = 0
  public var devices = 0
  public var devicesRevoked = 0
  public var devicesWithoutContact = 0
  /// Milliseconds by which the clock of the hub's machine jumped since it was trusted; nil when it did not.
  public var clockJumpMs: Int64?
  public var reports = 0
  /// Reports that contradict their form as they stand.
  public var reportsInvalid = 0
  /// Some of those reports, at most `Board.invalidReportsMax`.
  public var invalidReports: [InvalidReport] = []
  /// Packets under a key that a revocation had ended, by unit.
  public var latePackets: [LatePackets] = []
  /// Communes from which more answers came than people may answer.
  public var aboveHeadcount: [AboveHeadcount] = []
  /// Restores of the store, oldest first.
  public var restores: [HubRestore] = []
  /// Devices that hold other data than the hub.
  public var different: [Disagreement] = []
  /// Warnings about what stops the hub's work now, or will before long.
  public var warnings: [LocalizedText] = []
  /// Sums that do not agree, in words; empty when all do.
  public var discrepancies: [LocalizedText] = []

  /// True when every sum agrees. It always should; tools report it prominently when not.
  public var addsUp = true

  public init() {}
}

extension SurveyHub {
  /// Returns the counts at this moment, from one snapshot.
  public func status() async throws -> HubStatus {
    let own = hub.replica
    let spooled = hub.spooledPackets()
    var status = try await hub.read { [campaign] session in
      try HubStatus(session, hub: own, spooled: spooled, spokenOf: try? HubPlan.campaign(session, campaign))
    }
    status.clockJumpMs = clockJumpMs
    status.warnings = try await warnings()
    return status
  }
}

extension HubStatus {
  /// SQL that counts conflicts; those of one declined unit count as one.
  static let conflictCount = """
    count(DISTINCT CASE rule WHEN 'declined' THEN scope || losing_stamp || hex(losing_replica) ELSE id END)
    """

  static func devices(_ session: any HubSession) throws -> (inUse: Int, revoked: Int, withoutContact: Int) {
    let row = try session.firstRow(
      """
      SELECT sum(revoked_ms IS NULL), sum(revoked_ms IS NOT NULL), sum(revoked_ms IS NULL AND contact_ms IS NULL) FROM hub_device
      """)
    let counts = (row ?? [.null, .null, .null]).map { Int(clamping: $0.integer ?? 0) }
    return (counts[0], counts[1], counts[2])
  }

  init(_ session: any HubSession, hub: ReplicaID, spooled: SpooledPackets, spokenOf campaign: Campaign?) throws {
    func numbers(_ sql: String, _ arguments: [CellValue] = []) throws -> [Int] {
      try session.firstRow(sql, arguments)?.map { Int(clamping: $0.integer ?? 0) } ?? []
    }
    let drops = try DropCounts.byScope(session, spooled: spooled)
    let drop = drops.values.reduce(into: DropCounts()) { $0.add($1) }
    latePackets = LatePackets.all(in: drops)
    aboveHeadcount = try AboveHeadcount.all(try CampaignCounts(session, spooled), spokenOf: campaign, in: session)
    (packetsKept, packetsWaiting, packetsHeld) = (drop.kept, drop.waiting, drop.held)
    (packetsReleased, packetsRepeated, packetsDiffering) = (drop.released, drop.repeated, drop.differs)
    (packetsSpoiled, packetsWithheld) = (drop.spoiled, drop.withheld)
    (packetsLate, packetsDeclined) = (drop.late, drop.declined)
    answers = try numbers("SELECT count(*) FROM answer")[0]
    let counted = try numbers("SELECT coalesce(sum(count), 0) FROM answer_count")[0]
    erasures = try ErasedAnswers.all(in: session)
    answersErased = erasures.reduce(0) { $0 + $1.erased }

    let foreign = try numbers(
      """
      SELECT count(*), coalesce(sum(changes), 0), coalesce(sum(held_changes), 0), coalesce(sum(state = 0), 0),
        coalesce(sum(CASE WHEN state = 0 THEN changes END), 0), coalesce(sum(CASE WHEN state = 2 THEN changes END), 0) FROM hub_batch WHERE replica <> ?1
      """, [.blob(hub.bytes)])
    (batches, changes, changesHeld, batchesWaiting, changesWaiting) = (foreign[0], foreign[1], foreign[2], foreign[3], foreign[4])
    changesUndecided = foreign[5]
    changesMerged = changes - changesHeld - changesWaiting - changesUndecided
    ownBatches = try numbers("SELECT count(*) FROM hub_batch WHERE replica = ?1", [.blob(hub.bytes)])[0]
    let held = try numbers("SELECT coalesce(sum(changes), 0) FROM hub_held")[0]

    conflictsOpen = try numbers("SELECT \(Self.conflictCount) FROM sync_conflict WHERE state = 'open'")[0]
    conflictsClosed = try numbers("SELECT \(Self.conflictCount) FROM sync_conflict WHERE state <> 'open'")[0]
    let known = try Self.devices(session)
    (devices, devicesRevoked, devicesWithoutContact) = (known.inUse, known.revoked, known.withoutContact)
    reports = try numbers("SELECT count(*) FROM report")[0]
    reportsInvalid = try numbers("SELECT count(*) FROM report_fault")[0]
    invalidReports = try ReportCheck.invalid(limit: Board.invalidReportsMax, spokenOf: campaign, in: session)
    restores = try HubRestore.all(in: session)
    different = try Disagreement.all(in: session)

    if drop.pooled != 0 || drop.kept != drop.waiting + drop.held + drop.late + drop.declined + drop.opened {
      discrepancies.append(
        LocalizedText(
          vi: "Số phiếu nhận không bằng số chờ, tạm giữ, dưới khóa cũ, bị từ chối, đã mở, trùng, khác nội dung, hỏng và giữ kín cộng lại.",
          en:
            "The packets kept are not those waiting, held, under an earlier key, declined, released, repeated, differing, spoiled and withheld together."
        ))
    }
    let had = LocalizedText(
      vi: answersErased == 0 ? "\(answers)" : "\(answers), và \(answersErased) đã xóa",
      en: answersErased == 0 ? "\(answers)" : "\(answers), and \(answersErased) were erased")
    if answers + answersErased != drop.standing {
      discrepancies.append(
        LocalizedText(
          vi: "Đã mở \(drop.standing) phiếu, nhưng kho có \(had.vi).",
          en: "\(drop.standing) answers were released, but the store has \(had.en)."))
    }
    if counted != answers + answersErased {
      discrepancies.append(
        LocalizedText(
          vi: "Đã đếm \(counted) phiếu, nhưng kho có \(had.vi).", en: "\(counted) answers were counted, but the store has \(had.en)."))
    }
    if held != changesHeld {
      discrepancies.append(
        LocalizedText(
          vi: "Biên nhận ghi \(changesHeld) thay đổi bị giữ lại, nhưng kho giữ \(held).",
          en: "Receipts say \(changesHeld) changes are held, but the store holds \(held)."))
    }
    addsUp = discrepancies.isEmpty
  }
}

extension SurveyHub {
  /// Returns the hub's present incarnation in hexadecimal digits: it changes when the hub was restored.
  ///
  /// - Throws: `SyncError` when the store does not answer.
  public func incarnation() async throws -> String {
    try await hub.read { session in
      try session.firstRow("SELECT id FROM hub_incarnation ORDER BY seq DESC LIMIT 1")?[0].blob?.hex ?? ""
    }
  }
}
