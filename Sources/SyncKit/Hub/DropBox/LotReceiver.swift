internal import Foundation
public import SyncCore
internal import SyncStore

/// Anonymous row, taken out of its packet.
public struct AnonymousRow: Sendable, Hashable {
  public var table: String
  public var cells: [CellChange]

  public func value(_ column: String) -> CellValue? { cells.first { $0.column == column }?.value }
}

/// Judgement of a decrypted row, made before anything is written.
public enum RowVerdict: Sendable, Hashable {
  /// Valid, and not stored yet: released together with other new rows of its edition.
  case new(edition: String)
  /// Valid, but another row has its number: released along with new rows of its edition, and counted apart. The row does not count
  /// towards k, because the same person may stand behind both.
  case differs(edition: String)
  /// Same content under the same number as a stored row. With `isStanding` false the other row still waits, and this one is counted
  /// only once the other was released.
  case repeated(edition: String, isStanding: Bool)
  /// Fits no edition known so far: kept until a fitting edition is known.
  case held(edition: String)
  /// Can never be used.
  case spoiled

  /// Edition of a row that fits one.
  var edition: String? {
    switch self {
    case .new(let edition), .differs(let edition), .repeated(let edition, _): edition
    case .held, .spoiled: nil
    }
  }
}

/// Judge of the rows in packets, who also writes the rows of a lot and whatever is counted from them, in the step's transaction.
public protocol LotReceiver: Sendable {
  /// Returns k: the least number of new rows that are released together.
  func lotMin(in session: any HubSession) throws -> Int
  /// Judges rows of one scope, each also against those before it. Writes nothing.
  ///
  /// - Returns: One verdict a row.
  func judge(_ rows: [AnonymousRow], scope: String, in session: any HubSession) throws -> [RowVerdict]
  /// Writes rows that were judged new or differing, already shuffled.
  ///
  /// - Parameter unit: Unit under whose code the rows are stored: their own scope, or a larger unit that a remainder was pooled
  ///   for.
  func receive(_ lot: [AnonymousRow], unit: String, in session: any HubSession) throws
  /// Records rows that are about to be deleted as repetitions, so that it can be shown later that each had an equal.
  func noteRepeated(_ rows: [AnonymousRow], in session: any HubSession) throws
  /// Called when a step has ended: drops what was cached of rows in order not to judge them twice.
  func stepEnded()
  /// Called for released rows that were erased in this transaction; what was counted from them stays.
  func noteErased(_ rows: [AnonymousRow], in session: any HubSession) throws
  /// Erases some of what is kept beside the erased rows of editions.
  ///
  /// - Returns: Whether more may be left.
  func eraseMore(of editions: Set<String>, in session: any HubSession) throws -> Bool
}

extension LotReceiver {
  public func stepEnded() {}
  public func noteRepeated(_ rows: [AnonymousRow], in session: any HubSession) throws {}
  public func noteErased(_ rows: [AnonymousRow], in session: any HubSession) throws {}
  public func eraseMore(of editions: Set<String>, in session: any HubSession) throws -> Bool { false }
}

/// Receiver that writes the rows of a lot into their own table and counts nothing. The table's rows are of one edition.
public struct PlainLotReceiver: LotReceiver {
  private let tables: HubTables
  private let k: Int

  public init(tables: HubTables, k: Int = 5) {
    self.tables = tables
    self.k = k
  }

  public func lotMin(in session: any HubSession) throws -> Int { k }

  public func judge(_ rows: [AnonymousRow], scope: String, in session: any HubSession) throws -> [RowVerdict] {
    var earlier: [CellValue: [CellValue]] = [:]
    return try rows.map { row in
      guard let shape = shape(of: row, scope: scope), let key = row.value(shape.keyColumn) else { return .spoiled }
      let own = values(of: row, shape)
      let other = shape.contentKey(of: row)
      let known = try standing(key, shape, session)
      if try earlier[other] != nil || known == own || standing(other, shape, session) != nil {
        return .repeated(edition: row.table, isStanding: earlier[other] == nil)
      }
      guard let stands = known ?? earlier[key] else {
        earlier[key] = own
        return .new(edition: row.table)
      }
      if stands == own { return .repeated(edition: row.table, isStanding: false) }
      earlier[other] = own
      return .differs(edition: row.table)
    }
  }

  public func receive(_ lot: [AnonymousRow], unit: String, in session: any HubSession) throws {
    for row in lot {
      guard let shape = tables.byName[row.table], let key = row.value(shape.keyColumn) else { continue }
      let free = try standing(key, shape, session) == nil
      let cells = row.cells.map { cell in
        if cell.column == shape.keyColumn && !free { return shape.contentKey(of: row) }
        return cell.column == shape.declaration.scopeColumn ? .text(unit) : cell.value
      }
      let names = row.cells.map { quote($0.column) }.joined(separator: ", ")
      let places = (1...row.cells.count).map { "?\($0)" }.joined(separator: ", ")
      try session.execute("INSERT INTO \(quote(shape.name)) (\(names)) VALUES (\(places))", cells)
    }
  }

  private func shape(of row: AnonymousRow, scope: String) -> TableShape? {
    guard let shape = tables.byName[row.table], shape.declaration.kind == .anonymous,
      row.value(shape.declaration.scopeColumn) == .text(scope), let key = row.value(shape.keyColumn), !key.isNull,
      row.cells.allSatisfy({ $0.column == shape.keyColumn ? shape.keyType.keeps($0.value) : shape.accepts($0) }),
      shape.columns.allSatisfy({ $0.acceptsNull || $0.defaultValue != .null || row.value($0.name) != nil })
    else { return nil }
    return shape
  }

  private func values(of row: AnonymousRow, _ shape: TableShape) -> [CellValue] {
    shape.columns.map { row.value($0.name) ?? $0.defaultValue ?? .null }
  }

  private func standing(_ key: CellValue, _ shape: TableShape, _ session: any HubSession) throws -> [CellValue]? {
    let columns = shape.columns.map { quote($0.name) }.joined(separator: ", ")
    return try session.firstRow("SELECT \(columns) FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?1", [key])
  }
}

extension TableShape {
  /// Returns the key of a row whose own key stands with other content: a hash of the whole row, so that the row is kept once.
  func contentKey(of row: AnonymousRow) -> CellValue {
    var bytes = Data("synckit/content/1".utf8)
    for cell in row.cells.sorted(by: { $0.column < $1.column }) { bytes += Data("\0\(cell.column)\0".utf8) + cell.value.identity }
    let hash = bytes.sha256
    switch row.value(keyColumn) {
    case .blob: return .blob(hash.prefix(16))
    case .integer: return .integer(hash.prefix(8).reduce(0) { $0 << 8 | Int64($1) })
    default: return .text(hash.prefix(16).hex)
    }
  }
}

extension CellValue {
  /// Bytes that differ whenever values differ.
  fileprivate var identity: Data {
    switch self {
    case .null: Data("n".utf8)
    case .integer(let value): Data("i\(value)".utf8)
    case .real(let value): Data("r\(value.bitPattern)".utf8)
    case .text(let value): Data("t".utf8) + Data(value.utf8).sha256
    case .blob(let value): Data("b".utf8) + value.sha256
    }
  }
}
