internal import Foundation
internal import SwiftProtobuf

/// Counts the answers that came under the keys of forms, by form and scope: running counts, so that participation in each form is read
/// without a look at any packet. They begin with this program; what came before it is in `DropLedger` alone. Belongs to one transaction.
struct FormDropLedger {
  let session: any SQLSession

  /// `hub_drop_key_form` also names keys that are destroyed.
  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_drop_key_form (id TEXT PRIMARY KEY NOT NULL, form TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_drop_form (
      scope TEXT NOT NULL, form TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (scope, form)) WITHOUT ROWID;
    """

  /// Remembers which keys are forms' own.
  func note(_ keys: HubKeys) throws {
    let known = Set(try session.rows("SELECT id FROM hub_drop_key_form").compactMap { $0[0].text })
    for key in keys.dropKeys where !known.contains(key.id) {
      guard let form = key.owner?.form else { continue }
      try session.execute("INSERT INTO hub_drop_key_form (id, form) VALUES (?1, ?2)", [.text(key.id), .text(form)])
    }
  }

  /// Adds answers of a scope, by the key that they are encrypted to; those under a general key are of no form.
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
  /// Answers that came under forms' own keys, by form and scope: part of what is `received` of the scope. What came before the hub counted
  /// so, is not in it, and of that what turned out to be a repetition is taken off.
  public static func receivedByForm(_ session: any SQLSession, spooled: SpooledPackets) throws -> [String: [String: Int]] {
    var counts = try spooled.countsByForm(in: session)
    for row in try session.rows("SELECT form, scope, count FROM hub_drop_form") {
      guard let form = row[0].text, let scope = row[1].text else { continue }
      counts[form, default: [:]][scope, default: 0] += Int(clamping: row[2].integer ?? 0)
    }
    return counts
  }
}
