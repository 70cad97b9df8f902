internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Commands about work that the hub has and cannot merge yet.
struct HeldCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "held",
    abstract: LocalizedText(
      vi: "Xem việc bị giữ lại và giải quyết: thử lại, sửa, từ chối.", en: "See held work and move it on: retry, repair, decline."),
    examples: ["hub held list", "hub held decline 17-0 --by province --reason \"sent by mistake\""],
    subcommands: [
      HeldListCommand.self, HeldBatchesCommand.self, HeldShowCommand.self, HeldRetryCommand.self, HeldRepairCommand.self,
      HeldDeclineCommand.self, HeldFreeCommand.self, HeldPacketsCommand.self, HeldDecideCommand.self, HeldAnswersCommand.self,
    ],
    defaultSubcommand: HeldListCommand.self)
}

private struct HeldLine: Encodable {
  var id: String
  var unit: String
  var device: String
  var reason: String
  var detail: String
  var remedy: String
  var receivedMs: UInt64
  var rows: [Row]

  struct Row: Encodable {
    var table: String
    var key: String
    var isDeletion: Bool
    var cells: [String: String]
  }

  init(_ held: HeldUnit, _ language: Language) {
    id = held.id
    unit = held.scope
    device = held.replica.short
    reason = held.reason
    detail = held.detail
    remedy = held.remedy(language)
    receivedMs = held.receivedMs
    rows = held.rows.map { row in
      let cells = row.cells.map { (([$0.column] + [$0.member].compactMap(\.self)).joined(separator: "."), $0.value.shownText) }
      return Row(
        table: row.table, key: row.key.shownText, isDeletion: !row.isAlive,
        cells: Dictionary(cells, uniquingKeysWith: { first, _ in first }))
    }
  }
}

struct HeldListCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: LocalizedText(vi: "Liệt kê việc bị giữ lại.", en: "List the held work."),
    examples: ["hub held list --unit 07201"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Option(name: .long, help: .text(vi: "Chỉ của đơn vị này.", en: "Only of this unit.")) var unit: String?

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let lines = try await survey.hub.heldUnits(scope: unit).map { HeldLine($0, options.language) }
      try console.result(lines)
      let more = try await survey.hub.heldCount(scope: unit) - lines.count
      if more > 0 {
        let n = console.words.number(more)
        console.say(
          "Còn \(n) việc nữa bị giữ; xem từng đơn vị bằng --unit.", "\(n) more are held; look at one unit at a time with --unit.")
      }
      let stopped = try await survey.hub.stoppedBatchCount()
      if stopped > 0 {
        let n = console.words.number(stopped)
        console.say("\(n) gói chờ gói trước hoặc bị từ chối: hub held batches.", "\(n) batches wait or were refused: hub held batches.")
      }
      for packets in try await survey.hub.latePackets() where unit == nil || packets.unit == unit {
        if let text = packets.explanation { console.say(text.vi, text.en) }
      }
      guard !lines.isEmpty else { return console.say("Không có việc nào bị giữ lại.", "Nothing is held.") }
      let heading = [
        console.words.text("Số", "Id"), console.words.text("Đơn vị", "Unit"), console.words.text("Thiết bị", "Device"),
        console.words.text("Lý do", "Reason"), console.words.text("Cách giải quyết", "What to do"),
      ]
      console.table([heading] + lines.map { [$0.id, $0.unit, $0.device, "\($0.reason) \($0.detail)", $0.remedy] })
    }
  }
}

struct HeldBatchesCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "batches",
    abstract: LocalizedText(
      vi: "Liệt kê các gói không hợp nhất được: chờ gói trước, hoặc bị từ chối.",
      en: "List batches that are merged nowhere: waiting for an earlier one, or refused."),
    examples: ["hub held batches"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace

  private struct Line: Encodable {
    var unit: String
    var device: String
    var number: UInt64
    /// `waiting`, or why it was refused.
    var reason: String
    var detail: String
    var remedy: String
    var receivedMs: UInt64
    var bytes: Int
    var isKept: Bool
  }

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let lines = try await survey.hub.stoppedBatches().map { batch in
        Line(
          unit: batch.scope, device: batch.replica.short, number: batch.number, reason: batch.reason ?? "waiting", detail: batch.detail,
          remedy: batch.remedy(options.language), receivedMs: batch.receivedMs, bytes: batch.size, isKept: batch.isKept)
      }
      try console.result(lines)
      guard !lines.isEmpty else { return console.say("Không có gói nào bị chặn.", "No batch is stopped.") }
      let heading = [
        console.words.text("Đơn vị", "Unit"), console.words.text("Thiết bị", "Device"), console.words.text("Gói", "Batch"),
        console.words.text("Lý do", "Reason"), console.words.text("Cách giải quyết", "What to do"),
      ]
      console.table([heading] + lines.map { [$0.unit, $0.device, console.words.number(Int(clamping: $0.number)), $0.reason, $0.remedy] })
    }
  }
}

struct HeldShowCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: LocalizedText(vi: "Xem một việc bị giữ lại ghi gì.", en: "Show what one held unit says."),
    examples: ["hub held show 17-0"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: .text(vi: "Số như hub held list nêu.", en: "The number as hub held list gives it.")) var id: String

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      guard let held = try await survey.hub.heldUnit(id) else {
        throw ToolError(vi: "Không có việc nào bị giữ mang số \(id).", en: "Nothing is held under number \(id).")
      }
      let line = HeldLine(held, options.language)
      try console.result(line)
      console.say("\(line.reason) \(line.detail): \(line.remedy)", "\(line.reason) \(line.detail): \(line.remedy)")
      for row in line.rows {
        let state = row.isDeletion ? console.words.text("(xóa)", "(deleted)") : ""
        console.say("\(row.table) \(row.key) \(state)", "\(row.table) \(row.key) \(state)")
        for (column, value) in row.cells.sorted(by: { $0.key < $1.key }) { console.say("  \(column) = \(value)", "  \(column) = \(value)") }
      }
    }
  }
}

struct HeldRetryCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: LocalizedText(vi: "Thử hợp nhất lại.", en: "Try to merge again."),
    examples: ["hub held retry", "hub held retry 17-0"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Số của một việc; để trống là tất cả.", en: "The number of one; all when left out.")) var id: String?

  func perform(_ console: Console) async throws {
    try await place.withHub(options, act: try acts.act("held retry", look: ActLook.held)) { survey in
      let merged = try await survey.hub.retryHeld(id)
      let left = try await survey.hub.heldCount()
      try console.result(["merged": merged, "held": left])
      console.say("Hợp nhất được \(merged); còn giữ \(left).", "Merged \(merged); \(left) still held.")
    }
  }
}

struct HeldDeclineCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "decline",
    abstract: LocalizedText(
      vi: "Từ chối một việc bị giữ lại: thiết bị nhận lại giá trị của máy chủ, những gì nó ghi được giữ trong xung đột.",
      en: "Decline a held unit: its device gets the hub's own values, and what it said is kept in conflicts."),
    examples: ["hub held decline 17-0 --by province --reason \"sent by mistake\""])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: .text(vi: "Số như hub held list nêu.", en: "The number as hub held list gives it.")) var id: String
  @Option(name: .long, help: .text(vi: "Ai quyết định.", en: "Who decides.")) var by: String
  @Option(name: .long, help: .text(vi: "Vì sao.", en: "Why.")) var reason: String

  func validate() throws { try ValidationError.refuseBlank(reason: reason, by: by) }

  func perform(_ console: Console) async throws {
    let act = try IntendedAct(stated: "held decline", subject: id, by: by, reason: reason, look: ActLook.held)
    try await place.withHub(options, act: act) { survey in
      try await survey.hub.declineHeld(id, by: by, because: reason)
      try console.result(["declined": id])
      console.say("Đã từ chối \(id).", "Declined \(id).")
    }
  }
}

struct HeldFreeCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "free",
    abstract: LocalizedText(
      vi: "Trả lại khóa mà dòng của đơn vị khác đã lấy: dòng đó bị xóa (máy chủ giữ hình ảnh cuối), việc của chủ khóa được thử lại.",
      en:
        "Give back keys that another unit's rows have taken: those rows end (the hub keeps their last image), the owners' work is retried."),
    discussion: LocalizedText(
      vi: "`hub verify` nêu các dòng như vậy. Không có dòng nào thì lệnh không làm gì.",
      en: "`hub verify` names such rows. Where there are none, the command does nothing."),
    examples: ["hub held free --by province --reason \"07201 took the keys of 07204\""])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Option(name: .long, help: .text(vi: "Ai quyết định.", en: "Who decides.")) var by: String
  @Option(name: .long, help: .text(vi: "Vì sao.", en: "Why.")) var reason: String

  func validate() throws { try ValidationError.refuseBlank(reason: reason, by: by) }

  private struct Result: Encodable {
    var freed: [Freed]
    var merged: Int

    struct Freed: Encodable {
      var table: String
      var key: String
      var unit: String
    }
  }

  func perform(_ console: Console) async throws {
    let act = try IntendedAct(stated: "held free", subject: "", by: by, reason: reason, look: ActLook.held)
    try await place.withHub(options, act: act) { survey in
      let (freed, merged) = try await survey.hub.freeKeys(by: by, because: reason)
      let rows = freed.map { Result.Freed(table: $0.table, key: $0.key.shownText, unit: $0.scope) }
      try console.result(Result(freed: rows, merged: merged))
      for row in rows {
        console.say(
          "Đã trả khóa \(row.key) của bảng \(row.table): đơn vị \(row.unit) đã lấy nó.",
          "Gave back key \(row.key) of table \(row.table), which unit \(row.unit) had taken.")
      }
      console.say(
        rows.isEmpty ? "Không khóa nào bị đơn vị khác lấy." : "Hợp nhất được \(merged) việc bị giữ.",
        rows.isEmpty ? "No key is taken by another unit." : "Merged \(merged) held units.")
    }
  }
}

struct HeldRepairCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: LocalizedText(
      vi: "Sửa một việc bị giữ lại rồi hợp nhất dưới tên máy chủ.", en: "Correct a held unit and merge it in the hub's name."),
    examples: ["hub held repair 17-0 --set visits=12 --by province --reason typo"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: .text(vi: "Số như hub held list nêu.", en: "The number as hub held list gives it.")) var id: String
  @Option(
    name: .long, help: .text(vi: "Giá trị đúng, dạng cột=giá-trị; lặp lại được.", en: "A right value, as column=value; as often as needed.")
  )
  var set: [String] = []
  @Option(name: .long, help: .text(vi: "Bỏ một cột; lặp lại được.", en: "A column to leave out; as often as needed.")) var drop: [String] =
    []
  @Option(
    name: .long, help: .text(vi: "Khóa mới, khi khóa cũ là dòng của đơn vị khác.", en: "A new key, when the old one is another unit's row.")
  )
  var key: String?
  @Flag(
    name: .long,
    help: .text(vi: "Nhận như máy chủ đã đọc, không sửa gì.", en: "Take it as the hub has read it, without a correction.")) var asRead =
    false
  @Option(name: .long, help: .text(vi: "Ai quyết định.", en: "Who decides.")) var by: String
  @Option(name: .long, help: .text(vi: "Vì sao.", en: "Why.")) var reason: String

  func validate() throws {
    for entry in set where !entry.contains("=") || entry.hasPrefix("=") {
      throw ValidationError(vi: "--set cần cột=giá-trị, không phải \(entry).", en: "--set needs column=value, not \(entry).")
    }
    if set.isEmpty && drop.isEmpty && key == nil && !asRead {
      throw ValidationError(
        vi: "Cho biết sửa gì: --set, --drop, --key hoặc --as-read.", en: "Say what to correct: --set, --drop, --key or --as-read.")
    }
    try ValidationError.refuseBlank(reason: reason, by: by)
  }

  func perform(_ console: Console) async throws {
    let pairs = set.map { $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init) }
    let act = try IntendedAct(stated: "held repair", subject: id, by: by, reason: reason, look: ActLook.held)
    try await place.withHub(options, act: act) { survey in
      var values: [String: CellValue] = [:]
      for pair in pairs { values[pair[0]] = try await survey.value(typed: pair[1], forColumn: pair[0], ofHeld: id) }
      try await survey.hub.repairHeld(
        id, values: values, dropping: Set(drop), key: key.map { .text($0) }, by: by, because: reason)
      try console.result(["repaired": id])
      console.say("Đã sửa và hợp nhất \(id).", "Repaired and merged \(id).")
    }
  }
}
