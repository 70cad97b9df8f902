internal import ArgumentParser
internal import SyncCore
internal import ToolSupport

/// `hub rehearse`: the program `rehearsal` does it, which needs the devices' side, too.
struct RehearseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rehearse",
    abstract: LocalizedText(
      vi: "Tổng duyệt cả cuộc khảo sát: một máy chủ, mỗi xã một thiết bị, phiếu và báo cáo sinh sẵn, rồi kiểm chứng.",
      en: "Rehearse a whole campaign: a hub, a device for every commune, generated answers and reports, and a proof."),
    discussion: LocalizedText(vi: "Các tùy chọn: hub rehearse --help.", en: "Options: hub rehearse --help."),
    examples: ["hub rehearse Examples/bac-giang-2024 --communes 20"])

  @Argument(
    parsing: .captureForPassthrough,
    help: .text(vi: "Thư mục của cuộc khảo sát và các tùy chọn.", en: "The campaign's folder, and options."))
  var arguments: [String] = []

  func run() async throws { try RehearsalProgram.start() }
}

/// `hub prove`: see `RehearseCommand`.
struct ProveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: LocalizedText(
      vi: "Kiểm tra mọi thứ một buổi tổng duyệt đã nhập đều có trong kho của máy chủ đúng một lần.",
      en: "Check that everything a rehearsal entered is in the hub's store exactly once."),
    discussion: LocalizedText(vi: "Các tùy chọn: hub prove --help.", en: "Options: hub prove --help."),
    examples: ["hub prove rehearsal/manifest.json --dir rehearsal/hub"])

  @Argument(
    parsing: .captureForPassthrough,
    help: .text(vi: "Bản kê của buổi tổng duyệt và các tùy chọn.", en: "The rehearsal's manifest, and options."))
  var arguments: [String] = []

  func run() async throws { try RehearsalProgram.start() }
}

/// The program that rehearses, which takes over this process.
private enum RehearsalProgram {
  static func start() throws -> Never {
    do {
      try ProgramBeside.become("rehearsal")
    } catch let error as ToolError {
      Console(language: .spoken, isJSON: CommandLine.arguments.contains("--json")).refuse(error.explanation)
      throw ToolExit.failed
    }
  }
}
