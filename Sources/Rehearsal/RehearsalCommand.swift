internal import ArgumentParser
internal import SyncCore
internal import ToolSupport

/// Program behind `hub rehearse` and `hub prove`: it drives devices and a hub as processes, and knows both sides, as neither of
/// them may.
@main struct RehearsalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hub",
    abstract: LocalizedText(
      vi: "Tổng duyệt một cuộc khảo sát và kiểm chứng kết quả.", en: "Rehearses a campaign and proves what came of it."),
    examples: ["hub rehearse Examples/bac-giang-2024 --communes 20"],
    subcommands: [RehearseCommand.self, ProveCommand.self])

  static func main() async { await ToolMain.run(Self.self) }
}
