import Foundation
import SurveyKit
import SurveyKitHub
import TestSupport
import Testing

/// Runs the console sessions of the documents as written, and compares what they print. `…` stands for any text in a line, and alone
/// for any lines.
@Suite struct ReadmeTests {
  @Test(.long, arguments: ["README.md", "docs/bundles.md", "docs/start.md"]) func theSessionByHandRunsAsWritten(_ document: String)
    async throws
  {
    let readme = try String(contentsOf: Tool.packageRoot.appendingPathComponent(document), encoding: .utf8)
    let steps = Self.steps(of: readme)
    #expect(steps.count > 10)
    // A port that was free may be another program's by the time that the session asks for it: the session begins again then.
    var (outputs, errors, ports) = ([String](), "", [Int]())
    for _ in 0..<Self.triesMax {
      ports = try [TinyServer.freePort(), TinyServer.freePort()]
      (outputs, errors) = try await session(steps, ports: ports)
      if !errors.contains("in use") { break }
    }
    try #require(outputs.count > steps.count, "\(errors)")
    for (step, output) in zip(steps, outputs) {
      let said = output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).dropLast()
      #expect(
        Self.matches(Array(said), step.expected.map { Self.local($0, ports) }),
        "$ \(step.command)\nprinted:\n\(output)\n\(document) says:\n\(step.expected.joined(separator: "\n"))\n\(errors)")
    }
  }

  private static let triesMax = 3

  private static func local(_ text: String, _ ports: [Int]) -> String {
    text.replacing("hub serve >", with: "hub serve --port \(ports[0]) --board-port \(ports[1]) >")
      .replacing("8080", with: "\(ports[0])").replacing("8081", with: "\(ports[1])")
  }

  /// Runs the steps in one shell in a fresh folder, and returns each step's output with what was said on standard error.
  private func session(_ steps: [Step], ports: [Int]) async throws -> (outputs: [String], errors: String) {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/Examples", withDestinationPath: Tool.packageRoot.appendingPathComponent("Examples").path)
    // What a reader would bring.
    let phone = Picture.phone(try Photo(Picture.png(1280, 960)).jpeg, orientation: 6)
    for (name, bytes) in [("board.jpg", phone), ("hall.png", Picture.png(400, 300, seed: 9))] {
      try bytes.write(to: URL(fileURLWithPath: folder.path + "/" + name))
    }
    // One shell for the whole session; a line of its own after each command's output.
    var script = "export PATH=\(Tool.path("")):$PATH\ncd '\(folder.path)'\n"
    for step in steps { script += "\(Self.local(step.command, ports))\necho '<<end>>'\n" }
    script += "kill %1 2>/dev/null\n"
    try script.write(toFile: folder.path + "/session.sh", atomically: true, encoding: .utf8)
    let ended = try await Tool.run("/bin/bash", ["-m", folder.path + "/session.sh"])
    return (ended.output.components(separatedBy: "<<end>>\n"), ended.errors)
  }

  private struct Step {
    var command: String
    var expected: [String] = []
  }

  private static func steps(of readme: String) -> [Step] {
    var steps: [Step] = []
    for block in readme.components(separatedBy: "```console\n").dropFirst() {
      let lines = block.components(separatedBy: "\n```")[0].split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      for line in lines {
        if line.hasPrefix("$ ") {
          steps.append(Step(command: String(line.dropFirst(2))))
        } else if !steps.isEmpty {
          steps[steps.count - 1].expected.append(line)
        }
      }
    }
    return steps
  }

  static func matches(_ lines: [String], _ expected: [String]) -> Bool {
    guard let first = expected.first else { return lines.isEmpty }
    let rest = Array(expected.dropFirst())
    if first == "…" { return (0...lines.count).contains { matches(Array(lines.dropFirst($0)), rest) } }
    guard let line = lines.first, matchesLine(line, first) else { return false }
    return matches(Array(lines.dropFirst()), rest)
  }

  private static func matchesLine(_ line: String, _ pattern: String) -> Bool {
    let parts = pattern.components(separatedBy: "…")
    guard parts.count > 1 else { return line == pattern }
    var rest = line[...]
    guard let first = parts.first, rest.hasPrefix(first) else { return false }
    rest = rest.dropFirst(first.count)
    for part in parts.dropFirst().dropLast() {
      guard let found = rest.range(of: part) else { return false }
      rest = rest[found.upperBound...]
    }
    return rest.hasSuffix(parts.last ?? "")
  }

  /// Code in the documents is code that is compiled.
  @Test(arguments: ["README.md", "docs/start.md"]) func theQuotedCodeIsThatOfTheExample(_ document: String) throws {
    func text(_ path: String) throws -> String { try String(contentsOf: Tool.packageRoot.appendingPathComponent(path), encoding: .utf8) }
    let example = try text("Examples/Notes/notes/main.swift") + text("Examples/Notes/notes-hub/main.swift")
    let quoted = try text(document).components(separatedBy: "```swift\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] }
    #expect(quoted.count > 1)
    for part in quoted.flatMap({ $0.components(separatedBy: "\n\n") }) { #expect(example.contains(part), "not in the example:\n\(part)") }
  }

  @Test func theExamplesAreSmall() throws {
    for (path, linesMax) in [("notes", 80), ("notes-hub", 40)] {
      let text = try String(contentsOf: Tool.packageRoot.appendingPathComponent("Examples/Notes/\(path)/main.swift"), encoding: .utf8)
      #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count - 1 < linesMax, "\(path)")
    }
  }

  @Test func aMaskedLineMatchesOnlyWhatItSays() {
    #expect(Self.matches(["a 12 b"], ["a … b"]))
    #expect(!Self.matches(["a 12 c"], ["a … b"]))
    #expect(Self.matches(["x", "y", "z"], ["…", "z"]))
    #expect(!Self.matches(["x", "y"], ["x"]))
  }
}
