import Foundation
import TestSupport
import Testing

/// `make rehearse-hard` in small: the tools that were built for tests, twenty devices. What it proves it judges itself; it keeps no time.
@Suite(.serialized, .long) struct HardRehearsalTests {
  static let hasNginx = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"].contains(where: FileManager.default.isExecutableFile)

  @Test(.enabled(if: HardRehearsalTests.hasNginx, "Needs nginx: run `make deps`."))
  func devicesOnPoorLinksBesideStrangersLoseNothing() async throws {
    let script = Tool.packageRoot.appendingPathComponent("scripts/rehearse_hard.py").path
    let tools = URL(fileURLWithPath: Tool.path("hub")).deletingLastPathComponent().path
    let ended = try await Tool.run("/bin/sh", ["-c", "exec python3 '\(script)' --bin '\(tools)' --devices 20 --minutes 0.6"])
    print(ended.output)
    #expect(ended.status == 0, "\(ended.output)\n\(ended.errors)")
  }
}
