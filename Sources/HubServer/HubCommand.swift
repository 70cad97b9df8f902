internal import ArgumentParser
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

#if !Server
  #error("what serves is behind a package trait: run make build, or swift build --traits Server")
#endif

/// The operators' tool: makes a hub, loads a campaign, enrols devices, serves them, and shows how things stand.
@main struct HubCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hub",
    abstract: LocalizedText(
      vi: "Phía hợp nhất: tạo máy chủ, nạp cuộc khảo sát, ghi danh thiết bị, phục vụ chúng và cho biết tình hình.",
      en: "The merging side: makes a hub, loads a campaign, enrols devices, serves them and shows how things stand."),
    examples: [
      "hub init ./hub-data", "hub campaign load Examples/bac-giang-2024 --move-to 2025-04-01", "hub enroll --all --file codes.csv",
      "hub serve",
    ],
    version: "0.1",
    subcommands: [
      NextCommand.self, InitCommand.self, CampaignCommand.self, FormsCommand.self, EnrollCommand.self, CodesCommand.self,
      DevicesCommand.self,
      ServeCommand.self, ImportCommand.self, BackupCommand.self, RestoreCommand.self, TrimCommand.self, StatusCommand.self,
      ActsCommand.self, PeopleCommand.self,
      ClockCommand.self,
      VerifyCommand.self, ConflictsCommand.self, ResolveCommand.self, HeldCommand.self, PhotosCommand.self, PostsCommand.self,
      RestoreRowCommand.self,
      ResultsCommand.self, ExportCommand.self, CloseCommand.self,
      KeysCommand.self, QRCommand.self, RehearseCommand.self, ProveCommand.self,
    ],
    defaultSubcommand: NextCommand.self)

  static func main() async { await ToolMain.run(Self.self) }
}

/// Option that names the campaign a command is about.
struct CampaignOption: ParsableArguments {
  @Option(
    name: .long,
    help: .text(
      vi: "Cuộc khảo sát, như `hub campaign list` ghi. Mặc định: cuộc đang hiện.",
      en: "The campaign, as `hub campaign list` names it. Default: the one that is shown."))
  var campaign: String?

  func of(_ survey: SurveyHub) async throws -> SurveyHub { try await survey.about(campaign: campaign) }
}

/// Option that names the hub's folder.
struct HubPlace: ParsableArguments {
  @Option(
    name: .long,
    help: .text(
      vi: "Thư mục của máy chủ. Mặc định: $SYNCKIT_HUB, không có thì ./hub-data.",
      en: "The hub's folder. Default: $SYNCKIT_HUB, else ./hub-data."))
  var dir: String?

  static func folder(in environment: [String: String]) -> String {
    environment["SYNCKIT_HUB"].flatMap { $0.isEmpty ? nil : $0 } ?? "./hub-data"
  }

  var folder: String { dir ?? Self.folder(in: ProcessInfo.processInfo.environment) }

  /// Opens the hub, runs `body`, closes it.
  func withHub<T>(_ options: ToolOptions, _ body: (SurveyHub) async throws -> T) async throws -> T {
    var hubOptions = Hub.Options()
    hubOptions.spoolsPackets = true
    let survey = try await SurveyHub.open(at: folder, clock: try options.wallClock(), options: hubOptions)
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

  /// The same for a command that only reads: where the hub's folder cannot be written, a copy is read, and that is said.
  ///
  /// - Parameter body: May be called twice; it prints nothing before it has read everything.
  func withHubForReading<T>(_ options: ToolOptions, _ body: (SurveyHub) async throws -> T) async throws -> T {
    do {
      return try await withHub(options, body)
    } catch let error as SyncError where error.isOfUnwritablePlace {
      guard try SurveyHub.exists(in: folder) else { throw error }
      let copy = try SurveyHub.copyForReading(folder)
      options.console.warn(
        LocalizedText(
          vi: "Không ghi được \(folder) (đĩa đầy hoặc chỉ đọc): đang đọc một bản chép; lúc này máy chủ không nhận thêm được gì.",
          en: "\(folder) cannot be written (its disk is full or read-only): this reads a copy, and the hub can take nothing now."))
      var place = self
      place.dir = copy.path
      let result = try await place.withHub(options, body)
      withExtendedLifetime(copy) {}
      return result
    }
  }

  /// Notes an act on files beside the store, such as a recovery sheet or an export. It stands also where the store takes no note.
  func note(_ act: IntendedAct, _ options: ToolOptions) async throws {
    do {
      guard try SurveyHub.exists(in: folder) else { return }
      try await withHub(options) { survey in try await survey.hub.note(act) }
    } catch let error as any ExplainedError {
      let said = error.explanation
      options.console.warn(
        LocalizedText(
          vi: "Việc này chưa được ghi vào sổ (hub acts): \(said.vi)", en: "This is not noted in the acts (hub acts): \(said.en)"))
    }
  }

  /// The same in an operator's name: see `Hub.acting`.
  func withHub<T>(_ options: ToolOptions, act: IntendedAct?, _ body: (SurveyHub) async throws -> T) async throws -> T {
    try await withHub(options) { survey in
      guard let act else { return try await body(survey) }
      return try await survey.hub.acting(act) { try await body(survey) }
    }
  }
}
