internal import Foundation
internal import SwiftProtobuf

/// Ledger of the answers under the keys of forms, by form and scope. Running counts tell the participation in each form without
/// reading a packet. They begin with this program; earlier answers are in `DropLedger` alone. Belongs to one transaction.
struct FormDropLedger {
  let session: any SQLSession

  /// Tables of the ledger. `hub_drop_key_form` also names destroyed keys.
  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_drop_key_form (id TEXT PRIMARY KEY NOT NULL, form TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_drop_form (
      scope TEXT NOT NULL, form TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (scope, form)) WITHOUT ROWID;
    """

  /// Records which keys belong to forms.
  func note(_ keys: HubKeys) throws {
    let known = Set(try session.rows("SELECT id FROM hub_drop_key_form").compactMap { $0[0].text })
    for key in keys.dropKeys where !known.contains(key.id) {
      guard let form = key.owner?.form else { continue }
      try session.execute("INSERT INTO hub_drop_key_form (id, form) VALUES (?1, ?2)", [.text(key.id), .text(form)])
    }
  }

  /// Adds answers of a scope, by the key to which they are encrypted; answers under a general key are of no form.
  func add(_ counts: [String: Int], scope: String) throws {
    for (key, count) in counts {
      try session.execute(
        """
        INSERT INTO hub_drop_form (scope, form, count) SELECT ?1, form, ?3 FROM hub_drop_key_form WHERE id = ?2
        ON CONFLICT (scope, form) DO UPDATE SET count = hub_drop_form.count + excluded.count
        """, [.text(scope), .text(key), .integer(Int64(count))])
    }
  }

  /// Adds packets as `hub_packet` has them: scope and bytes.
  func add(_ packets: [(scope: String?, bytes: Data?)]) throws {
    for (scope, packets) in Dictionary(grouping: packets, by: \.scope) {
      let keys = packets.compactMap { $0.bytes.flatMap { try? WirePacket(serializedBytes: $0) }?.dropKey }
      guard let scope else { continue }
      try add(Dictionary(keys.map { ($0, 1) }, uniquingKeysWith: +), scope: scope)
    }
  }
}

extension DropCounts {
  /// Returns the answers that arrived under forms' own keys, by form and scope: a part of the scope's `received`. Answers from
  /// before these counts are missing. Answers found to be repetitions are subtracted.
  public static func receivedByForm(_ session: any SQLSession, spooled: SpooledPackets) throws -> [String: [String: Int]] {
    var counts = try spooled.countsByForm(in: session)
    for row in try session.rows("SELECT form, scope, count FROM hub_drop_form") {
      guard let form = row[0].text, let scope = row[1].text else { continue }
      counts[form, default: [:]][scope, default: 0] += Int(clamping: row[2].integer ?? 0)
    }
    return counts
  }
}
