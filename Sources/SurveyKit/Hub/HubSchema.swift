public import GRDB
public import SurveyKit

extension SurveySchema {
  /// Migrations that create the tables of a hub: those of a device, and what the hub counts from them.
  public static var hubMigrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("survey-1") { db in try db.execute(sql: shared + counted) }
    migrator.registerMigration("report-change") { db in try db.execute(sql: reportChange) }
    migrator.registerMigration("report-by-question") { db in try db.execute(sql: byQuestion) }
    migrator.registerMigration("attachment") { db in try db.execute(sql: attachment + attachmentArrival) }
    migrator.registerMigration("post") { db in try db.execute(sql: post) }
    migrator.registerMigration("answer-release") { db in try db.execute(sql: release) }
    migrator.registerMigration("answer-edition") { db in try db.execute(sql: answerEdition + knownEdition) }
    migrator.registerMigration("report-fault") { db in try db.execute(sql: reportFault) }
    migrator.registerMigration("report-doubt") { db in try db.execute(sql: reportDoubt) }
    migrator.registerMigration("report-edition") { db in try db.execute(sql: reportEdition) }
    migrator.registerMigration("answer-repeated") { db in try db.execute(sql: answerRepeated) }
    migrator.registerMigration("campaign-chosen") { db in try db.execute(sql: campaignChosen + campaignLoaded) }
    migrator.registerMigration("report-pages") { db in try db.execute(sql: reportPages) }
    migrator.registerMigration("people") { db in try db.execute(sql: PeopleTable.schema) }
    migrator.registerMigration("calls") { db in try db.execute(sql: CallTables.schema) }
    migrator.registerMigration("running-counts") { db in try db.execute(sql: RunningCounts.schema) }
    migrator.registerMigration("entered") { db in try db.execute(sql: ReportEntryTable.schema) }
    migrator.registerMigration("notices") { db in try db.execute(sql: NoticeTables.schema + NoticeTables.hubIndexes) }
    migrator.registerMigration("unit-windows") { db in try db.execute(sql: UnitWindow.schema) }
    migrator.registerMigration("unit-tags") { db in try db.execute(sql: UnitTags.schema) }
    migrator.registerMigration("report-flags") { db in try db.execute(sql: FlagTable.schema) }
    // Lists the newest posts without reading all.
    migrator.registerMigration("post-day") { db in try db.execute(sql: "CREATE INDEX post_day ON post (day DESC, unit, id)") }
    return migrator
  }

  /// Table local to the hub: by how many days a campaign's folder was moved when it was loaded. Also how many answers a unit had
  /// sent of a campaign when another took its place (`received`), or of others before it took theirs (`base`).
  private static let campaignLoaded = """

    CREATE TABLE campaign_shift (id TEXT PRIMARY KEY NOT NULL, days INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE campaign_count (
      campaign TEXT NOT NULL, unit TEXT NOT NULL, received INTEGER NOT NULL, base INTEGER NOT NULL,
      PRIMARY KEY (campaign, unit)) WITHOUT ROWID;
    """

  /// Index local to the hub: finds the corrections of one report.
  private static let reportPages = "CREATE INDEX report_change_report ON report_change (report);"

  /// Table local to the hub: see `RepeatedAnswers`.
  private static let answerRepeated = """
    CREATE TABLE answer_repeated (digest BLOB PRIMARY KEY NOT NULL, count INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Tables local to the hub: reports that contradict their form as they stand, with `faults` as JSON; and the version of the
  /// judging rules.
  private static let reportFault = """
    CREATE TABLE report_fault (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, day TEXT NOT NULL, faults TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE report_fault_rules (rules INTEGER NOT NULL);
    """

  /// Tables local to the hub: definitions that only judge answers, and numbers of imported answers, apart from the answers.
  private static let knownEdition = """
    CREATE TABLE form_edition (
      digest TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL, form TEXT NOT NULL, version TEXT NOT NULL, campaign TEXT,
      definition TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE answer_number (
      unit TEXT NOT NULL, form TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY (unit, form, number)) WITHOUT ROWID;
    """

  /// Tables local to the hub: numbered releases of a form's results as they are shown, and what stood behind each question.
  private static let release = """
    CREATE TABLE answer_release (
      form TEXT NOT NULL, number INTEGER NOT NULL, day TEXT NOT NULL, interim INTEGER NOT NULL, view TEXT NOT NULL,
      PRIMARY KEY (form, number)) WITHOUT ROWID;
    CREATE TABLE answer_release_question (
      form TEXT NOT NULL, question TEXT NOT NULL, number INTEGER NOT NULL, snapshot TEXT NOT NULL,
      PRIMARY KEY (form, question, number)) WITHOUT ROWID;
    """

  /// Table local to the hub: when it first heard of an attachment, in milliseconds of hub time.
  private static let attachmentArrival = """
    CREATE TABLE attachment_arrival (id TEXT PRIMARY KEY NOT NULL, first_ms INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Tables local to the hub. `report_arrival` holds hub time in milliseconds; nothing about answers has a time.
  private static let counted = """
    CREATE TABLE report_arrival (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL)
      WITHOUT ROWID;
    CREATE TABLE tally (
      unit TEXT NOT NULL, form TEXT NOT NULL, question TEXT NOT NULL, choice TEXT NOT NULL, count INTEGER NOT NULL,
      PRIMARY KEY (unit, form, question, choice)) WITHOUT ROWID;
    CREATE TABLE answer_count (
      unit TEXT NOT NULL, form TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (unit, form)) WITHOUT ROWID;
    CREATE TABLE day_count (
      unit TEXT NOT NULL, form TEXT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (unit, form, day)) WITHOUT ROWID;
    """
}
