internal import Crypto
public import Foundation
public import SyncCore

/// Takes answers collected elsewhere from a CSV file, row by row: each row is accepted whole or refused with its reason.
///
/// The file has one row for each answered form: the envelope columns of `Envelope`, then a column for each question; multiple
/// choices are separated by spaces. `received_at` and `fault` are not looked at. Of the moment of submission only the day is
/// kept. Nothing is written and no clock is read: the caller stores what was accepted and shows what was not.
///
/// A column may be headed by its name in other letters, or by its question's label; the unit, the form and its version are the caller's
/// where the file says nothing. Cells are read as a spreadsheet shows them (`SheetCells`). How the file was understood is in `remarks`.
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

    /// Tells if the file cannot be imported without the column, and `unit` where no unit is known to be meant.
    var isNeeded: Bool { self == .responseID || self == .submittedAt }
  }

  /// Says how the file was understood: whoever gave it may know better.
  public private(set) var remarks: [LocalizedText]
  /// Rows whose unit got the zeros back that a spreadsheet had dropped.
  public private(set) var zerosRestored = 0
  private let form: Form
  private let cells: SheetCells
  private let choices: [String: [FormChoice]]
  /// Places of columns, by their names.
  private let places: [String: Int]
  private let defaultUnit: String?
  private let zeros: LostZeros
  private let languages: Set<String>
  private let knownUnits: Set<String>
  private let ownUnits: Set<String>?
  private let zoneOffsetMinutes: Int
  private let today: ISODate?
  private let questions: [FormQuestion]
  private let hiddenUnit: String?
  private var validator: AnswerValidator
  private var reader: CSVReader
  /// What was accepted under each number.
  private var accepted: [String: Set<Data>] = [:]

  /// - Parameters:
  ///   - encoding: As somebody stated it; nil is found out.
  ///   - knownUnits: Codes of every unit there is.
  ///   - ownUnits: Codes this device may write for; nil when it may write for all. A row that names none is of the only one.
  ///   - zoneOffsetMinutes: The campaign's zone, minutes east of UTC; Vietnam is 420.
  ///   - today: `YYYY-MM-DD` in that zone; later rows are refused. Nil where no clock can be believed: what the rows say is taken.
  ///     `today()` in the form means the day of the row.
  /// - Throws: `CSVImportError` when the file as a whole cannot be this form's answers.
  public init(
    _ data: Data, encoding: TextEncoding? = nil, form: Form, knownUnits: Set<String>, ownUnits: Set<String>? = nil, zoneOffsetMinutes: Int,
    today: String?
  ) throws(CSVImportError) {
    reader = try Self.open(data, encoding)
    let inRepeats = Set(form.repeats.flatMap { FormItem.questions(in: $0.items) }.map(\.name))
    let heading = ImportHeading(reader.header, form: form)
    let onlyUnit = ownUnits.flatMap { $0.count == 1 ? $0.first : nil }
    var problems = Envelope.allCases.filter { column in
      (column.isNeeded || column == .unit && onlyUnit == nil) && heading.places[column.rawValue] == nil
    }.map { Self.missingColumn($0.rawValue) }
    problems += heading.problems
    let day = today.flatMap { ISODate($0) }
    if day == nil, today != nil { problems.append(LocalizedText(vi: "Ngày hôm nay không hợp lệ.", en: "The current day is not valid.")) }
    guard problems.isEmpty else { throw CSVImportError(problems: problems) }
    defaultUnit = onlyUnit
    remarks = reader.remarks + heading.remarks
    self.form = form
    places = heading.places
    let envelope = Set(Envelope.allCases.map(\.rawValue))
    questions = form.questions.filter { heading.places[$0.name] != nil && !envelope.contains($0.name) && !inRepeats.contains($0.name) }
    choices = Dictionary(form.questions.map { ($0.name, form.choices(of: $0)) }, uniquingKeysWith: { first, _ in first })
    cells = SheetCells(hasDecimalCommas: reader.separator == ";", isDayFirst: form.defaultLanguage != "en")
    languages = Set(form.languages.map(\.code))
    self.knownUnits = knownUnits
    self.ownUnits = ownUnits
    zeros = LostZeros(knownUnits)
    self.zoneOffsetMinutes = zoneOffsetMinutes
    self.today = day
    hiddenUnit = form.question(named: Envelope.unit.rawValue)?.name
    validator = AnswerValidator(form: form, today: today ?? CalendarDay.first.description)
  }

  private static func open(_ data: Data, _ encoding: TextEncoding?) throws(CSVImportError) -> CSVReader {
    do throws(CSVFault) {
      return try CSVReader(data, encoding: encoding)
    } catch {
      if case .twoCodePages = error.kind { throw CSVImportError(problems: [error.explanation, stateEncoding]) }
      throw CSVImportError(problems: [error.explanation])
    }
  }

  /// The form and version that the first row to name them names; empty where none does.
  public static func named(in data: Data, encoding: TextEncoding? = nil) -> (form: String, version: String) {
    guard var reader = try? CSVReader(data, encoding: encoding) else { return ("", "") }
    let places = ImportHeading(reader.header, form: nil).places
    while let next = reader.next() {
      guard case .success(let record) = next, let form = places[Envelope.formID.rawValue].map({ record.fields[$0].trimmingWhitespace }),
        !form.isEmpty
      else { continue }
      return (form, places[Envelope.formVersion.rawValue].map { record.fields[$0].trimmingWhitespace } ?? "")
    }
    return ("", "")
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
    func cell(_ column: Envelope) -> String { (places[column.rawValue].map { record.fields[$0] } ?? "").trimmingWhitespace }
    func refusal(_ column: Envelope, _ reason: RejectedRow.Reason, _ message: LocalizedText) -> RejectedRow {
      RejectedRow(line: record.line, column: column.rawValue, reason: reason, message: message)
    }
    if let lost = record.lostLetters {
      throw RejectedRow(line: record.line, column: reader.header[lost], reason: .lostLetters, message: Self.lostLetters)
    }
    let response = cell(.responseID)
    guard Self.isIdentifier(response) else { throw refusal(.responseID, .badIdentifier, Self.badIdentifier) }
    guard accepted.count < Self.importRowsMax else { throw refusal(.responseID, .tooManyRows, Self.tooManyRows) }
    let unit = try self.unit(cell(.unit), of: record)
    if let ownUnits, !ownUnits.contains(unit) { throw refusal(.unit, .foreignUnit, Self.foreignUnit) }
    guard [form.id, ""].contains(cell(.formID)) else { throw refusal(.formID, .otherForm, otherForm) }
    guard [form.version, ""].contains(cell(.formVersion)) else { throw refusal(.formVersion, .otherForm, otherForm) }
    let language = cell(.language)
    guard language.isEmpty || languages.contains(language) else { throw refusal(.language, .unknownLanguage, unknownLanguage) }
    let submitted = cell(.submittedAt)
    var day = SubmissionTime.day(of: submitted, zoneOffsetMinutes: zoneOffsetMinutes)
    switch cells.dayOfMoment(submitted) {
    case .unclear(let why) where day == nil: throw refusal(.submittedAt, .badTime, why)
    case .text(let plain) where day == nil: day = plain
    default: break
    }
    guard let day, let date = ISODate(day) else { throw refusal(.submittedAt, .badTime, Self.badTime) }
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

  /// The unit a row is of: the one it names, also without the zeros in front that a spreadsheet drops, or the device's own.
  private mutating func unit(_ text: String, of record: CSVRecord) throws(RejectedRow) -> String {
    if text.isEmpty, let defaultUnit { return defaultUnit }
    if knownUnits.contains(text) { return text }
    let fitting = zeros.fitting(text)
    if fitting.count == 1 {
      zerosRestored += 1
      return fitting[0]
    }
    throw RejectedRow(
      line: record.line, column: Envelope.unit.rawValue, reason: .unknownUnit,
      message: fitting.count > 1 ? Self.severalUnits : Self.unknownUnit)
  }

  private mutating func validated(_ record: CSVRecord, unit: String, day: String) throws(RejectedRow) -> ValidatedAnswers {
    var answers: [String: AnswerValue] = [:]
    for question in questions {
      guard let text = places[question.name].map({ record.fields[$0] }), !text.isEmpty else { continue }
      switch cells.cell(text, for: question, choices: choices[question.name] ?? []) {
      case .text(let plain): answers[question.name] = .text(plain)
      case .unclear(let why):
        throw RejectedRow(line: record.line, column: question.name, reason: .answer(.malformed), message: why)
      }
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

  /// Letters, digits and `-_.:`, at most 64 of them.
  private static func isIdentifier(_ text: String) -> Bool {
    FormName.isIdentifier(text.replacingOccurrences(of: ":", with: "-"))
  }
}

// MARK: - Sentences

extension AnswersCSVImporter {
  private static let badIdentifier = LocalizedText(
    vi: "Mã phiếu trống hoặc có ký tự lạ (như 1,2E+15 do bảng tính rút gọn); hãy kiểm tra nguồn xuất tệp.",
    en: "The response id is blank or has strange characters (such as 1.2E+15, cut by a spreadsheet); check where the file comes from.")
  private static let duplicate = LocalizedText(
    vi: "Phiếu này đã có ở trên (gửi hai lần); giữ phiếu đầu, không cần làm gì.",
    en: "This response is already above (sent twice); the first is kept, nothing to do.")
  private static let tooManyRows = LocalizedText(
    vi: "Tệp có hơn \(importRowsMax) phiếu; hãy chia nhỏ tệp.", en: "The file has more than \(importRowsMax) responses; split it.")
  private static let unknownUnit = LocalizedText(
    vi: "Không có đơn vị mang mã này; hãy kiểm tra, kể cả số 0 ở đầu.",
    en: "There is no unit with this code; check it, the leading zero too.")
  private static let severalUnits = LocalizedText(
    vi: "Mã này thiếu số 0 ở đầu và hợp với nhiều đơn vị; hãy viết đủ mã.",
    en: "This code lacks its leading zeros and fits several units; write it whole.")
  private static let lostLetters = LocalizedText(
    vi: "Dấu “?” có thể là chữ bị mất khi lưu tệp theo bảng mã cũ; hãy lưu lại dạng “CSV UTF-8”, hoặc sửa dòng này trong tệp bị từ chối.",
    en:
      "A “?” may stand for a letter lost when the file was saved in a code page; save it as “CSV UTF-8”, or correct the row among the refused."
  )
  private static let stateEncoding = LocalizedText(
    vi: "Nếu biết chắc bảng mã, hãy thêm --encoding windows-1258 hoặc --encoding windows-1252.",
    en: "If you know the code page for certain, add --encoding windows-1258 or --encoding windows-1252.")
  private static let foreignUnit = LocalizedText(
    vi: "Thiết bị này không phụ trách đơn vị đó; hãy nhập ở thiết bị của đơn vị hoặc của huyện.",
    en: "This device does not serve that unit; import on the unit's or the district's device.")
  private static let badTime = LocalizedText(
    vi: "Thời điểm gửi phải dạng 2024-04-01T08:30:00+07:00, hoặc một ngày như 2024-04-01.",
    en: "The time of submission must be like 2024-04-01T08:30:00+07:00, or a day such as 2024-04-01.")
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
}
