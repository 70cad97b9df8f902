internal import ArgumentParser
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// What `field` alone says: where things stand and what to do next, in three lines.
struct Next: FieldCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what to do next.", discussion: "field", shouldDisplay: false)

  @OptionGroup var field: FieldOptions

  private struct Outcome: Encodable {
    var isEnrolled: Bool
    var unit: String?
    var waiting: Int
    var next: [String]
  }

  func perform(_ console: Console) async throws {
    guard field.storeExists else { return try show(unit: nil, name: nil, waiting: 0, steps: Self.enrolSteps, console) }
    let survey = try field.open()
    guard let enrolment = try await survey.replica.enrolment() else {
      return try show(unit: nil, name: nil, waiting: 0, steps: Self.enrolSteps, console)
    }
    let name = try await survey.units()?.displayName(of: UnitCode(enrolment.writeScope)) ?? enrolment.writeScope
    let status = try await survey.replica.status()
    let waiting = status.pendingChanges + status.sealedChanges + status.waitingChanges + status.packetsWaiting
    let hasCampaign = try await survey.campaign() != nil
    let steps = [
      hasCampaign
        ? LocalizedText(
          vi: "Thu phiếu: field import phieu.csv. Báo cáo ngày: field report --example > bc.json, sửa, rồi field report --from bc.json.",
          en:
            "Collect: field import answers.csv. Report the day: field report --example > report.json, edit, then field report --from report.json."
        )
        : LocalizedText(vi: "Nhận đợt khảo sát: field sync.", en: "Fetch the campaign: field sync."),
      waiting > 0
        ? LocalizedText(
          vi: "Có \(waiting) mục chờ gửi: field sync khi có mạng.", en: "\(waiting) wait to be sent: field sync when there is a network.")
        : LocalizedText(
          vi: "Không có gì chờ gửi; field status cho biết tình hình.", en: "Nothing waits to be sent; field status tells how things stand."),
    ]
    try show(unit: enrolment.writeScope, name: name, waiting: waiting, steps: steps, console)
  }

  private static let enrolSteps = [
    LocalizedText(
      vi: "Xin tỉnh mã ghi danh, rồi: field enroll MÃ --hub ĐỊA-CHỈ",
      en: "Ask the province for a code, then: field enroll CODE --hub ADDRESS"),
    LocalizedText(
      vi: "Không có mạng: xin tệp ghi danh, rồi: field enroll --file TỆP",
      en: "Without a network: ask for a file, then: field enroll --file FILE"),
  ]

  private func show(unit: String?, name: String?, waiting: Int, steps: [LocalizedText], _ console: Console) throws {
    if let name {
      console.say("Thiết bị của \(name).", "A device of \(name).")
    } else {
      console.say("Thiết bị chưa ghi danh (\(field.storePath)).", "This device is not enrolled (\(field.storePath)).")
    }
    for step in steps { console.say(step.vi, step.en) }
    try console.result(Outcome(isEnrolled: unit != nil, unit: unit, waiting: waiting, next: steps.map { $0(console.language) }))
  }
}
