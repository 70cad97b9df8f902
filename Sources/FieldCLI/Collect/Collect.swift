internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Collect: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Hỏi từng câu của biểu mẫu tại đây, hết người này đến người khác; hoặc lập báo cáo ngày.",
      en: "Ask a form's questions here, one person after another; or the daily report's."),
    discussion: LocalizedText(
      vi: """
        Enter đi tiếp, Esc lùi (hoặc gõ < rồi Enter); danh sách dài thì gõ để tìm, không dấu cũng được. Trước khi gửi được xem lại tất \
        cả. Đến lúc đó phiếu ẩn danh chỉ ở trong bộ nhớ: Ctrl-C và Ctrl-D bỏ phiếu. Đã gửi thì phiếu được mã hóa, máy này không đọc lại \
        được. --plain hỏi từng dòng, cho trình đọc màn hình; đọc từ ống dẫn cũng vậy, mỗi dòng một câu trả lời.
        """,
      en: """
        Enter goes on, Esc goes back (or type < and Enter); long lists are searched by typing, without accents too. Everything is \
        shown again before it is sent. Until then an anonymous answer is only in memory: Ctrl-C and Ctrl-D drop it. Once sent it is \
        encrypted, and unreadable on this device. --plain asks line by line, for screen readers; so does a pipe, an answer a line.
        """),
    examples: ["field collect", "field collect pks01 --lang vi", "field collect report01", "field collect --plain"])

  @OptionGroup var field: FieldOptions
  @OptionGroup var meant: FieldCampaign

  @Argument(
    help: .text(
      vi: "Mã biểu mẫu, của đợt nào cũng được. Mặc định: biểu mẫu đầu tiên của đợt khảo sát.",
      en: "Id of the form, of any campaign. Default: the campaign's first."))
  var form: String?

  @Option(
    name: .customLong("form-lang"),
    help: .text(
      vi: "Ngôn ngữ của biểu mẫu, theo mã như fr. Mặc định: ngôn ngữ của công cụ.",
      en: "The form's language, by its code such as fr. Default: the tool's language."))
  var formLang: String?

  @Flag(
    name: .long,
    help: .text(vi: "Hỏi từng dòng thay vì dùng cả cửa sổ.", en: "Ask line by line instead of in a window of its own."))
  var plain = false

  private struct Outcome: Encodable {
    var form: String
    /// Anonymous answers stored, or reports saved.
    var taken: Int
    /// True when answers that were not sent were dropped.
    var isDropped: Bool
  }

  func perform(_ console: Console) async throws {
    let survey = try await field.open().about(campaign: meant.campaign, form: form)
    let unit = try await survey.unit()
    guard let campaign = try await survey.campaign() else { throw SurveyFieldError.noCampaign }
    guard let id = form ?? campaign.forms.first else { throw SurveyFieldError.noForm(id: "", version: nil) }
    let isReport = id == campaign.reportForm
    let asked = try await survey.formToAsk(id: id)
    if let formLang, !asked.languages.contains(where: { $0.code == formLang }) {
      let known = asked.languages.map { "\($0.code) (\($0.name))" }.joined(separator: ", ")
      throw ToolError(
        vi: "Biểu mẫu không có ngôn ngữ \(formLang); có: \(known).", en: "The form has no language \(formLang); it has: \(known).")
    }
    Self.forbidCoreFiles()
    let words = CollectWording(language: console.language, tongue: formLang)
    var run = CollectRun(
      survey: survey, campaign: campaign, unit: unit, unitName: try await survey.units()?.displayName(of: unit) ?? unit.rawValue,
      words: words, dialog: dialog(console, words))
    var stopped: (any Error)?
    do {
      if isReport { try await run.report(id) } else { try await run.anonymous(id) }
    } catch { stopped = error }
    if run.hasDraft, !isReport { run.dialog.wipe() }
    run.dialog.close()
    let isDropped = run.hasDraft
    if let saved = run.saved { console.say(saved.vi, saved.en) }
    if let invalid = run.invalid { console.warn(invalid.explanation) }
    if run.taken > 0, !isReport { console.say(words.taken(run.taken).vi, words.taken(run.taken).en) }
    try console.result(Outcome(form: id, taken: run.taken, isDropped: isDropped))
    if isDropped, let refusal = run.refusal { console.warn(refusal) }
    if isDropped { console.warn(isReport ? words.reportDropped : words.dropped) }
    if let stopped, !(stopped is Leaving) { throw stopped }
    if isDropped { throw ToolExit.tryAgain }
  }

  private func dialog(_ console: Console, _ words: CollectWording) -> any CollectDialog {
    // Draws on standard error with --json, because standard output is the result's.
    let output: FileHandle = console.isJSON ? .standardError : .standardOutput
    let input = InputSource()
    if !plain, Terminal.isUsable(output: output.fileDescriptor, environment: ProcessInfo.processInfo.environment),
      let terminal = Terminal(output: output.fileDescriptor)
    {
      return ScreenDialog(terminal: terminal, input: input, words: words)
    }
    return LineDialog(input: input, words: words, output: output)
  }

  /// Forbids core files: a crash must not leave a draft on the disk.
  private static func forbidCoreFiles() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    #if canImport(Darwin)
      setrlimit(RLIMIT_CORE, &none)
    #else
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    #endif
  }
}
