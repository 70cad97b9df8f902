import Foundation
import TestSupport
import Testing

/// One of our tools in a real pseudo-terminal, driven by `terminal.py` as a person would.
struct PseudoTerminal {
  enum Step {
    case see(String)
    case type(String)
    case resize(columns: Int, rows: Int)
    case signal(Int32)
    case note(String)
    /// What happens beside it: a command of the shell, in the same folder.
    case run(String)

    var json: [Any] {
      switch self {
      case .see(let text): ["see", text]
      case .type(let text): ["type", text]
      case .resize(let columns, let rows): ["resize", columns, rows]
      case .signal(let number): ["signal", Int(number)]
      case .note(let name): ["note", name]
      case .run(let command): ["run", command]
      }
    }
  }

  struct Ended {
    var code: Int
    var screens: [String: String]
    /// What is left on the ordinary screen.
    var main: String
    var isRestored: Bool
  }

  static let enter = "\r"
  static let escape = "\u{1b}"
  static let down = "\u{1b}[B"
  static let up = "\u{1b}[A"
  static let pageDown = "\u{1b}[6~"
  static let interrupt = "\u{3}"
  static let endOfInput = "\u{4}"
  static let clear = "\u{15}"

  let folder: String
  var tool = "field"
  var columns = 80
  var rows = 24

  func run(_ arguments: [String], _ steps: [Step], sourceLocation: SourceLocation = #_sourceLocation) async throws -> Ended {
    let scenario: [String: Any] = [
      "command": [Tool.path(tool)] + arguments, "folder": folder,
      "environment": Tool.environment(["TERM": "xterm-256color", "SWIFT_BACKTRACE": "enable=no"]), "columns": columns, "rows": rows,
      "steps": steps.map(\.json),
    ]
    let file = folder + "/../scenario-\(UUID().uuidString).json"
    try JSONSerialization.data(withJSONObject: scenario).write(to: URL(fileURLWithPath: file))
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("terminal.py").path
    let ended = try await Tool.run("/bin/sh", ["-c", "exec python3 '\(script)' < '\(file)'"])
    let said = try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any]
    let outcome = try #require(said, "\(ended.errors)", sourceLocation: sourceLocation)
    #expect(outcome["failed"] is NSNull, "\(outcome["failed"] ?? "")", sourceLocation: sourceLocation)
    #expect(outcome["isOther"] as? Bool == false, "the other screen was not left", sourceLocation: sourceLocation)
    return Ended(
      code: outcome["code"] as? Int ?? -1000, screens: outcome["screens"] as? [String: String] ?? [:],
      main: outcome["main"] as? String ?? "", isRestored: outcome["restored"] as? Bool ?? false)
  }
}
