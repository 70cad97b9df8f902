internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// The questionnaires: checked before use, published in editions, closed.
struct FormsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forms",
    abstract: LocalizedText(
      vi: "Kiểm tra, xuất bản, liệt kê và đóng các biểu mẫu của cuộc khảo sát.", en: "Check, publish, list and close the campaign's forms."),
    examples: ["hub forms check pks01.xlsx", "hub forms preview pks01.xlsx", "hub forms publish pks01.xlsx"],
    subcommands: [
      FormsCheckCommand.self, FormsPreviewCommand.self, FormsPublishCommand.self, FormsListCommand.self, FormsStateCommand.self,
    ])

  /// Reads a form, or says everything that is wrong with it, one line each.
  static func read(_ file: String) throws -> FormReading {
    guard FileManager.default.fileExists(atPath: file) else {
      throw ToolError(vi: "Không có tệp hay thư mục \(file).", en: "There is no file or folder \(file).")
    }
    let url = URL(fileURLWithPath: file)
    if let workbook = try LibreOffice.converted(url) { return try FormFile.reading(workbook: workbook, of: url) }
    return try FormFile.reading(at: url)
  }

  /// Says what of a form's file means nothing here or is carried out otherwise: a line for each kind, and how many cells there are.
  static func tell(_ reading: FormReading, _ console: Console) {
    guard !reading.warnings.isEmpty else { return }
    for remark in reading.remarks { console.warn(remark) }
    console.say(
      "\(reading.warningCount) ô được bỏ qua hoặc hiểu khác đi; biểu mẫu vẫn dùng được.",
      "\(reading.warningCount) cells are passed over or taken otherwise; the form can be used.")
  }

  /// Warns of background questions that tell people apart.
  static func warn(_ summary: FormSummary, expected: Int?, _ console: Console) {
    if let expected, let warning = summary.warning(expectedAnswers: expected) { console.warn(warning) }
  }
}

struct FormsCheckCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: LocalizedText(
      vi: "Đọc một biểu mẫu và nêu mọi chỗ sai cùng lúc, kèm trang, dòng và cột.",
      en: "Read a form and tell all its problems at once, with sheet, row and column."),
    discussion: LocalizedText(
      vi: """
        Biểu mẫu là sổ tính .xlsx, thư mục chứa survey.csv, choices.csv và settings.csv, hoặc XForm .xml. Không cần máy chủ; có máy chủ \
        hoặc có --answers thì còn cảnh báo khi các câu về người trả lời có thể làm lộ từng người. Mã thoát 1 khi có chỗ sai.
        """,
      en: """
        The form is an .xlsx workbook, a folder of survey.csv, choices.csv and settings.csv, or an XForm .xml. Needs no hub; with \
        one, or with --answers, it also warns when the background questions could tell people apart. Exit code 1 when there are \
        problems.
        """),
    examples: ["hub forms check Examples/bac-giang-2024/pks01.xlsx --answers 4187"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: .text(vi: "TỆP.xlsx, TỆP.xml hoặc thư mục các tệp CSV.", en: "FILE.xlsx, FILE.xml or a folder of CSV files.")) var file:
    String
  @Option(
    name: .long,
    help: .text(
      vi: "Số phiếu phải thu. Mặc định: theo số người máy chủ biết.", en: "How many answers are expected. Default: the hub's headcount."))
  var answers: Int?

  private struct Report: Encodable {
    var problems: [String]
    /// Number of problems, unlisted ones included.
    var problemCount: Int
    var warnings: [String]
    /// Files that must stand beside the form before it is published.
    var missingFiles: [String]
    var summary: FormSummary?
    var warning: String?
  }

  func perform(_ console: Console) async throws {
    let reading: FormReading
    do {
      reading = try FormsCommand.read(file)
    } catch let problems as FormProblems {
      if !console.isJSON {
        for problem in problems.problems { console.warn(problem.explanation) }
      }
      let cut = problems.count - problems.problems.count
      if cut > 0 { console.say("… và \(cut) chỗ nữa.", "… and \(cut) more.") }
      let sum = LocalizedText(vi: "\(problems.count) chỗ cần sửa.", en: "\(problems.count) to mend.")
      console.say(sum.vi, sum.en)
      if console.isJSON { console.refuse(sum, code: "badForm") }
      let list = problems.problems.map { $0.explanation(options.language) }
      try console.result(Report(problems: list, problemCount: problems.count, warnings: [], missingFiles: [], summary: nil, warning: nil))
      throw ToolExit.failed
    }
    FormsCommand.tell(reading, console)
    let form = reading.form
    let summary = FormSummary(form)
    let expected = try await expectedAnswers()
    console.say(
      "\(form.id) phiên bản \(form.version) dùng được: \(summary.questions) câu hỏi (\(summary.required) bắt buộc), \(summary.groups) nhóm, \(summary.repeats) phần lặp, \(summary.calculations) phép tính, \(summary.choices) lựa chọn; ngôn ngữ \(summary.languages.joined(separator: ", ")).",
      "\(form.id) version \(form.version) is in order: \(summary.questions) questions (\(summary.required) required), \(summary.groups) groups, \(summary.repeats) repeats, \(summary.calculations) calculations, \(summary.choices) choices; languages \(summary.languages.joined(separator: ", "))."
    )
    if !summary.background.isEmpty {
      console.say(
        "Câu về người trả lời: \(summary.background.joined(separator: ", ")); chéo nhau thành \(summary.backgroundCells) ô.",
        "Background questions: \(summary.background.joined(separator: ", ")); crossed, \(summary.backgroundCells) cells.")
    }
    for remark in form.anonymousRemarks {
      console.say("Trong biểu mẫu ẩn danh: \(remark.vi)", "Where answers carry no name: \(remark.en)")
    }
    FormsCommand.warn(summary, expected: expected, console)
    let warning = expected.flatMap { summary.warning(expectedAnswers: $0) }
    try console.result(
      Report(
        problems: [], problemCount: 0, warnings: reading.remarks.map { $0(options.language) },
        missingFiles: reading.missingFiles, summary: summary,
        warning: warning?(options.language)))
  }

  /// Returns the number of answers that was given, else the number that the hub's campaign expects; nil when neither is known.
  private func expectedAnswers() async throws -> Int? {
    if let answers { return answers }
    guard FileManager.default.fileExists(atPath: SurveyHub.storePath(in: place.folder)) else { return nil }
    return try await place.withHub(options) { survey in try await survey.plan()?.expectedAnswers }
  }
}

struct FormsPublishCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: LocalizedText(
      vi: "Xuất bản một biểu mẫu hoặc phiên bản mới của nó; các bản cũ bắt đầu đóng.",
      en: "Publish a form, or a new version of it; older versions begin to close."),
    discussion: LocalizedText(
      vi: """
        Câu hỏi giữ nguyên tên thì giữ nguyên loại và mọi lựa chọn cũ, để phiếu cũ còn nguyên nghĩa; nếu không, không xuất bản gì và \
        các câu đó được nêu tên.
        """,
      en: """
        A question that stays under its name keeps its kind and all its old choices, so that old answers keep their meaning; \
        otherwise nothing is published and the questions are named.
        """),
    examples: [
      "hub forms publish Examples/bac-giang-2024/pks01.xlsx", "hub forms publish pks01-as-it-was.xlsx --for-held",
      "hub forms publish water.xlsx --add",
    ])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "TỆP.xlsx, TỆP.xml hoặc thư mục các tệp CSV.", en: "FILE.xlsx, FILE.xml or a folder of CSV files.")) var file:
    String
  @Flag(
    name: .long,
    help: .text(
      vi: "Chỉ để duyệt các phiếu đang tạm giữ của bản này; không hỏi ai bằng bản này.",
      en: "Only to judge answers held for this edition; nobody is asked it."))
  var forHeld = false
  @Flag(
    name: .long,
    help: .text(
      vi: "Thêm biểu mẫu vào cuộc khảo sát đang chạy; người ta trả lời qua liên kết riêng (hub qr --form).",
      en: "Add the form to the campaign while it runs; people answer it by a link of its own (hub qr --form)."))
  var add = false

  func validate() throws {
    if add, forHeld { throw ValidationError(vi: "--add và --for-held không đi cùng nhau.", en: "--add and --for-held do not go together.") }
  }

  func perform(_ console: Console) async throws {
    let reading = try FormsCommand.read(file)
    let form = reading.form
    try await place.withHub(options) { survey in
      let plan = try await survey.requirePlan(asking: form.id)
      let act = try acts.act("forms publish", "\(form.id)@\(form.version)", look: ActLook.forms)
      FormsCommand.tell(reading, console)
      if let missing = reading.missingFilesRemark { console.warn(missing) }
      let done = try await survey.hub.acting(act) { try await survey.publish(form, forHeld: forHeld, isAdded: add) }
      if done.isUnchanged {
        console.say(
          "Máy chủ đã có đúng \(form.id) phiên bản \(form.version).", "The hub has exactly \(form.id) version \(form.version) already.")
      } else {
        console.say("Đã xuất bản \(form.id) phiên bản \(form.version).", "Published \(form.id) version \(form.version).")
      }
      for remark in done.coarser { console.warn(remark) }
      if done.isAdded {
        console.say(
          "Cuộc khảo sát nay hỏi cả \(form.id); mã QR riêng: hub qr --form \(form.id).",
          "The campaign asks \(form.id) from now on; QR codes of its own: hub qr --form \(form.id).")
      }
      if !done.closing.isEmpty {
        let list = done.closing.joined(separator: ", ")
        console.say("Bản cũ đang đóng: \(list).", "Older versions are closing: \(list).")
      }
      if done.hasNewKey { try RecoverySheet.renew(in: survey.folder, forms: [form.id], console) }
      if done.isAdded || plan.campaign.forms.contains(form.id) {
        FormsCommand.warn(FormSummary(form), expected: plan.expectedAnswers, console)
      }
      try console.result(done)
    }
  }
}

struct FormsListCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: LocalizedText(
      vi: "Liệt kê các biểu mẫu kèm phiên bản và tình trạng.", en: "List the forms with their versions and states."),
    examples: ["hub forms list"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let forms = try await survey.requirePlan().forms
      let heading = [console.words.text("Mã", "Id"), console.words.text("Phiên bản", "Version"), console.words.text("Tình trạng", "State")]
      console.table([heading] + forms.map { [$0.form, $0.version, console.words.formState($0.state)] })
      try console.result(forms)
    }
  }
}

struct FormsStateCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "state",
    abstract: LocalizedText(
      vi: "Chuyển biểu mẫu sang bước sau: open (mở), closing (đang đóng), closed (đã đóng).",
      en: "Move a form forward: open, closing, closed."),
    discussion: LocalizedText(
      vi: "closing: không hỏi thêm ai, phiếu đang trên đường vẫn được tính. closed: như `hub close`.",
      en: "closing: it is asked no more, and answers on their way are still counted. closed: as `hub close`."),
    examples: ["hub forms state pks01 closing"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Biểu mẫu, như pks01.", en: "The form, such as pks01.")) var form: String
  @Argument(help: .text(vi: "open, closing hoặc closed.", en: "open, closing or closed.")) var state: String

  func perform(_ console: Console) async throws {
    guard let state = FormState(rawValue: state) else {
      let known = FormState.allCases.map(\.rawValue).joined(separator: ", ")
      throw ToolError(vi: "Trạng thái \(self.state) không có; có: \(known).", en: "There is no state \(self.state); there is: \(known).")
    }
    try await place.withHub(options, act: try acts.act("forms state", form, look: ActLook.forms)) { survey in
      let done = try await survey.move(form: form, to: state)
      CloseCommand.tell(done, console)
      try console.result(done)
    }
  }
}
