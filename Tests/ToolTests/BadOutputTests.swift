import Foundation
import SyncKit
import TestSupport
import Testing

/// What the tools do where they cannot say or write what they should.
@Suite(.sumsAddUp) struct BadOutputTests {
  private func shell(_ script: String, in folder: TemporaryFolder) async throws -> Tool.Ended {
    try await Tool.run("/bin/bash", ["-c", "cd '\(folder.path)'; export PATH=\(Tool.path("")):$PATH\n" + script])
  }

  @Test(.long) func aReaderThatLeavesEndsTheToolQuietly() async throws {
    let folder = try TemporaryFolder()
    _ = try await HubTool.made(in: folder)
    // The reader is gone before anything is written.
    for ignored in ["", "trap '' PIPE;"] {
      let ended = try await shell(
        "\(ignored) for c in 'enroll --all' '--help' 'results --level commune'; do { sleep 0.3; hub $c --dir hub; echo \"code $?\" >&2; } | true; done",
        in: folder)
      #expect(
        ended.sentences == ["code 141", "code 141", "code 141"], "\(ended.errors)"
      )
    }
  }

  @Test(.long, .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "There is no /dev/full here."))
  func outputThatCannotBeWrittenIsSaidOnce() async throws {
    let folder = try TemporaryFolder()
    _ = try await HubTool.made(in: folder)
    for (command, says) in [
      ("hub status --dir hub >/dev/full", "the disk is full"), ("hub --help >/dev/full", "the disk is full"),
      ("hub status --dir hub --json >/dev/full", "the disk is full"), ("hub status --dir hub >&-", "cannot be written"),
      ("hub serve --dir hub --port 0 --board-port 0 >/dev/full", "the disk is full"), ("LANG=vi_VN.UTF-8 field >/dev/full", "đĩa đã đầy"),
    ] {
      let ended = try await shell(command, in: folder)
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains(says), "\(command): \(ended.status) \(ended.errors)")
    }
    // Nobody hears why, and it still fails; the store was not written into in place of the closed streams.
    #expect(try await shell("hub status --dir hub >&- 2>&-; echo $?", in: folder).output == "1\n")
    #expect(try await HubTool.run(["status", "--dir", folder.path + "/hub"]).status == 0)
  }

  @Test func codesThatCannotBeWrittenAreShownInstead() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    for place in ["/dev/null", folder.path] {
      let ended = try await HubTool.run(["enroll", "07201", "--file", place, "--dir", dir])
      #expect(ended.status == 1 && ended.sentences.count == 1 && ended.errors.contains("is not a file"), "\(ended.errors)")
      #expect(ended.output.contains(/07201 .*[A-Z2-9]{5}-[A-Z2-9]{5}/), "\(ended.output)")
    }
    #expect(try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType == .typeCharacterSpecial)
  }

  @Test func argumentsThatAreNoTextAreRefused() async throws {
    let folder = try TemporaryFolder()
    let ended = try await shell(
      "hub init \"$(printf 'a\\xff')\"; echo $?; field status --json --store \"$(printf '\\xfe')\"; ls", in: folder)
    #expect(ended.output == "64\n" && ended.sentences.count == 2 && ended.sentences.first?.contains("not UTF-8") == true, "\(ended.errors)")
    #expect(ended.sentences.last?.hasPrefix("{\"error\":{\"code\":\"usage\"") == true)
    let long = String(repeating: "x", count: 100_000)
    let echoed = try await HubTool.run(["status", "--dir", long])
    #expect(echoed.status == 1 && echoed.sentences.count == 1 && echoed.errors.utf8.count < 10_000)
  }

  @Test func aWrongEnrolmentFileLeavesNothingBehind() async throws {
    let folder = try TemporaryFolder()
    try Data("no enrolment".utf8).write(to: URL(fileURLWithPath: folder.path + "/file"))
    let ended = try await Tool.field(["enroll", "--file", folder.path + "/file", "--store", folder.path + "/new.sqlite"])
    #expect(ended.status == 1 && ended.sentences.count == 1, "\(ended.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
  }
}
