internal import Crypto
internal import Foundation
public import SurveyKit
public import SyncHub

/// Short descriptions of a hub's state before and after an operator's act: see `IntendedAct.look`.
public enum ActLook {
  public typealias Look = @Sendable (any HubSession) throws -> [String: String]

  /// Reads the campaigns, the shown one, the units and the headcounts.
  public static let campaigns: Look = { session in
    var seen: [String: String] = [:]
    let shown = try HubPlan.campaign(session)?.id
    for campaign in try HubPlan.campaigns(session) {
      let edition = try mark("SELECT definition FROM campaign WHERE id = ?1", [.text(campaign.id)], session)
      seen[campaign.id] = "\(campaign.opens) – \(campaign.closes) (\(edition))" + (campaign.id == shown ? ", shown" : "")
    }
    let units = try session.integer("SELECT count(*) FROM unit") ?? 0
    seen["units"] = "\(units) (\(try mark("SELECT code, name, kind, level, parent FROM unit ORDER BY code", [], session)))"
    let people = try session.integer("SELECT coalesce(sum(eligible), 0) FROM headcount") ?? 0
    let counts = "SELECT code, officials, civil_servants, part_time, eligible FROM headcount ORDER BY code"
    seen["people"] = "\(people) (\(try mark(counts, [], session)))"
    return try seen.merging(forms(session)) { $1 }
  }

  /// Returns a look at one commune's headcount.
  public static func headcount(of unit: UnitCode) -> Look {
    { session in
      let row = try session.firstRow("SELECT eligible FROM headcount WHERE code = ?1", [.text(unit.rawValue)])
      return [unit.rawValue: row?[0].integer.map(String.init) ?? "unknown"]
    }
  }

  /// Reads the editions of forms with their states, the releases of results, and what was erased at the end.
  public static let forms: Look = { session in
    var seen: [String: String] = [:]
    for form in try HubPlan.forms(session) { seen[form.key] = form.state }
    for row in try session.rows("SELECT form, max(number) FROM answer_release GROUP BY form") {
      if let form = row[0].text { seen["results of \(form)"] = "\(row[1].integer ?? 0)" }
    }
    for row in try session.rows("SELECT digest, id FROM form_edition") {
      if let digest = row[0].text { seen["known \(digest.prefix(8))"] = row[1].text ?? "" }
    }
    seen["answers withheld"] = "\(try session.integer("SELECT coalesce(sum(count), 0) FROM hub_drop_more WHERE name = 'withheld'") ?? 0)"
    return seen
  }

  /// Tags of units with how many bear each.
  public static let tags: Look = { session in
    var seen = ["tags": try mark("SELECT tag, unit FROM unit_tag ORDER BY tag, unit", [], session)]
    for row in try session.rows("SELECT tag, count(*) FROM unit_tag GROUP BY tag ORDER BY tag LIMIT \(UnitTags.tagsMax)") {
      if let tag = row[0].text { seen["#" + tag] = "\(row[1].integer ?? 0)" }
    }
    return seen
  }

  /// Counts devices in use and revoked, and what waits for a decision about them.
  public static let devices: Look = { session in
    [
      "in use": "\(try session.integer("SELECT count(*) FROM hub_device WHERE revoked_ms IS NULL") ?? 0)",
      "revoked": "\(try session.integer("SELECT count(*) FROM hub_device WHERE revoked_ms IS NOT NULL") ?? 0)",
      "batches to decide": "\(try session.integer("SELECT count(*) FROM hub_batch WHERE state = 2") ?? 0)",
      "to confirm": "\(try session.integer("SELECT count(*) FROM hub_relearned WHERE confirmed_ms IS NULL") ?? 0)",
    ]
  }

  /// Counts what waits for an operator's decision after a revocation.
  public static let decisions: Look = { session in
    [
      "batches to decide": "\(try session.integer("SELECT count(*) FROM hub_batch WHERE state = 2") ?? 0)",
      "batch decisions": try mark("SELECT hex(replica), decision, decided_ms FROM hub_late ORDER BY replica", [], session),
      "answers to decide": "\(try session.integer("SELECT count(*) FROM hub_late_packet WHERE is_declined = 0") ?? 0)",
      "answer decisions": "\(try session.integer("SELECT count(*) FROM hub_late_packet_decision") ?? 0)",
    ]
  }

  /// Spoiled answers that are kept.
  public static let answers: Look = { session in
    ["spoiled": "\(try session.integer("SELECT count(*) FROM hub_packet_spoiled") ?? 0)"]
  }

  /// Batches in the journal that still have their bytes.
  public static let journal: Look = { session in
    ["batches": "\(try session.integer("SELECT count(*) FROM hub_batch WHERE length(bytes) > 0") ?? 0)"]
  }

  /// Enrolment codes and devices.
  public static let codes: Look = { session in
    [
      "codes": "\(try session.integer("SELECT count(*) FROM hub_code") ?? 0)",
      "codes cancelled": "\(try session.integer("SELECT count(*) FROM hub_code_end WHERE cancelled") ?? 0)",
      "codes ending": try mark("SELECT hex(hash), ends_ms FROM hub_code_end ORDER BY hash", [], session),
      "devices": "\(try session.integer("SELECT count(*) FROM hub_device") ?? 0)",
    ]
  }

  /// Counts held units and conflicts.
  public static let held: Look = { session in
    [
      "held": "\(try session.integer("SELECT count(*) FROM hub_held") ?? 0)",
      "conflicts": "\(try session.integer("SELECT count(*) FROM sync_conflict WHERE state = 'open'") ?? 0)",
    ]
  }

  /// Lists the editions whose single answers are being erased, or are erased.
  public static let erasures: Look = { session in
    try ErasedRows.all(in: session).reduce(into: [:]) { seen, rows in
      seen[rows.edition] = rows.doneMs == nil ? "being erased" : "\(rows.count) answers erased"
    }
  }

  /// Lists the drop keys that were destroyed.
  public static let keys: Look = { session in
    ["destroyed": try session.rows("SELECT id FROM hub_drop_key ORDER BY id").compactMap { $0[0].text }.joined(separator: " ")]
  }

  /// Returns eight digits that differ with the content of rows.
  private static func mark(_ sql: String, _ arguments: [CellValue], _ session: any HubSession) throws -> String {
    let text = try session.rows(sql, arguments).map { $0.map { "\($0.text ?? $0.integer.map(String.init) ?? "")" }.joined(separator: "\t") }
    return String(Data(SHA256.hash(data: Data(text.joined(separator: "\n").utf8))).hex.prefix(8))
  }
}
