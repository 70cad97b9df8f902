internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Examines the hub's store and says in a sentence each what is wrong and what to do.
struct VerifyCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: LocalizedText(
      vi: "Kiểm toàn bộ kho của máy chủ: tệp, trigger, chuỗi gói, chữ ký, tổng kiểm, và diễn lại nhật ký.",
      en: "Verify the hub's whole store: file, triggers, chains, signatures, digests, and a replay of the journal."),
    discussion: LocalizedText(
      vi: """
        Chỉ đọc; chạy được khi hub serve đang chạy. Nhật ký được diễn lại vào một tệp tạm, phải ra đúng các dòng đang có; phiếu kín chỉ \
        được đếm. Mỗi điều sai là một câu kèm cách xử lý, và mã thoát là 1.
        """,
      en: """
        Reads only; safe while hub serve runs. The journal is replayed into a temporary file and must give the rows that stand; anonymous \
        rows are only counted. Each thing wrong is one sentence with its remedy, and the exit code is 1.
        """),
    examples: ["hub verify", "hub verify --json"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace

  func perform(_ console: Console) async throws {
    let report = ExaminationReport(console)
    let folder = place.folder
    let found = try await report.run { try await SurveyHub.examine(at: folder, progress: $0) }
    func n(_ value: Int) -> String { console.words.number(value) }
    try report.show(
      found,
      counts: LocalizedText(
        vi:
          "Đã kiểm \(n(found.rows)) dòng, \(n(found.batches)) gói, diễn lại \(n(found.units)) phần; \(n(found.packets)) phiếu kín (chỉ đếm).",
        en:
          "Verified \(n(found.rows)) rows and \(n(found.batches)) batches, replayed \(n(found.units)) units; \(n(found.packets)) packets (by count only)."
      ))
    if found.erased > 0 {
      console.say(
        "\(n(found.erased)) phiếu đã mở rồi được xóa: chỉ so các số tổng; `hub status` ghi ngày xóa.",
        "\(n(found.erased)) answers were released and erased since: only sums were compared; `hub status` says when.")
    }
    if found.cleared > 0 {
      console.say(
        "\(n(found.cleared)) gói đã dọn khỏi nhật ký: không diễn lại được, chỉ so chuỗi băm và các tổng.",
        "\(n(found.cleared)) batches were trimmed from the journal: it was not replayed, only hashes and sums were compared.")
    }
  }
}
