internal import Foundation
package import SyncCore

/// Hidden cells: values from newer programs that this one cannot show. Their columns or tables are unknown here, or their column
/// cannot hold the value. They are kept with life and version, and merged by the policy that came with them, until an upgrade can
/// show them (docs/adr/0019).
///
/// A row's state always includes its hidden cells. Only `RowStore` and this type know which cells are hidden.
package final class UnknownColumns {
  private let session: any SQLSession
  /// Merge policies of columns with hidden cells, by table. An unknown table has an entry, even an empty one.
  private var rules: [String: MergePolicies] = [:]
  private var unknownTables: Set<String> = []

  static let schema = """
    CREATE TABLE IF NOT EXISTS sync_aside_column (
      tbl TEXT NOT NULL, col TEXT NOT NULL, rule TEXT NOT NULL, PRIMARY KEY (tbl, col)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_aside (
      tbl TEXT NOT NULL, key NOT NULL, col TEXT NOT NULL, part TEXT NOT NULL, value, generation INTEGER NOT NULL, stamp INTEGER NOT NULL,
      replica INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (tbl, key, col, part)) WITHOUT ROWID;
    """

  init(session: any SQLSession) throws {
    self.session = session
    for row in try session.rows("SELECT tbl, col, rule FROM sync_aside_column") {
      guard let table = row[0].text, let column = row[1].text else { continue }
      if column.isEmpty { unknownTables.insert(table) }
      rules[table, default: [:]][column] = column.isEmpty ? nil : row[2].text.flatMap(MergePolicy.init(stored:)) ?? .lastWriterWins
    }
  }

  // MARK: Tables and columns

  /// Returns whether rows of `table` may have hidden cells: usually not.
  func has(_ table: String) -> Bool { rules[table] != nil }
  package func isUnknown(_ table: String) -> Bool { unknownTables.contains(table) }
  package func rule(of column: String, in table: String) -> MergePolicy? { rules[table]?[column] }
  package func columns(of table: String) -> [String] { (rules[table] ?? [:]).keys.sorted() }
  package var tables: [String] { rules.keys.sorted() }

  /// Returns how cells of a table merge: as declared, or for unknown columns as their sender stated.
  func policies(_ shape: TableShape) -> MergePolicies {
    guard let aside = rules[shape.name] else { return shape.policies }
    return shape.policies.merging(aside.filter { shape.column(named: $0.key) == nil }) { declared, _ in declared }
  }

  /// Records that a column has hidden cells. The first stated policy stays.
  func note(_ column: String, in table: String, rule: MergePolicy) throws {
    guard rules[table]?[column] == nil else { return }
    rules[table, default: [:]][column] = rule
    try remember(column, table, rule.stored)
  }

  /// Records that a table is unknown.
  func note(table: String) throws {
    guard unknownTables.insert(table).inserted else { return }
    if rules[table] == nil { rules[table] = [:] }
    try remember("", table, "")
  }

  private func remember(_ column: String, _ table: String, _ rule: String) throws {
    try session.execute(
      "INSERT INTO sync_aside_column (tbl, col, rule) VALUES (?1, ?2, ?3) ON CONFLICT (tbl, col) DO NOTHING",
      [.text(table), .text(column), .text(rule)])
  }

  /// Deletes the record of a column, or with an empty name that of the table: no cell of it is hidden any more.
  func forget(_ column: String, in table: String) throws {
    try session.execute("DELETE FROM sync_aside_column WHERE tbl = ?1 AND col = ?2", [.text(table), .text(column)])
    if column.isEmpty { unknownTables.remove(table) } else { rules[table]?[column] = nil }
    if rules[table]?.isEmpty == true && !unknownTables.contains(table) { rules[table] = nil }
  }

  // MARK: Cells

  /// Returns the cells of a state that this program cannot show.
  package func hidden(in state: RowState, of shape: TableShape) -> Cells {
    guard let own = rules[shape.name] else { return [:] }
    return state.cells.filter { name, cell in
      guard own[name.column] != nil else { return false }
      return !shape.accepts(CellChange(name.column, cell.value, part: name.part, generation: cell.generation))
    }
  }

  func load(_ table: String, key: CellValue, replica: (Int64) throws -> ReplicaID) throws -> Cells {
    var cells = Cells()
    for row in try session.rows(
      "SELECT col, part, value, generation, stamp, replica, position FROM sync_aside WHERE tbl = ?1 AND key = ?2", [.text(table), key])
    {
      guard let column = row[0].text, let part = row[1].text.flatMap(CellPart.init(stored:)), let generation = row[3].integer,
        let stamp = row[4].integer, let number = row[5].integer, let position = row[6].integer
      else { continue }
      let version = Version(HybridTimestamp(rawValue: UInt64(bitPattern: stamp)), try replica(number))
      cells[CellName(column, part)] = Cell(
        origin: Origin(version: version, position: UInt64(max(0, position))), value: row[2], generation: UInt32(clamping: generation))
    }
    return cells
  }

  /// Replaces the hidden cells of a row by `cells`.
  func save(_ cells: Cells, table: String, key: CellValue, number: (ReplicaID) throws -> Int64) throws {
    try session.execute("DELETE FROM sync_aside WHERE tbl = ?1 AND key = ?2", [.text(table), key])
    for (name, cell) in cells {
      try session.execute(
        """
        INSERT INTO sync_aside (tbl, key, col, part, value, generation, stamp, replica, position)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        """,
        [
          .text(table), key, .text(name.column), .text(name.part.stored), cell.value, .integer(Int64(cell.generation)),
          .integer(Int64(bitPattern: cell.origin.version.timestamp.rawValue)), .integer(try number(cell.origin.version.replica)),
          .integer(Int64(clamping: cell.origin.position)),
        ])
    }
  }

  /// Returns the keys of rows with hidden cells.
  func keys(of table: String, after: CellValue?, limit: Int) throws -> [CellValue] {
    let isAfter = after == nil ? "" : " AND key > ?3"
    return try session.rows(
      "SELECT DISTINCT key FROM sync_aside WHERE tbl = ?1\(isAfter) ORDER BY key LIMIT ?2",
      [.text(table), .integer(Int64(limit))] + (after.map { [$0] } ?? [])
    ).map { $0[0] }
  }

  func isEmpty(_ column: String, of table: String) throws -> Bool {
    try session.firstRow("SELECT 1 FROM sync_aside WHERE tbl = ?1 AND col = ?2 LIMIT 1", [.text(table), .text(column)]) == nil
  }

  /// Returns how many hidden cells there are.
  static func count(in session: any SQLSession) throws -> Int { Int(try session.integer("SELECT count(*) FROM sync_aside") ?? 0) }
}

extension CellPart {
  /// Text of a part: tells a member from an increment, whatever its name.
  fileprivate var stored: String {
    switch self {
    case .whole: ""
    case .member(let name): "." + name
    case .increment(let id): "+" + String(id, radix: 16)
    }
  }

  fileprivate init?(stored: String) {
    if stored.isEmpty {
      self = .whole
    } else if stored.hasPrefix(".") {
      self = .member(String(stored.dropFirst()))
    } else if stored.hasPrefix("+"), let id = UInt64(stored.dropFirst(), radix: 16) {
      self = .increment(id)
    } else {
      return nil
    }
  }
}

extension MergePolicy {
  /// Text of a policy, which can be parsed again.
  fileprivate var stored: String {
    if case .ranked(let values) = self { return CanonicalJSON.array(values.map { .string($0) }).text }
    return signature
  }

  fileprivate init?(stored: String) {
    switch stored {
    case "lww": self = .lastWriterWins
    case "perKey": self = .perKey
    case "max": self = .max
    case "min": self = .min
    case "counter": self = .counter
    default:
      guard case .array(let values)? = CanonicalJSON.parse(Data(stored.utf8), depthMax: 2) else { return nil }
      self = .ranked(values.compactMap { if case .string(let text) = $0 { text } else { nil } })
    }
  }
}
