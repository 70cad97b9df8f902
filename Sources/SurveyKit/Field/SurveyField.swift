public import Foundation
internal import GRDB
public import SurveyKit
public import SyncKit

/// Device of a working group: a replica that holds its province's campaign, and takes answers and daily reports without a network.
///
/// Everything written here is durable when the call returns, and leaves with the next `replica.sync`. Answers cannot be read on the
/// device again, not even by its owner (L12).
public final class SurveyField: Sendable {
  /// Engine beneath, with enrolment, exchange and status.
  public let replica: Replica
  /// Campaign of this value; nil for the shown one, or the one that asks the form in question.
  public let campaignID: String?
  let clock: any WallClock

  /// Wraps a replica that was opened with `SurveySchema.tables`.
  public convenience init(replica: Replica, clock: any WallClock) { self.init(replica: replica, clock: clock, campaignID: nil) }

  private init(replica: Replica, clock: any WallClock, campaignID: String?) {
    self.replica = replica
    self.campaignID = campaignID
    self.clock = clock
  }

  /// Returns the same device for one of its campaigns.
  ///
  /// - Parameters:
  ///   - id: Campaign; nil keeps this value's, or takes the one that asks `form`.
  ///   - form: Id of a form; decides when no campaign is named.
  /// - Throws: `SurveyFieldError` `.unknownCampaign`.
  public func about(campaign id: String?, form: String? = nil) async throws -> SurveyField {
    let all = try await storedCampaigns().campaigns
    if let id, !all.contains(where: { $0.campaign.id == id }) {
      throw SurveyFieldError.unknownCampaign(id, known: all.map(\.campaign.id))
    }
    guard let meant = id ?? form.flatMap({ Campaign.meant(of: all, named: campaignID, asking: $0)?.id }) else { return self }
    return SurveyField(replica: replica, clock: clock, campaignID: meant)
  }

  /// Returns the same device for the campaign that asks for a report of a day, when none is named.
  public func about(reportOf day: CalendarDay) async throws -> SurveyField {
    campaignID == nil ? try await about(campaign: campaign(having: day)?.id) : self
  }

  /// Opens a device's store.
  ///
  /// - Parameter create: True to make a missing file; only enrolment should.
  /// - Throws: `SyncError`; the file stays as it was.
  public static func open(at path: String, clock: any WallClock = SystemClock(), create: Bool = false) throws -> SurveyField {
    let replica = try Replica.open(
      at: path, tables: SurveySchema.tables, migrator: SurveySchema.fieldMigrator, clock: clock, create: create)
    return SurveyField(replica: replica, clock: clock)
  }

  /// Opens a device's store for reading it and carrying its changes away, also when it cannot be written; see
  /// `Replica.openForReading`.
  ///
  /// - Throws: `SyncError`; the file stays as it was.
  package static func openForReading(
    at path: String, clock: any WallClock = SystemClock(), asCopy always: Bool = false, elsewhere: [String] = []
  ) throws -> SurveyField {
    let replica = try Replica.openForReading(
      at: path, tables: SurveySchema.tables, migrator: SurveySchema.fieldMigrator, clock: clock, asCopy: always, elsewhere: elsewhere)
    return SurveyField(replica: replica, clock: clock)
  }

  /// Examines a device's store without opening it for writing; see `Replica.examine`.
  public static func examine(
    at path: String, progress: @escaping Examination.Progress = { _, _, _ in }
  ) async throws -> Examination {
    try await Replica.examine(at: path, tables: SurveySchema.tables, progress: progress)
  }

  /// Closes the store; the value cannot be used afterwards.
  public func close() throws { try replica.close() }

  // MARK: Enrolment

  /// Enrols with a code from the hub's operator. See `Replica.enroll(code:label:through:)`.
  public func enroll(code: String, label: String, through transport: any Transport) async throws {
    try await replica.enroll(code: code, label: label, through: transport)
  }

  /// Enrols from a file, for a device that never saw the network: the campaign comes with it.
  public func enroll(file: Data) async throws {
    try await replica.enroll(file: file)
  }

  /// Returns the commune for which this device writes.
  ///
  /// - Throws: As `requireEnrolment`.
  public func unit() async throws -> UnitCode {
    UnitCode(try await requireEnrolment().writeScope)
  }

  /// - Throws: `SurveyFieldError` `.notEnrolled`, or `.enrolmentAwaited` once a bundle asked for it.
  public func requireEnrolment() async throws -> Enrolment {
    if let enrolment = try await replica.enrolment() { return enrolment }
    throw try await replica.awaitsEnrolment() ? SurveyFieldError.enrolmentAwaited : .notEnrolled
  }

  // MARK: Time

  /// Returns milliseconds since 1970 by the hub's clock, as far as the device knows: its own clock and the offset last measured,
  /// but no earlier than what the hub has signed.
  public func hubTimeMs() async throws -> Int64 {
    let clock = try await replica.clockKnowledge()
    return max(clock.estimateMs, clock.lowerBoundMs)
  }

  /// Returns today in the campaign's zone, and whether it is certain.
  ///
  /// - Parameter form: Form whose campaign counts, when none is named.
  /// - Throws: `SurveyFieldError` `.noCampaign` before the campaign has arrived.
  public func campaignToday(asking form: String? = nil) async throws -> CampaignToday {
    let campaign = try await requireCampaign(asking: form)
    return CampaignToday(try await replica.clockKnowledge(), in: campaign)
  }

  /// Returns the best estimate of today, for display; see `campaignToday`.
  public func today() async throws -> CalendarDay { try await campaignToday().day }

  // MARK: Transactions

  func read<T: Sendable>(_ body: @Sendable @escaping (Database) throws -> T) async throws -> T {
    try await explained { try await replica.database.read(body) }
  }

  func write<T: Sendable>(_ body: @Sendable @escaping (Database) throws -> T) async throws -> T {
    try await explained { try await replica.database.write(body) }
  }

  private func explained<T>(_ body: () async throws -> T) async throws -> T {
    do {
      return try await body()
    } catch let error as DatabaseError {
      throw SyncError(error, store: replica.path)
    }
  }
}
