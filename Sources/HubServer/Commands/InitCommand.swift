internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Makes a new hub in a folder of its own.
struct InitCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: LocalizedText(vi: "Tạo máy chủ mới: khóa và kho dữ liệu trống.", en: "Make a new hub: its keys and an empty store."),
    discussion: LocalizedText(
      vi: "Sau đó hãy in tờ khôi phục khóa và cất đi: mất khóa thì không mở được phiếu nào và không thiết bị nào nhận ra máy chủ nữa.",
      en:
        "Print the recovery sheet afterwards and lock it away: without the keys no answer can be opened and no device knows the hub again."),
    examples: ["hub init ./hub-data"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @Argument(
    help: .text(
      vi: "Thư mục của máy chủ; chưa có thì được tạo. Mặc định: như --dir.",
      en: "The hub's folder; made if it is missing. Default: as --dir."))
  var folder: String?

  private struct Made: Encodable {
    var folder: String
    var hub: String
    /// Link to the page on which the first administrator chooses a password, on the board's port; good once, within three days.
    var invitation: String
  }

  func perform(_ console: Console) async throws {
    let folder = folder ?? place.folder
    let name = ActOptions.user
    let act = try IntendedAct("people invite", subject: name, by: name, look: ActLook.people)
    let sheet = RecoverySheet.path(in: folder)
    var secret = ""
    let survey = try await SurveyHub.create(at: folder, clock: try options.wallClock()) { survey in
      secret = try await survey.hub.acting(act) { try await survey.invite(name, Set(Capability.allCases), scope: nil) }
      _ = try RecoverySheet(HubKeys.load(from: SurveyHub.keysPath(in: folder))).write(to: sheet)
    }
    try survey.close()
    let isDefault = folder == place.folder
    let dir = isDefault ? "" : " --dir \(folder)"
    console.say("Đã tạo máy chủ \(survey.hub.replica.short) trong \(folder).", "Made hub \(survey.hub.replica.short) in \(folder).")
    console.say(
      "Nạp cuộc khảo sát xong hãy in \(sheet), cất vào két rồi xóa tệp: mất khóa thì không mở được phiếu nào.",
      "Once the campaign is loaded print \(sheet), lock it away and delete the file: without the keys no answer can be opened.")
    console.say("Tiếp theo: hub campaign load THƯ_MỤC\(dir)", "Next: hub campaign load DIR\(dir)")
    console.say(
      "Khi máy chủ chạy, mở liên kết này để đặt mật khẩu quản trị (một lần, trong ba ngày): http://127.0.0.1:8081/invitation/\(secret)",
      "Once it serves, open this link to choose the administrator's password (once, within three days): http://127.0.0.1:8081/invitation/\(secret)"
    )
    try console.result(Made(folder: folder, hub: survey.hub.replica.description, invitation: "/invitation/\(secret)"))
  }
}
