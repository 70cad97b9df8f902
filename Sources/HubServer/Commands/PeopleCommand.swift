internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Lists, invites and removes the people who may sign in on the hub's pages.
struct PeopleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "people",
    abstract: LocalizedText(
      vi: "Xem ai được vào các trang của máy chủ; mời, gỡ, cấp khóa cho chương trình.",
      en: "See who may sign in on the hub's pages; invite, remove, give a program a token."),
    examples: ["hub people invite duty-1 --may read,act --part 213", "hub people token monitor"],
    subcommands: [
      PeopleListCommand.self, PeopleInviteCommand.self, PeopleRemoveCommand.self, PeopleTokenCommand.self, PeopleTagsCommand.self,
    ],
    defaultSubcommand: PeopleListCommand.self)
}

struct PeopleListCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: LocalizedText(vi: "Liệt kê ai được vào, làm được gì.", en: "List who may sign in, and what they may do."),
    examples: ["hub people list"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace

  func perform(_ console: Console) async throws {
    try await place.withHubForReading(options) { survey in
      let people = try await survey.people()
      try console.result(people)
      guard !people.isEmpty else {
        return console.say("Chưa ai được mời: hub people invite TÊN.", "Nobody is invited yet: hub people invite NAME.")
      }
      let words = console.words
      let heading = [words.text("Tên", "Name"), words.text("Quyền", "May"), words.text("Phần", "Part"), words.text("Mật khẩu", "Password")]
      console.table(
        [heading]
          + people.map { person in
            [
              person.name, Capability.allCases.filter(person.may).map(\.rawValue).joined(separator: ","),
              person.part.isAll
                ? words.text("toàn bộ", "all")
                : [person.scope?.rawValue, person.tag.map { "#\($0)" }].compactMap { $0 }.joined(separator: " "),
              person.isReady ? words.text("đã đặt", "chosen") : words.text("chưa", "not yet"),
            ]
          })
    }
  }
}

struct PeopleInviteCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite",
    abstract: LocalizedText(
      vi: "Mời một người, hoặc đổi quyền và mật khẩu của người đã có: in liên kết dùng một lần.",
      en: "Invite somebody, or change the rights and password of who is there: prints a link that works once."),
    examples: ["hub people invite duty-1 --may read,act"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Tên.", en: "The name.")) var name: String
  @Option(
    name: .long,
    help: .text(
      vi: "Quyền, cách nhau bằng dấu phẩy: read, act, configure, answers.",
      en: "Capabilities, with commas between: read, act, configure, answers."))
  var may = "read"
  @Option(name: .long, help: .text(vi: "Chỉ phần dưới đơn vị này. Mặc định: toàn bộ.", en: "Only what lies under this unit. Default: all."))
  var part: String?
  @Option(
    name: .long,
    help: .text(
      vi: "Chỉ các đơn vị có nhãn này (hub people tags). Mặc định: mọi đơn vị.",
      en: "Only units with this tag (hub people tags). Default: all."))
  var tag: String?

  private struct Invited: Encodable {
    var name: String
    var path: String
  }

  func perform(_ console: Console) async throws {
    let words = may.split(separator: ",").map { String($0.trimmingPrefix(" ")) }
    let capabilities = words.compactMap { Capability(rawValue: $0) }
    guard capabilities.count == words.count else {
      throw ToolError(
        vi: "--may nhận read, act, configure, answers; có: \(may).", en: "--may takes read, act, configure, answers; got \(may).")
    }
    let act = try acts.act("people invite", name, look: ActLook.people)
    try await place.withHub(options, act: act) { survey in
      let secret = try await survey.invite(name, Set(capabilities), scope: part.map { UnitCode($0) }, tag: tag)
      let path = "/invitation/\(secret)"
      let address = ServingNote.read(in: place.folder)?.board ?? "http://127.0.0.1:8081/"
      let link = address.dropLast() + path
      console.say(
        "Gửi riêng cho \(name); dùng một lần, trong ba ngày: \(String(link))",
        "Hand to \(name) alone; good once, within three days: \(String(link))")
      try console.result(Invited(name: name, path: path))
    }
  }
}

struct PeopleRemoveCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: LocalizedText(vi: "Gỡ một người: ai đang vào cũng bị đăng xuất.", en: "Remove somebody: who is signed in is signed out."),
    examples: ["hub people remove duty-1"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Tên.", en: "The name.")) var name: String

  func perform(_ console: Console) async throws {
    let act = try acts.act("people remove", name, look: ActLook.people)
    try await place.withHub(options, act: act) { survey in
      try await survey.removePerson(name)
      console.say("Đã gỡ \(name).", "Removed \(name).")
      try console.result(["name": name])
    }
  }
}

struct PeopleTokenCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: LocalizedText(
      vi: "Cấp khóa để một chương trình đọc các trang thay một người, trong một năm.",
      en: "Make a token by which a program reads the pages in somebody's name, for a year."),
    discussion: LocalizedText(
      vi: "Chương trình gửi nó trong đầu mục: Authorization: Bearer KHÓA. Gỡ người đó thì khóa hết hiệu lực.",
      en: "The program sends it in a header: Authorization: Bearer TOKEN. It ends when the person is removed."),
    examples: ["hub people token monitor"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "Tên của người đã được mời.", en: "Name of somebody who was invited.")) var name: String

  func perform(_ console: Console) async throws {
    let act = try acts.act("people token", name)
    try await place.withHub(options, act: act) { survey in
      let token = try await survey.makeToken(of: name, label: name)
      console.say(token, token)
      try console.result(["name": name, "token": token])
    }
  }
}

struct PeopleTagsCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "tags",
    abstract: LocalizedText(
      vi: "Xem hoặc thay nhãn của các đơn vị, để mời người phụ trách các đơn vị có nhãn.",
      en: "Show or replace the tags of units, for people who look after the units of a tag."),
    discussion: LocalizedText(
      vi: "TỆP có dòng đầu unit,tag, rồi mỗi dòng một cặp; nó thay mọi nhãn. Không ghi TỆP thì in danh sách hiện có.",
      en:
        "FILE begins with unit,tag, and has a pair on each line; it takes the place of all tags. Without FILE the present list is printed."),
    examples: ["hub people tags", "hub people tags union.csv"])

  @OptionGroup var options: ToolOptions
  @OptionGroup var place: HubPlace
  @OptionGroup var acts: ActOptions
  @Argument(help: .text(vi: "TỆP.csv.", en: "FILE.csv.")) var file: String?

  private struct Tagged: Encodable {
    var tags: [String: [String]]
  }

  func perform(_ console: Console) async throws {
    guard let file else {
      return try await place.withHubForReading(options) { survey in try show(try await survey.unitTags(), console) }
    }
    let tags = try UnitTags(list: try InputFile.read(file, bytesMax: CSVReader.csvFileBytesMax))
    try await place.withHub(options, act: try acts.act("people tags", look: ActLook.tags)) { survey in
      try await survey.setTags(tags)
      try show(tags, console)
    }
  }

  private func show(_ tags: UnitTags, _ console: Console) throws {
    for (tag, units) in tags.units.sorted(by: { $0.key < $1.key }) {
      console.say("\(tag): \(console.words.number(units.count)) đơn vị", "\(tag): \(console.words.number(units.count)) units")
    }
    if tags.units.isEmpty { console.say("Chưa đơn vị nào có nhãn.", "No unit has a tag yet.") }
    try console.result(Tagged(tags: tags.units.mapValues { $0.map(\.rawValue).sorted() }))
  }
}
