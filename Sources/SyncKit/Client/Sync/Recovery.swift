internal import Foundation
internal import SyncCore
internal import SyncStore

/// Seals again what stands on a device and its hub has lost: an ordinary batch at the end of the chain, whose units are the
/// standing cells, each under the stamp it has here (L11, docs/adr/0027). Belongs to one transaction, in which nothing is pending.
///
/// A cell that this identity wrote keeps its version, so a hub that has it after all finds nothing new. A cell of somebody else, or
/// of an earlier identity of this store, gets the next stamp under this identity: it wins over its earlier version, and loses to
/// every later write.
struct Recovery {
  let rows: RowStore
  let outbox: Outbox
  let key: SigningKey
  let lineage: IdentityHistory
  let order: FieldOrder
  private var session: any SQLSession { rows.session }
  private var state: StateStore { StateStore(session: session) }

  /// Rows read at a time.
  private static let rowsPerRead = 500

  /// Changes that were sealed.
  struct Sealed: Hashable {
    var scope: String
    /// Numbers of the batches that are gone.
    var gone: [UInt64]
    var changes: Int

    func notice(atMs: UInt64) -> SyncNotice {
      let numbers = gone.map(String.init).prefix(10).joined(separator: ", ") + (gone.count > 10 ? ", …" : "")
      return SyncNotice(
        kind: .workRecovered, atMs: atMs,
        explanation: LocalizedText(
          vi:
            "Máy chủ tỉnh mất gói \(numbers) và máy này không còn giữ các gói ấy: \(changes) dòng còn hiệu lực trên máy được gửi lại; không mất gì.",
          en:
            "The hub lost batches \(numbers), which this device had let go of: \(changes) rows that stand here are sent once more; nothing is lost."
        ))
    }
  }

  /// Recovers own batches whose bytes are gone and that the hub does not have.
  ///
  /// - Parameters:
  ///   - isAtHead: False limits the recovery to batches that the hub names as missing.
  ///   - differs: True when the digests differ: then what the feed does not acknowledge is lost, too.
  /// - Returns: One entry for each scope in which something was sealed.
  func recoverOwn(isAtHead: Bool, differs: Bool) throws -> [Sealed] {
    let lost = try outbox.standings(isAtHead: isAtHead).filter { $0.standing == .gone || $0.standing == .unknown && differs }
    return try Set(lost.map(\.entry.scope)).sorted().map { scope in
      // Includes batches of an earlier recovery: the hub may have lost what it was told of them.
      let gone = try outbox.gone(scope: scope)
      let authors = Set(gone.map { lineage.author(scope: scope, number: $0.number) })
      let known = try knownVersions(scope: scope, apart: Set(gone.map(\.number)))
      let changes = try seal(scope: scope, tables: nil, BatchRecovery(gone: gone)) { authors.contains($0.replica) && !known.contains($0) }
      for one in gone {
        try session.execute(
          "UPDATE sync_outbox SET received = \(Outbox.recovered), held = 0 WHERE scope = ?1 AND number = ?2",
          [.text(scope), .integer(Int64(clamping: one.number))])
      }
      let numbers = lost.filter { $0.entry.scope == scope }.map(\.entry.number)
      return Sealed(scope: scope, gone: numbers, changes: changes)
    }
  }

  /// Sends rows that the hub never heard of although own edits of them arrived: their author is gone, but they stand here. Only the
  /// scope cell is sent, which every row needs; the digests show what else is missing.
  ///
  /// - Returns: Whether something was sealed. The same is sealed once for each incarnation.
  func completeRows() throws -> Bool {
    var rowsByScope: [String: Set<RowName>] = [:]
    var said = try state.value("incarnation").blob ?? Data()
    for one in try outbox.standings(isAtHead: true) where !one.incomplete.isEmpty {
      guard let content = try outbox.content(scope: one.entry.scope, number: one.entry.number) else { continue }
      said.append(one.entry.hash)
      for unit in one.incomplete where content.units.indices.contains(unit) {
        said.appendVarint(UInt64(unit))
        for change in content.units[unit].changes {
          rowsByScope[one.entry.scope, default: []].insert(RowName(table: change.table, key: change.key))
        }
      }
    }
    guard !rowsByScope.isEmpty, try state.value("rowsCompleted").blob != said.sha256 else { return false }
    try state.set("rowsCompleted", .blob(said.sha256))
    var isSealed = false
    for (scope, names) in rowsByScope.sorted(by: { $0.key < $1.key }) {
      var changes: [Version: [RowChange]] = [:]
      for name in names {
        guard let shape = rows.shape(name.table), let stored = try rows.load(shape, key: name.key, in: scope), stored.scope == scope,
          stored.state.isAlive, let place = stored.state.cells[CellName(shape.declaration.scopeColumn)]
        else { continue }
        changes[place.origin.version, default: []].append(
          RowChange(
            table: name.table, key: name.key, life: stored.state.life, cells: [CellChange(shape.declaration.scopeColumn, place.value)]))
      }
      if try append(changes, scope: scope, BatchRecovery()) > 0 { isSealed = true }
    }
    return isSealed
  }

  private struct RowName: Hashable {
    var table: String
    var key: CellValue
  }

  /// Recovers changes of an earlier identity whose batches had no bytes when the new identity was taken.
  ///
  /// - Parameter authors: Identities that had sealed them.
  func recover(scope: String, of authors: Set<ReplicaID>) throws {
    let known = try knownVersions(scope: scope, apart: [])
    _ = try seal(scope: scope, tables: nil, BatchRecovery()) { authors.contains($0.replica) && !known.contains($0) }
  }

  /// Seals every standing cell of some tables of a scope, because the hub's operator asked for it.
  ///
  /// - Parameter asked: Signed request of the hub, which makes the batch acceptable.
  /// - Returns: Row changes sealed.
  func recoverAll(scope: String, tables: Set<String>, asked: Data) throws -> Int {
    try seal(scope: scope, tables: tables, BatchRecovery(asked: asked)) { _ in true }
  }

  /// Returns versions of own writes that need not be sent again: their batches are here, or the present feed acknowledged them.
  private func knownVersions(scope: String, apart lost: Set<UInt64>) throws -> Set<Version> {
    var known: Set<Version> = []
    let acknowledgements = Acknowledgements(session: session)
    for row in try session.rows("SELECT number FROM sync_outbox WHERE scope = ?1", [.text(scope)]) {
      guard let number = row[0].integer.map({ UInt64(max(0, $0)) }), !lost.contains(number) else { continue }
      let author = lineage.author(scope: scope, number: number)
      if let content = try outbox.content(scope: scope, number: number) {
        let stamps = try acknowledgements.stamps(of: content)
        for unit in content.units.indices { known.formUnion(stamps.carried(unit).map { Version($0, author) }) }
      } else {
        known.formUnion(try acknowledgements.keptStamps(scope: scope, number: number).map { Version($0, author) })
      }
    }
    return known
  }

  private func seal(
    scope: String, tables: Set<String>?, _ recovery: BatchRecovery, _ isWanted: (Version) -> Bool
  ) throws -> Int {
    try append(try standing(scope: scope, tables: tables, isWanted), scope: scope, recovery)
  }

  /// Seals changes under the stamps of their versions; those of others under the next.
  ///
  /// - Returns: How many row changes were sealed.
  private func append(_ changes: [Version: [RowChange]], scope: String, _ recovery: BatchRecovery) throws -> Int {
    var units: [ChangeUnit] = []
    for (version, rows) in changes.sorted(by: { $0.key < $1.key }) {
      var stamp = version.timestamp
      if version.replica != key.replica {
        stamp = stamp.next
        let new = Version(stamp, key.replica)
        try self.rows.move(rows, from: [version], to: new, born: new, scope: scope)
      }
      units += UnitCutting.cut(ChangeUnit(stamp: stamp, changes: rows))
    }
    if units.isEmpty {
      // Seals an empty unit when everything was overwritten since: the batch still tells that nobody need wait for the gone ones.
      guard !recovery.gone.isEmpty else { return 0 }
      units = [ChangeUnit(stamp: order.issue(wallMs: 0, scope: scope), changes: [])]
    }
    let cursor = try state.value("cursor").blob ?? Data()
    try outbox.append(units, scope: scope, cursor: cursor, rules: try rows.rules(of: units), key: key, recovery: recovery)
    let count = units.reduce(0) { $0 + $1.changes.count }
    try state.add("entriesSealed", count)
    try state.add("changesRecovered", count)
    return count
  }

  /// Returns the standing cells, births and deletions of wanted versions, as changes by version.
  private func standing(scope: String, tables: Set<String>?, _ isWanted: (Version) -> Bool) throws -> [Version: [RowChange]] {
    let aside = try rows.aside
    let unknown = aside.tables.filter { aside.isUnknown($0) && rows.shape($0) == nil }.map(TableShape.unknown)
    var changes: [Version: [RowChange]] = [:]
    for shape in rows.all.filter({ $0.declaration.kind == .replicated }) + unknown where tables?.contains(shape.name) ?? true {
      var after: CellValue?
      while true {
        let read = try rows.rows(of: shape, scope: scope, after: after, limit: Self.rowsPerRead)
        guard let last = read.last else { break }
        after = last.key
        for (key, state) in read {
          var cells: [Version: [CellChange]] = [:]
          for (cell, change) in zip(state.cells.values, state.changes) where isWanted(cell.origin.version) {
            cells[cell.origin.version, default: []].append(change)
          }
          if let born = state.lifeOrigin?.version, isWanted(born), cells[born] == nil { cells[born] = [] }
          for (version, written) in cells {
            changes[version, default: []].append(RowChange(table: shape.name, key: key, life: state.life, cells: written))
          }
        }
      }
    }
    return changes
  }
}
