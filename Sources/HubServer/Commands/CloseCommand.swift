internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// Closes a form for good: nothing more is awaited, and what waits is released.
struct CloseCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "close", abstract: "Close a form and release the answers that still wait, also fewer than five of a commune.",
    discussion: """
      Released answers of small communes are counted and stay withheld in every result. Repeat it after late arrivals.

      Example:
        hub close pks01
      """)

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(help: "The form, such as pks01.") var form: String

  private struct Closed: Encodable {
    var form: String
    var releasedNow: Int
    var waiting: Int
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      let plan = try await survey.requirePlan()
      guard try await survey.setState("closed", ofForm: form) != nil else {
        let known = Set(plan.forms.map(\.form)).sorted().joined(separator: ", ")
        throw ToolError(vi: "Không có biểu mẫu \(form); có: \(known).", en: "There is no form \(form); there is: \(known).")
      }
      let before = try await survey.status()
      let others = plan.forms.filter { plan.campaign.forms.contains($0.form) && $0.form != form && $0.state != "closed" }
      // Nobody knows which form a packet answers: as long as one is open, its first answers must not be told apart.
      if others.isEmpty { try await survey.hub.releaseRemainders(of: plan.tree.units.map(\.code.rawValue)) }
      let after = try await survey.status()
      console.say(
        "Đã đóng \(form); mở thêm \(after.packetsReleased - before.packetsReleased) phiếu.",
        "Closed \(form); released \(after.packetsReleased - before.packetsReleased) more answers.")
      if let other = others.first {
        console.say(
          "\(after.packetsWaiting) phiếu còn chờ đến khi \(other.form) cũng đóng.",
          "\(after.packetsWaiting) answers wait until \(other.form) is closed too.")
      }
      try console.result(
        Closed(form: form, releasedNow: after.packetsReleased - before.packetsReleased, waiting: after.packetsWaiting))
    }
  }
}
