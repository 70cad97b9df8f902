internal import Crypto
internal import Foundation
public import SyncCore

/// The tables of the survey domain, the same on devices and hub.
///
/// | table | scope | key |
/// |---|---|---|
/// | `unit`, `campaign`, `form` | the province | unit code; campaign id; `form@version` |
/// | `headcount` | the commune | commune code |
/// | `unit_window` | the commune | `commune/campaign`: an end of its own, later than the others' |
/// | `report` | the commune | `commune/day`: two members filing the same day write one row |
/// | `report_change` | the commune | random: one row for each correction of a report, never changed |
/// | `post` | the commune | random: news of a day; hidden with a reason, not deleted |
/// | `notice` | the commune | random: a report sent back or a reminder, written by the hub |
/// | `notice_reply` | the commune | random: one row for each reply of a device, never changed |
/// | `attachment` | the commune | hash of commune, record, question and picture: the same photo filed twice is one row |
/// | `answer` | the commune, anonymous | random, drawn on the device |
public enum SurveySchema {
  public static let tables = [
    ReplicatedTable("unit", scopeColumn: "scope", writer: .hub, references: ["parent": "unit"]),
    ReplicatedTable("campaign", scopeColumn: "scope", writer: .hub),
    ReplicatedTable("form", scopeColumn: "scope", writer: .hub, references: ["campaign": "campaign"]),
    ReplicatedTable("headcount", scopeColumn: "unit", writer: .hub, keyRule: .scopeItself),
    UnitWindow.table,
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
    NoticeTables.notice, NoticeTables.reply,
    ReplicatedTable("answer", scopeColumn: "unit", kind: .anonymous, formColumn: "form"),
  ]

  /// Returns the key of a commune's report of one day.
  public static func reportKey(unit: String, day: String) -> String { "\(unit)/\(day)" }

  /// Returns the key of a form's version.
  public static func formKey(id: String, version: String) -> String { "\(id)@\(version)" }

  /// Returns 32 random hexadecimal digits.
  package static func randomID() -> String {
    Data((0..<16).map { _ in UInt8.random(in: .min ... .max) }).hex
  }

  /// Returns the id that earlier programs gave an answer with a number of its own. The id is computed from the number alone, so two
  /// sheets of one number were taken for one. `SurveySchema.contentID` is computed from the number and the answer's content. Both
  /// ids travel inside the encrypted packet only.
  public static func importedID(campaign: String, responseID: String) -> String {
    Data(SHA256.hash(data: Data("\(campaign)/\(responseID)".utf8)).prefix(16)).hex
  }

  /// Returns the id of an answer with a number from elsewhere, computed from the number, the day and the content. The same sheet
  /// sent twice is one answer. Another sheet of the same number, or of another day's pile, is another.
  public static func contentID(number: String, unit: String, form: String, day: String?, answers: String) -> String {
    let text = [number, unit, form, day ?? "", answers].map { "\($0.utf8.count):\($0)" }.joined()
    return Data(SHA256.hash(data: Data("synckit/answer/1\0\(text)".utf8)).prefix(16)).hex
  }

  /// Column that counts choices of a campaign: the highest is the shown one. Null before any choice.
  package static let campaignChosen = "ALTER TABLE campaign ADD COLUMN chosen INTEGER;"

  /// Column with a report's answers by question, each of which merges by itself. Earlier programs write `answers` as a whole.
  package static let byQuestion = "ALTER TABLE report ADD COLUMN by_question TEXT"

  /// Columns that packets carry beside the answer: the digest of the definition by which it was judged, and for an imported one the
  /// id that earlier programs gave its number. Neither is ever written beside an answer at the hub.
  package static let answerEdition = """
    ALTER TABLE answer ADD COLUMN edition TEXT;
    ALTER TABLE answer ADD COLUMN earlier_id TEXT;

    """

  /// Column with the reason why the day of a report that no person stated may be wrong: see `CampaignToday.Doubt`.
  package static let reportDoubt = "ALTER TABLE report ADD COLUMN doubt TEXT"

  /// Column with the digest of the definition by which a report was filed or corrected. Empty in reports of earlier programs, which
  /// name only the form and its version.
  package static let reportEdition = "ALTER TABLE report ADD COLUMN edition TEXT"

  package static let shared = """
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

  /// Table of corrections. `changed_ms` is hub time to the minute; `answers_before` and `answers_after` hold the differing answers,
  /// as JSON objects.
  package static let reportChange = """
    CREATE TABLE report_change (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, report TEXT, changed_ms INTEGER, device TEXT, reason TEXT, form TEXT,
      answers_before TEXT, answers_after TEXT) WITHOUT ROWID;
    """

  /// Table of attachments. `tbl` and `record` name the row, `question` the question of its form, `blob` the bytes; `day` is the
  /// campaign's, and the only time that is kept.
  package static let attachment = """
    CREATE TABLE attachment (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, tbl TEXT, record TEXT, question TEXT, blob TEXT, media TEXT, bytes INTEGER,
      width INTEGER, height INTEGER, day TEXT) WITHOUT ROWID;
    CREATE INDEX attachment_record ON attachment (record);

    """

  /// Table of posts. `device` is the label of the device on which it was written; `hidden` says why it is not shown.
  package static let post = """
    CREATE TABLE post (
      id TEXT PRIMARY KEY NOT NULL, unit TEXT NOT NULL, campaign TEXT, day TEXT, words TEXT, device TEXT, hidden TEXT) WITHOUT ROWID;
    """

}
