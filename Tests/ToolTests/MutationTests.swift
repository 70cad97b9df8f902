import Foundation
import TestSupport
import Testing

/// The deliberate faults that `make mutants` hunts: each still applies, and each law is broken by one at least. Whether they are
/// found takes a build each, and is not asked here.
@Suite struct MutationTests {
  private struct Fault {
    var name: String
    var path: String
    var lines: [Substring]
  }

  private func faults() throws -> [Fault] {
    let folder = Tool.packageRoot.appendingPathComponent("Tests/Mutations").path
    return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".patch") }.sorted().map { name in
      let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
      return Fault(name: name, path: folder + "/" + name, lines: text.split(separator: "\n", maxSplits: 2))
    }
  }

  @Test func everyFaultStillApplies() async throws {
    let root = Tool.packageRoot.path
    for fault in try faults() {
      let ended = try await Tool.run("/usr/bin/env", ["git", "-C", root, "apply", "-C1", "--check", fault.path])
      #expect(ended.status == 0, "\(fault.name) no longer applies: make the fault anew where the code is now\n\(ended.errors)")
    }
  }

  @Test func everyLawIsBrokenByAFault() throws {
    let faults = try faults()
    #expect(faults.count >= 20)
    let heads = faults.map { String($0.lines.first ?? "") }
    for law in (1...12).map({ "L\($0)" }) + ["L4a"] { #expect(heads.contains { $0.hasPrefix(law + ": ") }, "no fault breaks \(law)") }
    for fault in faults {
      #expect(fault.lines.count == 3 && fault.lines[1].hasPrefix("First: "), "\(fault.name) does not say which suite should notice")
    }
  }

  @Test func theTableNamesEveryFault() throws {
    let table = try String(
      contentsOf: Tool.packageRoot.appendingPathComponent("Tests/Mutations/README.md"), encoding: .utf8)
    for fault in try faults() { #expect(table.contains("`\(fault.name.dropLast(6))`"), "\(fault.name) is not in the table") }
  }
}
