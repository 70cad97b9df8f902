internal import ArgumentParser
internal import SurveyKit
internal import SurveyKitField
internal import SyncKit
internal import ToolSupport

/// Carries other devices' bundles, unread.
struct CourierCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "courier",
    abstract: LocalizedText(
      vi: "Mang giúp tệp .skb của máy khác mà không đọc, và chuyển tiếp khi có dịp.",
      en: "Carry other devices' .skb files without reading them, and hand them on when there is a chance."),
    discussion: LocalizedText(
      vi: """
        Thứ được mang giúp đi cùng mọi tệp do field export ghi, và lên thẳng tỉnh ở lần field sync tới. Máy này giữ chúng cho tới khi tỉnh \
        báo đã nhận.
        """,
      en: """
        What is carried goes into every file that field export writes, and straight to the province at the next field sync. It is kept \
        here until the province says that it has it.
        """),
    examples: ["field courier collect commune-a.skb commune-b.skb", "field courier list"],
    subcommands: [CollectBundles.self, ListCarried.self, DropCarried.self])
}

extension CourierCommand {
  struct CollectBundles: FieldCommand {
    static let configuration = CommandConfiguration(
      commandName: "collect",
      abstract: LocalizedText(vi: "Nhận các tệp để mang giúp.", en: "Take files along."),
      examples: ["field courier collect commune-a.skb", "field courier collect /media/stick/*.skb"])

    @OptionGroup var field: FieldOptions
    @Argument(help: .text(vi: "Các tệp .skb.", en: "The .skb files.")) var files: [String]

    private struct Outcome: Encodable {
      var path: String
      var collected: Courier.Collected?
      var refused: LocalizedText?
    }

    func perform(_ console: Console) async throws {
      let courier = Courier(store: try field.existingStorePath())
      let own = try await field.open().replica.enrolment().map { [$0.replica] } ?? []
      var outcomes: [Outcome] = []
      for path in files {
        do {
          outcomes.append(Outcome(path: path, collected: try courier.collect(path, except: Set(own))))
        } catch let error as SyncError {
          outcomes.append(Outcome(path: path, refused: error.explanation))
          console.warn(error.explanation)
        }
      }
      try console.result(outcomes)
      let all = outcomes.compactMap(\.collected)
      for outcome in outcomes {
        for damage in outcome.collected?.damage ?? [] {
          console.warn(LocalizedText(vi: "\(outcome.path): \(damage.vi)", en: "\(outcome.path): \(damage.en)"))
        }
      }
      func sum(_ part: (Courier.Collected) -> Int) -> String { console.words.number(all.reduce(0) { $0 + part($1) }) }
      console.say(
        "Nhận mang giúp \(sum(\.parcels)) bọc, \(sum(\.known)) đã có; chuyển tiếp bằng field export hoặc field sync.",
        "Took \(sum(\.parcels)) parcels along, \(sum(\.known)) were here already; hand them on with field export or field sync.")
      if all.count < files.count || all.contains(where: { !$0.damage.isEmpty }) { throw all.isEmpty ? ToolExit.failed : ToolExit.partly }
    }
  }

  struct ListCarried: FieldCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: LocalizedText(vi: "Máy này đang mang giúp những gì.", en: "What this device carries for others."),
      examples: ["field courier list"])

    @OptionGroup var field: FieldOptions

    func perform(_ console: Console) async throws {
      let items = try Courier(store: try field.existingStorePath()).items()
      try console.result(items)
      guard !items.isEmpty else { return console.say("Không mang giúp gì.", "Nothing is carried for others.") }
      let heading = [console.words.text("Của", "From"), console.words.text("Gửi", "To"), console.words.text("Cỡ", "Size")]
      console.table(
        [heading] + items.map { [$0.from.short, $0.to?.short ?? "", ByteAmount.text($0.bytes, console.words)] })
    }
  }

  struct DropCarried: FieldCommand {
    static let configuration = CommandConfiguration(
      commandName: "drop",
      abstract: LocalizedText(
        vi: "Thôi mang giúp: xóa mọi thứ của máy khác ở đây.", en: "Carry no more: remove everything of others from here."),
      examples: ["field courier drop --all"])

    @OptionGroup var field: FieldOptions
    @Flag(
      name: .long,
      help: .text(vi: "Xóa tất cả; máy gốc vẫn còn của mình.", en: "Remove all; the devices they come from still have theirs."))
    var all = false

    func validate() throws {
      if !all { throw ValidationError(vi: "Hãy thêm --all.", en: "Add --all.") }
    }

    func perform(_ console: Console) async throws {
      let count = try Courier(store: try field.existingStorePath()).dropAll()
      try console.result(["dropped": count])
      console.say("Đã xóa \(console.words.number(count)) bọc.", "Removed \(console.words.number(count)) parcels.")
    }
  }
}
