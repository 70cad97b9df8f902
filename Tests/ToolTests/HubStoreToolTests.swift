import Foundation
import GRDB
import SurveyKit
import SurveyKitHub
import TestSupport
import Testing

/// What happens when the files of a hub or a device are not as they were left.
@Suite struct HubStoreToolTests {
  private static let reading = [
    ["status"], ["verify"], ["serve", "--port", "0", "--board-port", "0"], ["devices", "list"], ["enroll", "07201"],
    ["backup", "b.sqlite"], [],
  ]

  /// Runs a command that must not go on for long: a hub that serves what it should refuse would never end.
  private static func run(_ arguments: [String]) async throws -> Tool.Ended {
    try await Tool.run("/usr/bin/timeout", ["60", Tool.path("hub")] + arguments)
  }

  private static func remove(_ files: String...) { for file in files { try? FileManager.default.removeItem(atPath: file) } }

  /// A database of 4,096 bytes with nothing in it, as a store's main file stays while all it holds is in its log.
  private static func blankPage(in folder: TemporaryFolder) throws -> Data {
    let path = folder.path + "/blank.sqlite"
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = WAL; CREATE TABLE t (a); DROP TABLE t; VACUUM") }
    try queue.close()
    let page = try #require(FileManager.default.contents(atPath: path))
    #expect(page.count == 4096)
    return page
  }

  @Test func aHubThatWasStoppedIsWholeInItsMainFile() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let served = try await ServedHub(dir, folder)
    #expect(try await HubTool.run(["enroll", "07201", "--dir", dir]).status == 0)
    #expect(await served.stop() == 0)
    let copy = folder.path + "/copy"
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    for file in ["hub.sqlite", "keys"] { try FileManager.default.copyItem(atPath: "\(dir)/\(file)", toPath: "\(copy)/\(file)") }
    let status = try await HubTool.run(["status", "--dir", copy])
    #expect(status.status == 0 && status.output.contains("209 communes") && status.output.contains("the sums agree"), "\(status.errors)")
    #expect(try await HubTool.run(["--dir", copy]).output.contains("1 codes unused"))
  }

  @Test(.long) func aStoreThatLostItsLogWhileItServedIsRefusedWithTheWayBack() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let backup = folder.path + "/b.sqlite"
    let served = try await ServedHub(dir, folder)
    #expect(try await HubTool.run(["enroll", "07201", "--dir", dir]).status == 0)
    #expect(try await HubTool.run(["backup", backup, "--dir", dir]).status == 0)
    // Beside a hub that serves, no other command copies the log.
    let copy = folder.path + "/copy"
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    for file in ["hub.sqlite", "keys"] { try FileManager.default.copyItem(atPath: "\(dir)/\(file)", toPath: "\(copy)/\(file)") }
    let before = FileManager.default.contents(atPath: copy + "/hub.sqlite")
    for command in Self.reading {
      let ended = try await Self.run(command + ["--dir", copy])
      #expect(ended.status == 1 && ended.sentences.count == 1, "\(command): \(ended.output) \(ended.errors)")
      #expect(ended.errors.contains("hub.sqlite-wal") && ended.errors.contains("hub restore"), "\(command): \(ended.errors)")
    }
    #expect(FileManager.default.contents(atPath: copy + "/hub.sqlite") == before)
    #expect(await served.stop(with: SIGKILL) != 0)
    // The same folder without its log is refused; with it everything is there.
    let log = try #require(FileManager.default.contents(atPath: dir + "/hub.sqlite-wal"))
    Self.remove(dir + "/hub.sqlite-wal", dir + "/hub.sqlite-shm")
    #expect(try await HubTool.run(["status", "--dir", dir]).errors.contains("hub.sqlite-wal"))
    try log.write(to: URL(fileURLWithPath: dir + "/hub.sqlite-wal"))
    Self.remove(dir + "/hub.sqlite-shm")
    #expect(try await HubTool.run(["--dir", dir]).output.contains("1 codes unused"))
    // The way back: the backup beside the keys that know more.
    Self.remove(copy + "/hub.sqlite", copy + "/hub.sqlite-wal", copy + "/hub.sqlite-shm")
    let missing = try await HubTool.run(["status", "--dir", copy])
    #expect(missing.status == 1 && missing.errors.contains("hub restore FILE"), "\(missing.errors)")
    #expect(try await HubTool.run(["init", copy]).errors.contains("hub restore"))
    let next = try await HubTool.run(["--dir", copy])
    #expect(next.status == 1 && next.errors.contains("hub restore FILE"), "\(next.output) \(next.errors)")
    let restored = try await HubTool.run(["restore", backup, "--dir", copy, "--reason", "trial"])
    #expect(restored.status == 0, "\(restored.errors)")
    for _ in 0..<2 { #expect(try await HubTool.run(["--dir", copy]).output.contains("1 codes unused")) }
  }

  @Test func aBlankStoreBesideKeysIsRefused() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let page = try Self.blankPage(in: folder)
    try page.write(to: URL(fileURLWithPath: dir + "/hub.sqlite"))
    Self.remove(dir + "/hub.sqlite-wal", dir + "/hub.sqlite-shm")
    for command in Self.reading {
      let ended = try await Self.run(command + ["--dir", dir])
      #expect(ended.status == 1 && ended.sentences.count == 1, "\(command): \(ended.output) \(ended.errors)")
      #expect(ended.errors.contains("hub restore"), "\(command): \(ended.errors)")
    }
    #expect(FileManager.default.contents(atPath: dir + "/hub.sqlite") == page)
  }

  @Test func aHubGetsAnEmptyFolder() async throws {
    let folder = try TemporaryFolder()
    let dir = folder.path + "/home"
    try FileManager.default.createDirectory(atPath: dir, withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(fileURLWithPath: dir + "/letter.txt"))
    let refused = try await HubTool.run(["init", dir])
    #expect(refused.status == 1 && refused.sentences.count == 1 && refused.errors.contains("letter.txt"), "\(refused.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: dir) == ["letter.txt"])
    Self.remove(dir + "/letter.txt")
    #expect(try await HubTool.run(["init", dir]).status == 0)
  }

  @Test func aBackupIntoAFolderThatIsMissingMakesNoFile() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    for place in ["/mnt-backups", "/none/", "/none/deeper"] {
      let ended = try await HubTool.run(["backup", folder.path + place, "--dir", dir])
      #expect(ended.status == 1 && ended.sentences.count == 1, "\(ended.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.path + place))
    }
    let missing = try await HubTool.run(["backup", folder.path + "/mnt-backups", "--dir", dir])
    #expect(missing.errors.contains("There is no folder") && missing.errors.contains(".sqlite"), "\(missing.errors)")
    #expect(try await HubTool.run(["backup", folder.path + "/b.sqlite", "--dir", dir]).status == 0)
    #expect(try await HubTool.run(["backup", folder.path, "--dir", dir]).status == 0)
  }

  @Test(.long) func reasonsAndNamesSaySomething() async throws {
    let who = ["--by", "province", "--reason", "why"]
    for (tool, command) in [
      ("hub", ["devices", "decide", "abcdef01", "take"] + who), ("hub", ["held", "decline", "1-0"] + who), ("hub", ["held", "free"] + who),
      ("hub", ["held", "repair", "1-0", "--as-read"] + who), ("hub", ["held", "decide", "07201", "take"] + who),
      ("hub", ["resolve", "abcdef01", "--keep"] + who), ("hub", ["restore-row", "abcdef01"] + who),
      ("hub", ["posts", "--hide", "abc", "--reason", "why"]), ("field", ["resolve", "abcdef01", "--keep"] + who),
      ("field", ["report", "--from", "x.json", "--reason", "why"]), ("field", ["enroll", "K", "--hub", "http://h", "--label", "mine"]),
    ] {
      for option in ["--by", "--reason", "--label"] {
        guard let place = command.firstIndex(of: option) else { continue }
        for blank in ["", "  "] {
          var arguments = command
          arguments[place + 1] = blank
          let ended = try await Tool.run(Tool.path(tool), arguments)
          #expect(ended.status == 64 && ended.errors.contains(option), "\(arguments): \(ended.status) \(ended.errors)")
        }
      }
    }
  }

  @Test func aDeviceWhoseStoreIsBlankBesideItsKeyIsRefused() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let usb = folder.path + "/usb"
    #expect(try await HubTool.run(["enroll", "07201", "--files", usb, "--dir", dir]).status == 0)
    let store = folder.path + "/f.sqlite"
    #expect(try await Tool.field(["enroll", "--file", usb + "/07201-1.enrol", "--store", store]).status == 0)
    // A command that has ended leaves everything in the main file.
    #expect(!FileManager.default.fileExists(atPath: store + "-wal"))
    let copy = folder.path + "/copy.sqlite"
    for ending in ["", ".key"] { try FileManager.default.copyItem(atPath: store + ending, toPath: copy + ending) }
    #expect(try await Tool.field(["status", "--store", copy]).status == 0)
    try Self.blankPage(in: folder).write(to: URL(fileURLWithPath: copy))
    for command in [["status"], ["list"], ["doctor"], ["enroll", "--file", usb + "/07201-1.enrol"]] {
      let ended = try await Tool.field(command + ["--store", copy])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains("copy.sqlite-wal"), "\(command): \(ended.errors)")
    }
  }
}
