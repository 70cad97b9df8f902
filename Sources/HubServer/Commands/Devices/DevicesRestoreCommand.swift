internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Takes a revocation back that was a mistake.
struct DevicesRestoreCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: LocalizedText(
      vi: "Trả lại quyền cho thiết bị bị thu hồi nhầm.", en: "Give a device that was revoked by mistake its rights back."),
    discussion: LocalizedText(
      vi: """
        Gói của nó tới trong lúc bị thu hồi được gộp luôn, không rút lại được. Khóa phiếu kín của đơn vị vẫn là khóa mới; thiết bị nhận \
        khóa ấy và gửi phiếu còn chờ trong lần đồng bộ tới. Danh tính khác của máy, hay của bản sao, vẫn bị thu hồi.
        """,
      en: """
        Batches of it that came while it was revoked are merged at once, for good. The unit's key for anonymous answers stays the new \
        one; the device gets it, and sends the answers that wait, with its next exchange. Other identities of the device, or of copies, \
        stay revoked.
        """),
    examples: ["hub devices restore 3fa20c11 --reason \"the other tablet was meant\""])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @OptionGroup var target: DeviceArgument
  @Flag(name: .long, help: .text(vi: "Chỉ cho biết sẽ làm gì.", en: "Only say what it would do.")) var dryRun = false

  private struct Restored: Encodable {
    var replica: String
    /// Batches that had come meanwhile: to be merged, and merged.
    var late: Int
    var merged: Int
    /// Other identities of the device; they stay revoked.
    var revoked: [String]
  }

  func validate() throws {
    if !dryRun { try acts.requireReason(for: "devices restore") }
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      let found = try await target.found(in: survey)
      let meant = try await survey.hub.reinstatement(of: found.replica)
      let (short, late) = (found.replica.short, console.words.number(meant.late))
      console.say(
        "Thiết bị \(short) (\(found.label)) được gọi lại; khóa phiếu kín của đơn vị vẫn là khóa mới. Hoàn tác: hub devices revoke \(short).",
        "Device \(short) (\(found.label)) may call again; the unit's key for anonymous answers stays the new one. Undo: hub devices revoke \(short)."
      )
      if meant.late > 0 {
        console.sayLasting(
          LocalizedText(
            vi: "gộp \(late) gói đã tới trong lúc bị thu hồi.", en: "\(late) batches that came while it was revoked are merged."))
      }
      if !meant.others.isEmpty {
        let names = meant.others.map(\.short).joined(separator: ", ")
        console.say("Vẫn bị thu hồi: \(names).", "These stay revoked: \(names).")
      }
      var merged = 0
      if !dryRun {
        let act = try acts.act("devices restore", found.replica.description, look: ActLook.devices)
        merged = try await survey.hub.acting(act) {
          try await survey.hub.reinstate(found.replica, by: act.by, reason: act.reason, listed: meant.late)
        }
        console.say(
          "Đã trả lại quyền; gộp \(console.words.number(merged)) gói.", "Restored; merged \(console.words.number(merged)) batches.")
      }
      try console.result(
        Restored(replica: found.replica.description, late: meant.late, merged: merged, revoked: meant.others.map(\.description)))
    }
  }
}
