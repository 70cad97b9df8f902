internal import SyncKit

/// Counts the answers that came of each campaign. Nobody can read in a packet which it is of, so what comes counts for the one that is shown.
struct CampaignCounts {
  let session: any HubSession

  /// Answers at the hub by unit, those still encrypted included: exact and live.
  ///
  /// - Parameter campaign: nil for the one that is shown.
  func received(_ spooled: SpooledPackets, of campaign: String? = nil) throws -> [String: Int] {
    let shown = try HubPlan.campaign(session)?.id
    let asked = campaign ?? shown ?? ""
    var noted: [String: (received: Int, base: Int)] = [:]
    for row in try session.rows("SELECT unit, received, base FROM campaign_count WHERE campaign = ?1", [.text(asked)]) {
      if let unit = row[0].text { noted[unit] = (Int(clamping: row[1].integer ?? 0), Int(clamping: row[2].integer ?? 0)) }
    }
    guard asked == shown else { return noted.mapValues(\.received) }
    return try DropCounts.byScope(session, spooled: spooled).mapValues(\.received).reduce(into: [:]) { counts, entry in
      counts[entry.key] = max(0, entry.value - (noted[entry.key]?.base ?? 0))
    }
  }

  /// Notes what came of a campaign, and from where on the other's are counted.
  func change(from old: String, to new: String, _ spooled: SpooledPackets) throws {
    let all = try DropCounts.byScope(session, spooled: spooled).mapValues(\.received)
    let (before, earlier) = (try received(spooled), try received(spooled, of: new))
    for (unit, count) in all {
      try note(old, unit, received: before[unit] ?? 0, base: 0)
      try note(new, unit, received: earlier[unit] ?? 0, base: count - (earlier[unit] ?? 0))
    }
  }

  private func note(_ campaign: String, _ unit: String, received: Int, base: Int) throws {
    try session.execute(
      """
      INSERT INTO campaign_count (campaign, unit, received, base) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (campaign, unit) DO UPDATE SET received = excluded.received, base = excluded.base
      """, [.text(campaign), .text(unit), .integer(Int64(received)), .integer(Int64(base))])
  }
}
