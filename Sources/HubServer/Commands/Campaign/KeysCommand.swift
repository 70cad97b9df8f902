internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// The hub's keys: what is encrypted to them, their copy on paper, their end.
struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: LocalizedText(
      vi: "Khóa của máy chủ: liệt kê, in tờ khôi phục, thay và hủy khóa phiếu.",
      en: "The hub's keys: list them, print the recovery sheet, replace and destroy drop keys."),
    examples: ["hub keys sheet keys.html", #"hub keys destroy 1f3c9a20 --reason "the survey is over""#],
    subcommands: [KeysListCommand.self, KeysSheetCommand.self, KeysRecoverCommand.self, KeysNewCommand.self, KeysDestroyCommand.self],
    defaultSubcommand: KeysListCommand.self)
}

struct KeysListCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: LocalizedText(
      vi: "Liệt kê các khóa phiếu và số phiếu còn chờ mở.", en: "List the drop keys and how many answers of each wait to be released."),
    examples: ["hub keys list"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let keys = try await survey.hub.dropKeys()
      try console.result(keys)
      let plan = try await survey.plan()
      let zone = plan?.campaign
      let heading: [LocalizedText] = [
        LocalizedText(vi: "Khóa phiếu", en: "Drop key"), LocalizedText(vi: "Biểu mẫu", en: "Form"),
        LocalizedText(vi: "Tạo lúc", en: "Made"),
        LocalizedText(vi: "Phiếu chờ mở", en: "Waiting"), LocalizedText(vi: "Trạng thái", en: "State"),
      ]
      let current = LocalizedText(vi: "đang dùng", en: "in use")
      let general = LocalizedText(vi: "chung", en: "general")
      console.table(
        [heading.map { $0(options.language) }]
          + keys.map { key in
            let made = zone.map { console.words.time($0.localTime(atMs: Int64(clamping: key.madeMs))) }
            return [
              key.id, key.form ?? general(options.language),
              made ?? console.words.ago(Int64(clamping: key.madeMs), nowMs: survey.nowMs),
              console.words.number(key.waiting),
              key.isCurrent ? current(options.language) : "",
            ]
          })
      let keyless = plan?.formsWithoutKey(among: keys) ?? []
      if !keyless.isEmpty {
        let list = keyless.joined(separator: ", ")
        console.warn(
          LocalizedText(
            vi: "Biểu mẫu chưa có khóa riêng: \(list); nạp lại cuộc khảo sát (`hub campaign load`) hoặc chạy `hub keys new --form`.",
            en: "Forms without a key of their own: \(list); load the campaign again (`hub campaign load`), or run `hub keys new --form`."))
      }
    }
  }
}

struct KeysSheetCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "sheet",
    abstract: LocalizedText(
      vi: "Ghi tờ khôi phục khóa: một trang để in và cất vào két.", en: "Write the recovery sheet: a page to print and lock away."),
    discussion: LocalizedText(
      vi: "Ai có tờ này thì mở được phiếu kín và giả được máy chủ. In xong hãy xóa tệp.",
      en: "Whoever has this page can open anonymous answers and pass for the hub. Delete the file once it is printed."),
    examples: ["hub keys sheet keys.html"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Tệp HTML để ghi, như keys.html.", en: "The HTML file to write, such as keys.html.")) var file: String

  private struct Written: Encodable {
    var file: String
    var rows: Int
  }

  func perform(_ console: Console) async throws {
    let keys = try HubKeys.load(from: SurveyHub.keysPath(in: place.folder))
    try Hub.refuseForeignKeys(of: keys.signing.replica, storeAt: SurveyHub.storePath(in: place.folder))
    try OutputFile.refuseExisting(file)
    let rows = try RecoverySheet(keys).write(to: file)
    console.say(
      "Đã ghi \(file): in ra, cất vào két, rồi xóa tệp.", "Wrote \(file): print it, lock it away, then delete the file.")
    try console.result(Written(file: file, rows: rows))
    try await place.note(try acts.act("keys sheet", file), options)
  }
}

struct KeysRecoverCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: LocalizedText(
      vi: "Làm lại thư mục khóa từ tờ khôi phục.", en: "Make the key folder anew from the recovery sheet."),
    discussion: LocalizedText(
      vi:
        "Gõ các dòng của tờ vào một tệp văn bản, hoặc quét mã QR trên tờ và lưu chữ đọc được; chữ thường, dấu cách thay gạch nối đều được. Thư mục khóa của chính máy chủ đó được thêm các khóa phiếu còn thiếu. Mã thoát 2 khi còn phiếu cần khóa không có trong tệp.",
      en:
        "Type the rows of the sheet into a text file, or scan the sheet's QR code and save what it says; small letters, and spaces for dashes, are fine. A key folder of the same hub gets the drop keys that it lacks. Exit code 2 when answers need a key that is not in the file."
    ),
    examples: ["hub keys recover rows.txt --dir ./hub-data"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Tệp có các dòng của tờ khôi phục.", en: "The file with the rows of the sheet.")) var file: String

  private struct Recovered: Encodable {
    var folder: String
    var hub: String
    /// Letters of drop keys that the file skips: left out, or destroyed.
    var skipped: [String]
    var missing: [MissingDropKey]
  }

  func perform(_ console: Console) async throws {
    let text = String(decoding: try InputFile.read(file, bytesMax: 1 << 20), as: UTF8.self)
    let folder = SurveyHub.keysPath(in: place.folder)
    let keys = try HubKeys.recover(text, in: folder, store: SurveyHub.storePath(in: place.folder))
    let skipped = try HubKeys.recoveryNamesSkipped(in: text)
    var missing: [MissingDropKey] = []
    if try SurveyHub.exists(in: place.folder) {
      missing = try await place.withHubForReading(options) { try await $0.hub.missingDropKeys() }
    }
    try await place.note(try acts.act("keys recover", file), options)
    console.say(
      "Đã khôi phục khóa của máy chủ \(keys.signing.replica.short) vào \(folder).",
      "Recovered the keys of hub \(keys.signing.replica.short) into \(folder).")
    try console.result(Recovered(folder: folder, hub: keys.signing.replica.description, skipped: skipped, missing: missing))
    if !skipped.isEmpty {
      let letters = skipped.joined(separator: ", ")
      console.warn(
        LocalizedText(
          vi: "Tệp không có dòng nào của khóa \(letters): gõ thêm, trừ khi khóa ấy đã hủy.",
          en: "The file has no row of key \(letters): type them in, too, unless that key was destroyed."))
    }
    for key in missing { console.warn(key.explanation) }
    if !missing.isEmpty { throw ToolExit.partly }
  }
}

struct KeysNewCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: LocalizedText(
      vi: "Tạo khóa phiếu mới; máy dùng khóa này từ lần đồng bộ tới.",
      en: "Make a new drop key; devices use it from their next exchange on."),
    discussion: LocalizedText(
      vi: "Mỗi biểu mẫu có khóa riêng từ khi được nạp; khóa chung dành cho máy của chương trình cũ.",
      en: "Each form has a key of its own since it was loaded; the general key is for devices of earlier programs."),
    examples: ["hub keys new", "hub keys new --form pks01"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Option(help: .text(vi: "Biểu mẫu mà khóa dành riêng; bỏ trống: khóa chung.", en: "The form it is for alone; left out: a general key."))
  var form: String?

  private struct Made: Encodable {
    var id: String
    var form: String?
  }

  func perform(_ console: Console) async throws {
    try await place.withHub(options) { survey in
      let id = try await survey.addDropKey(form: form)
      try await survey.hub.note(try acts.act("keys new", id))
      console.say("Khóa phiếu mới: \(id). In lại tờ khôi phục.", "New drop key: \(id). Print the recovery sheet again.")
      try console.result(Made(id: id, form: form))
    }
  }
}

struct KeysDestroyCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "destroy",
    abstract: LocalizedText(
      vi: "Hủy một khóa phiếu để không ai đọc lại được các gói phiếu cũ.",
      en: "Destroy a drop key, so that nobody can ever read old packets again."),
    discussion: LocalizedText(
      vi: "Chỉ hủy được khi mọi phiếu của khóa đã mở và nằm trong một bản sao lưu. Hủy cả bản in trên tờ khôi phục.",
      en: "Only once every answer encrypted to it is released and in a finished backup. Destroy its rows on the recovery sheet, too."),
    examples: [#"hub keys destroy 1f3c9a20 --reason "the survey is over""#])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Khóa phiếu, như `hub keys` ghi.", en: "The drop key, as `hub keys` names it.")) var id: String
  @Flag(
    name: .long,
    help: .text(
      vi: "Hủy cả khi máy còn phiếu chưa gửi: phiếu của khóa này sẽ mất.",
      en: "Also while devices have answers to send: those of this key are lost."))
  var acceptLoss = false

  func perform(_ console: Console) async throws {
    console.sayLasting(
      LocalizedText(vi: "phiếu mã hóa bằng khóa này không ai đọc lại được.", en: "answers encrypted to this key can never be read again."))
    try await place.withHub(options, act: try acts.act("keys destroy", id, look: ActLook.keys)) { survey in
      let done = try await survey.destroyDropKey(id, acceptsLoss: acceptLoss)
      console.say("Đã hủy khóa phiếu \(done.id).", "Destroyed drop key \(done.id).")
      if let next = done.next {
        console.say("Khóa mới đang dùng: \(next). In lại tờ khôi phục.", "The key in use is now \(next). Print the recovery sheet again.")
      }
      try console.result(done)
    }
  }
}
