internal import Foundation
package import GRDB
package import SyncCore

/// Store opened for examination: one snapshot, never written, while others go on working. Beside it lies an empty copy with the
/// same tables.
package struct ExaminedStore {
  package let db: Database
  package let session: SQLiteSession
  /// Copy of every table without its rows, in a file of its own, for replaying.
  package let copy: DatabaseQueue
  package let shapes: [String: TableShape]

  package var replicated: [TableShape] { shapes.values.filter { $0.declaration.kind == .replicated }.sorted { $0.id < $1.id } }
  package var anonymous: [TableShape] { shapes.values.filter { $0.declaration.kind == .anonymous }.sorted { $0.id < $1.id } }

  /// Opens a store for examination, and runs `body`.
  ///
  /// - Throws: `SyncError` when the file is missing, is no store of these tables, or cannot be opened.
  package static func examine(
    _ path: String, tables: [ReplicatedTable], _ body: @Sendable @escaping (ExaminedStore) throws -> Examination
  ) async throws -> Examination {
    guard FileManager.default.fileExists(atPath: path) else {
      throw SyncError(.storeMissing, vi: "Không có cơ sở dữ liệu \(path).", en: "There is no database at \(path).")
    }
    try SyncError.refuseEmptyStore(path)
    return try await SyncError.explaining(path) {
      let readable = try ReadingCopy.ifNeeded(path)
      let scratch = try ScratchFolder(room: StoreFile.size(path))
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(10)
      configuration.label = "synckit-examination"
      let original = try DatabaseQueue(path: readable?.path ?? path, configuration: configuration)
      let copy = try emptyCopy(at: scratch.path + "/copy")
      let result = try await original.read { db in
        let all = MetadataSchema.ownTables + tables
        let shapes = try Self.shapes(of: all, in: db, copy: copy)
        return try body(ExaminedStore(db: db, session: SQLiteSession(db: db), copy: copy, shapes: shapes))
      }
      try copy.close()
      try original.close()
      withExtendedLifetime((readable, scratch)) {}
      return result
    }
  }

  /// Makes the empty copy, without durability: it need not survive a power cut.
  private static func emptyCopy(at path: String) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -16384")
    }
    return try DatabaseQueue(path: path, configuration: configuration)
  }

  private static func shapes(of tables: [ReplicatedTable], in db: Database, copy: DatabaseQueue) throws -> [String: TableShape] {
    guard try db.tableExists("sync_state") else {
      throw SyncError(
        .storeDamaged, vi: "Đây không phải kho dữ liệu của chương trình này.", en: "This is not a store of this program.")
    }
    let statements = try String.fetchAll(
      db,
      sql: """
        SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND sql IS NOT NULL
          OR type = 'index' AND name LIKE ?1 || '%' ORDER BY type DESC
        """, arguments: [MetadataSchema.goneIndex])
    // Copies the numbers of tables and columns, and their declarations, which are compared as at every opening.
    var numbers: [(table: String, values: [DatabaseValue])] = []
    for table in ["sync_table", "sync_column", "sync_declared"] where try db.tableExists(table) {
      numbers += try Row.fetchAll(db, sql: "SELECT * FROM \(table)").map { (table, $0.cells.map(\.databaseValue)) }
    }
    let shapes = try copy.write { [numbers] copy in
      for statement in statements { try copy.execute(sql: statement) }
      try copy.execute(sql: SchemaRecord.schema)
      for row in numbers {
        let places = row.values.map { _ in "?" }.joined(separator: ", ")
        try copy.execute(sql: "INSERT INTO \(row.table) VALUES (\(places))", arguments: StatementArguments(row.values))
      }
      return try SchemaCheck.shapes(of: tables, in: copy)
    }
    return Dictionary(uniqueKeysWithValues: shapes.map { ($0.name, $0) })
  }

  // MARK: What every store must pass

  package func checkFile(_ examiner: Examiner) {
    examiner.part {
      for line in try String.fetchAll(db, sql: "PRAGMA integrity_check(20)") where line != "ok" {
        examiner.found(
          .integrity, vi: "Tệp bị hỏng: \(line). \(Examiner.restore.vi)", en: "The file is damaged: \(line). \(Examiner.restore.en)")
      }
    }
  }

  /// Checks the capture triggers.
  ///
  /// - Parameter capturesPackets: True where anonymous rows become packets: on devices.
  package func checkTriggers(_ examiner: Examiner, capturesPackets: Bool) {
    let captured = capturesPackets ? replicated + anonymous : replicated
    examiner.part {
      for (name, sql) in captured.flatMap(CaptureTriggers.statements) {
        let present = try String.fetchOne(db, sql: "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", arguments: [name])
        if present == sql { continue }
        let (vi, en) = present == nil ? ("bị thiếu", "is missing") : ("khác với khai báo", "is not the declared one")
        examiner.found(
          .trigger,
          vi: "Trigger \(name) \(vi): điều ghi vào bảng từ đó không được ghi nhận. Lần mở tới sẽ đặt lại; xem các dòng được nêu dưới đây.",
          en:
            "Trigger \(name) \(en): what was written to its table since was not captured. The next opening puts it right; see the rows named below."
        )
      }
    }
  }
}

extension Row {
  package var cells: [CellValue] { databaseValues.map { CellValue($0) } }
}
