internal import Foundation
internal import SyncCore
internal import SyncStore

/// Conflicts of one hub transaction: opens a conflict for each unseen loser, and closes it when a later change has seen the loser
/// (L6).
///
/// Conflicts are ordinary rows of `sync_conflict`, written by the hub, so they reach every replica of their scope through the feed.
/// A conflict's id is a hash of the losing write, so merging again opens nothing twice.
///
/// Inserting a conflict bypasses the capture log, because every column is known here. Capture would add a fifth to the cost of
/// merging a late edit. Later changes of a conflict are captured.
final class ConflictWriter {
  private struct Place: Hashable {
    var table: String
    var key: CellValue
    var column: String
    /// See `CellPart.name`.
    var part: String?
  }

  private struct Open {
    var id: String
    var loser: Origin
  }

  private let session: any HubSession
  private var open: [String: [Place: [Open]]] = [:]
  /// Rows whose conflicts were read, of scopes that have more open ones than are read at once.
  private var rowsRead: [String: Set<Place>] = [:]
  private var opened: [String: [RowChange]] = [:]
  private let selectLosingValue = RepeatedSQL("SELECT losing_value FROM sync_conflict WHERE id = ?1")
  private let insert = RepeatedSQL(ConflictWriter.insertSQL)
  private let notePlace = RepeatedSQL(
    """
    INSERT INTO hub_conflict_place (id, branch, base, position)
    SELECT ?1, x'', ?2, ?2 WHERE EXISTS (SELECT 1 FROM hub_conflict_place WHERE id = ?1) ON CONFLICT DO NOTHING
    """)
  private(set) var openedCount = 0
  /// Approximate size of a unit of conflicts, in bytes. One batch can open many conflicts; a single unit of them could outgrow
  /// every batch, and the ingest could then never be merged.
  static let unitBytesMax = 1 << 20
  /// Bytes that a conflict takes beside its two values.
  private static let frameBytes = 512
  /// Open conflicts of a scope that are loaded at once. A scope with more loads them row by row, when a row is merged.
  static let readTogetherMax = 64
  private var unitBytes = 0

  private let observer: (any MergeObserver)?

  init(session: any HubSession, observer: (any MergeObserver)? = nil) {
    self.session = session
    self.observer = observer
  }

  /// Returns the id of the conflict about one losing write.
  static func id(table: String, key: CellValue, life: UInt32, cell: CellName, loser: Version) -> String {
    var data = Array("synckit/conflict/1\0\(table)\0\(cell.column)\0".utf8)
    if let part = cell.part.name { data.append(contentsOf: "\(part)\0".utf8) }
    key.append(to: &data)
    data.appendVarint(UInt64(life))
    data.appendVarint(loser.timestamp.rawValue)
    data.append(contentsOf: loser.replica.bytes)
    return data.sha256.prefix(16).hex
  }

  /// Opens a conflict about a value that lost, unless readers compute the value: see `MergeObserver.isDerived`.
  ///
  /// - Parameter image: The row as it was deleted, if it was deleted.
  func record(_ loser: Loser, change: RowChange, scope: String, image: RowImage? = nil) throws {
    if try isDerived(loser.name, of: change) { return }
    var id = Self.id(table: change.table, key: change.key, life: loser.life, cell: loser.name, loser: loser.loser.origin.version)
    var known = try losingValue(of: id)
    if let other = known, other != loser.loser.value {
      // Distinguishes another value under the same version: two devices shared an identity for a while (L8).
      var data = Data(id.utf8)
      loser.loser.value.append(to: &data)
      id = data.sha256.prefix(16).hex
      known = try losingValue(of: id)
    }
    if known == nil { try open(id, loser, change: change, scope: scope, image: image) }
    try session.execute(notePlace, [.text(id), .integer(Int64(clamping: loser.loser.origin.position))])
    try load(scope, change)
    let place = Place(table: change.table, key: change.key, column: loser.name.column, part: loser.name.part.name)
    open[scope]?[place, default: []].append(Open(id: id, loser: loser.loser.origin))
    openedCount += 1
  }

  private func isDerived(_ name: CellName, of change: RowChange) throws -> Bool {
    guard let observer, observer.tables.contains(change.table) else { return false }
    var member: String?
    if case .member(let name) = name.part { member = name }
    return try observer.isDerived(table: change.table, key: change.key, column: name.column, member: member, in: session)
  }

  private func losingValue(of id: String) throws -> CellValue? { try session.firstRow(selectLosingValue, [.text(id)])?[0] }

  /// Inserts a conflict into its table, and adds it to the result of `takeOpened`.
  private func open(_ id: String, _ loser: Loser, change: RowChange, scope: String, image: RowImage?) throws {
    let kept = loser.rule == .laterLife ? image.map(\.json).flatMap { $0.utf8.count <= RowImage.conflictImageBytesMax ? $0 : nil } : nil
    let (losing, winning) = (loser.loser.origin, loser.winner.origin.version)
    let values: [CellValue] = [
      .text(scope), .text(change.table), change.key, .integer(Int64(loser.life)), .text(loser.name.column),
      loser.name.part.name.map { .text($0) } ?? .null, .text(loser.rule.rawValue), loser.loser.value,
      .integer(Int64(bitPattern: losing.version.timestamp.rawValue)), .blob(losing.version.replica.bytes),
      .integer(Int64(clamping: losing.position)), loser.winner.value, .integer(Int64(bitPattern: winning.timestamp.rawValue)),
      .blob(winning.replica.bytes), kept.map { .text($0) } ?? .null,
    ]
    try session.withoutCapture { try session.execute(insert, [.text(id)] + values) }
    let cells = zip(Self.openedColumns, values).compactMap { $1.isNull ? nil : CellChange($0, $1) }
    opened[scope, default: []].append(RowChange(table: MetadataSchema.conflictTable.name, key: .text(id), life: 1, cells: cells))
  }

  /// Columns of a new conflict, in the table's order; the others keep their defaults.
  private static let openedColumns = [
    "scope", "tbl", "row_key", "life", "col", "member", "rule", "losing_value", "losing_stamp", "losing_replica", "losing_position",
    "winning_value", "winning_stamp", "winning_replica", "image",
  ]
  private static let insertSQL = """
    INSERT INTO sync_conflict (id, \(openedColumns.joined(separator: ", ")))
    VALUES (\((1...openedColumns.count + 1).map { "?\($0)" }.joined(separator: ", ")))
    """

  /// Returns, by scope, the conflicts opened since the last call, which have no version yet. The hub sends them in units of its
  /// own: see `HubWriter`.
  func takeOpened() -> [String: [RowChange]] {
    defer { opened = [:] }
    return opened
  }

  var hasOpened: Bool { !opened.isEmpty }

  /// Closes the open conflicts on the cells of a change, where the change's author had seen the losing value.
  func close(seenBy incoming: IncomingChange, change: RowChange, scope: String) throws {
    try load(scope, change)
    guard open[scope]?.isEmpty == false else { return }
    for cell in change.cells {
      let place = Place(table: change.table, key: change.key, column: cell.column, part: cell.name.part.name)
      guard let known = open[scope]?[place] else { continue }
      // Requires a later version too: at a restored hub an author's writes arrive in any order, even the loser after its conflict.
      func settles(_ conflict: Open) -> Bool {
        incoming.hasSeen(conflict.loser) && incoming.origin.version > conflict.loser.version
      }
      for conflict in known where settles(conflict) {
        willWrite(0)
        try session.execute("UPDATE sync_conflict SET state = 'closed' WHERE id = ?1", [.text(conflict.id)])
      }
      open[scope]?[place] = known.filter { !settles($0) }
    }
  }

  /// Opens or updates the conflict about one value of a soft key: it names all rows of the scope that have the value. Closes the
  /// conflict when fewer than two rows have it.
  func recordDuplicate(table: String, column: String, value: String, keys: [CellValue], scope: String) throws {
    let id = Data("synckit/duplicate/1\0\(scope)\0\(table)\0\(column)\0\(value)".utf8).sha256.prefix(16).hex
    let known = try session.firstRow("SELECT losing_value, state FROM sync_conflict WHERE id = ?1", [.text(id)])
    let names = DuplicateKeys.value(keys)
    guard keys.count > 1 else {
      if known?[1].text == "open" { try setState("closed", id: id) }
      return
    }
    willWrite(names.approximateBytes + value.utf8.count)
    if let known {
      guard known[0] != names || known[1].text != "open" else { return }
      try session.execute(
        "UPDATE sync_conflict SET losing_value = ?2, state = 'open' WHERE id = ?1", [.text(id), names])
    } else {
      try session.execute(
        """
        INSERT INTO sync_conflict (id, scope, tbl, row_key, life, col, rule, losing_value, winning_value)
        VALUES (?1, ?2, ?3, ?4, 0, ?5, 'duplicate', ?6, ?7)
        """,
        [
          .text(id), .text(scope), .text(table), keys.min { $0.order(to: $1) == .less } ?? .null, .text(column), names, .text(value),
        ])
      openedCount += 1
    }
  }

  /// Opens a conflict about a row that refers to a deleted row.
  func recordOrphan(
    child: RowChange, column: String, parent: CellValue, version: Origin, deleted: Origin?, scope: String
  ) throws {
    let id = orphanID(child, column, version.version)
    willWrite(parent.approximateBytes)
    try session.execute(
      """
      INSERT INTO sync_conflict (id, scope, tbl, row_key, life, col, rule, losing_value, losing_stamp, losing_replica, losing_position,
        winning_stamp, winning_replica)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'orphan', ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (id) DO NOTHING
      """,
      [
        .text(id), .text(scope), .text(child.table), child.key, .integer(Int64(child.life)), .text(column), parent,
        .integer(Int64(bitPattern: version.version.timestamp.rawValue)), .blob(version.version.replica.bytes),
        .integer(Int64(clamping: version.position)), deleted.map { .integer(Int64(bitPattern: $0.version.timestamp.rawValue)) } ?? .null,
        deleted.map { .blob($0.version.replica.bytes) } ?? .null,
      ])
    openedCount += 1
    forget(scope)
  }

  /// Closes the conflict that a decision is about, or opens it again when the decision was undone.
  func decided(_ id: CellValue, isUndone: Bool, scope: String) throws {
    let state = isUndone ? "open" : "closed"
    // Ignores decisions about conflicts of other scopes.
    guard let id = id.text,
      let row = try session.firstRow("SELECT state FROM sync_conflict WHERE id = ?1 AND scope = ?2", [.text(id), .text(scope)]),
      row[0].text != state
    else { return }
    try setState(state, id: id)
    forget(scope)
  }

  /// Closes the conflict about a row whose deleted parent was inserted again.
  func closeOrphan(child: RowChange, column: String, version: Version) throws {
    let id = orphanID(child, column, version)
    if try session.firstRow("SELECT 1 FROM sync_conflict WHERE id = ?1 AND state = 'open'", [.text(id)]) != nil {
      try setState("closed", id: id)
    }
  }

  private func orphanID(_ child: RowChange, _ column: String, _ version: Version) -> String {
    Self.id(table: child.table, key: child.key, life: child.life, cell: CellName(column, .member("\0orphan")), loser: version)
  }

  private func setState(_ state: String, id: String) throws {
    willWrite(0)
    try session.execute("UPDATE sync_conflict SET state = ?2 WHERE id = ?1", [.text(id), .text(state)])
  }

  /// Drops the cached open conflicts of a scope.
  func forget(_ scope: String) {
    open[scope] = nil
    rowsRead[scope] = nil
  }

  private func willWrite(_ valueBytes: Int) {
    let bytes = valueBytes + Self.frameBytes
    if unitBytes + bytes > Self.unitBytesMax {
      session.beginAnotherUnit()
      unitBytes = 0
    }
    unitBytes += bytes
  }

  /// Loads the open conflicts of a change's row, unless cached: all of its scope when there are at most `readTogetherMax`.
  private func load(_ scope: String, _ change: RowChange) throws {
    if open[scope] == nil {
      let rows = try session.rows(selectOpen, [.text(scope), .integer(Int64(Self.readTogetherMax) + 1)])
      let isAll = rows.count <= Self.readTogetherMax
      open[scope] = isAll ? Self.places(rows) : [:]
      rowsRead[scope] = isAll ? nil : []
    }
    let row = Place(table: change.table, key: change.key, column: "")
    guard rowsRead[scope]?.insert(row).inserted == true else { return }
    let rows = try session.rows(selectOpenOfRow, [.text(scope), .text(change.table), change.key])
    open[scope]?.merge(Self.places(rows)) { $1 }
  }

  private static func places(_ rows: [[CellValue]]) -> [Place: [Open]] {
    var places: [Place: [Open]] = [:]
    for row in rows {
      guard let id = row[0].text, let table = row[1].text, let column = row[3].text, let stamp = row[4].integer,
        let bytes = row[5].blob, let replica = ReplicaID(bytes: bytes), let position = row[6].integer
      else { continue }
      let version = Version(HybridTimestamp(rawValue: UInt64(bitPattern: stamp)), replica)
      places[Place(table: table, key: row[2], column: column, part: row[7].text), default: []].append(
        Open(id: id, loser: Origin(version: version, position: UInt64(max(0, position)))))
    }
    return places
  }

  private let selectOpen = RepeatedSQL("\(openSQL) ORDER BY c.id LIMIT ?2")
  private let selectOpenOfRow = RepeatedSQL("\(openSQL) AND c.tbl = ?2 AND c.row_key = ?3")
  /// Selects open conflicts of a scope. `hub_conflict_place` translates the loser's position when a restore ended the history in
  /// which the conflict was opened (L11).
  private static let openSQL = """
    SELECT c.id, c.tbl, c.row_key, c.col, c.losing_stamp, c.losing_replica,
      coalesce((
        SELECT max(CASE WHEN p.position <= p.base THEN p.position ELSE coalesce((
          SELECT position FROM hub_returned r WHERE r.scope = c.scope AND r.branch = p.branch AND r.old_position = p.position), 0) END)
        FROM hub_conflict_place p WHERE p.id = c.id), c.losing_position),
      c.member
    FROM sync_conflict c WHERE c.scope = ?1 AND c.state = 'open'
    """
}
