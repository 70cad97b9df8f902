/// The statements about one table's rows, put together once a transaction: a row is merged in less time than it takes to put
/// the names of its columns into quotes.
final class RowStatements {
  private let shape: TableShape
  private let table: String
  private let keyColumn: String
  private let metadata: String
  /// Every value is replaced, those left out by their defaults.
  private let overwriteAll: String
  private var inserts: [Int64: String] = [:]
  private var updates: [Int64: String] = [:]

  /// Records with their rows' values; a condition follows.
  let select: String
  let load: String
  /// The app's row alone.
  let values: String
  let saveMetadata: String
  let delete: String
  let digest: String

  init(_ shape: TableShape) {
    self.shape = shape
    (table, keyColumn, metadata) = (quote(shape.name), quote(shape.keyColumn), quote(shape.metadataTable))
    let record = "SELECT m.key, m.scope, m.life, m.stamp, m.replica, m.position, m.mask, m.cells, m.digest"
    if shape.isKnown {
      let columns = shape.columns.map { ", t." + quote($0.name) }.joined()
      select = "\(record)\(columns)\nFROM \(metadata) m LEFT JOIN \(table) t ON t.\(keyColumn) = m.key"
    } else {
      select = "\(record) FROM \(metadata) m"
    }
    load = select + " WHERE m.key = ?1"
    values = "SELECT \(shape.columns.map { quote($0.name) }.joined(separator: ", ")) FROM \(table) WHERE \(keyColumn) = ?1"
    saveMetadata = """
      INSERT INTO \(metadata) (key, scope, life, stamp, replica, position, mask, cells, digest)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      ON CONFLICT (key) DO UPDATE SET life = excluded.life, stamp = excluded.stamp, replica = excluded.replica,
        position = excluded.position, mask = excluded.mask, cells = excluded.cells, digest = excluded.digest
      """
    delete = "DELETE FROM \(table) WHERE \(keyColumn) = ?1"
    digest = "SELECT digest FROM \(metadata) WHERE key = ?1"
    overwriteAll = shape.columns.map { "\(quote($0.name)) = excluded.\(quote($0.name))" }.joined(separator: ", ")
  }

  /// Puts a row in place: ?1 is its key, the columns' values follow. A row may stand that nobody ever captured, put there before
  /// the table was replicated: it gives way whole.
  func insert(_ columns: [TableShape.Column]) -> String { insert(mask: Self.mask(columns)) }

  /// - Parameter mask: Which columns, by bit; their values come in the order of the shape.
  func insert(mask: Int64) -> String {
    statement(for: mask, in: &inserts) { columns in
      let names = ([keyColumn] + columns.map { quote($0.name) }).joined(separator: ", ")
      let places = (1...columns.count + 1).map { "?\($0)" }.joined(separator: ", ")
      return "INSERT INTO \(table) (\(names)) VALUES (\(places)) ON CONFLICT (\(keyColumn)) DO UPDATE SET \(overwriteAll)"
    }
  }

  /// Changes columns of a row: ?1 is its key, the values follow.
  func update(_ columns: [TableShape.Column]) -> String {
    statement(for: Self.mask(columns), in: &updates) { columns in
      let sets = columns.enumerated().map { "\(quote($1.name)) = ?\($0 + 2)" }.joined(separator: ", ")
      return "UPDATE \(table) SET \(sets) WHERE \(keyColumn) = ?1"
    }
  }

  private static func mask(_ columns: [TableShape.Column]) -> Int64 { columns.reduce(0) { $0 | 1 << Int64($1.id) } }

  private func statement(for mask: Int64, in made: inout [Int64: String], _ make: ([TableShape.Column]) -> String) -> String {
    if let known = made[mask] { return known }
    let new = make(shape.columns.filter { mask >> Int64($0.id) & 1 == 1 })
    made[mask] = new
    return new
  }
}
