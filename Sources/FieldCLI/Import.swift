internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

struct Import: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Nhận phiếu từ tệp CSV; dòng nào bị từ chối thì nói rõ.", en: "Take answers from a CSV file; say by line what was refused."),
    discussion: LocalizedText(
      vi: """
        Mỗi dòng là một phiếu đã trả lời. Dòng đúng được nhận, mã hóa cho tỉnh, từ đó máy này không đọc lại được. Dòng bị từ chối nằm \
        trong answers.rejects.csv, lý do ở cột "fault" mà lệnh nhập bỏ qua: sửa tệp đó rồi nhập. Nhập lại một tệp không làm trùng \
        phiếu ở tỉnh. Mã thoát 2 khi có dòng bị từ chối.
        """,
      en: """
        One row is one answered form. Good rows are taken, encrypted for the province and unreadable on this device from then on. The \
        refused rows are kept in answers.rejects.csv with the reason in the column "fault", which an import passes over: correct that \
        file and import it. Importing a file again doubles nothing at the hub. Exit code 2 when some rows were refused.
        """),
    examples: ["field import answers.csv", "field import answers.csv --form pks01"])

  @OptionGroup var field: FieldOptions

  @Argument(help: .text(vi: "Tệp CSV, mã hóa UTF-8.", en: "The CSV file, in UTF-8."))
  var file: String

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

  /// Refused rows listed on standard error; the rejects file has them all.
  private static let listedMax = 20

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
  }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    _ = try await survey.unit()
    let csv = try InputFile.read(file, bytesMax: CSVReader.csvFileBytesMax)
    let chosen = try await chooseForm(survey, csv: csv)
    let rows = csv.count { $0 == UInt8(ascii: "\n") }
    let bar = ProgressBar(console.words.text("Nhập", "Import"), console: console)
    func take(_ changed: ChangedRows) async throws -> ImportOutcome {
      try await interruptible {
        try await survey.importAnswers(csv: csv, form: chosen, changed: changed) { counts in
          bar.show(done: counts.rows, of: max(counts.rows, rows - 1))
        }
      }
    }
    var outcome = try await take(changed == .add ? .take : .refuse)
    bar.finish()
    if changed == .ask, outcome.counts.changed > 0, !outcome.counts.isInterrupted, asksToAdd(outcome.counts.changed, console) {
      let more = try await take(.only)
      outcome.counts.accepted += more.counts.accepted
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
      kept = try RejectsFile(of: file).write(outcome.rejected, from: csv, language: console.language)
    } catch let error as any ExplainedError {
      unwritten = error
    }
    show(outcome, rejectsFile: kept, console)
    if let unwritten {
      // The file may be on a stick that is full or read-only: what was taken is taken, and is said.
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
        refused: outcome.rejected.map {
          Outcome.Refused(line: $0.line, column: $0.column, reason: $0.reason.code, message: $0.message(console.language))
        }))
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

  /// Asks whether changed rows are other people's sheets. No, where nobody can be asked: they are refused with the reason then.
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

  /// The form and edition that most tell: what `--form` and the file's first readable row name.
  private func chooseForm(_ survey: SurveyField, csv: Data) async throws -> Form {
    var named: (id: String, version: String)?
    if var reader = try? CSVReader(csv) {
      while named == nil, let next = reader.next() {
        guard case .success(let record) = next, let id = record["form_id"], let version = record["form_version"], !id.isEmpty else {
          continue
        }
        named = (id, version)
      }
    }
    let campaign = try await survey.campaign()
    let id = form ?? named?.id ?? campaign?.forms.first
    guard let id else { throw SurveyFieldError.noCampaign }
    if let named, named.id == id, let edition = try await survey.form(id: id, version: named.version) { return edition }
    guard let newest = try await survey.form(id: id) else {
      throw campaign == nil ? SurveyFieldError.noCampaign : SurveyFieldError.noForm(id: id, version: nil)
    }
    return newest
  }

  private func show(_ outcome: ImportOutcome, rejectsFile: String?, _ console: Console) {
    for row in outcome.rejected.prefix(Self.listedMax) { console.warn(row.explanation) }
    let more = outcome.rejected.count - Self.listedMax
    if more > 0 {
      console.warn(LocalizedText(vi: "… và \(console.words.number(more)) dòng nữa.", en: "… and \(console.words.number(more)) more lines."))
    }
    let counts = outcome.counts
    console.say(
      "Đã nhận \(console.words.number(counts.accepted)) phiếu trong \(console.words.number(counts.rows)) dòng; từ chối \(console.words.number(counts.rejected)).",
      "Took \(console.words.number(counts.accepted)) answers of \(console.words.number(counts.rows)) rows; refused \(console.words.number(counts.rejected))."
    )
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
