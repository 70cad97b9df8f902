internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

struct ImportBundle: FieldCommand {
  static let configuration = CommandConfiguration(
    commandName: "import-bundle",
    abstract: LocalizedText(
      vi: "Nhận những gì tỉnh trả lời trong tệp .skb: biên nhận, dữ liệu mới, ghi danh.",
      en: "Take what the province answers in .skb files: receipts, what is new, the enrolment."),
    discussion: LocalizedText(
      vi: """
        Nhập lại, hay nhập theo thứ tự nào, cũng không hại gì. Phần của máy khác để nguyên. Mã thoát 2 khi có phần bị hỏng hoặc bị từ \
        chối; phần tốt vẫn được nhận.
        """,
      en: """
        Importing again, or in any order, does no harm. What is for other devices is left. Exit code 2 when parts were damaged or \
        refused; the good ones are taken all the same.
        """),
    examples: ["field import-bundle return.skb", "field import-bundle return-1.skb return-2.skb"])

  @OptionGroup var field: FieldOptions

  @Argument(help: .text(vi: "Các tệp trả lời.", en: "The return files.")) var files: [String]

  private struct Outcome: Encodable {
    var bundle: BundleImport
    var others: Int
    var openConflicts: Int
    var unit: String?
  }

  func perform(_ console: Console) async throws {
    let survey = try field.open()
    let (replica, files, courier) = (survey.replica, files, Courier(store: field.storePath))
    let outcome = try await interruptible { try await replica.importBundles(files, courier: courier) }
    let (status, enrolment) = (try await replica.status(), try await replica.enrolment())
    try console.result(
      Outcome(bundle: outcome, others: outcome.others, openConflicts: status.openConflicts, unit: enrolment?.writeScope))
    if outcome.isNewlyEnrolled, let enrolment {
      let name = try await survey.units().map { $0.displayName(of: UnitCode(enrolment.writeScope)) } ?? ""
      console.say("Đã ghi danh cho đơn vị \(enrolment.writeScope) \(name).", "Enrolled for unit \(enrolment.writeScope) \(name).")
      if let campaign = try await survey.campaign() {
        console.say("Đợt khảo sát: \(campaign.title.vi)", "Campaign: \(campaign.title.en)")
      }
    }
    BundleSpeech(console).show(outcome, openConflicts: status.openConflicts)
    if !outcome.isWhole { throw ToolExit.partly }
  }
}
