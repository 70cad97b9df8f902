import Foundation
import SurveyKit
import TestSupport
import Testing

/// A hub and its devices as an operator and a working group have them: processes, files, a socket.
final class TroubleWorld {
  let folder: TemporaryFolder
  /// The hub's folder.
  private(set) var dir: String
  private(set) var server: ServedHub
  private let port: Int

  /// The campaign's survey day is today.
  init() async throws {
    folder = try TemporaryFolder()
    dir = folder.path + "/hub"
    for arguments in [["init", dir], ["campaign", "load", HubTool.campaign, "--dir", dir, "--move-to", Self.today]] {
      let ended = try await HubTool.run(arguments)
      try #require(ended.status == 0, "\(ended.errors)")
    }
    server = try await ServedHub(dir, folder)
    port = server.hubPort
  }

  /// The day in the campaign's zone.
  static let today: String = {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "Asia/Ho_Chi_Minh")
    format.dateFormat = "yyyy-MM-dd"
    return format.string(from: Date())
  }()

  // MARK: The hub

  func hub(_ arguments: String...) async throws -> Tool.Ended { try await HubTool.run(arguments + ["--dir", dir]) }

  func stop() async { _ = await server.stop() }

  /// The hub's machine breaks.
  func kill() async { _ = await server.stop(with: SIGKILL) }

  /// Serves again, at the address the devices know.
  ///
  /// - Parameter dir: Another folder with the hub in it.
  func serve(from dir: String? = nil) async throws {
    self.dir = dir ?? self.dir
    server = try await ServedHub(self.dir, folder, port: port)
  }

  // MARK: Devices

  /// A device of Phường Thọ Xương, enrolled by code over HTTP.
  func device(_ name: String) async throws -> FieldDevice {
    let made = try await hub("enroll", "07201", "--json")
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let device = FieldDevice(store: folder.path + "/\(name).sqlite")
    let code = try #require(codes.first?["code"] as? String)
    let enrolled = try await device.run("enroll", code, "--hub", "http://127.0.0.1:\(server.hubPort)", "--label", name)
    try #require(enrolled.status == 0, "\(enrolled.errors)")
    return device
  }

  /// Copies a device's files, as a backup or an image of its disk does.
  func copy(_ device: FieldDevice, to name: String) throws -> FieldDevice {
    let copy = FieldDevice(store: folder.path + "/\(name).sqlite")
    for suffix in ["", "-wal", "-shm", ".key"] where FileManager.default.fileExists(atPath: device.store + suffix) {
      try FileManager.default.copyItem(atPath: device.store + suffix, toPath: copy.store + suffix)
    }
    return copy
  }
}

/// One device's store, worked with the real `field`.
struct FieldDevice {
  let store: String
  var prefix: [String] = []

  func run(_ arguments: String...) async throws -> Tool.Ended {
    let all = arguments + ["--store", store]
    guard let first = prefix.first, let program = ToolProcess.find(first) else { return try await Tool.field(all) }
    return try await Tool.run(program, prefix.dropFirst() + [Tool.path("field")] + all)
  }

  /// Files today's report with a number of people guided.
  func report(guided: Int) async throws {
    let example = try await run("report", "--example")
    let file = store + ".report.json"
    try Data(example.output.utf8).write(to: URL(fileURLWithPath: file))
    var filed = try await run("report", "--from", file, "--set", "guided=\(guided)")
    // One that is filed already is corrected, with a reason.
    if filed.status != 0 { filed = try await run("report", "--from", file, "--set", "guided=\(guided)", "--reason", "counted again") }
    try #require(filed.status == 0, "\(filed.errors)")
  }

  /// The number of people guided in today's report, as this device shows it.
  func guided() async throws -> Int? {
    let shown = try await run("show", TroubleWorld.today, "--json")
    let object = try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any]
    let answers = object?["answers"] as? [String: Any]
    return (answers?["guided"] as? NSNumber)?.intValue
  }

  func sync() async throws -> Tool.Ended {
    let ended = try await run("sync")
    try #require(ended.status == 0, "\(ended.errors)")
    return ended
  }
}
