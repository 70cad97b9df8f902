internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SyncKit
internal import ToolSupport

/// The operators' tool: makes a hub, loads a campaign, enrols devices, serves them, and shows how things stand.
@main struct HubCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hub",
    abstract: "The merging side: makes a hub, loads a campaign, enrols devices, serves them and shows how things stand.",
    discussion: """
      Example, from nothing to a running hub:
        hub init ./hub-data
        hub campaign load Examples/bac-giang-2024 --move-to 2025-04-01
        hub enroll --all --file codes.csv
        hub serve
      """,
    version: "0.1",
    subcommands: [
      InitCommand.self, CampaignCommand.self, FormsCommand.self, EnrollCommand.self, DevicesCommand.self, ServeCommand.self,
      StatusCommand.self,
      ResultsCommand.self, CloseCommand.self, QRCommand.self, RehearseCommand.self, ProveCommand.self,
    ])

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let isMade = FileManager.default.fileExists(atPath: SurveyHub.storePath(in: HubPlace.folder(in: environment)))
    let lines = isMade ? Self.whenMade : Self.whenNew
    for line in lines { Console.out(line(Language(environment: environment))) }
  }

  private static let whenNew = [
    LocalizedText(vi: "1. Tạo máy chủ:            hub init", en: "1. Make a hub:                hub init"),
    LocalizedText(vi: "2. Nạp cuộc khảo sát:      hub campaign load THƯ_MỤC", en: "2. Load the campaign:         hub campaign load DIR"),
    LocalizedText(
      vi: "3. Cấp mã rồi chạy:        hub enroll --all && hub serve   (mọi lệnh: hub --help)",
      en: "3. Make codes, then run it: hub enroll --all && hub serve   (all commands: hub --help)"),
  ]
  private static let whenMade = [
    LocalizedText(vi: "Chạy máy chủ và bảng theo dõi:  hub serve", en: "Run the hub and its board:   hub serve"),
    LocalizedText(
      vi: "Xem tình hình, kết quả:         hub status, hub results", en: "See how things stand:        hub status, hub results"),
    LocalizedText(
      vi: "Cấp mã, thu hồi thiết bị:       hub enroll, hub devices   (mọi lệnh: hub --help)",
      en: "Enrol and revoke devices:    hub enroll, hub devices   (all commands: hub --help)"),
  ]
}

/// Where the hub's folder is.
struct HubPlace: ParsableArguments {
  @Option(name: .long, help: "The hub's folder. Default: $SYNCKIT_HUB, else ./hub-data.")
  var dir: String?

  static func folder(in environment: [String: String]) -> String {
    environment["SYNCKIT_HUB"].flatMap { $0.isEmpty ? nil : $0 } ?? "./hub-data"
  }

  var folder: String { dir ?? Self.folder(in: ProcessInfo.processInfo.environment) }

  /// Opens the hub, runs `body`, closes it.
  func withHub<T>(_ options: ToolOptions, _ body: (SurveyHub) async throws -> T) async throws -> T {
    let survey = try await SurveyHub.open(at: folder, clock: try options.wallClock())
    let result: T
    do {
      result = try await body(survey)
    } catch {
      try? survey.close()
      throw error
    }
    try survey.close()
    return result
  }
}
