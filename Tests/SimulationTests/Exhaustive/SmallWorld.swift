import Foundation

@testable import SyncCore

/// What one author of an exhaustive case does to the one row there is.
enum SmallStep: CaseIterable, Hashable, Sendable {
  case insert, setA, setB, delete

  /// Whether an app could do this to a row that is there, or is not.
  func isPossible(alive: Bool) -> Bool { alive == (self != .insert) }
  func leaves(alive: Bool) -> Bool { self == .delete ? false : self == .insert ? true : alive }
}

/// One change of an exhaustive case, as its author sealed it.
struct SmallChange: Hashable, Sendable {
  var author: Int
  /// Place among its author's changes.
  var index: Int
  var life: UInt32
  var cells: [CellChange]
  var stamp: UInt64

  /// The row as it comes to the hub: `position` in the feed, and how far its author had read it.
  func incoming(position: UInt64, seenThrough: UInt64 = 0) -> IncomingChange {
    IncomingChange(
      life: life, cells: cells,
      origin: Origin(version: Version(HybridTimestamp(rawValue: stamp), Small.replicas[author]), position: position),
      seenThrough: seenThrough)
  }
}

/// The row, the columns and the authors of exhaustive cases.
enum Small {
  static let replicas = (1...4).map { ReplicaID(publicKey: Data([UInt8($0)])) }
  /// Who made the row that everyone had seen.
  static let founder = 3

  static let policies: [(name: String, oracle: Policy, engine: MergePolicy)] = [
    ("lww", .lastWriter, .lastWriterWins), ("review", .review, .review), ("perKey", .perKey, .perKey), ("max", .max, .max),
    ("min", .min, .min),
    ("ranked", .ranked(["r0", "r1", "r2"]), .ranked(["r0", "r1", "r2"])), ("counter", .counter, .counter),
  ]

  /// What writing column `a` says under a policy: values that meet, also equal ones.
  static func cell(_ column: String, policy: Policy, author: Int, index: Int) -> CellChange {
    guard column == "a" else { return CellChange("b", .integer(Int64(author % 2))) }
    let number = (author * 2 + index) % 3
    switch policy {
    case .lastWriter, .review: return CellChange("a", .integer(Int64(author * 10 + index % 2)))
    case .perKey:
      return CellChange("a", index == 2 ? .null : .text("\"\(author)\""), part: .member(number == 0 ? "p" : "q"))
    case .max, .min: return CellChange("a", number == 2 ? .null : .integer(Int64(number)))
    case .ranked: return CellChange("a", .text("r\(number)"))
    case .counter: return CellChange("a", .integer(Int64(index + 1)), part: .increment(UInt64(author * 10 + index)))
    }
  }

  /// Every sequence of at most `stepsMax` possible steps.
  static func sequences(alive: Bool, stepsMax: Int) -> [[SmallStep]] {
    guard stepsMax > 0 else { return [[]] }
    return [[]]
      + SmallStep.allCases.filter { $0.isPossible(alive: alive) }.flatMap { step in
        sequences(alive: step.leaves(alive: alive), stepsMax: stepsMax - 1).map { [step] + $0 }
      }
  }

  /// The changes a sequence comes to, each sealed by itself. Stamps of the authors interlock, and some are equal.
  static func changes(_ steps: [SmallStep], author: Int, life start: UInt32, policy: Policy) -> [SmallChange] {
    var life = start
    return steps.enumerated().map { index, step in
      var cells: [CellChange] = []
      switch step {
      case .insert:
        life += 1
        cells = [cell("b", policy: policy, author: author, index: index)]
      case .setA: cells = [cell("a", policy: policy, author: author, index: index)]
      case .setB: cells = [cell("b", policy: policy, author: author, index: index)]
      case .delete: life += 1
      }
      return SmallChange(
        author: author, index: index, life: life, cells: cells, stamp: UInt64(10 + index * 4 + max(1, (author + index) % 3)) << 16)
    }
  }

  /// The row as all had seen it, if there is one.
  static func founded(_ policy: Policy) -> SmallChange {
    SmallChange(
      author: founder, index: 0, life: 1, cells: [CellChange("b", .integer(7)), cell("a", policy: policy, author: founder, index: 0)],
      stamp: 1 << 16)
  }
}

/// A merged row beside the oracle's, as one order of arrival made them.
struct SmallRow {
  let policy: Policy
  let policies: MergePolicies
  var state = RowState.unknown
  var oracle = RowOracle()
  var position: UInt64 = 0

  init(_ policy: Policy, _ engine: MergePolicy) {
    self.policy = policy
    policies = ["a": engine]
  }

  /// Merges one change more.
  ///
  /// - Parameters:
  ///   - position: Its place in the feed.
  ///   - seenThrough: How far its author had read that.
  /// - Returns: Nil when the engine reports the losses the oracle does and both show one row; else what is wrong.
  mutating func take(_ change: SmallChange, position: UInt64, seenThrough: UInt64) -> String? {
    self.position = position
    let outcome = Merge.join(state, change.incoming(position: position, seenThrough: seenThrough), policies: policies)
    state = outcome.state
    let unit = Int(position)
    let author = RowOracle.Write(unit: unit, author: Small.replicas[change.author], stamp: change.stamp)
    let cells = change.cells.map { cell -> (Place, RowOracle.Write) in
      var write = author
      (write.value, write.generation) = (cell.value, cell.generation)
      return (cell.place, write)
    }
    let losses = oracle.take(
      life: change.life, cells: cells, by: author, policy: { $0 == "a" ? policy : .lastWriter },
      saw: { $0.author == $1.author || $1.unit <= Int(seenThrough) })
    let told = Set(outcome.unseen.map { Self.text($0.name, $0.life, $0.loser, $0.winner, $0.rule.rawValue) })
    let expected = Set(losses.map { Self.text($0) })
    if told != expected { return "reports \(told.sorted()), the oracle \(expected.sorted())" }
    return isSame ? nil : "stands \(state), the oracle \(oracle)"
  }

  private var isSame: Bool {
    guard state.life == oracle.life, state.cells.count == oracle.cells.count,
      state.lifeOrigin?.version.timestamp.rawValue == oracle.giver?.stamp, state.lifeOrigin?.version.replica == oracle.giver?.author
    else { return false }
    return state.cells.allSatisfy { name, cell in
      let write = oracle.cells[Place(column: name.column, part: name.part.name ?? "")]
      return write?.value == cell.value && write?.stamp == cell.origin.version.timestamp.rawValue
        && write?.author == cell.origin.version.replica
    }
  }

  private static func text(_ name: CellName, _ life: UInt32, _ loser: Cell, _ winner: Cell, _ rule: String) -> String {
    func side(_ cell: Cell) -> String { "\(cell.value.short)@\(cell.origin.version)" }
    return "\(name.column)/\(name.part.name ?? "") \(life) \(side(loser)) < \(side(winner)) \(rule)"
  }

  private static func text(_ loss: RowOracle.Loss) -> String {
    func side(_ write: RowOracle.Write) -> String {
      "\(write.value.short)@\(Version(HybridTimestamp(rawValue: write.stamp), write.author))"
    }
    return "\(loss.place.column)/\(loss.place.part) \(loss.life) \(side(loss.loser)) < \(side(loss.winner)) \(loss.rule)"
  }
}
