internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Tables of one report: answers with their labels, corrections, photos, contradictions, conflicts.
struct ReportTables {
  let parts: ConsoleParts
  let labels: [ReplicaID: String]

  private var tell: TableWords { TableWords(parts: parts) }
  private var words: Wording { parts.words }

  private struct Change {
    let version: ReportVersion
    let name: String
  }

  func tables(_ detail: ReportDetail) -> [PageTable] {
    let text = AnswerText(form: detail.form, language: words.language)
    let calculated = detail.form?.calculated ?? []
    let work = OperatorTables(parts: parts, labels: labels)
    let changes = detail.versions.flatMap { version in
      text.ordered(version.before.merging(version.after) { $1 }).map { Change(version: version, name: $0) }
    }
    return [
      PageTable(
        "answers", words.text("Trả lời", "Answers"), text.ordered(detail.answers),
        [
          .init("question", words.text("Câu hỏi", "Question")) { .text($0) },
          .init("label", words.text("Nội dung", "Label")) { .text(text.label(of: $0)) },
          .init("answer", words.text("Trả lời", "Answer")) { Self.value(detail.answers[$0], said: text.text(detail.answers[$0], to: $0)) },
          .init("calculated", words.text("Tính ra", "Calculated")) { tell.flag(calculated.contains($0)) },
        ]),
      PageTable(
        "report", words.text("Báo cáo", "Report"),
        facts: [
          ("unit", words.text("Đơn vị", "Unit"), .text(detail.unit.rawValue)),
          ("unitName", words.text("Tên đơn vị", "Name"), tell.name(detail.unit.rawValue)),
          ("day", words.text("Ngày", "Day"), .text(detail.day.description)),
          ("form", words.text("Biểu mẫu", "Form"), TableWords.text(detail.formKey)),
          ("written", words.text("Ghi", "Written"), tell.time(detail.writtenMs)),
          ("device", words.text("Máy", "Device"), TableWords.text(detail.writtenBy.map { labels[$0] ?? $0.short })),
          ("received", words.text("Nhận và gộp", "Received and merged"), tell.time(detail.firstMs)),
          ("changed", words.text("Thay đổi cuối", "Last change"), tell.time(detail.lastMs)),
        ]),
      PageTable(
        "corrections", words.text("Các lần sửa", "Corrections"), changes,
        [
          .init("time", words.text("Lúc", "Time")) { tell.time($0.version.changedMs) },
          .init("device", words.text("Máy", "Device")) { .text($0.version.device) },
          .init("reason", words.text("Vì sao", "Why")) { .text($0.version.reason) },
          .init("question", words.text("Câu hỏi", "Question")) { .text($0.name) },
          .init("label", words.text("Nội dung", "Label")) { .text(text.label(of: $0.name)) },
          .init("before", words.text("Trước", "Before")) {
            Self.value($0.version.before[$0.name], said: text.text($0.version.before[$0.name], to: $0.name))
          },
          .init("after", words.text("Sau", "After")) {
            Self.value($0.version.after[$0.name], said: text.text($0.version.after[$0.name], to: $0.name))
          },
        ]),
      PageTable(
        "photos", words.text("Ảnh", "Photos"), detail.photos,
        [
          .init("blob", words.text("Tệp", "File")) { .text($0.blob) },
          .init("question", words.text("Câu hỏi", "Question")) { TableWords.text($0.question) },
          .init("in", words.text("Đã về", "In")) { tell.flag($0.isIn) }, .init("width", words.text("Rộng", "Width")) { .number($0.width) },
          .init("height", words.text("Cao", "Height")) { .number($0.height) },
        ]),
      work.invalid(detail.invalid.map { [$0] } ?? []), work.flags(detail.flags), work.conflicts(detail.conflicts),
      NoticesTable(parts: parts).table("returned", words.text("Trả lại", "Sent back"), detail.returns),
    ]
  }

  /// An answer as programs and people read it: a choice's name and label, a whole number.
  static func value(_ answer: AnswerValue?, said: String) -> PageValue {
    switch answer {
    case nil: .none
    case .integer(let number): .number(number)
    case .some(let answer): .word(answer.cell, said: said)
    }
  }
}
