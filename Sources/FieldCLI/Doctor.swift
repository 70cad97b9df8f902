internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Examines the device's store, and prints each problem with its remedy as a sentence.
struct Doctor: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Khám kho dữ liệu của thiết bị: tệp, các dòng, các gói đã đóng, chữ ký, khóa, các số.",
      en: "Examine the device's store: file, rows, sealed batches, signatures, key, counts."),
    discussion: LocalizedText(
      vi: "Chỉ đọc, không sửa gì; chạy được khi chương trình khác đang dùng kho. Mỗi điều sai là một câu kèm cách xử lý, và mã thoát là 1.",
      en:
        "Reads only and mends nothing; safe while other programs use the store. Each thing wrong is one sentence with its remedy, and the exit code is 1."
    ),
    examples: ["field doctor", "field doctor --json"])

  @OptionGroup var field: FieldOptions

  func perform(_ console: Console) async throws {
    let report = ExaminationReport(console)
    let path = try field.existingStorePath()
    let found = try await report.run { try await SurveyField.examine(at: path, progress: $0) }
    func n(_ value: Int) -> String { console.words.number(value) }
    try report.show(
      found,
      counts: LocalizedText(
        vi: "Đã khám \(n(found.rows)) dòng, \(n(found.batches)) gói, \(n(found.packets)) phiếu kín (chỉ đếm).",
        en: "Examined \(n(found.rows)) rows, \(n(found.batches)) batches, \(n(found.packets)) packets (by count only)."))
  }
}
