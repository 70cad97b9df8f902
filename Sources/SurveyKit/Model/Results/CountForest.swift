/// Unit tree by index, children after parents, for arithmetic that runs often.
package struct CountForest {
  package let codes: [UnitCode]
  let parent: [Int?]
  let children: [[Int]]
  /// Nodes in an order that puts each after everything below it.
  let bottomUp: [Int]
  /// Leaf that is never shown, if there is one.
  private(set) var hidden: Int?

  init(_ tree: UnitTree) {
    codes = tree.units.map(\.code)
    let index = Dictionary(zip(codes, codes.indices), uniquingKeysWith: { first, _ in first })
    parent = tree.units.map { $0.parentCode.flatMap { index[$0] } }
    children = tree.units.map { tree.children(of: $0.code).compactMap { index[$0.code] } }
    bottomUp = Self.bottomUp(parent: parent, children: children)
  }

  /// Makes a tree of a root, its groups, and one leaf that is never shown, if there is any.
  init(root: UnitCode, groups: [UnitCode], hidden: UnitCode?) {
    codes = [root] + groups + [hidden].compactMap { $0 }
    parent = [nil] + codes.dropFirst().map { _ in 0 }
    children = [Array(1..<codes.count)] + codes.dropFirst().map { _ in [] }
    bottomUp = Self.bottomUp(parent: parent, children: children)
    self.hidden = hidden == nil ? nil : codes.count - 1
  }

  private static func bottomUp(parent: [Int?], children: [[Int]]) -> [Int] {
    var order: [Int] = []
    var waiting = parent.indices.filter { parent[$0] == nil }
    while let node = waiting.popLast() {
      order.append(node)
      waiting += children[node]
    }
    return order.reversed()
  }

  /// Returns whether a node may be shown at all.
  func isShown(_ node: Int) -> Bool { node != hidden }

  func isLeaf(_ node: Int) -> Bool { children[node].isEmpty }

  /// Returns `node` and its ancestors, nearest first.
  func upwards(from node: Int) -> [Int] {
    var path = [node]
    while let next = parent[path[path.count - 1]] { path.append(next) }
    return path
  }

  /// Returns the leaves' numbers summed into everything above them.
  package func summed(_ leaves: [Int]) -> [Int] {
    var sums = leaves
    for node in bottomUp {
      if let above = parent[node] { sums[above] += sums[node] }
    }
    return sums
  }
}

/// Counts of one question over the whole forest.
package struct QuestionCounts {
  /// Number of people who answered it, by node.
  var answered: [Int]
  /// Tables, each a partition of those who answered, by node. A single choice has one table, with a column for each choice. A
  /// multiple choice has one for each choice: chose it, did not. A number has one, with a column for each value that occurs.
  var tables: [CountTable]
  /// False for numbers: they are shown or withheld, but never as a band.
  var hasBands: Bool
}

/// Counts by column and node.
struct CountTable {
  /// Counts as `columns[column][node]`.
  var columns: [[Int]]
  /// Number of the first columns that must reveal nobody: all, or "chose it" only.
  var watched: Int
}

extension QuestionCounts {
  init(_ question: TallyQuestion, forest: CountForest, tallies: [UnitCode: UnitTally]) {
    let leaves = forest.codes.map { tallies[$0]?.questions[question.id] }
    let answered = forest.summed(leaves.map { $0?.answered ?? 0 })
    self.answered = answered
    hasBands = true
    switch question.kind {
    case .single(let choices):
      let columns = choices.map { choice in forest.summed(leaves.map { $0?.choices[choice.id] ?? 0 }) }
      tables = [CountTable(columns: columns, watched: columns.count)]
    case .multiple(let choices):
      tables = choices.map { choice in
        let chosen = forest.summed(leaves.map { $0?.choices[choice.id] ?? 0 })
        return CountTable(columns: [chosen, zip(answered, chosen).map { $0 - $1 }], watched: 1)
      }
    case .number:
      let values = Set(leaves.flatMap { $0.map { Array($0.histogram.keys) } ?? [] }).sorted()
      let columns = values.map { value in forest.summed(leaves.map { $0?.histogram[value] ?? 0 }) }
      tables = [CountTable(columns: columns, watched: columns.count)]
      hasBands = false
    }
  }

  /// Returns whether nearly everyone in `node` gave the same answer in a table.
  func isDominated(_ node: Int) -> Bool {
    tables.contains { table in
      table.columns.prefix(table.watched).contains { Share.isAtLeast90($0[node], of: answered[node]) }
    }
  }
}
