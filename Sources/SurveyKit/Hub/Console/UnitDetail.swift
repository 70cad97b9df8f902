internal import Foundation
public import SurveyKit
public import SyncHub

/// Device on an operator's pages.
public struct DeviceLine: Sendable, Hashable {
  public var device: HubDevice
  /// Note of operators about the device.
  public var note: DeviceNote?
  /// Batches of the revoked device that wait for a decision.
  public var lateBatches: Int

  /// Label of the device: an operator's before its own.
  public var label: String { note?.label ?? device.label }
}

/// Unit with its devices, reports, work and acts.
public struct UnitDetail: Sendable {
  public var line: UnitLine
  public var staff: Headcount.Staff?
  /// Devices, those in use first.
  public var devices: [DeviceLine]
  /// Enrolment codes that can still be used.
  public var codes: [EnrolmentCode]
  /// Units that cannot be merged yet.
  public var held: [HeldUnit]
  /// Open conflicts, the newest first.
  public var conflicts: [Conflict]
  /// Reports that contradict their form as they stand.
  public var invalid: [InvalidReport]
  /// Number of corrections of each report, by day.
  public var corrections: [String: Int]
  /// Calls of the unit, the newest first.
  public var calls: [UnitCall]
  /// Messages to the unit, the newest first.
  public var notices: [Notice]
  /// Acts of operators about the unit, the newest first.
  public var acts: [OperatorAct]

  /// Acts that are shown.
  public static let actsMax = 50
}

extension SurveyHub {
  /// Returns a unit with its devices, reports, work and acts; nil when the reading has no such unit in its part of the tree.
  public func unitDetail(_ unit: UnitCode, in day: OperatorDay) async throws -> UnitDetail? {
    guard let line = day.units.first(where: { $0.unit == unit }) else { return nil }
    let scope = unit.rawValue
    let (notes, late) = (try await hub.deviceNotes(), try await hub.lateBatches())
    let devices = try await hub.devices().filter { $0.scope == scope }.map {
      DeviceLine(device: $0, note: notes[$0.replica], lateBatches: late[$0.replica] ?? 0)
    }
    let codes = try await hub.codes(unit: scope, onlyOpen: true)
    let held = try await hub.heldUnits(scope: scope)
    let conflicts = try await hub.openConflicts(scope: scope)
    let (calls, notices) = (try await calls(of: unit), try await notices(of: unit))
    let acts = try await hub.acts(limit: UnitDetail.actsMax, about: scope)
    return try await hub.read { session in
      UnitDetail(
        line: line, staff: try Headcount.staff(of: scope, in: session),
        devices: devices.sorted { ($0.device.revokedMs ?? 0, $0.label) < ($1.device.revokedMs ?? 0, $1.label) }, codes: codes, held: held,
        conflicts: conflicts, invalid: try ReportCheck.invalid(of: scope, in: session),
        corrections: try Self.corrections(of: scope, day.reportDays, in: session), calls: calls, notices: notices,
        acts: acts)
    }
  }

  private static func corrections(of unit: String, _ days: [CalendarDay], in session: any HubSession) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for day in days.map(\.description) {
      let key = SurveySchema.reportKey(unit: unit, day: day)
      let count = try session.integer("SELECT count(*) FROM report_change WHERE report = ?1", [.text(key)]) ?? 0
      if count > 0 { counts[day] = Int(clamping: count) }
    }
    return counts
  }
}

extension ReportCheck {
  /// Returns the reports of a unit that contradict their form, by day.
  static func invalid(of unit: String, in session: any HubSession) throws -> [InvalidReport] {
    try session.rows(
      "SELECT id, unit, day, faults FROM report_fault WHERE id >= ?1 || '/' AND id < ?1 || '0' ORDER BY id", [.text(unit)]
    ).compactMap { row in
      guard let key = row[0].text, let faults = row[3].text else { return nil }
      return InvalidReport(
        key: key, unit: unit, day: row[2].text ?? "", faults: try JSONDecoder().decode([InvalidReport.Fault].self, from: Data(faults.utf8)))
    }
  }
}
