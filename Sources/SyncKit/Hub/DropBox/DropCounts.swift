internal import SyncCore
public import SyncStore

/// Numbers of a scope's packets by state. Every packet ever kept is counted once.
///
/// `pooled` moves counts between scopes: a remainder released under a larger unit's code leaves the commune's own counts and enters
/// that unit's, so that over all scopes together `pooled` is 0.
public struct DropCounts: Sendable, Hashable, Codable {
  /// Packets still encrypted, and not known to be `held`.
  public var waiting = 0
  /// Packets still encrypted, whose answers fitted no edition that the hub knew at the last step.
  public var held = 0
  /// Packets still encrypted, under a key that a revocation had ended before they arrived: they wait for a decision.
  public var late = 0
  /// Late packets, still encrypted, that an operator declined.
  public var declined = 0
  public var released = 0
  public var repeated = 0
  /// Answers released although another answer has the same number.
  public var differs = 0
  public var spoiled = 0
  /// Packets deleted unread at the very end, because fewer than k people stood behind them.
  public var withheld = 0
  /// Answers counted under a larger unit's code; negative at that unit.
  public var pooled = 0

  public init() {}

  /// Every packet that arrived for this scope.
  public var kept: Int { waiting + held + late + declined + opened + pooled }
  /// Packets that steps have settled.
  public var opened: Int { released + repeated + differs + spoiled + withheld }
  /// Answers that arrived, exact at every moment, without any of their content. Repetitions and unreadable packets do not count
  /// once a step has counted them. Packets that no device in use has proved do not count either.
  public var received: Int { kept - repeated - spoiled - late - declined }
  /// Rows that stand.
  public var standing: Int { released + differs }

  public mutating func add(_ other: DropCounts) {
    waiting += other.waiting
    held += other.held
    late += other.late
    declined += other.declined
    released += other.released
    repeated += other.repeated
    differs += other.differs
    spoiled += other.spoiled
    withheld += other.withheld
    pooled += other.pooled
  }

  /// Returns the counts of every scope that ever had a packet, from one snapshot.
  ///
  /// - Parameter spooled: Packets that have arrived and are not in the store yet.
  public static func byScope(_ session: any SQLSession, spooled: SpooledPackets) throws -> [String: DropCounts] {
    var counts = try DropLedger(session: session).all()
    for (scope, count) in try spooled.counts(in: session) { counts[scope, default: DropCounts()].waiting += count }
    for row in try session.rows("SELECT scope, count(*) FROM hub_packet GROUP BY scope") {
      guard let scope = row[0].text else { continue }
      let count = Int(clamping: row[1].integer ?? 0)
      let held = min(counts[scope]?.held ?? 0, count)
      counts[scope, default: DropCounts()].held = held
      counts[scope, default: DropCounts()].waiting += count - held
    }
    for packets in try LatePacketTable(session: session).all() {
      counts[packets.unit, default: DropCounts()].late += packets.undecided
      counts[packets.unit, default: DropCounts()].declined += packets.declined
    }
    for (scope, count) in try spooled.lateCounts(in: session) { counts[scope, default: DropCounts()].late += count }
    return counts
  }
}

extension DropCounts {
  /// Returns how many packets ever arrived in a store, without those in its spool.
  static func kept(in session: any SQLSession) throws -> UInt64 {
    UInt64(max(0, try byScope(session, spooled: SpooledPackets()).values.reduce(0) { $0 + $1.kept }))
  }
}

/// Ledger of settled packets by scope, as steps recorded them. Belongs to one transaction.
struct DropLedger {
  let session: any SQLSession

  /// Tables of the ledger. `hub_drop` is of the first format; later counts have a row each in `hub_drop_more`.
  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_drop_more (
      scope TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (scope, name)) WITHOUT ROWID;
    """

  private static let added: [(name: String, path: any WritableKeyPath<DropCounts, Int> & Sendable)] = [
    ("differs", \.differs), ("withheld", \.withheld), ("pooled", \.pooled), ("held", \.held),
  ]

  /// Returns the counts without waiting packets; `held` is as the last step found it.
  func all() throws -> [String: DropCounts] {
    var counts: [String: DropCounts] = [:]
    for row in try session.rows("SELECT scope, released, repeated, spoiled FROM hub_drop") {
      guard let scope = row[0].text else { continue }
      var count = DropCounts()
      (count.released, count.repeated, count.spoiled) = (Self.number(row[1]), Self.number(row[2]), Self.number(row[3]))
      counts[scope] = count
    }
    // Stops here for an examined store of an earlier format.
    guard try session.firstRow("SELECT 1 FROM sqlite_master WHERE name = 'hub_drop_more'") != nil else { return counts }
    for row in try session.rows("SELECT scope, name, count FROM hub_drop_more") {
      guard let scope = row[0].text, let entry = Self.added.first(where: { $0.name == row[1].text }) else { continue }
      counts[scope, default: DropCounts()][keyPath: entry.path] = Self.number(row[2])
    }
    return counts
  }

  /// Returns how many answers of a scope fitted no edition at the last step.
  func held(_ scope: String) throws -> Int {
    Int(clamping: try session.integer("SELECT count FROM hub_drop_more WHERE scope = ?1 AND name = 'held'", [.text(scope)]) ?? 0)
  }

  /// Adds what a step settled. `held` replaces the earlier count; waiting packets are counted in their own table.
  func add(_ step: DropCounts, scope: String) throws {
    try session.execute(
      """
      INSERT INTO hub_drop (scope, kept, spoiled, released, repeated) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (scope) DO UPDATE SET
        kept = hub_drop.kept + excluded.kept, spoiled = hub_drop.spoiled + excluded.spoiled,
        released = hub_drop.released + excluded.released, repeated = hub_drop.repeated + excluded.repeated
      """,
      [
        .text(scope), .integer(Int64(step.opened + step.pooled)), .integer(Int64(step.spoiled)), .integer(Int64(step.released)),
        .integer(Int64(step.repeated)),
      ])
    for entry in Self.added {
      let count = step[keyPath: entry.path]
      let old = entry.name == "held" ? "0" : "hub_drop_more.count"
      guard count != 0 || entry.name == "held" else { continue }
      try session.execute(
        """
        INSERT INTO hub_drop_more (scope, name, count) VALUES (?1, ?2, ?3)
        ON CONFLICT (scope, name) DO UPDATE SET count = \(old) + excluded.count
        """, [.text(scope), .text(entry.name), .integer(Int64(count))])
    }
  }

  private static func number(_ value: CellValue) -> Int { Int(clamping: value.integer ?? 0) }
}
