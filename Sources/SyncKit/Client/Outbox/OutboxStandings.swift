internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

extension Outbox {
  /// Unsettled batch, and its state.
  struct Standing: Hashable, Sendable {
    var entry: OutboxEntry
    var standing: BatchStanding
    /// Stored value of `received`: see `Outbox.merged`.
    var received: Int64
    /// Number for which the hub waits; 0 when it does not wait.
    var expected: UInt64 = 0
    /// Units that the hub holds because it never heard of a row to which they write.
    var incomplete: [Int] = []
  }

  /// Returns every unsettled batch, oldest first.
  ///
  /// - Parameter isAtHead: True when the feed was applied to its head, so that the hub lacks what the feed does not acknowledge.
  /// - Complexity: O(batches that are not settled).
  func standings(isAtHead: Bool) throws -> [Standing] {
    let incarnation = try StateStore(session: session).value("incarnation").blob
    let unheard = try unheardScopes()
    let places = unheard.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    let rows = try session.rows(
      """
      SELECT scope, number, hash, length(bytes), units, received, acknowledged, receipt FROM sync_outbox WHERE seq IN (
        SELECT seq FROM sync_outbox WHERE received IN (0, 2, \(Self.inDoubt)) UNION SELECT seq FROM sync_outbox WHERE acknowledged < units
        \(unheard.isEmpty ? "" : "UNION SELECT seq FROM sync_outbox WHERE scope IN (\(places)) AND length(bytes) = 0"))
      ORDER BY seq
      """, unheard.map { .text($0) })
    var found: [(facts: BatchFacts, standing: Standing)] = []
    for row in rows {
      guard let scope = row[0].text, let number = row[1].integer, let hash = row[2].blob, let size = row[3].integer,
        let units = row[4].integer, let received = row[5].integer, let acknowledged = row[6].integer
      else { throw ByteReader.short }
      let receipt = try row[7].blob.map { try WireReceipt(serializedBytes: try WireSigned(serializedBytes: $0).body) }
      let isPresent = receipt.map { $0.incarnation == incarnation } ?? false
      let held = isPresent ? Set((receipt?.held ?? []).map(\.unit)).count : 0
      let facts = BatchFacts(
        receipt: Self.kind(of: receipt), isPresent: isPresent,
        isAcknowledged: acknowledged + Int64(held) >= units && (size > 0 || !unheard.contains(scope)), hasBytes: size > 0,
        isNamed: false, isAtHead: isAtHead, isDoubted: received == Self.inDoubt, isRecovered: received == Self.recovered)
      let entry = OutboxEntry(scope: scope, number: UInt64(max(0, number)), hash: hash, byteCount: Int(size))
      var standing = Standing(entry: entry, standing: .done, received: received)
      if isPresent, receipt?.state == .waiting, received == Self.waiting { standing.expected = receipt?.expected ?? 0 }
      if isPresent, size > 0 {
        standing.incomplete = (receipt?.held ?? []).filter { $0.reason == HeldReason.incomplete.rawValue }.map { Int($0.unit) }
      }
      found.append((facts, standing))
    }
    // Collects the missing numbers that waiting batches name.
    var named: [String: [Range<UInt64>]] = [:]
    for (_, standing) in found where standing.expected > 0 && standing.expected < standing.entry.number {
      named[standing.entry.scope, default: []].append(standing.expected..<standing.entry.number)
    }
    return found.map { facts, standing in
      var (facts, standing) = (facts, standing)
      facts.isNamed = named[standing.entry.scope]?.contains { $0.contains(standing.entry.number) } ?? false
      standing.standing = facts.standing
      standing.entry.isInDoubt = standing.standing == .doubt
      return standing
    }
  }

  /// Returns the scopes of which the hub's present incarnation has sent nothing yet. Their acknowledgements are of an ended
  /// incarnation, and the hub may have lost the scope altogether.
  private func unheardScopes() throws -> [String] {
    let state = StateStore(session: session)
    let incarnation = try state.value("incarnation").blob
    return try session.rows("SELECT DISTINCT scope FROM sync_outbox").compactMap { $0[0].text }.filter {
      try state.value("life/" + $0).blob != incarnation
    }
  }

  private static func kind(of receipt: WireReceipt?) -> BatchFacts.Receipt {
    switch receipt?.state {
    case .merged: .merged
    case .waiting: .waiting
    case .undecided: .undecided
    case .refused: .refused
    case nil, .unspecified, .UNRECOGNIZED: .none
    }
  }

  /// Returns the batches that an exchange may send now, oldest first. A batch that waits for one without bytes is left until that
  /// was recovered: sending it again would change nothing.
  func toSend() throws -> [OutboxEntry] {
    let standings = try standings(isAtHead: false)
    var gone: [String: [UInt64]] = [:]
    for one in standings where one.standing == .gone { gone[one.entry.scope, default: []].append(one.entry.number) }
    let sendable = standings.filter { one in
      switch one.standing {
      case .unsent, .doubt: true
      case .waiting: !(gone[one.entry.scope] ?? []).contains { $0 >= one.expected && $0 < one.entry.number }
      default: false
      }
    }
    return sendable.prefix(Self.sendMax).map(\.entry)
  }

  /// Returns a scope's batches without bytes that the present feed does not acknowledge, by number: the newest, at most as many as
  /// a recovery batch may name.
  func gone(scope: String) throws -> [BatchRecovery.Gone] {
    let isUnheard = try unheardScopes().contains(scope)
    return try session.rows(
      """
      SELECT number, hash FROM sync_outbox WHERE scope = ?1 AND length(bytes) = 0 AND (acknowledged < units OR \(isUnheard ? 1 : 0))
      ORDER BY number DESC LIMIT \(BatchRecovery.goneMax)
      """, [.text(scope)]
    ).reversed().compactMap { row in
      guard let number = row[0].integer, let hash = row[1].blob else { return nil }
      return BatchRecovery.Gone(number: UInt64(max(0, number)), hash: hash)
    }
  }

  /// Doubts receipts that the feed, at its head, contradicts: units that have neither come back nor are held are missing at the
  /// hub, which was restored to an older copy without knowing it.
  ///
  /// - Returns: Whether there are batches to ask about.
  func doubtUnseen() throws -> Bool {
    var any = false
    for one in try standings(isAtHead: true) where one.standing == .doubt && one.received == Self.merged {
      try session.execute(
        "UPDATE sync_outbox SET received = \(Self.inDoubt), held = 0 WHERE scope = ?1 AND number = ?2",
        [.text(one.entry.scope), .integer(Int64(clamping: one.entry.number))])
      any = true
    }
    return any
  }
}
