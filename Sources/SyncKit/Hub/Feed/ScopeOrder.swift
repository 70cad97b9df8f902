internal import Foundation
internal import SyncCore
internal import SyncStore

/// Positions, clock and running hash of the scopes that one hub transaction writes. Read at first use, saved at the end.
final class ScopeOrder: UnitOrder {
  final class State {
    init(position: UInt64 = 0, clock: HybridClock = HybridClock(), hash: Data = Data(count: ScopeOrder.hashBytes)) {
      (self.position, self.clock, self.hash) = (position, clock, hash)
    }

    var position: UInt64
    var clock: HybridClock
    var hash: Data
  }

  /// Bytes of the feed's running hash; the rest is cut off.
  static let hashBytes = 16

  private let session: any HubSession
  private var states: [String: State] = [:]

  init(session: any HubSession) { self.session = session }

  func state(_ scope: String) throws -> State {
    if let known = states[scope] { return known }
    var state = State()
    if let row = try session.firstRow("SELECT position, clock, hash FROM hub_scope WHERE scope = ?1", [.text(scope)]),
      let position = row[0].integer, let clock = row[1].integer, let hash = row[2].blob
    {
      state = State(
        position: UInt64(max(0, position)), clock: HybridClock(last: HybridTimestamp(rawValue: UInt64(bitPattern: clock))), hash: hash)
    }
    states[scope] = state
    return state
  }

  /// Returns the stamp under which a unit is merged: its own, or the next value of hub time when it is further ahead than allowed
  /// (L3).
  ///
  /// A stamp that the scope has already passed is not ahead, even when the hub's wall clock went back. The allowance is still
  /// measured from the wall clock, so that rising stamps cannot carry the scope's clock away.
  func accept(_ stamp: HybridTimestamp, scope: String, wallMs: UInt64) throws -> HybridTimestamp {
    let state = try state(scope)
    let isAhead = stamp.wallMs > wallMs + WireLimits.driftMsMax && stamp > state.clock.last
    let accepted = isAhead ? state.clock.issue(wallMs: wallMs) : stamp
    state.clock.receive(accepted)
    return accepted
  }

  /// Moves the scope's clock past a stamp that the hub gave out before it was restored.
  func receive(_ stamp: HybridTimestamp, scope: String) throws {
    let state = try state(scope)
    state.clock.receive(stamp)
  }

  func issue(wallMs: UInt64, scope: String) throws -> HybridTimestamp {
    let state = try state(scope)
    return state.clock.issue(wallMs: wallMs)
  }

  func nextPosition(scope: String) throws -> UInt64 { try state(scope).position + 1 }

  func place(_ parts: Int, scope: String) throws {
    guard parts == 1 else {
      throw SyncError(
        .transactionTooLarge, vi: "Một lần ghi của máy chủ quá lớn; chia nhỏ ra.", en: "One transaction of the hub is too large; split it.")
    }
    let state = try state(scope)
    state.position += 1
  }

  /// Returns the next position, for a merged unit.
  func place(scope: String) throws -> UInt64 {
    try place(1, scope: scope)
    return try state(scope).position
  }

  /// Consecutive units of one batch, as they enter the feed.
  struct Run {
    var position: UInt64
    var firstUnit: Int
    var stamps: [HybridTimestamp]
    /// True when a stamp differs from the author's.
    var isRestamped = false
    /// True when an operator declined the units: they have positions, but their changes are not merged.
    var isDeclined = false
  }

  /// Appends a run to the scope's feed, in the order of positions.
  func log(_ run: Run, batch: Int64, batchHash: Data, scope: String) throws {
    let stamps = run.stamps
    guard !stamps.isEmpty else { return }
    let state = try state(scope)
    state.hash = Self.link(
      state.hash, batch: batchHash, position: run.position, firstUnit: run.firstUnit, isDeclined: run.isDeclined, stamps: stamps)
    try session.execute(
      "INSERT INTO hub_feed (scope, position, units, batch, first_unit, stamps, hash, declined) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      [
        .text(scope), .integer(Int64(run.position)), .integer(Int64(stamps.count)), .integer(batch), .integer(Int64(run.firstUnit)),
        run.isRestamped ? .blob(PackedStamps.pack(stamps)) : .null, .blob(state.hash), .integer(run.isDeclined ? 1 : 0),
      ])
  }

  /// Returns the feed's hash after a run.
  static func link(
    _ hash: Data, batch: Data, position: UInt64, firstUnit: Int, isDeclined: Bool, stamps: [HybridTimestamp]
  ) -> Data {
    var link = hash + batch
    link.appendVarint(position)
    link.appendVarint(UInt64(firstUnit))
    if isDeclined { link.append(1) }
    return (link + PackedStamps.pack(stamps)).sha256.prefix(hashBytes)
  }

  func save() throws {
    for (scope, state) in states {
      try session.execute(
        """
        INSERT INTO hub_scope (scope, position, clock, hash) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (scope) DO UPDATE SET position = excluded.position, clock = excluded.clock, hash = excluded.hash
        """,
        [
          .text(scope), .integer(Int64(state.position)), .integer(Int64(bitPattern: state.clock.last.rawValue)), .blob(state.hash),
        ])
    }
  }
}
