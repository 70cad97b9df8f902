public import GRDB
public import SurveyKit

extension SurveySchema {
  /// Migrations that create the tables of a device.
  public static var fieldMigrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("survey-1") { db in try db.execute(sql: shared) }
    migrator.registerMigration("report-change") { db in try db.execute(sql: reportChange) }
    migrator.registerMigration("report-by-question") { db in try db.execute(sql: byQuestion) }
    migrator.registerMigration("attachment") { db in try db.execute(sql: attachment) }
    migrator.registerMigration("post") { db in try db.execute(sql: post) }
    migrator.registerMigration("answer-edition") { db in try db.execute(sql: answerEdition + importedNumber) }
    migrator.registerMigration("report-doubt") { db in try db.execute(sql: reportDoubt) }
    migrator.registerMigration("report-edition") { db in try db.execute(sql: reportEdition) }
    migrator.registerMigration("campaign-chosen") { db in try db.execute(sql: campaignChosen) }
    migrator.registerMigration("notices") { db in try db.execute(sql: NoticeTables.schema) }
    migrator.registerMigration("unit-windows") { db in try db.execute(sql: UnitWindow.schema) }
    return migrator
  }

  /// Table local to a device: hashes of imported numbers and contents, until another campaign is imported.
  private static let importedNumber = """
    CREATE TABLE imported_number (
      campaign TEXT NOT NULL, number BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (campaign, number, content)) WITHOUT ROWID;
    """
}
