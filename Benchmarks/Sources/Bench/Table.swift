import Foundation

/// The figures for people: ours, what must be reached, and what the stored baseline had.
enum Table {
  /// What the project promises itself: at most this, or for growth at least.
  static let goals: [String: Double] = [
    "W1.insert.txn100": 2, "W1.insert.onetxn": 2.2, "W2.update.txn100": 2.5, "W3.seal": 3, "W3.bytesPerRow": 55, "W3.bytesPerUpdate": 21,
    "W4.merge": 2.2, "W4.hubSize": 1.5, "W5.late": 3, "W5.conflict": 1.5, "W6.growth": 0.9, "W7.feed": 3.5, "W7.snapshot": 2.5,
    "W7.idleBytes": 1024, "W8.bundle.import": 1, "W8.bundle.overhead": 1,
  ]
  static let floors: Set = ["W6.growth"]

  static func text(_ results: Bench.Results, baseline: Bench.Results?) -> String {
    let machine = results.machine
    var lines = [
      "\(machine.cpu), \(machine.cores) cores, \(machine.memoryGiB) GiB, \(machine.system), SQLite \(machine.sqlite)",
      "\(results.settings.row); \(results.settings.journal); median of \(results.settings.runs)",
      "",
      row("workload", "value", "± spread", "goal", "baseline", ""),
    ]
    for figure in results.workloads {
      let goal = goals[figure.name] ?? EndToEnd.goals[figure.name]
      let isFloor = floors.union(EndToEnd.floors).contains(figure.name)
      let before = baseline?.workloads.first { $0.name == figure.name }?.value
      let isReached = goal.map { isFloor ? figure.value >= $0 : figure.value <= $0 }
      lines.append(
        row(
          figure.name, number(figure.value) + " " + figure.unit, number(figure.spread),
          goal.map { (isFloor ? "≥ " : "≤ ") + number($0) } ?? "",
          before.map(number) ?? "", isReached.map { $0 ? "reached" : "missed" } ?? ""))
    }
    return lines.joined(separator: "\n")
  }

  private static func number(_ value: Double) -> String { String(format: value >= 1000 ? "%.0f" : value >= 100 ? "%.1f" : "%.2f", value) }

  private static func row(_ cells: String...) -> String {
    zip(cells, [28, 18, 10, 8, 10, 8]).map { cell, width in cell + String(repeating: " ", count: max(1, width - cell.count)) }.joined()
      .trimmingCharacters(in: .whitespaces)
  }
}
