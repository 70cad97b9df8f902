internal import SurveyKit
public import SyncHub

/// Numbers of a hub whose reading takes about the same time however much the hub holds: for monitors that ask all the time.
/// `HubStatus` has all numbers, and checks their sums, for which it reads everything.
public struct HubGauges: Sendable, Hashable {
  public var packets = DropCounts()
  public var conflictsOpen = 0
  public var reportsInvalid = 0
  public var devices = 0
  public var devicesRevoked = 0
  public var devicesWithoutContact = 0
  public var devicesDifferent = 0
  /// Number of `SurveyHub.warnings()`.
  public var warnings = 0

  init(_ session: any HubSession, spooled: SpooledPackets) throws {
    packets = try DropCounts.byScope(session, spooled: spooled).values.reduce(into: DropCounts()) { $0.add($1) }
    conflictsOpen = try RunningCounts.openConflicts(session).values.reduce(0, +)
    reportsInvalid = Int(clamping: try session.integer("SELECT count(*) FROM report_fault") ?? 0)
    let known = try HubStatus.devices(session)
    (devices, devicesRevoked, devicesWithoutContact) = (known.inUse, known.revoked, known.withoutContact)
    devicesDifferent = try Disagreement.all(in: session).count
  }
}

extension SurveyHub {
  /// Returns the numbers at this moment, from one snapshot.
  public func gauges() async throws -> HubGauges {
    let spooled = hub.spooledPackets()
    let warnings = try await warnings().count
    return try await hub.read { session in
      var gauges = try HubGauges(session, spooled: spooled)
      gauges.warnings = warnings
      return gauges
    }
  }
}
