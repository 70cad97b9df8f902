public import SurveyKit
public import SyncHub

/// Computes the board from one snapshot, with a few statements however many communes there are.
public enum BoardQuery {
  /// Returns the board.
  ///
  /// - Parameters:
  ///   - id: Campaign; nil for the shown one.
  ///   - nowMs: Hub time.
  ///   - spooled: Packets that are not in the store yet.
  /// - Returns: nil before a campaign is loaded.
  public static func board(
    _ session: any HubSession, of id: String? = nil, nowMs: Int64, spooled: SpooledPackets
  ) throws -> Board? {
    guard let plan = try HubPlan.read(session, id) else { return nil }
    let campaign = plan.campaign
    let today = campaign.today(atMs: nowMs)
    let reportDay = Self.reportDay(of: campaign, today: today)
    let answers = try CampaignCounts(session, spooled)
    var counts = try unitCounts(session, nowMs: nowMs, received: try answers.received(of: campaign.id))
    let arrivals = try reportDay.map { try Self.arrivals(session, day: $0) } ?? [:]
    var total = BoardTotal()
    let tree = plan.tree
    let districts = tree.headings.map { district in
      var sum = BoardTotal()
      let rows = tree.sortedByName(tree.children(of: district.code).filter { $0.level == .commune }).map { unit in
        var row = BoardRow(unit: unit.code, name: unit.name, counts: counts.removeValue(forKey: unit.code.rawValue) ?? BoardCounts())
        row.counts.expected = plan.headcount.staff[unit.code]?.eligible
        row.reportMs = arrivals[unit.code.rawValue]
        row.report = reportDay.map { campaign.reportStatus($0, receivedAtMs: row.reportMs, nowMs: nowMs) }
        sum.add(row)
        total.add(row)
        return row
      }
      return BoardDistrict(unit: district.code, name: district.name, rows: rows, total: sum)
    }
    var board = Board(
      campaign: campaign.title, province: campaign.province.name, nowMs: nowMs, today: today, clock: campaign.wallText(atMs: nowMs),
      phase: campaign.phase(atMs: nowMs), reportDay: reportDay, districts: districts, total: total,
      strayAnswers: counts.values.reduce(0) { $0 + $1.received },
      invalidReports: try ReportCheck.invalid(limit: Board.invalidReportsMax, spokenOf: campaign, in: session),
      todayDoubt: CampaignToday(estimateMs: nowMs, in: campaign).doubt, times: times(in: districts, campaign: campaign, today: today))
    board.different = try Disagreement.all(in: session)
    let drops = try DropCounts.byScope(session, spooled: spooled)
    board.latePackets = LatePackets.all(in: drops)
    board.aboveHeadcount = try AboveHeadcount.all(answers, spokenOf: campaign, in: session)
    return board
  }

  private static func times(in districts: [BoardDistrict], campaign: Campaign, today: CalendarDay) -> [Int64: String] {
    var times: [Int64: String] = [:]
    for row in districts.flatMap(\.rows) {
      for ms in [row.reportMs, row.counts.lastContactMs].compactMap({ $0 }) where times[ms] == nil {
        let text = campaign.wallText(atMs: ms)
        times[ms] = text.hasPrefix(today.description) ? String(text.suffix(5)) : text
      }
    }
    return times
  }

  static func reportDay(of campaign: Campaign, today: CalendarDay) -> CalendarDay? {
    campaign.reportDays.last { $0 <= today } ?? campaign.reportDays.first
  }

  private static func unitCounts(_ session: any HubSession, nowMs: Int64, received: [String: Int]) throws -> [String: BoardCounts] {
    var counts: [String: BoardCounts] = [:]
    func each(_ sql: String, _ use: (inout BoardCounts, [CellValue]) -> Void) throws {
      for row in try session.rows(sql) {
        if let scope = row[0].text { use(&counts[scope, default: BoardCounts()], row) }
      }
    }
    func number(_ value: CellValue) -> Int { Int(clamping: value.integer ?? 0) }
    for (scope, received) in received where received > 0 {
      counts[scope, default: BoardCounts()].received += received
    }
    try each(
      """
      SELECT scope, max(contact_ms), sum(revoked_ms IS NULL),
        sum(CASE WHEN revoked_ms IS NULL THEN backlog END), sum(CASE WHEN revoked_ms IS NULL THEN packets END),
        max(CASE WHEN revoked_ms IS NULL THEN skew_ms END), min(CASE WHEN revoked_ms IS NULL THEN skew_ms END)
      FROM hub_device GROUP BY scope
      """
    ) { counts, row in
      counts.lastContactMs = row[1].integer
      counts.devices = number(row[2])
      counts.backlog = row[3].integer.map { Int(clamping: $0) }
      counts.packets = row[4].integer.map { Int(clamping: $0) }
      counts.skewMs = [row[5].integer, row[6].integer].compactMap { $0 }.max { $0.magnitude < $1.magnitude }
    }
    for (unit, photos) in try PhotoCounts.byUnit(session, nowMs: nowMs) {
      counts[unit, default: BoardCounts()].photos = photos.photos
      counts[unit, default: BoardCounts()].photosIn = photos.photosIn
      counts[unit, default: BoardCounts()].photosOverdue = photos.overdue
    }
    try each("SELECT scope, sum(changes) FROM hub_held GROUP BY scope") { $0.held = number($1[1]) }
    for (unit, things) in try RunningCounts.openConflicts(session) { counts[unit, default: BoardCounts()].conflicts = things }
    try each("SELECT unit, count(*) FROM report_fault GROUP BY unit") { $0.reportsInvalid = number($1[1]) }
    return counts
  }

  /// Returns when the report of a day first arrived, by commune; only of reports that still stand.
  private static func arrivals(_ session: any HubSession, day: CalendarDay) throws -> [String: Int64] {
    var arrivals: [String: Int64] = [:]
    let rows = try session.rows(
      """
      SELECT u.code, a.first_ms FROM unit u CROSS JOIN report_arrival a ON a.id = u.code || '/' || ?1 AND a.unit = u.code
      JOIN report r ON r.id = a.id
      """, [.text(day.description)])
    for row in rows {
      if let unit = row[0].text, let ms = row[1].integer { arrivals[unit] = ms }
    }
    return arrivals
  }
}

extension SurveyHub {
  /// Returns the campaign's board now; nil before one is loaded.
  public func board() async throws -> Board? {
    let (nowMs, jumpMs) = (nowMs, clockJumpMs)
    let usage = try await hub.blobUsage()
    let spooled = hub.spooledPackets()
    let warnings = try await warnings()
    return try await hub.read { [campaign] session in
      var board = try BoardQuery.board(session, of: campaign, nowMs: nowMs, spooled: spooled)
      if usage.isDeferred { board?.photosDeferred = usage }
      board?.clockJumpMs = jumpMs
      board?.warnings = warnings
      if jumpMs != nil { board?.todayDoubt = .jumped }
      return board
    }
  }
}

extension Campaign {
  /// Returns an instant on the campaign's wall clock, `YYYY-MM-DD HH:MM`.
  public func wallText(atMs ms: Int64) -> String {
    let local = LocalTime.localMs(ms, in: timeZone)
    let (days, rest) = CalendarDay.floorDivide(local, CalendarDay.msPerDay)
    let day = CalendarDay(daysSince1970: Int(days)) ?? .first
    return LocalTime(day: day, minute: Int(rest / 60_000)).map(\.description) ?? day.description
  }
}
