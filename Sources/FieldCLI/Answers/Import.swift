internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Import: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Nhận phiếu từ tệp CSV; dòng nào bị từ chối thì nói rõ.", en: "Take answers from a CSV file; say by line what was refused."),
    discussion: LocalizedText(
      vi: """
        Mỗi dòng là một phiếu đã trả lời; --example in ra một tệp mẫu, field forms MÃ nêu tên cột và mã lựa chọn. Đọc được CSV như Excel \
        lưu (dấu phẩy, chấm phẩy hay tab; UTF-8, UTF-16 hay bảng mã Windows) và .xlsx (trang đầu). Dòng đúng được nhận, mã hóa cho tỉnh, từ đó máy này không đọc lại được. Dòng bị từ chối nằm \
        trong answers.rejects.csv, lý do ở cột "fault" mà lệnh nhập bỏ qua: sửa tệp đó rồi nhập. Nhập lại một tệp không làm trùng \
        phiếu ở tỉnh. Mã thoát 2 khi có dòng bị từ chối.
        """,
      en: """
        One row is one answered form; --example prints a file to begin with, field forms ID names the columns and the codes of choices. CSV \
        is read as Excel saves it (comma, semicolon or tab; UTF-8, UTF-16 or a code page of Windows), and .xlsx (its first sheet). Good rows are taken, encrypted for the province and unreadable on this device from then on. The \
        refused rows are kept in answers.rejects.csv with the reason in the column "fault", which an import passes over: correct that \
        file and import it. Importing a file again doubles nothing at the hub. Exit code 2 when some rows were refused.
        """),
    examples: [
      "field import answers.csv", "field import answers.csv --form pks01", "field import --example pks01 > answers.csv",
      "field import answers.csv --encoding windows-1258",
    ])

  @OptionGroup var field: FieldOptions
  @OptionGroup var meant: FieldCampaign

  @Argument(help: .text(vi: "Tệp CSV hoặc .xlsx; với --example là mã biểu mẫu.", en: "The CSV or .xlsx file; with --example, a form's id."))
  var file: String?

  @Flag(
    name: .long,
    help: .text(
      vi: "In ra tệp mẫu: tiêu đề cột và một dòng nhập được; xóa dòng đó trước khi nhập phiếu thật.",
      en: "Print a file to begin with: the heading and one row that can be imported; delete that row before real answers."))
  var example = false

  @Option(
    name: .long,
    help: .text(
      vi: "Bảng mã của tệp, khi tự nhận ra không đúng: utf-8, utf-16, windows-1258, windows-1252.",
      en: "How the file's letters are written, where that is not found out rightly: utf-8, utf-16, windows-1258, windows-1252."))
  var encoding: Letters?

  enum Letters: String, ExpressibleByArgument, CaseIterable {
    case utf8 = "utf-8"
    case utf16 = "utf-16"
    case windows1258 = "windows-1258"
    case windows1252 = "windows-1252"
  }

  private var stated: TextEncoding? { encoding.flatMap { TextEncoding(rawValue: $0.rawValue) } }

  @Option(name: .long, help: .text(vi: "Mã biểu mẫu. Mặc định: mã ghi trong tệp.", en: "Id of the form. Default: the one the file names."))
  var form: String?

  @Option(
    name: .long,
    help: .text(
      vi: "Dòng có số phiếu đã nhập với nội dung khác: ask (hỏi), add (nhập như phiếu khác) hoặc skip (bỏ qua).",
      en: "Rows whose number was imported with other content: ask, add (as another sheet) or skip."))
  var changed: Changed = .ask

  enum Changed: String, ExpressibleByArgument, CaseIterable {
    case ask, add, skip
  }

  /// Refused rows listed in JSON; the rejects file has them all.
  private static let listedMax = 1_000

  private struct Example: Encodable {
    var heading: [String]
    var row: [String]?
  }

  private struct Outcome: Encodable {
    struct Refused: Encodable {
      var line: Int
      var column: String?
      var reason: String
      var message: String
    }

    var counts: ImportCounts
    var form: String
    var rejectsFile: String?
    var refused: [Refused]
    /// Refused rows beyond those listed.
    var refusedUnlisted: Int
    /// Counts the rows refused for each reason.
    var refusedByReason: [String: Int]
    /// Remarks about how the file was read.
    var remarks: [String]
  }

  func validate() throws {
    if file == nil, !example {
      throw ValidationError(vi: "Hãy nêu tệp cần nhập, hoặc --example.", en: "Name the file to import, or give --example.")
    }
  }

  func perform(_ console: Console) async throws {
    let survey = try await field.open().about(campaign: meant.campaign, form: form ?? (example ? file : nil))
    let unit = try await survey.unit()
    if example { return try await printExample(survey, unit: unit, console) }
    guard let file else { return }
    let csv = try InputFile.read(file, bytesMax: CSVReader.csvFileBytesMax)
    let chosen = try await chooseForm(survey, csv: csv)
    let rows = csv.count { $0 == UInt8(ascii: "\n") }
    let bar = ProgressBar(console.words.text("Nhập", "Import"), console: console)
    func take(_ changed: ChangedRows) async throws -> ImportOutcome {
      try await interruptible {
        try await survey.importAnswers(csv: csv, encoding: stated, form: chosen, changed: changed) { counts in
          bar.show(done: counts.rows, of: max(counts.rows, rows - 1))
        }
      }
    }
    var outcome = try await take(changed == .add ? .take : .refuse)
    bar.finish()
    if changed == .ask, outcome.counts.changed > 0, !outcome.counts.isInterrupted, asksToAdd(outcome.counts.changed, console) {
      let more = try await take(.only)
      outcome.counts.accepted += more.counts.accepted
      outcome.counts.new += more.counts.new
      outcome.counts.daysOutside += more.counts.daysOutside
      outcome.rejected.removeAll { $0.reason == .changed }
      outcome.counts.rejected = outcome.rejected.count
    }
    if changed == .skip {
      outcome.rejected.removeAll { $0.reason == .changed }
      outcome.counts.rejected = outcome.rejected.count
    }
    var kept: String?
    var unwritten: (any ExplainedError)?
    do {
      kept = try RejectsFile(of: file).write(outcome.rejected, from: csv, encoding: stated, language: console.language)
    } catch let error as any ExplainedError {
      unwritten = error
    }
    show(outcome, file: file, form: chosen, rejectsFile: kept, console)
    if let unwritten {
      // Continues after a failure: the file may be on a stick that is full or read-only, but accepted rows are accepted.
      console.warn(
        LocalizedText(
          vi:
            "\(unwritten.explanation.vi) Các phiếu đúng đã được nhận; sửa các dòng bị từ chối ngay trong \(file) rồi nhập lại, không phiếu nào bị trùng.",
          en:
            "\(unwritten.explanation.en) The good answers were taken; correct the refused rows in \(file) itself and import it again, which doubles nothing."
        ))
    }
    try console.result(
      Outcome(
        counts: outcome.counts, form: SurveySchema.formKey(id: chosen.id, version: chosen.version), rejectsFile: kept,
        refused: outcome.rejected.prefix(Self.listedMax).map {
          Outcome.Refused(line: $0.line, column: $0.column, reason: $0.reason.code, message: $0.message(console.language))
        },
        refusedUnlisted: max(0, outcome.rejected.count - Self.listedMax),
        refusedByReason: Dictionary(grouping: outcome.rejected, by: \.reason.code).mapValues(\.count),
        remarks: outcome.remarks.map { $0(console.language) }))
    if outcome.counts.isInterrupted { throw ToolExit.tryAgain }
    if let stopped = outcome.stopped {
      let rest = LocalizedText(
        vi: "\(stopped.explanation.vi) Phần đã nhận còn nguyên; chạy lại lệnh này để nhận phần còn lại, không phiếu nào bị trùng.",
        en: "\(stopped.explanation.en) What was taken is safe; give the command again for the rest, which doubles nothing.")
      console.refuse(rest, code: (stopped as? SyncError)?.code.rawValue ?? "stopped")
      throw (stopped as? SyncError)?.isRetryable == true ? ToolExit.tryAgain : ToolExit.failed
    }
    if !outcome.rejected.isEmpty { throw ToolExit.partly }
  }

  /// Asks whether changed rows are other people's sheets. Returns false when nobody can be asked: they are refused with the reason
  /// then.
  private func asksToAdd(_ count: Int, _ console: Console) -> Bool {
    guard isatty(0) == 1, console.isTerminal, !console.isJSON else { return false }
    console.warn(
      LocalizedText(
        vi:
          "\(console.words.number(count)) dòng có số phiếu đã nhập với nội dung khác. Đó là phiếu của người khác? Gõ c để nhập thêm; phím khác để bỏ lại trong tệp.",
        en:
          "\(console.words.number(count)) rows bear numbers that were imported with other content. Are they other people's sheets? Type y to import them too; anything else leaves them in the file."
      ))
    return ["c", "y"].contains(readLine(strippingNewline: true)?.lowercased().prefix(1) ?? "")
  }

  /// Prints the heading of a form's file and one row of it.
  private func printExample(_ survey: SurveyField, unit: UnitCode, _ console: Console) async throws {
    guard let campaign = try await survey.campaign(), let id = file ?? form ?? campaign.forms.first else {
      throw SurveyFieldError.noCampaign
    }
    guard let chosen = try await survey.form(id: id) else { throw SurveyFieldError.noForm(id: id, version: nil) }
    guard !campaign.isOnlyReport(id) else { throw SurveyFieldError.isReport(id: id) }
    // Takes a day of the campaign that is not after today; before the campaign begins, today.
    let today = try await survey.today()
    let day = campaign.days.lowerBound <= today ? min(campaign.days.upperBound, today) : today
    let example = AnswersCSVImporter.example(
      form: chosen, unit: unit.rawValue, day: day.description, zoneOffsetMinutes: campaign.zoneOffsetMinutes)
    if console.isJSON { return try console.result(Example(heading: example.heading, row: example.row)) }
    var writer = CSVWriter(hasMark: true)
    writer.write(example.heading)
    if let row = example.row { writer.write(row) }
    Console.out(file: writer.data)
    console.warn(
      example.row == nil
        ? LocalizedText(
          vi: "Biểu mẫu này đòi phần lặp, mà CSV không có cột cho phần lặp; phiếu của nó không nhập bằng CSV được.",
          en: "This form demands a repeat, for which CSV has no columns; its answers cannot be imported from CSV.")
        : LocalizedText(
          vi: "Dòng mẫu nhập được như phiếu thật: hãy xóa nó trước khi nhập. Tên cột và mã lựa chọn: field forms \(id).",
          en: "The example row would count as a real answer: delete it before importing. Names and codes: field forms \(id)."))
  }

  /// Returns the form and edition that `--form` and the file's first readable row name.
  private func chooseForm(_ survey: SurveyField, csv: Data) async throws -> Form {
    let named = AnswersCSVImporter.named(in: csv, encoding: stated)
    let campaign = try await survey.campaign()
    let id = form ?? (named.form.isEmpty ? campaign?.forms.first : named.form)
    guard let id else { throw SurveyFieldError.noCampaign }
    if named.form == id, !named.version.isEmpty, let edition = try await survey.form(id: id, version: named.version) { return edition }
    guard let newest = try await survey.form(id: id) else {
      throw campaign == nil ? SurveyFieldError.noCampaign : SurveyFieldError.noForm(id: id, version: nil)
    }
    return newest
  }

  private func show(_ outcome: ImportOutcome, file: String, form: Form, rejectsFile: String?, _ console: Console) {
    for remark in outcome.remarks { console.warn(remark) }
    if !outcome.rejected.isEmpty { console.warn(outcome.refusals) }
    let counts = outcome.counts
    console.say(
      "Đã nhận \(console.words.number(counts.accepted)) phiếu trong \(console.words.number(counts.rows)) dòng; từ chối \(console.words.number(counts.rejected)).",
      "Took \(console.words.number(counts.accepted)) answers of \(console.words.number(counts.rows)) rows; refused \(console.words.number(counts.rejected))."
    )
    if counts.rows == 0, !counts.isInterrupted {
      console.warn(LocalizedText(vi: "\(file) chỉ có dòng tiêu đề, không có phiếu nào.", en: "\(file) has a heading and no answers."))
    } else if counts.seen > 0 || counts.changed > 0 {
      let (new, seen, changed) = (
        console.words.number(counts.new), console.words.number(counts.seen), console.words.number(counts.changed)
      )
      console.say(
        "Trong đó \(new) phiếu mới, \(seen) phiếu đã nhập trước (không trùng), \(changed) dòng có số phiếu đã nhập với nội dung khác.",
        "Of these \(new) are new, \(seen) were seen before (nothing doubles); \(changed) rows differ from what their number brought before."
      )
    }
    if counts.zerosRestored > 0 {
      console.warn(
        LocalizedText(
          vi: "\(console.words.number(counts.zerosRestored)) dòng ghi mã đơn vị thiếu số 0 ở đầu; đã hiểu là đơn vị duy nhất có mã đó.",
          en:
            "\(console.words.number(counts.zerosRestored)) rows gave the unit's code without its leading zeros; they were taken for the one unit it fits."
        ))
    }
    if outcome.rejected.contains(where: { if case .answer = $0.reason { true } else { false } }) {
      console.warn(
        LocalizedText(
          vi: "Tên câu hỏi và mã lựa chọn: field forms \(form.id).",
          en: "For names of questions and codes of choices: field forms \(form.id)."))
    }
    if counts.daysOutside > 0 {
      console.warn(
        LocalizedText(
          vi:
            "\(console.words.number(counts.daysOutside)) phiếu đã nhận ghi ngày ngoài đợt khảo sát; phiếu vẫn được tính, nhưng ở tỉnh sẽ không có ngày.",
          en:
            "\(console.words.number(counts.daysOutside)) of the answers taken state a day outside the campaign; they count, but will have no day at the hub."
        ))
    }
    if let rejectsFile {
      console.warn(
        LocalizedText(
          vi: "Các dòng bị từ chối ở \(rejectsFile), lý do ở cột fault; sửa tệp đó rồi nhập lại.",
          en: "The refused rows are in \(rejectsFile), the reason in the column fault; correct that file and import it."))
    }
    if counts.isInterrupted {
      console.warn(
        LocalizedText(
          vi: "Đã dừng theo yêu cầu; phần đã nhận còn nguyên, chạy lại lệnh này không làm trùng phiếu.",
          en: "Stopped on request; what was taken is safe, and giving the command again doubles nothing."))
    } else if counts.accepted > 0 {
      console.say(
        "\(file) vẫn chứa phiếu đọc được: cất kỹ hoặc xóa khi tỉnh đã nhận (field status).",
        "\(file) still holds readable answers: keep it safe, or delete it once the hub has them (field status).")
    }
  }
}
