internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Lists what operators did to a hub.
struct ActsCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "acts",
    abstract: LocalizedText(
      vi: "Liệt kê ai đã làm gì với máy chủ, khi nào, vì sao, trước và sau ra sao.",
      en: "List who did what to the hub, when and why, and what stood before and after."),
    discussion: LocalizedText(
      vi: "Mỗi việc được ghi cùng lúc với chính nó, chỉ thêm, không sửa hay xóa được. Mới nhất trước.",
      en: "Each act is noted together with what it changes; notes are only added, never changed or removed. The newest comes first."),
    examples: ["hub acts --limit 20", "hub acts --about 07201"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Option(name: .long, help: .text(vi: "Bao nhiêu việc, từ 1 đến 1000.", en: "How many, 1 to 1000.")) var limit = 50
  @Option(
    name: .long,
    help: .text(vi: "Chỉ về đơn vị, thiết bị, biểu mẫu … này.", en: "Only about this unit, device, form and so on."))
  var about: String?

  func validate() throws {
    guard (1...Hub.actsListedMax).contains(limit) else {
      throw ValidationError(
        vi: "--limit phải từ 1 đến \(Hub.actsListedMax).", en: "--limit must be 1 to \(Hub.actsListedMax).")
    }
  }

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let acts = try await survey.hub.acts(limit: limit, about: about)
      if let about, acts.isEmpty, try await !survey.has(named: about) {
        throw ToolError(
          vi: "Không có việc nào về “\(about)”, và máy chủ không có đơn vị, thiết bị, biểu mẫu hay cuộc khảo sát tên như vậy.",
          en: "No act is about “\(about)”, and the hub has no unit, device, form or campaign of that name.")
      }
      try console.result(acts)
      guard !acts.isEmpty else { return console.say("Chưa có việc nào được ghi.", "No act has been noted yet.") }
      let words = console.words
      let campaign = try await survey.plan()?.campaign
      let heading = [
        words.text("Khi nào", "When"), words.text("Ai", "Who"), words.text("Việc", "Act"), words.text("Vì sao", "Why"),
        words.text("Đổi", "Changed"),
      ]
      console.table(
        [heading]
          + acts.map { act in
            let ms = Int64(clamping: act.atMs)
            let when = campaign.map { words.time($0.localTime(atMs: ms)) } ?? words.ago(ms, nowMs: survey.nowMs)
            return [when, act.by, act.subject.isEmpty ? act.kind : "\(act.kind) \(act.subject)", act.reason, Self.changes(of: act)]
          })
    }
  }

  /// Changes named in one line.
  private static let changesMax = 4

  /// Says what stood otherwise before the act.
  private static func changes(of act: OperatorAct) -> String {
    func values(_ json: String?) -> [String: String] {
      json.flatMap { try? JSONDecoder().decode([String: String].self, from: Data($0.utf8)) } ?? [:]
    }
    let (before, after) = (values(act.before), values(act.after))
    let changed = Set(before.keys).union(after.keys).sorted().filter { before[$0] != after[$0] }
    let said = changed.prefix(changesMax).map { "\($0): \(before[$0] ?? "–") → \(after[$0] ?? "–")" }
    return said.joined(separator: "; ") + (changed.count > changesMax ? "; …" : "")
  }
}

extension SurveyHub {
  /// Returns true when the hub has a unit, a device, a form or a campaign of that name.
  fileprivate func has(named name: String) async throws -> Bool {
    if let plan = try await plan() {
      if plan.tree[UnitCode(name)] != nil || plan.campaigns.contains(where: { $0.id == name }) { return true }
      if plan.forms.contains(where: { $0.form == name || $0.key == name }) { return true }
    }
    return try await hub.devices().contains { $0.replica.description == name || $0.replica.short == name }
  }
}
