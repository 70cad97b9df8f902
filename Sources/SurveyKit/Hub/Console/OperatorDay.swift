public import SurveyKit
public import SyncHub

/// Unit on an operator's pages: the board's counts, and the state computed from them.
public struct UnitLine: Sendable, Hashable {
  public var unit: UnitCode
  /// Name of the unit alone, without its group's.
  public var name: String
  /// Top unit of its group, and that unit's name.
  public var group: UnitCode
  public var groupName: String
  public var counts: BoardCounts
  /// Answers that may come: headcount times the campaign's forms; nil when the headcount is unknown.
  public var target: Int?
  /// Answers expected by now.
  public var expected: Int
  /// Hub time at which the report of a day first arrived, for the days in `OperatorDay.reportDays`.
  public var arrivals: [CalendarDay: Int64]
  public var troubles: [DeviceTrouble]
  public var standing: UnitStanding
  /// When the campaign ends for it, where that is later than for the others.
  public var closes: LocalTime?
  /// Flags of its reports at which nobody has looked.
  public var flags = 0

  public var state: UnitState { standing.state }
  public var missing: Int { max(0, expected - counts.received) }
  /// True when more answers came than may come.
  public var isOver: Bool { target.map { counts.received > $0 } ?? false }
}

/// Group with its units, in the order of their codes.
public struct GroupLine: Sendable, Hashable {
  public var unit: UnitCode
  public var name: String
  public var units: [UnitLine]

  public var received: Int { units.reduce(0) { $0 + $1.counts.received } }
  public var target: Int { units.reduce(0) { $0 + ($1.target ?? 0) } }
  public var expected: Int { units.reduce(0) { $0 + $1.expected } }
}

/// Campaign at one moment, as the operators' pages show it: every unit of a scope with its one state.
///
/// The number of statements does not depend on the number of units; a page shows a part of the reading without reading more.
public struct OperatorDay: Sendable {
  public var board: Board
  public var campaign: Campaign
  public var tree: UnitTree
  public var scope: UnitScope
  public var tags = UnitTags()
  public var expectation: DayExpectation
  /// Report days whose arrivals were read: up to today, the latest `reportDaysMax` of them; before the first, that one.
  public var reportDays: [CalendarDay]
  /// Groups, in the order of their names.
  public var groups: [GroupLine]
  /// Hub time of the latest contact today of each device that had one.
  public var contactsMs: [Int64]
  /// Latest call of each called unit; contacts by unit.
  public var calls: [String: UnitCall] = [:]
  public var contacts: [String: [UnitContact]] = [:]
  /// Reports that are sent back and not settled, the oldest first; reminders of the last day, the newest first.
  public var returned: [Notice] = []
  public var reminders: [Notice] = []
  /// Reason why the last write of the hub failed; nil when it did not.
  public var writeFailure: LocalizedText?
  /// Hub time at which the newest backup was finished; nil without one.
  public var backupMs: Int64?
  /// Bytes free on the disk of the hub's store; nil when unknown.
  public var freeBytes: Int?

  /// Report days that are read for one page.
  public static let reportDaysMax = 31

  public var nowMs: Int64 { board.nowMs }
  public var units: [UnitLine] { groups.flatMap(\.units) }

  public func count(_ state: UnitState) -> Int { groups.reduce(0) { $0 + $1.units.count { $0.state == state } } }

  /// Units in trouble, worst first, ties by the number of missing answers. Units whose promise has come due stand first, those with
  /// a promise for later last.
  public var inTrouble: [UnitLine] {
    func turn(_ line: UnitLine) -> Int {
      guard let call = calls[line.unit.rawValue] else { return 1 }
      return call.isPromiseDue(atMs: nowMs) ? 0 : call.isPromised(atMs: nowMs) ? 2 : 1
    }
    return units.filter(\.state.needsAct).map { (line: $0, turn: turn($0)) }.sorted { left, right in
      let (a, b) = (left.line, right.line)
      if left.turn != right.turn { return left.turn < right.turn }
      if a.state != b.state { return a.state < b.state }
      return a.missing == b.missing ? a.unit < b.unit : a.missing > b.missing
    }.map(\.line)
  }

  /// Returns the state of the report of a day, for one of `reportDays`.
  public func report(_ unit: UnitLine, on day: CalendarDay) -> ReportStatus {
    campaign.reportStatus(day, receivedAtMs: unit.arrivals[day], nowMs: nowMs)
  }

  /// Returns how many days in a row, up to a day, the report was missing, or was on time.
  public func streak(_ unit: UnitLine, through day: CalendarDay) -> (status: ReportStatus, days: Int) {
    let days = reportDays.filter { $0 <= day }.reversed()
    guard let last = days.first else { return (.notYetDue, 0) }
    let status = report(unit, on: last)
    return (status, days.prefix { report(unit, on: $0) == status }.count)
  }

  /// Returns the reading for a part of the tree. The expectation stays that of the whole campaign.
  public func within(_ scope: UnitScope) -> OperatorDay {
    guard !scope.isAll else { return self }
    var part = self
    part.scope = scope
    part.groups = groups.compactMap { group in
      var group = group
      group.units = group.units.filter { scope.covers($0.unit, in: tree, tags) }
      return group.units.isEmpty ? nil : group
    }
    let codes = Set(part.units.map(\.unit.rawValue))
    part.calls = calls.filter { codes.contains($0.key) }
    part.contacts = contacts.filter { codes.contains($0.key) }
    part.returned.removeAll { !codes.contains($0.unit.rawValue) }
    part.reminders.removeAll { !codes.contains($0.unit.rawValue) }
    part.board.strayAnswers = 0
    part.board.invalidReports.removeAll { !codes.contains($0.unit) }
    part.board.latePackets.removeAll { !codes.contains($0.unit) }
    part.board.aboveHeadcount.removeAll { !codes.contains($0.unit) }
    part.board.different.removeAll { !codes.contains($0.unit) }
    return part
  }
}

extension SurveyHub {
  /// Reads the campaign as it stands now; nil before a campaign is loaded.
  ///
  /// - Parameter scope: Part of the tree that is shown.
  public func operatorDay(within scope: UnitScope) async throws -> OperatorDay? {
    guard let board = try await board() else { return nil }
    let devices = try await hub.devices()
    let troubles = try await deviceTroubles(devices, board: board)
    let (failure, nowMs, free) = (hub.writeFailure, board.nowMs, hub.store.freeBytes)
    return try await hub.read { [campaign] session -> OperatorDay? in
      guard let plan = try HubPlan.read(session, campaign) else { return nil }
      var day = OperatorDay(board, plan, devices: devices)
      let arrived = try ReportArrivals(day.reportDays, newest: plan.latest(form: plan.campaign.reportForm)?.key, in: session)
      day.writeFailure = failure
      day.backupMs = try session.integer("SELECT max(done_ms) FROM hub_backup")
      day.freeBytes = free
      day.calls = try Self.latestCalls(in: session)
      day.contacts = Dictionary(grouping: try Self.contacts(in: session), by: \.unit.rawValue)
      day.returned = try Notice.returned(in: session)
      day.reminders = try Notice.reminders(sinceMs: nowMs - 86_400_000, in: session)
      day.tags = try UnitTags.all(in: session)
      day.fill(arrived, plan, troubles: troubles, flags: try FlagTable(session: session).counts(), nowMs: nowMs)
      return day.within(scope)
    }
  }

  /// Returns troubles of devices, by unit.
  private func deviceTroubles(_ devices: [HubDevice], board: Board) async throws -> [String: [DeviceTrouble]] {
    var found: [String: [DeviceTrouble]] = [:]
    func note(_ trouble: DeviceTrouble, of unit: String) {
      if found[unit]?.contains(trouble) != true { found[unit, default: []].append(trouble) }
    }
    let late = try await hub.lateBatches()
    let lateAnswers = Dictionary(board.latePackets.map { ($0.unit, $0.undecided) }, uniquingKeysWith: +)
    var batches: [String: Int] = [:]
    for device in devices { batches[device.scope, default: 0] += late[device.replica] ?? 0 }
    for unit in Set(batches.keys).union(lateAnswers.keys) {
      let trouble = (batches: batches[unit] ?? 0, answers: lateAnswers[unit] ?? 0)
      if trouble.batches + trouble.answers > 0 { note(.revokedSends(batches: trouble.batches, answers: trouble.answers), of: unit) }
    }
    for batch in try await hub.stoppedBatches() { note(.stuck, of: batch.scope) }
    for disagreement in board.different { note(.differs, of: disagreement.unit) }
    let full = Set(hub.devicesOverQuota)
    for device in devices where device.revokedMs == nil {
      if full.contains(device.replica) { note(.full, of: device.scope) }
      if let ms = device.skewMs, ms.magnitude > DeviceTrouble.clockMsMax { note(.clock(ms: ms), of: device.scope) }
    }
    return found
  }
}

/// Arrival times of reports of some days, by unit, and the edition of the last report's form where a newer edition exists.
private struct ReportArrivals {
  var byUnit: [String: [CalendarDay: Int64]] = [:]
  var earlierForms: [String: String] = [:]

  /// Runs one statement a day, which reads each unit and not every report that there ever was.
  init(_ days: [CalendarDay], newest form: String?, in session: any HubSession) throws {
    for day in days {
      let rows = try session.rows(
        """
        SELECT u.code, a.first_ms, r.form FROM unit u CROSS JOIN report_arrival a ON a.id = u.code || '/' || ?1 AND a.unit = u.code
        JOIN report r ON r.id = a.id
        """, [.text(day.description)])
      for row in rows {
        guard let unit = row[0].text, let ms = row[1].integer else { continue }
        byUnit[unit, default: [:]][day] = ms
        earlierForms[unit] = row[2].text == form ? nil : row[2].text
      }
    }
  }
}

extension OperatorDay {
  fileprivate init(_ board: Board, _ plan: HubPlan, devices: [HubDevice]) {
    (self.board, campaign, tree, scope) = (board, plan.campaign, plan.tree, .all)
    expectation = DayExpectation([], opensMs: plan.campaign.opensMs, closesMs: plan.campaign.closesMs, nowMs: board.nowMs)
    let past = plan.campaign.reportDays.filter { $0 <= board.today }.suffix(Self.reportDaysMax)
    reportDays = past.isEmpty ? Array(plan.campaign.reportDays.prefix(1)) : Array(past)
    groups = []
    contactsMs = devices.compactMap { $0.contactMs.map { Int64(clamping: $0) } }.filter { plan.campaign.dayOf($0) == board.today }.sorted()
  }

  fileprivate mutating func fill(
    _ arrived: ReportArrivals, _ plan: HubPlan, troubles: [String: [DeviceTrouble]], flags: [String: Int], nowMs: Int64
  ) {
    let forms = max(1, plan.campaign.forms.count)
    func target(_ row: BoardRow) -> Int? {
      row.counts.expected.map { people in
        let (product, isHuge) = people.multipliedReportingOverflow(by: forms)
        return isHuge ? people : product
      }
    }
    let counts = board.rows.compactMap { row in target(row).map { (received: row.counts.received, target: $0) } }
    expectation = DayExpectation(counts, opensMs: campaign.opensMs, closesMs: campaign.closesMs, nowMs: nowMs)
    let phase = campaign.phase(atMs: nowMs)
    groups = board.districts.map { district in
      let units = district.rows.map { row in
        let code = row.unit.rawValue
        var line = UnitLine(
          unit: row.unit, name: row.name, group: district.unit, groupName: district.name, counts: row.counts, target: target(row),
          expected: 0, arrivals: arrived.byUnit[code] ?? [:], troubles: troubles[code] ?? [], standing: UnitStanding(.nothingDue))
        if let form = arrived.earlierForms[code] { line.troubles.append(.oldForm(form)) }
        line.expected = expectation.answers(of: line.target)
        line.flags = flags[code] ?? 0
        line.closes = plan.windows[row.unit]
        let ownPhase = line.closes == nil ? phase : plan.campaign(of: row.unit).phase(atMs: nowMs)
        line.standing = facts(line, phase: ownPhase, nowMs: nowMs).standing
        return line
      }
      return GroupLine(unit: district.unit, name: district.name, units: units.sorted { $0.unit < $1.unit })
    }
  }

  private func facts(_ line: UnitLine, phase: CampaignPhase, nowMs: Int64) -> UnitFacts {
    var facts = UnitFacts(phase: phase, nowMs: nowMs, opensMs: campaign.opensMs)
    facts.contactMs = line.counts.lastContactMs
    (facts.received, facts.target, facts.expected) = (line.counts.received, line.target, line.expected)
    facts.photosOverdue = line.counts.photosOverdue
    facts.troubles = line.troubles
    for day in reportDays where line.arrivals[day] == nil {
      let dueMs = campaign.reportDueMs(day)
      if nowMs >= dueMs {
        facts.reportDueMs = min(facts.reportDueMs ?? dueMs, dueMs)
      } else {
        facts.isReportOpen = facts.isReportOpen || day <= board.today
      }
    }
    return facts
  }
}
