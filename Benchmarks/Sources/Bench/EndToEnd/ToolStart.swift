import Foundation

/// E6: what a person waits for before a tool says anything.
struct ToolStart {
  let tools: Tools
  let runs = 21

  struct Outcome {
    /// Milliseconds from start to end.
    var field: [Double] = [], hub: [Double] = [], status: [Double] = [], sqlite: [Double] = []
    /// `field status` to SQLite's own shell with one indexed query on the same file, CPU ÷ CPU.
    var statusToSQLite: [Double] = []
  }

  /// - Parameter store: A closed device's, somewhere in `scratch`.
  func measure(store: String, in scratch: Scratch) throws -> Outcome {
    var outcome = Outcome()
    let query = "SELECT length(words) FROM post WHERE id = (SELECT max(id) FROM post)"
    for _ in 0..<runs {
      outcome.field.append(try WholeProcess(tools.field, ["--version"], scratch: scratch).wall * 1000)
      outcome.hub.append(try WholeProcess(tools.hub, ["--version"], scratch: scratch).wall * 1000)
      let sqlite = try WholeProcess("sqlite3", [store, query], scratch: scratch)
      let status = try WholeProcess(tools.field, ["status", "--store", store], scratch: scratch)
      guard !sqlite.output.isEmpty, !status.output.isEmpty else { throw SQLiteFailure(description: "nothing was said") }
      outcome.sqlite.append(sqlite.wall * 1000)
      outcome.status.append(status.wall * 1000)
      outcome.statusToSQLite.append(status.cpu / sqlite.cpu)
    }
    return outcome
  }
}
