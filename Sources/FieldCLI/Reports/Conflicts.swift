internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct Conflicts: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Liệt kê các xung đột, và những gì ghi ở đây vừa bị người khác ghi đè.",
      en: "List the conflicts, and what was written here and has just been overridden."),
    examples: ["field conflicts", "field conflicts --all --json"])

  @OptionGroup var field: FieldOptions

  @Flag(name: .long, help: .text(vi: "Cả những xung đột đã xong.", en: "Those that are settled too."))
  var all = false

  private struct Outcome: Encodable {
    struct Clash: Encodable {
      var table: String
      var row: String
      var column: String
      var own: String
      var standing: String
    }

    var conflicts: [ConflictLine]
    var clashing: [Clash]
  }

  func perform(_ console: Console) async throws {
    let replica = try field.openForReading(console).replica
    let outcome = Outcome(
      conflicts: ConflictLine.grouped(try await replica.conflicts(includingClosed: all)),
      clashing: try await replica.clashes().map { clash in
        Outcome.Clash(
          table: clash.table, row: clash.key.shownText, column: ([clash.column] + [clash.member].compactMap(\.self)).joined(separator: "."),
          own: clash.own.shownText, standing: clash.standing.shownText)
      })
    try console.result(outcome)
    for clash in outcome.clashing {
      console.say(
        "Đang va chạm: \(clash.table) \(clash.row), \(clash.column): ở đây ghi \(clash.own), đang giữ \(clash.standing); tỉnh sẽ giữ lại cả hai.",
        "Clashing: \(clash.table) \(clash.row), \(clash.column): written here \(clash.own), stands \(clash.standing); the hub will keep both."
      )
    }
    guard !outcome.conflicts.isEmpty else { return console.say("Không có xung đột nào.", "There are no conflicts.") }
    console.conflicts(outcome.conflicts)
    console.say(
      "Quyết định: field resolve MÃ --keep, --take hoặc --value GIÁ-TRỊ, với --by và --reason.",
      "Decide: field resolve ID with --keep, --take or --value VALUE, and --by and --reason.")
  }
}

struct Resolve: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Quyết định về một xung đột, cả khi không có mạng.", en: "Decide about a conflict, also without a network."),
    discussion: LocalizedText(
      vi: """
        Ai quyết định và vì sao đi cùng dữ liệu đến mọi máy. Giá trị gõ sau --value được xét như một câu trả lời của biểu mẫu. Quyết \
        định sai thì rút lại bằng --undo.
        """,
      en: """
        Who decided and why travels with the data to every device. What is typed after --value is judged like an answer to the form. \
        A wrong decision is taken back with --undo.
        """),
    examples: [
      "field resolve 3f9a12cc --take --by chair --reason \"checked on site\"",
      "field resolve 3f9a12cc --value 11 --by chair --reason recount",
    ])

  @OptionGroup var field: FieldOptions

  @Argument(help: .text(vi: "Các chữ số đầu của mã xung đột.", en: "The first digits of the conflict's id."))
  var id: String

  @OptionGroup var decision: DecisionOptions

  func perform(_ console: Console) async throws {
    let decided = try await field.open().decide(id, decision.decision, by: decision.by, because: decision.reason)
    try console.decided(decided)
    console.say("Gửi đi bằng field sync.", "Send it with field sync.")
  }
}

struct Why: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: LocalizedText(
      vi: "Cho biết vì sao một ô có giá trị này: ai ghi, lúc nào, thay cái gì.",
      en: "Say why a cell shows what it shows: who wrote it, when, and what it overrode."),
    examples: ["field why report 07201/2024-04-01 by_question guided", "field why report 07201/2024-04-01 by_question.guided"])

  @OptionGroup var field: FieldOptions

  @Argument(help: .text(vi: "Bảng.", en: "The table.")) var table: String
  @Argument(help: .text(vi: "Khóa của dòng.", en: "The row's key.")) var row: String
  @Argument(help: .text(vi: "Cột.", en: "The column.")) var column: String
  @Argument(help: .text(vi: "Mục trong cột, nếu cột gồm nhiều mục.", en: "The member, of a column that has members.")) var member: String?

  private struct Outcome: Encodable {
    var value: String
    var isAlive: Bool
    var writtenMs: UInt64?
    var writtenBy: String?
    var isOwn: Bool
    var rule: String
    var conflicts: [ConflictLine]
  }

  func perform(_ console: Console) async throws {
    let survey = try field.openForReading(console)
    // As lists print it: `column.member`.
    let parts = column.split(separator: ".", maxSplits: 1).map(String.init)
    let (column, member) = member == nil && parts.count == 2 ? (parts[0], parts[1]) : (column, member)
    let history = try await survey.replica.why(table: table, key: .text(row), column: column, member: member)
    let own = try await survey.replica.identity()
    let outcome = Outcome(
      value: history.value.shownText, isAlive: history.life % 2 == 1, writtenMs: history.writtenMs, writtenBy: history.writtenBy?.short,
      isOwn: history.writtenBy != nil && history.writtenBy == own, rule: history.rule, conflicts: history.conflicts.map(ConflictLine.init))
    try console.result(outcome)
    guard history.life > 0 else {
      return console.say("Không có dòng \(row) trong bảng \(table).", "Table \(table) has no row \(row).")
    }
    if !outcome.isAlive { console.say("Dòng đã bị xóa.", "The row was deleted.") }
    console.say("Giá trị: \(outcome.value)", "Value: \(outcome.value)")
    let campaign = try await survey.campaign()
    let time = history.writtenMs.flatMap { ms in campaign?.localTime(atMs: Int64(clamping: ms)) }.map(console.words.time) ?? ""
    if let device = outcome.writtenBy {
      console.say(
        "Ghi bởi: \(outcome.isOwn ? "thiết bị này" : "thiết bị \(device)") \(time)",
        "Written by: \(outcome.isOwn ? "this device" : "device \(device)") \(time)")
    } else {
      console.say("Chưa ai ghi; đây là giá trị mặc định.", "Nobody wrote it; this is the default.")
    }
    if !outcome.conflicts.isEmpty { console.conflicts(outcome.conflicts) }
  }
}
