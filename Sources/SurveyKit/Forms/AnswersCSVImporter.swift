internal import Crypto
public import Foundation
public import SyncKit

/// Takes answers collected elsewhere from a CSV file, row by row: each row is accepted whole or refused with its reason.
///
/// The file has one row for each answered form: the envelope columns of `Envelope`, then a column for each question; multiple
/// choices are separated by spaces. `received_at` and `fault` are not looked at. Of the moment of submission only the day is
/// kept. Nothing is written and no clock is read: the caller stores what was accepted and shows what was not.
///
/// Of several rows with one `response_id` that say the same the first is accepted and the others are refused as duplicates. One that says
/// something else is accepted and marked: somebody must say whether it is another sheet or a correction.
///
/// - Note: Memory is the file, one row and the identifiers accepted so far (`importRowsMax`).
public struct AnswersCSVImporter: Sequence, IteratorProtocol {
  /// Most rows accepted from one file.
  public static let importRowsMax = 1_000_000

  /// Columns about the answered form rather than of it.
  public enum Envelope: String, CaseIterable, Sendable {
    case responseID = "response_id"
    case unit = "commune_code"
    case formID = "form_id"
    case formVersion = "form_version"
    case language
    case submittedAt = "submitted_at"
    case receivedAt = "received_at"
    case fault

    /// Whether the file cannot be imported without it.
    var isNeeded: Bool { self != .receivedAt && self != .fault && self != .language }
  }

  private let form: Form
  private let languages: Set<String>
  private let knownUnits: Set<String>
  private let ownUnits: Set<String>?
  private let zoneOffsetMinutes: Int
  private let today: ISODate?
  private let questions: [String]
  private let hiddenUnit: String?
  private var validator: AnswerValidator
  private var reader: CSVReader
  /// What was accepted under each number.
  private var accepted: [String: Set<Data>] = [:]

  /// - Parameters:
  ///   - knownUnits: Codes of every unit there is.
  ///   - ownUnits: Codes this device may write for; nil when it may write for all.
  ///   - zoneOffsetMinutes: The campaign's zone, minutes east of UTC; Vietnam is 420.
  ///   - today: `YYYY-MM-DD` in that zone; later rows are refused. Nil where no clock can be believed: what the rows say is taken.
  ///     `today()` in the form means the day of the row.
  /// - Throws: `CSVImportError` when the file as a whole cannot be this form's answers.
  public init(
    _ data: Data, form: Form, knownUnits: Set<String>, ownUnits: Set<String>? = nil, zoneOffsetMinutes: Int, today: String?
  ) throws(CSVImportError) {
    do throws(CSVFault) {
      reader = try CSVReader(data)
    } catch {
      throw CSVImportError(problems: [error.explanation])
    }
    let envelope = Set(Envelope.allCases.map(\.rawValue))
    let columns = Set(reader.header)
    let names = form.questions.map(\.name)
    let inRepeats = Set(form.repeats.flatMap { FormItem.questions(in: $0.items) }.map(\.name))
    var problems = Envelope.allCases.filter { $0.isNeeded && !columns.contains($0.rawValue) }.map { Self.missingColumn($0.rawValue) }
    for column in reader.header where !envelope.contains(column) && (!names.contains(column) || inRepeats.contains(column)) {
      problems.append(Self.unknownColumn(column))
    }
    let day = today.flatMap { ISODate($0) }
    if day == nil, today != nil { problems.append(LocalizedText(vi: "Ngày hôm nay không hợp lệ.", en: "The current day is not valid.")) }
    guard problems.isEmpty else { throw CSVImportError(problems: problems) }
    self.form = form
    languages = Set(form.languages.map(\.code))
    self.knownUnits = knownUnits
    self.ownUnits = ownUnits
    self.zoneOffsetMinutes = zoneOffsetMinutes
    self.today = day
    questions = names.filter { columns.contains($0) && !envelope.contains($0) }
    hiddenUnit = form.question(named: Envelope.unit.rawValue)?.name
    validator = AnswerValidator(form: form, today: today ?? CalendarDay.first.description)
  }

  /// The verdict on the next row; nil at the end of the file.
  public mutating func next() -> ImportedRow? {
    while let next = reader.next() {
      switch next {
      case .failure(let fault):
        return .rejected(RejectedRow(line: fault.line, column: nil, reason: .unreadable, message: fault.explanation))
      case .success(let record) where record.isBlank: continue
      case .success(let record):
        do throws(RejectedRow) {
          return .accepted(try judge(record))
        } catch {
          return .rejected(error)
        }
      }
    }
    return nil
  }

  private mutating func judge(_ record: CSVRecord) throws(RejectedRow) -> AcceptedRow {
    func cell(_ column: Envelope) -> String { (record[column.rawValue] ?? "").trimmingWhitespace }
    func refusal(_ column: Envelope, _ reason: RejectedRow.Reason, _ message: LocalizedText) -> RejectedRow {
      RejectedRow(line: record.line, column: column.rawValue, reason: reason, message: message)
    }
    let response = cell(.responseID)
    guard Self.isIdentifier(response) else { throw refusal(.responseID, .badIdentifier, Self.badIdentifier) }
    guard accepted.count < Self.importRowsMax else { throw refusal(.responseID, .tooManyRows, Self.tooManyRows) }
    let unit = cell(.unit)
    guard knownUnits.contains(unit) else { throw refusal(.unit, .unknownUnit, Self.unknownUnit) }
    if let ownUnits, !ownUnits.contains(unit) { throw refusal(.unit, .foreignUnit, Self.foreignUnit) }
    guard cell(.formID) == form.id else { throw refusal(.formID, .otherForm, otherForm) }
    guard cell(.formVersion) == form.version else { throw refusal(.formVersion, .otherForm, otherForm) }
    let language = cell(.language)
    guard language.isEmpty || languages.contains(language) else { throw refusal(.language, .unknownLanguage, unknownLanguage) }
    guard let day = SubmissionTime.day(of: cell(.submittedAt), zoneOffsetMinutes: zoneOffsetMinutes), let date = ISODate(day) else {
      throw refusal(.submittedAt, .badTime, Self.badTime)
    }
    if let today, date > today { throw refusal(.submittedAt, .future, Self.future) }
    let answers = try validated(record, unit: unit, day: day)
    let isReused = accepted[response] != nil
    guard accepted[response, default: []].insert(Data(SHA256.hash(data: answers.canonicalJSON))).inserted else {
      throw refusal(.responseID, .duplicate, Self.duplicate)
    }
    return AcceptedRow(
      line: record.line, responseID: response, unit: unit, day: day, language: language.isEmpty ? form.defaultLanguage : language,
      answers: answers, isReused: isReused)
  }

  private mutating func validated(_ record: CSVRecord, unit: String, day: String) throws(RejectedRow) -> ValidatedAnswers {
    var answers: [String: AnswerValue] = [:]
    for name in questions {
      if let text = record[name], !text.isEmpty { answers[name] = .text(text) }
    }
    if let hiddenUnit { answers[hiddenUnit] = .text(unit) }
    validator.today = day
    switch validator.validate(answers) {
    case .success(let answers): return answers
    case .failure(let error):
      let first = error.faults.first
      throw RejectedRow(
        line: record.line, column: first?.question, reason: .answer(first?.kind ?? .malformed), message: first?.message ?? error.explanation
      )
    }
  }

  /// Letters, digits and `-_.:`, at most `FormName.formNameBytesMax` of them.
  private static func isIdentifier(_ text: String) -> Bool {
    FormName.isValidChoice(text.replacingOccurrences(of: ":", with: "-"))
  }
}

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
    case unreadable, badIdentifier, duplicate, tooManyRows, unknownUnit, foreignUnit, otherForm, unknownLanguage, badTime, future
    case answer(AnswerFault.Kind)

    /// One word for counting and for files.
    public var code: String {
      switch self {
      case .changed: "changed"
      case .unreadable: "unreadable"
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
  /// Nil when the row could not be cut into columns.
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

// MARK: - Sentences

extension AnswersCSVImporter {
  private static let badIdentifier = LocalizedText(
    vi: "Mã phiếu trống hoặc có ký tự lạ; hãy kiểm tra nguồn xuất tệp.",
    en: "The response id is blank or has strange characters; check where the file comes from.")
  private static let duplicate = LocalizedText(
    vi: "Phiếu này đã có ở trên (gửi hai lần); giữ phiếu đầu, không cần làm gì.",
    en: "This response is already above (sent twice); the first is kept, nothing to do.")
  private static let tooManyRows = LocalizedText(
    vi: "Tệp có hơn \(importRowsMax) phiếu; hãy chia nhỏ tệp.", en: "The file has more than \(importRowsMax) responses; split it.")
  private static let unknownUnit = LocalizedText(
    vi: "Không có đơn vị mang mã này; hãy kiểm tra, kể cả số 0 ở đầu.",
    en: "There is no unit with this code; check it, the leading zero too.")
  private static let foreignUnit = LocalizedText(
    vi: "Thiết bị này không phụ trách đơn vị đó; hãy nhập ở thiết bị của đơn vị hoặc của huyện.",
    en: "This device does not serve that unit; import on the unit's or the district's device.")
  private static let badTime = LocalizedText(
    vi: "Thời điểm gửi phải dạng 2024-04-01T08:30:00+07:00.", en: "The time of submission must be like 2024-04-01T08:30:00+07:00.")
  private static let future = LocalizedText(
    vi: "Ngày gửi sau ngày hôm nay; hãy kiểm tra đồng hồ của thiết bị.",
    en: "The day of submission is after today; check the device's clock.")

  private var otherForm: LocalizedText {
    LocalizedText(
      vi: "Phiếu này của biểu mẫu hoặc phiên bản khác; ở đây là \(form.id) phiên bản \(form.version).",
      en: "This response is of another form or version; this is \(form.id) version \(form.version).")
  }

  private var unknownLanguage: LocalizedText {
    let codes = languages.sorted().joined(separator: ", ")
    return LocalizedText(vi: "Ngôn ngữ phải là một trong: \(codes).", en: "The language must be one of: \(codes).")
  }

  private static func missingColumn(_ name: String) -> LocalizedText {
    LocalizedText(vi: "Tệp thiếu cột \(name); hãy thêm.", en: "The file lacks the column \(name); add it.")
  }

  private static func unknownColumn(_ name: String) -> LocalizedText {
    LocalizedText(
      vi: "Cột \"\(name)\" không phải câu hỏi của biểu mẫu; hãy xóa hoặc sửa tên.",
      en: "The column \"\(name)\" is no question of the form; remove it or correct its name.")
  }
}
