import Testing

@testable import SyncCore

/// L5 and L6 on every small case, pure merge only: three authors of one row, up to three steps each, in every order of
/// arrival; then every short schedule in which authors also read the feed in between.
@Suite(.disabled(if: SimulationTests.isFast, "Long: `make test` runs it.")) struct ExhaustiveMergeTests {
  /// Authors that did not know of one another. Cases that only swap authors are taken once, but under last writer, where
  /// whose stamp is the later one matters most.
  @Test(arguments: Small.policies.indices)
  func everyOrderOfConcurrentWorkGivesOneRowAndTheLossesOfTheOracle(policy: Int) {
    let (name, oracle, engine) = Small.policies[policy]
    var orders = 0
    var cases = 0
    for isFounded in [false, true] {
      // A row nobody had seen leaves little to do; one that all had seen, much.
      let all = Small.sequences(alive: isFounded, stepsMax: 3)
      for first in all.indices {
        for second in all.indices[(oracle == .lastWriter ? 0 : first)...] {
          for third in all.indices[(oracle == .lastWriter ? 0 : second)...] {
            let work = [first, second, third].enumerated().map {
              Small.changes(all[$1], author: $0, life: isFounded ? 1 : 0, policy: oracle)
            }
            var row = SmallRow(oracle, engine)
            if isFounded { _ = row.take(Small.founded(oracle), position: 1, seenThrough: 0) }
            cases += 1
            orders += Self.orders(work.map(\.count))
            guard let rows = merge(work, from: row, seenThrough: isFounded ? 1 : 0), joins(rows, work.map(\.count)) else { return }
          }
        }
      }
    }
    print("merge \(name): \(cases) cases of three authors, \(orders) orders of arrival")
  }

  /// Ways in which so many changes of each can arrive, each author's in their order.
  private static func orders(_ counts: [Int]) -> Int {
    func factorial(_ number: Int) -> Int { number < 2 ? 1 : number * factorial(number - 1) }
    return counts.reduce(factorial(counts.reduce(0, +))) { $0 / factorial($1) }
  }

  /// Merges any number of each author's changes, by every way that leads there: one row each time, with the oracle's losses
  /// at each step. All orders of arrival are made of these steps.
  private func merge(_ work: [[SmallChange]], from start: SmallRow, seenThrough: UInt64) -> [[Int]: SmallRow]? {
    var rows: [[Int]: SmallRow] = [[0, 0, 0]: start]
    for a in 0...work[0].count {
      for b in 0...work[1].count {
        for c in 0...work[2].count where a + b + c > 0 {
          var made: SmallRow?
          for author in 0..<3 {
            var before = [a, b, c]
            before[author] -= 1
            guard before[author] >= 0, var next = rows[before] else { continue }
            let change = work[author][before[author]]
            if let wrong = next.take(change, position: UInt64(10 + author * 10 + change.index), seenThrough: seenThrough) {
              Issue.record("\(work): \(wrong)")
              return nil
            }
            if let made, made.state != next.state || made.oracle != next.oracle {
              Issue.record("\(work) in another order: \(made.state) against \(next.state)")
              return nil
            }
            made = next
          }
          rows[[a, b, c]] = made
        }
      }
    }
    return rows
  }

  /// Joining whole states agrees: in every grouping, and with what is in them already.
  private func joins(_ rows: [[Int]: SmallRow], _ counts: [Int]) -> Bool {
    guard let whole = rows[counts] else { return false }
    let parts = (0..<3).compactMap { author in rows[(0..<3).map { $0 == author ? counts[$0] : 0 }]?.state }
    func join(_ a: RowState, _ b: RowState) -> RowState { Self.join(a, b, whole.policies) }
    let joined = [
      join(join(parts[0], parts[1]), parts[2]), join(parts[0], join(parts[1], parts[2])), join(join(parts[2], parts[1]), parts[0]),
      join(whole.state, whole.state), join(whole.state, parts[1]), join(parts[1], whole.state),
    ]
    if let wrong = joined.first(where: { $0 != whole.state }) {
      Issue.record("joined as states: \(wrong) against \(whole.state)")
      return false
    }
    return true
  }

  /// Two states joined, each taken apart into the changes that make it up.
  private static func join(_ a: RowState, _ b: RowState, _ policies: MergePolicies) -> RowState {
    guard let giver = b.lifeOrigin else { return a }
    var state = Merge.join(a, IncomingChange(life: b.life, cells: [], origin: giver, seenThrough: 0), policies: policies).state
    for (name, cell) in b.cells {
      let change = CellChange(name.column, cell.value, part: name.part, generation: cell.generation)
      state =
        Merge.join(state, IncomingChange(life: b.life, cells: [change], origin: cell.origin, seenThrough: 0), policies: policies).state
    }
    return state
  }

  /// Authors that also exchange in between: what they had read decides what is in conflict.
  @Test(arguments: Small.policies.indices)
  func everyShortScheduleWithExchangesLosesWhatTheOracleSays(policy: Int) {
    let (name, oracle, engine) = Small.policies[policy]
    var schedules = 0
    var row = SmallRow(oracle, engine)
    _ = row.take(Small.founded(oracle), position: 1, seenThrough: 0)
    let depth = oracle == .lastWriter ? 7 : 6
    _ = explore(row, Array(repeating: Reader(life: 1, seenThrough: 1), count: 3), stepsLeft: depth, &schedules)
    print("merge \(name): \(schedules) schedules of \(depth) steps")
  }

  /// An author between exchanges.
  private struct Reader {
    var life: UInt32
    var seenThrough: UInt64
    var unsent: [SmallChange] = []
    var made = 0
    var hasBegun = false
  }

  private func explore(_ row: SmallRow, _ readers: [Reader], stepsLeft: Int, _ schedules: inout Int) -> Bool {
    guard stepsLeft > 0 else {
      schedules += 1
      return true
    }
    for author in readers.indices {
      // Authors are alike: the next to begin is the first that has not.
      if !readers[author].hasBegun && author > 0 && !readers[author - 1].hasBegun { break }
      for step in SmallStep.allCases where step.isPossible(alive: readers[author].life % 2 == 1) {
        var readers = readers
        readers[author].hasBegun = true
        var change = Small.changes([step], author: author, life: readers[author].life, policy: row.policy)[0]
        let made = readers[author].made
        if step == .setA { change.cells = [Small.cell("a", policy: row.policy, author: author, index: made)] }
        (change.index, change.stamp) = (made, UInt64(10 + (8 - stepsLeft) * 4 + made % 2) << 16)
        readers[author].life = change.life
        readers[author].unsent.append(change)
        readers[author].made += 1
        if !explore(row, readers, stepsLeft: stepsLeft - 1, &schedules) { return false }
      }
      let reader = readers[author]
      guard !reader.unsent.isEmpty || reader.seenThrough < row.position else { continue }
      var (row, readers) = (row, readers)
      for change in reader.unsent {
        if let wrong = row.take(change, position: row.position + 1, seenThrough: reader.seenThrough) {
          Issue.record("\(reader) at step \(stepsLeft) before the end: \(wrong)")
          return false
        }
      }
      readers[author].unsent = []
      readers[author].hasBegun = true
      (readers[author].life, readers[author].seenThrough) = (row.state.life, row.position)
      if !explore(row, readers, stepsLeft: stepsLeft - 1, &schedules) { return false }
    }
    return true
  }
}
