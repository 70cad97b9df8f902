package import GRDB
package import SyncCore

/// Runs an app's migrations on an empty copy of the store first, so that an unacceptable migration is refused before it changed
/// anything.
package enum SchemaRehearsal {
  /// Brings a store to the app's newest schema.
  ///
  /// - Throws: `SyncError` `.badSchema`; the store is unchanged then.
  package static func migrate(
    _ database: DatabasePool, _ migrator: DatabaseMigrator, tables: [ReplicatedTable], records: MetadataSchema.RecordOrder,
    capture: CaptureContext
  ) throws {
    try rehearse(migrator, on: database, capture: capture) { copy in
      try MetadataSchema.migrate(copy, metadataFor: tables, records: records)
      _ = try SchemaCheck.shapes(of: tables, in: copy)
    }
    try migrator.migrate(database)
  }

  /// Runs the migrations on an empty copy.
  ///
  /// - Parameter check: Called with the copy as the migrations would leave it.
  private static func rehearse(
    _ migrator: DatabaseMigrator, on database: DatabasePool, capture: CaptureContext, check: (Database) throws -> Void
  ) throws {
    let copied = try database.read { db -> [(sql: String, values: StatementArguments)]? in
      if try migrator.hasCompletedMigrations(db) { return nil }
      // Copies no triggers: capture makes its own at every opening.
      let sql = try String.fetchAll(
        db,
        sql: """
          SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql IS NOT NULL AND type <> 'trigger'
          ORDER BY type = 'table' DESC, rowid
          """)
      var statements = sql.map { (sql: $0, values: StatementArguments()) }
      for table in ["grdb_migrations", "sync_table", "sync_column", "sync_declared"] where try db.tableExists(table) {
        for row in try Row.fetchAll(db, sql: "SELECT * FROM \(table)") {
          let places = row.databaseValues.map { _ in "?" }.joined(separator: ", ")
          statements.append((sql: "INSERT INTO \(table) VALUES (\(places))", values: StatementArguments(row.databaseValues)))
        }
      }
      return statements
    }
    guard let copied else { return }
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    capture.install(in: &configuration)
    let copy = try DatabaseQueue(configuration: configuration)
    do {
      try copy.write { db in for statement in copied { try db.execute(sql: statement.sql, arguments: statement.values) } }
      try migrator.migrate(copy)
    } catch {
      // Gives up: a migration that needs the rows it works on cannot be rehearsed. Run on the store, it reports its own errors.
      return
    }
    try copy.write(check)
  }
}
