internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Closes a form for good: nothing more is awaited, and what waits is released.
struct CloseCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "close",
    abstract: LocalizedText(
      vi: "Đóng một biểu mẫu và mở nốt các phiếu còn chờ mà không để lộ ai.",
      en: "Close a form and release the answers that still wait and give nobody away."),
    discussion: LocalizedText(
      vi: """
        Phần còn lại của các xã được gộp theo huyện, rồi theo tỉnh; nơi nào ít người hơn ngưỡng công bố thì để nguyên niêm phong. Có phiếu \
        đến muộn thì chạy lại. --final xóa phần còn niêm phong, tính vào "giữ kín"; sau đó hủy được khóa phiếu của biểu mẫu.
        """,
      en: """
        What is left of communes is pooled by district, then for the province; where fewer people than the threshold stand behind it, it \
        stays sealed. Repeat it after late arrivals. --final erases what is sealed and counts it as withheld; the form's drop key can be \
        destroyed then.
        """),
    examples: ["hub close pks01", "hub close pks01 --final"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Biểu mẫu, như pks01.", en: "The form, such as pks01.")) var form: String
  @Flag(
    help: .text(
      vi: "Không chờ gì nữa: xóa phần còn niêm phong và tính vào \"giữ kín\".",
      en: "Nothing is awaited any more: erase what is sealed and count it as withheld."))
  var final = false

  func perform(_ console: Console) async throws {
    if final {
      console.sayLasting(
        LocalizedText(
          vi: "phần còn niêm phong bị xóa; đóng rồi thì biểu mẫu không mở lại.",
          en: "what is sealed is erased; a closed form does not open again."))
    } else {
      console.sayLasting(LocalizedText(vi: "đóng rồi thì biểu mẫu không mở lại.", en: "a closed form does not open again."))
    }
    let act = try acts.act(final ? "close --final" : "close", form, look: ActLook.forms)
    try await place.withHub(options, act: act) { survey in
      let done = try await survey.move(form: form, to: .closed, isFinal: final)
      Self.tell(done, console)
      if final, !done.dropKeys.isEmpty {
        let keys = done.dropKeys.joined(separator: ", ")
        console.say(
          "Khóa phiếu riêng của \(done.form): \(keys). Khi hai bản sao lưu mới nhất đã có kết quả, hủy nó: hub keys destroy KHÓA.",
          "The drop key of \(done.form) alone: \(keys). Once the two newest backups hold the results, destroy it: hub keys destroy KEY.")
      }
      try console.result(done)
    }
  }

  static func tell(_ done: FormClosing, _ console: Console) {
    guard done.state == .closed else {
      let state = console.words.formState(done.state.rawValue)
      return console.say("\(done.form): \(state).", "\(done.form): \(state).")
    }
    console.say(
      "Đã đóng \(done.form); mở thêm \(console.words.number(done.releasedNow)) phiếu.",
      "Closed \(done.form); released \(console.words.number(done.releasedNow)) more answers.")
    if done.withheldNow > 0 {
      console.say(
        "\(console.words.number(done.withheldNow)) phiếu còn niêm phong đã xóa, tính vào \"giữ kín\": quá ít người để công bố.",
        "\(console.words.number(done.withheldNow)) sealed answers are erased and counted as withheld: too few people to be shown.")
    }
    if done.waiting > 0 {
      console.say(
        "\(console.words.number(done.waiting)) phiếu để nguyên niêm phong để giữ kín người trả lời: dưới \(done.kAnswersMin) người, hoặc của biểu mẫu còn mở. Kết thúc hẳn: hub close \(done.form) --final.",
        "\(console.words.number(done.waiting)) answers stay sealed to protect people: fewer than \(done.kAnswersMin) of them, or of a form that is open. To end it for good: hub close \(done.form) --final."
      )
    }
    let keys = done.missingEditions.filter { $0.hasPrefix("drop-") && $0.hasSuffix(".key") }
    if !keys.isEmpty {
      let files = keys.prefix(Self.editionsShownMax).joined(separator: ", ")
      console.say(
        "Có phiếu mã hóa bằng khóa không nằm trong thư mục khóa (\(files)). Chép lại tệp khóa hoặc khôi phục từ tờ khôi phục (hub keys recover), rồi chạy lại.",
        "There are answers encrypted to keys that are not in the key folder (\(files)). Put the files back, or recover them from the recovery sheet (hub keys recover), then run this again."
      )
    }
    if !done.unfitEditions.isEmpty {
      let editions = done.unfitEditions.prefix(Self.editionsShownMax).joined(separator: ", ")
      console.say(
        "Có phiếu của chương trình cũ không hợp với \(editions) như máy chủ biết. Nếu chúng được thu theo nội dung khác cùng số phiên bản: xuất bản nội dung đó bằng --for-held; nếu không, `hub close --final` tính chúng là giữ kín.",
        "There are answers of an earlier program that do not fit \(editions) as the hub knows it. If they were collected with another content of that version, publish that content with --for-held; if not, `hub close --final` counts them as withheld."
      )
    }
    let missing = done.missingEditions.filter { !keys.contains($0) }
    if !missing.isEmpty {
      let editions = missing.prefix(Self.editionsShownMax).joined(separator: ", ")
      console.say(
        "\(console.words.number(done.held)) phiếu tạm giữ: không hợp với bản nào máy chủ biết (\(editions)). Xuất bản các bản đó (hub forms publish TỆP --for-held) rồi chạy lại.",
        "\(console.words.number(done.held)) answers are held: they fit no edition the hub knows (\(editions)). Publish those editions (hub forms publish FILE --for-held), then run this again."
      )
    }
  }

  /// Editions named in one sentence.
  private static let editionsShownMax = 10
}
