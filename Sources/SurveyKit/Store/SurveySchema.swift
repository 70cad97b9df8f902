internal import Crypto
internal import Foundation
public import GRDB
public import SyncKit

/// The tables of the survey domain, the same on devices and hub.
///
/// | table | scope | key |
/// |---|---|---|
/// | `unit`, `campaign`, `form` | the province | unit code; campaign id; `form@version` |
/// | `headcount` | the commune | commune code |
/// | `report` | the commune | `commune/day`: two members filing the same day write one row |
/// | `report_change` | the commune | random: one row for each correction of a report, never changed |
/// | `post` | the commune | random: news of a day; hidden with a reason, not deleted |
/// | `attachment` | the commune | hash of commune, record, question and picture: the same photo filed twice is one row |
/// | `answer` | the commune, anonymous | random, drawn on the device |
public enum SurveySchema {
  public static let tables = [
    ReplicatedTable("unit", scopeColumn: "scope", writer: .hub, references: ["parent": "unit"]),
    ReplicatedTable("campaign", scopeColumn: "scope", writer: .hub),
    ReplicatedTable("form", scopeColumn: "scope", writer: .hub, references: ["campaign": "campaign"]),
    ReplicatedTable("headcount", scopeColumn: "unit", writer: .hub, keyRule: .scopeItself),
    ReplicatedTable(
      "report", scopeColumn: "unit", keyRule: .scopePrefixed("/", column: "day"), policies: ["by_question": .perKey],
      references: ["campaign": "campaign", "form": "form"], formats: ["day": .day, "answers": .answers, "by_question": .answers],
      required: ["campaign", "day", "form"], isUrgent: true),
    ReplicatedTable(
      "report_change", scopeColumn: "unit", references: ["report": "report", "form": "form"],
      formats: ["changed_ms": .count, "answers_before": .answers, "answers_after": .answers], required: ["report"], isUrgent: true),
    ReplicatedTable(
      "attachment", scopeColumn: "unit", references: ["record": .rowNamed(by: "tbl"), "blob": .blob],
      formats: ["bytes": .count, "width": .count, "height": .count, "day": .day], required: ["tbl", "record", "blob"]),
    ReplicatedTable(
      "post", scopeColumn: "unit", references: ["campaign": "campaign"], formats: ["day": .day], required: ["day", "words"],
      lasting: ["hidden"]),
    ReplicatedTable("answer", scopeColumn: "unit", kind: .anonymous, formColumn: "form"),
  ]

  /// The key of a commune's report of one day.
  public static func reportKey(unit: String, day: String) -> String { "\(unit)/\(day)" }

  /// The key of a form's version.
  public static func formKey(id: String, version: String) -> String { "\(id)@\(version)" }

  /// The id of an answer that bears a number of elsewhere: it follows from the number, the day and what the answer says, so that the same
  /// sheet sent twice is one answer, and another sheet of the same number, or of another day's pile, is another.
  public static func contentID(number: String, unit: String, form: String, day: String?, answers: String) -> String {
    let text = [number, unit, form, day ?? "", answers].map { "\($0.utf8.count):\($0)" }.joined()
    return Data(SHA256.hash(data: Data("synckit/answer/1\0\(text)".utf8)).prefix(16)).hex
  }

  /// Creates the tables of a device.
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
    return migrator
  }

  /// Creates the tables of a hub: those of a device, and what the hub counts from them.
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
    return migrator
  }

  /// Counts choices of a campaign: the highest is the one that is shown. Null before any choice.
  private static let campaignChosen = "ALTER TABLE campaign ADD COLUMN chosen INTEGER;"

  /// Local to the hub: by how many days a campaign's folder was moved when it was loaded, and how many answers a unit had sent of a
  /// campaign when another took its place (`received`), or of others before it took theirs (`base`).
  private static let campaignLoaded = """

    CREATE TABLE campaign_shift (id TEXT PRIMARY KEY NOT NULL, days INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE campaign_count (
      campaign TEXT NOT NULL, unit TEXT NOT NULL, received INTEGER NOT NULL, base INTEGER NOT NULL,
      PRIMARY KEY (campaign, unit)) WITHOUT ROWID;
    """

  /// Local to the hub: finds the corrections of one report.
  private static let reportPages = "CREATE INDEX report_change_report ON report_change (report);"

  /// Local to the hub: see `RepeatedAnswers`.
  private static let answerRepeated = """
    CREATE TABLE answer_repeated (digest BLOB PRIMARY KEY NOT NULL, count INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Local to the hub: reports that contradict their form as they stand, `faults` as JSON; and by which rules they were judged.
  private static let reportFault = """
    CREATE TABLE report_fault (id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, day TEXT NOT NULL, faults TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE report_fault_rules (rules INTEGER NOT NULL);
    """

  /// `answers` is what earlier programs write: a report's whole answers. Since then each question merges by itself.
  private static let byQuestion = "ALTER TABLE report ADD COLUMN by_question TEXT"

  /// What packets carry beside the answer: the digest of the definition it was judged by, and of an imported one the id that earlier
  /// programs gave its number. Neither is ever written beside an answer at the hub.
  private static let answerEdition = """
    ALTER TABLE answer ADD COLUMN edition TEXT;
    ALTER TABLE answer ADD COLUMN earlier_id TEXT;

    """

  /// Local to a device: which numbers were imported with which content, hashed with its key, until another campaign comes.
  private static let importedNumber = """
    CREATE TABLE imported_number (
      campaign TEXT NOT NULL, number BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (campaign, number, content)) WITHOUT ROWID;
    """

  /// Local to the hub: definitions it was given only so that answers to them can be judged, and numbers of imported answers, apart from
  /// the answers.
  private static let knownEdition = """
    CREATE TABLE form_edition (
      digest TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL, form TEXT NOT NULL, version TEXT NOT NULL, campaign TEXT,
      definition TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE answer_number (
      unit TEXT NOT NULL, form TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY (unit, form, number)) WITHOUT ROWID;
    """

  /// Why nobody can believe the day of a report that no person stated: see `CampaignToday.Doubt`.
  private static let reportDoubt = "ALTER TABLE report ADD COLUMN doubt TEXT"

  /// The digest of the definition that a report was filed or corrected by; none in reports of earlier programs, whose word was the form's
  /// name and version.
  private static let reportEdition = "ALTER TABLE report ADD COLUMN edition TEXT"

  private static let shared = """
    CREATE TABLE unit (
      code TEXT PRIMARY KEY NOT NULL, scope TEXT NOT NULL, name TEXT, kind TEXT, level TEXT, parent TEXT) WITHOUT ROWID;
    CREATE TABLE campaign (id TEXT PRIMARY KEY NOT NULL, scope TEXT NOT NULL, definition TEXT) WITHOUT ROWID;
    CREATE TABLE form (
      id TEXT PRIMARY KEY NOT NULL, scope TEXT NOT NULL, form TEXT, version TEXT, campaign TEXT, definition TEXT,
      state TEXT DEFAULT 'open') WITHOUT ROWID;
    CREATE TABLE headcount (
      code TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, officials INTEGER, civil_servants INTEGER, part_time INTEGER,
      eligible INTEGER) WITHOUT ROWID;
    CREATE TABLE report (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, campaign TEXT, day TEXT, form TEXT, answers TEXT) WITHOUT ROWID;
    CREATE TABLE answer (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, campaign TEXT NOT NULL, form TEXT NOT NULL, day TEXT,
      language TEXT NOT NULL, answers TEXT NOT NULL) WITHOUT ROWID;

    """

  /// `changed_ms` is hub time to the minute; `answers_before` and `answers_after` hold the answers that differ, as JSON objects.
  private static let reportChange = """
    CREATE TABLE report_change (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, report TEXT, changed_ms INTEGER, device TEXT, reason TEXT, form TEXT,
      answers_before TEXT, answers_after TEXT) WITHOUT ROWID;
    """

  /// `tbl` and `record` say which row it belongs to, `question` which question of its form, `blob` where the bytes are; `day` is the
  /// campaign's, and the only time that is kept.
  private static let attachment = """
    CREATE TABLE attachment (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, tbl TEXT, record TEXT, question TEXT, blob TEXT, media TEXT, bytes INTEGER,
      width INTEGER, height INTEGER, day TEXT) WITHOUT ROWID;
    CREATE INDEX attachment_record ON attachment (record);

    """

  /// `device` is the label of the one it was written on; `hidden` says why it is not shown.
  private static let post = """
    CREATE TABLE post (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, campaign TEXT, day TEXT, words TEXT, device TEXT, hidden TEXT) WITHOUT ROWID;
    """

  /// Local to the hub: numbered releases of a form's results as they are shown, and what stood behind each question of them.
  private static let release = """
    CREATE TABLE answer_release (
      form TEXT NOT NULL, number INTEGER NOT NULL, day TEXT NOT NULL, interim INTEGER NOT NULL, view TEXT NOT NULL,
      PRIMARY KEY (form, number)) WITHOUT ROWID;
    CREATE TABLE answer_release_question (
      form TEXT NOT NULL, question TEXT NOT NULL, number INTEGER NOT NULL, snapshot TEXT NOT NULL,
      PRIMARY KEY (form, question, number)) WITHOUT ROWID;
    """

  /// Local to the hub: when it first heard of an attachment, in milliseconds of hub time.
  private static let attachmentArrival = """
    CREATE TABLE attachment_arrival (id TEXT PRIMARY KEY NOT NULL, first_ms INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Local to the hub. `report_arrival` holds hub time in milliseconds; nothing about answers has a time.
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
