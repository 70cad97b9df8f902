internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// The conflicts of the whole province.
struct ConflictsCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "conflicts",
    abstract: LocalizedText(vi: "Liệt kê các xung đột của mọi đơn vị.", en: "List the conflicts of every unit."),
    examples: ["hub conflicts --unit 07201", "hub conflicts --all --json"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Option(name: .long, help: .text(vi: "Chỉ của đơn vị này.", en: "Only of this unit.")) var unit: String?
  @Flag(name: .long, help: .text(vi: "Cả những xung đột đã xong.", en: "Those that are settled too.")) var all = false

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let found = try await survey.hub.conflicts(includingClosed: all).filter { unit == nil || $0.scope == unit }
      if found.isEmpty { try await survey.refuseUnknown(unit: unit) }
      let conflicts = ConflictLine.grouped(found)
      try console.result(conflicts)
      guard !conflicts.isEmpty else { return console.say("Không có xung đột nào.", "There are no conflicts.") }
      console.conflicts(conflicts)
    }
  }
}

/// An operator's decision about a conflict.
struct ResolveCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve",
    abstract: LocalizedText(vi: "Quyết định về một xung đột thay cho đơn vị.", en: "Decide about a conflict for a unit."),
    examples: ["hub resolve 3f9a12cc --keep --by province --reason \"asked the commune\""])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: .text(vi: "Các chữ số đầu của mã xung đột.", en: "The first digits of the conflict's id.")) var id: String
  @OptionGroup var decision: DecisionOptions

  func perform(_ console: Console) async throws {
    let act = try IntendedAct(stated: "resolve", subject: id, by: decision.by, reason: decision.reason, look: ActLook.held)
    try await place.withHub(options, act: act) { survey in
      try console.decided(try await survey.decide(id, decision.decision, by: decision.by, because: decision.reason))
    }
  }
}

/// A deleted row comes back as it was.
struct RestoreRowCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore-row",
    abstract: LocalizedText(vi: "Lấy lại một dòng đã xóa, nguyên như lúc bị xóa.", en: "Bring a deleted row back as it was."),
    examples: ["hub restore-row report 07201/2024-04-01"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Bảng.", en: "The table.")) var table: String
  @Argument(help: .text(vi: "Khóa của dòng.", en: "The row's key.")) var row: String

  func perform(_ console: Console) async throws {
    try await place.withHub(options, act: try acts.act("restore-row", "\(table) \(row)")) { survey in
      try await survey.hub.restoreRow(table: table, key: .text(row))
      console.say("Đã lấy lại dòng \(row) của bảng \(table).", "Row \(row) of table \(table) is back.")
      try console.result(["table": table, "row": row])
    }
  }
}
