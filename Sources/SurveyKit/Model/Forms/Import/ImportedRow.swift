public import SyncCore

/// The verdict on one row.
public enum ImportedRow: Sendable {
  case accepted(AcceptedRow)
  case rejected(RejectedRow)
}

/// A row that is ready to be stored.
public struct AcceptedRow: Sendable, Hashable {
  /// Line of the file where the row begins; the header is line 1.
  public let line: Int
  public let responseID: String
  /// Code of the unit.
  public let unit: String
  /// Day of submission in the campaign's zone, `YYYY-MM-DD`.
  public let day: String
  /// Code of the language the respondent used.
  public let language: String
  public let answers: ValidatedAnswers
  /// An earlier row of the file has this number and says something else.
  public let isReused: Bool

  /// The row as one that was refused, for somebody to decide about.
  public var asChanged: RejectedRow {
    RejectedRow(
      line: line, column: AnswersCSVImporter.Envelope.responseID.rawValue, reason: .changed,
      message: LocalizedText(
        vi:
          "Số phiếu này đã nhập với nội dung khác: phiếu của người khác thì nhập với --changed add; là bản sửa thì bỏ qua, phiếu đã nhập không rút lại được.",
        en:
          "This number was imported with other content: if it is another person's sheet, import it with --changed add; if it is a correction, leave it out, since what was imported cannot be taken back."
      ))
  }
}

/// A row that was refused: where, why, and what to do. Never quotes an answer.
public struct RejectedRow: ExplainedError, Hashable {
  public enum Reason: Sendable, Hashable {
    /// Its number was imported with other content.
    case changed
    case unreadable, lostLetters, badIdentifier, duplicate, tooManyRows, unknownUnit, foreignUnit, otherForm, unknownLanguage, badTime,
      future
    case answer(AnswerFault.Kind)

    /// Word for counting and for files.
    public var code: String {
      switch self {
      case .changed: "changed"
      case .unreadable: "unreadable"
      case .lostLetters: "lost_letters"
      case .badIdentifier: "bad_identifier"
      case .duplicate: "duplicate"
      case .tooManyRows: "too_many_rows"
      case .unknownUnit: "unknown_commune"
      case .foreignUnit: "foreign_commune"
      case .otherForm: "other_form"
      case .unknownLanguage: "unknown_language"
      case .badTime: "bad_time"
      case .future: "future"
      case .answer(let kind): kind.rawValue
      }
    }
  }

  /// Line of the file where the row begins; the header is line 1.
  public let line: Int
  /// Name of the column; nil when the row could not be cut into columns.
  public let column: String?
  public let reason: Reason
  /// The sentence without its place.
  public let message: LocalizedText

  public var explanation: LocalizedText {
    guard let column else { return message }
    return LocalizedText(vi: "Dòng \(line), cột \(column): \(message.vi)", en: "Line \(line), column \(column): \(message.en)")
  }
}

/// Why a file as a whole cannot be imported.
public struct CSVImportError: ExplainedError, Hashable {
  /// At least one.
  public let problems: [LocalizedText]

  public var explanation: LocalizedText { MistakeLines.capped(problems) }
}
