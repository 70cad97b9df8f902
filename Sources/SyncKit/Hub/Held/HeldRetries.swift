internal import Foundation
internal import SyncCore
internal import SyncStore

/// Tries held units again when what they waited for may have come.
extension HeldUnits {
  /// Returns reasons, beside a missing parent, that end when other units come; nil where none does. At a restored hub units arrive
  /// in any order, the birth of a row perhaps last (L11).
  private func passing() throws -> String? {
    try session.integer("SELECT count(*) FROM hub_incarnation") ?? 0 > 1 ? "('incomplete', 'life')" : nil
  }

  /// Retries units whose parent, or row, has arrived by now.
  func parentsArrived() throws {
    let passing = try passing()
    let reasons = passing.map { "reason = 'parent' OR reason IN \($0)" } ?? "reason = 'parent'"
    guard try session.firstRow("SELECT 1 FROM hub_held WHERE \(reasons) LIMIT 1") != nil else { return }
    try transaction.writer.seal()
    if let passing { try retrySome(where: "h.reason IN \(passing)") }
    try retryArrived()
  }

  /// Retries units whose parent is a row that arrived in this transaction. The lookup by row keeps the cost independent of other
  /// held units.
  @discardableResult
  private func retryArrived() throws -> Int {
    var arrived = transaction.rows.takeArrived()[...]
    guard !arrived.isEmpty, try session.firstRow("SELECT 1 FROM hub_held WHERE reason = 'parent' LIMIT 1") != nil else { return 0 }
    var moved = 0
    while !arrived.isEmpty {
      let names = arrived.prefix(Self.namesMax).map { CellValue.text(UnitCheck.detail(table: $0.table, key: $0.key)) }
      arrived = arrived.dropFirst(Self.namesMax)
      let places = names.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
      moved += try retry(where: "h.reason = 'parent' AND h.detail IN (\(places))", names)
    }
    return moved
  }

  /// Rows named in one statement.
  private static let namesMax = 500

  /// Tries some of the units that no arrival points to, beginning after those of the last time: what one transaction costs does not
  /// grow with what is held, and every unit has its turn.
  private func retrySome(where condition: String) throws {
    let state = StateStore(session: session)
    let known = try state.value(Self.triedState).text
    let last = try known.flatMap { try Self.place(id: $0).flatMap { try place(batch: $0.batch, unit: $0.unit) } }
    let rows = try rows(where: condition, [], after: last)
    let moved = try retry(rows)
    let next = rows.count == Self.unitsMax ? rows.last.map { Self.id(batch: $0[0].integer ?? 0, unit: Int($0[1].integer ?? 0)) } : nil
    if next != known { try state.set(Self.triedState, next.map { .text($0) } ?? .null) }
    if moved > 0 { try retryFollowing() }
  }

  /// Names the stored id of the unit after which `retrySome` begins.
  private static let triedState = "heldTried"

  /// Tries every held unit again.
  ///
  /// - Returns: How many were merged.
  @discardableResult
  func retryAll() throws -> Int { try retry(where: "1") }

  /// Tries units again, and those behind the merged ones, until no more can be merged. Holds one batch at a time in memory.
  @discardableResult
  func retry(where condition: String, _ arguments: [CellValue] = []) throws -> Int {
    var (moved, last) = (0, [CellValue]?.none)
    while true {
      let rows = try rows(where: condition, arguments, after: last)
      moved += try retry(rows)
      guard rows.count == Self.unitsMax else { break }
      last = rows.last
    }
    return moved > 0 ? try moved + retryFollowing() : 0
  }

  /// Tries units of `rows`, and signs each batch's receipt once. Returns how many were merged.
  private func retry(_ rows: [[CellValue]]) throws -> Int {
    var (moved, opened) = (0, OpenedBatch())
    var changed: (item: Item, conflicting: [Int])?
    for row in rows {
      guard let item = try item(row, &opened) else { continue }
      if let known = changed, known.item.batch != item.batch {
        try reissue(known.item, conflicting: known.conflicting)
        changed = nil
      }
      let trial = try retry(item)
      if trial.isMerged { moved += 1 }
      guard trial.isMerged || trial.isOtherwiseHeld else { continue }
      changed = (item, (changed?.conflicting ?? []) + (trial.isConflicting ? [item.index] : []))
    }
    if let changed { try reissue(changed.item, conflicting: changed.conflicting) }
    return moved
  }

  /// Result of one unit's trial.
  private struct Trial {
    var isMerged = false
    /// True when the unit is held for another reason than before.
    var isOtherwiseHeld = false
    var isConflicting = false
  }

  /// Retries units that may be mergeable because another was merged.
  @discardableResult
  func retryFollowing() throws -> Int {
    let passing = try passing().map { " OR h.reason IN \($0)" } ?? ""
    return try retry(where: "h.reason = 'behind'\(passing)") + retryArrived()
  }

  private func retry(_ item: Item) throws -> Trial {
    let returned = RestoredUnits(transaction: transaction)
    if let known = try returned.units(of: item.sealed.hash)[item.index], known.contains(where: { !$0.isMerged }) {
      // Merges the unit as before the restore: pages tell how.
      if try returned.obstacle(to: item.unit.changes, scope: item.scope) != nil { return Trial() }
      try letGo(item)
      try returned.settle(known, index: item.index, content: item.content, batch: item.batch, hash: item.sealed.hash)
      try transaction.writer.seal()
      return Trial(isMerged: true)
    }
    if let hold = try transaction.unitCheck(rules: item.content.rules).holdReason(item.unit, by: item.author) {
      let isOther = hold.reason.rawValue != item.reason || hold.detail != item.detail
      if isOther {
        try session.execute(
          "UPDATE hub_held SET reason = ?3, detail = ?4 WHERE batch = ?1 AND unit = ?2",
          [.integer(item.batch), .integer(Int64(item.index)), .text(hold.reason.rawValue), .text(hold.detail)])
      }
      return Trial(isOtherwiseHeld: isOther)
    }
    let opened = transaction.conflicts.openedCount
    try transaction.writer.seal()
    let stamp = try transaction.accept(item.unit, of: item.content)
    try release(item, as: Version(stamp, item.content.replica), isDeclined: false) { origin in
      var merger = try transaction.merger(of: item.content, origin: origin)
      merger.arrivedMs = item.receivedMs
      try merger.merge(item.unit.changes)
    }
    try transaction.writer.seal()
    return Trial(isMerged: true, isConflicting: transaction.conflicts.openedCount > opened)
  }
}
