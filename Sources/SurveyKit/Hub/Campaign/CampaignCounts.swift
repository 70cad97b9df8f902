internal import SurveyKit
internal import SyncHub

/// Counts of the answers of each campaign, by the form to whose key they are encrypted, which a packet names. Answers under the
/// general key, from devices of earlier programs, name no form: they count for the campaign that is shown when they arrive.
struct CampaignCounts {
  private let session: any HubSession
  private let shown: String?
  /// Answers that name their form, by campaign and unit.
  private let named: [String: [String: Int]]
  /// Answers that name no form, of all campaigns, by unit.
  private let unnamed: [String: Int]

  init(_ session: any HubSession, _ spooled: SpooledPackets) throws {
    self.session = session
    shown = try HubPlan.campaign(session)?.id
    let campaigns = try HubPlan.campaigns(session)
    var named: [String: [String: Int]] = [:]
    var unnamed = try DropCounts.byScope(session, spooled: spooled).mapValues(\.received)
    for (form, units) in try DropCounts.receivedByForm(session, spooled: spooled) {
      guard let owner = try Self.campaign(of: form, among: campaigns, session) else { continue }
      for (unit, count) in units {
        named[owner, default: [:]][unit, default: 0] += count
        unnamed[unit, default: 0] -= count
      }
    }
    (self.named, self.unnamed) = (named, unnamed)
  }

  /// Returns the campaign of a form; nil when two ask it, as an earlier program allowed, or none ever did.
  private static func campaign(of form: String, among campaigns: [Campaign], _ session: any HubSession) throws -> String? {
    let asking = campaigns.filter { $0.forms.contains(form) }
    guard asking.isEmpty else { return asking.count == 1 ? asking[0].id : nil }
    return try session.firstRow("SELECT campaign FROM form WHERE form = ?1 LIMIT 1", [.text(form)])?[0].text
  }

  /// Returns the answers at the hub by unit, including encrypted ones: exact at every moment.
  func received(of campaign: String) throws -> [String: Int] {
    try received(unnamedOf: campaign).merging(named[campaign] ?? [:], uniquingKeysWith: +).mapValues { max(0, $0) }
  }

  private func received(unnamedOf campaign: String) throws -> [String: Int] {
    var noted: [String: (received: Int, base: Int)] = [:]
    for row in try session.rows("SELECT unit, received, base FROM campaign_count WHERE campaign = ?1", [.text(campaign)]) {
      if let unit = row[0].text { noted[unit] = (Int(clamping: row[1].integer ?? 0), Int(clamping: row[2].integer ?? 0)) }
    }
    guard campaign == shown else { return noted.mapValues(\.received) }
    return unnamed.reduce(into: [:]) { counts, entry in counts[entry.key] = max(0, entry.value - (noted[entry.key]?.base ?? 0)) }
  }

  /// Records how many answers without a form's name the old campaign received, and from which number on the new one's count.
  func change(from old: String, to new: String) throws {
    let (before, earlier) = (try received(unnamedOf: old), try received(unnamedOf: new))
    for (unit, count) in unnamed {
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
