internal import ArgumentParser
internal import Foundation
internal import Spreadsheet
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Writes a form's answers to files, with a codebook.
struct ExportCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: LocalizedText(
      vi: "Ghi câu trả lời của một biểu mẫu ra tệp CSV và XLSX, kèm bảng mã.",
      en: "Write a form's answers to CSV and XLSX files, with a codebook."),
    discussion: LocalizedText(
      vi: """
        Biểu mẫu báo cáo: mỗi báo cáo một dòng, mỗi phần lặp một tệp riêng. Biểu mẫu ẩn danh: đợt công bố mới nhất, đúng những gì \
        `hub results` cho xem, và số người tham gia. Câu chọn nhiều mục có thêm một cột 1/0 cho mỗi mục. Tệp XLSX chứa mọi bảng, mỗi bảng một trang. Tệp đã có thì được thay.
        """,
      en: """
        Of a report's form: a row for each report, and a file for each repeat. Of an anonymous form: the newest release, which is what \
        `hub results` shows, and participation. A question of several choices has a column of 1 and 0 for each of them, too. The XLSX file has a sheet for each table. Files that are there are replaced.
        """),
    examples: ["hub export report01 --out out", "hub export report01 --labels en --out out", "hub export pks01 --out out"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var chosen: CampaignOption
  @OptionGroup var acts: ActOptions
  @Argument(
    help: .text(
      vi: "Biểu mẫu, như report01. Mặc định: biểu mẫu đầu của cuộc khảo sát.",
      en: "The form, such as report01. Default: the campaign's first."))
  var form: String?
  @Option(name: .long, help: .text(vi: "Thư mục cho các tệp; tạo nếu chưa có.", en: "The folder for the files; made if it is missing."))
  var out: String

  @Option(
    name: .long,
    help: .text(
      vi: "Ghi nhãn bằng ngôn ngữ này của biểu mẫu, như vi, thay cho tên và mã.",
      en: "Write labels in this language of the form, such as en, in the place of names and codes."))
  var labels: String?

  private struct Written: Encodable {
    struct File: Encodable {
      var path: String
      var rows: Int
    }

    var form: String
    var anonymous: Bool
    var files: [File]
  }

  func perform(_ console: Console) async throws {
    let exported: String = try await place.withHubForReading(options) { survey in
      let export = try await chosen.of(survey).export(form: form, labels: labels)
      do {
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
      } catch {
        throw ToolError(vi: "Không tạo được thư mục \(out).", en: "Cannot create the folder \(out).")
      }
      var written = Written(form: export.form, anonymous: export.isAnonymous, files: [])
      var sheets: [Sheet] = []
      for table in export.tables {
        let path = "\(out)/\(table.name).csv"
        let sheet = Sheet(name: table.name, heading: table.heading, rows: table.rows.map { $0.map(Self.cell) })
        sheets.append(sheet)
        try write(sheet.csv, to: path)
        written.files.append(Written.File(path: path, rows: table.rows.count))
        console.say("\(path): \(table.rows.count) dòng", "\(path): \(table.rows.count) rows")
      }
      let book = "\(out)/\(export.form).xlsx"
      do {
        let nowMs = Int64(clamping: try options.wallClock().nowMs())
        try write(try XLSXWriter.data(sheets, title: export.form, nowMs: nowMs), to: book)
        written.files.append(Written.File(path: book, rows: export.tables.reduce(0) { $0 + $1.rows.count }))
        console.say("\(book): \(sheets.count) bảng", "\(book): \(sheets.count) tables")
      } catch let fault as SheetFault {
        // The CSV files hold all rows, too: a workbook that cannot be written loses nothing.
        console.warn(fault.explanation)
      }
      try console.result(written)
      return export.form
    }
    try await place.note(try acts.act("export", exported), options)
  }

  /// Writes a file whole or not at all, for its owner alone: a row may name a person.
  private func write(_ data: Data, to path: String) throws {
    let url = URL(fileURLWithPath: path)
    do {
      try data.write(to: url, options: .atomic)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    } catch {
      throw ToolError(vi: "Không ghi được \(path).", en: "Cannot write \(path).")
    }
  }

  private static func cell(_ cell: ExportTable.Cell) -> SheetCell {
    switch cell {
    case .text(let text): .text(text)
    case .number(let number): .number(number)
    case .decimal(let number): .decimal(number)
    case .empty: .empty
    }
  }
}
