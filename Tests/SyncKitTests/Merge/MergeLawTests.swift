import Foundation
import TestSupport
import Testing

@testable import SyncCore

/// L5: the join is commutative, associative and idempotent, whatever the order and number of merges.
@Suite struct MergeLawTests {
  private static let replicas = (1...3).map { ReplicaID(publicKey: Data([UInt8($0)])) }

  private static func change(_ replica: Int, at time: UInt64, life: UInt32, _ cells: [(String, Int64)]) -> IncomingChange {
    IncomingChange(
      life: life, cells: cells.map { CellChange($0.0, .integer($0.1)) },
      origin: Origin(version: Version(HybridTimestamp(wallMs: time), replicas[replica]), position: 0), seenThrough: 0)
  }

  /// Every change of up to two columns in lives 1 to 3, from three replicas.
  private static func small() -> [IncomingChange] {
    var all: [IncomingChange] = []
    for (index, life) in [UInt32(1), 2, 3].enumerated() {
      for replica in 0..<3 {
        let time = UInt64(10 + replica)
        if life == 2 {
          all.append(change(replica, at: time, life: life, []))
        } else {
          all.append(change(replica, at: time, life: life, [("a", Int64(replica * 10 + index))]))
          all.append(change(replica, at: time + 5, life: life, [("a", Int64(100 + replica)), ("b", Int64(replica))]))
        }
      }
    }
    // A twin's: another value under the version of one above (L8).
    all.append(change(0, at: 10, life: 1, [("a", 77)]))
    return all
  }

  private func join(_ changes: [IncomingChange]) -> RowState { changes.reduce(RowState.unknown) { Merge.join($0, $1).state } }

  @Test(.long) func everyOrderOfEveryThreeChangesGivesOneState() {
    var cases = 0
    let small = Self.small()
    for a in small {
      for b in small {
        for c in small {
          let state = join([a, b, c])
          for order in [[a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a], [a, b, a, c, b, c]] {
            #expect(join(order) == state)
            cases += 1
          }
        }
      }
    }
    print("merge: \(cases) orders of three changes")
  }

  @Test func theHigherLifeWinsWholeAndAbsentCellsAreBottom() {
    let old = Self.change(0, at: 1, life: 1, [("a", 1), ("b", 1)])
    let reborn = Self.change(1, at: 2, life: 3, [("a", 2)])
    let state = join([old, reborn])
    #expect(state.cells.keys.sorted() == ["a"])
    #expect(join([reborn, old]) == state)
    let late = Self.change(2, at: 1, life: 3, [("b", 9)])
    #expect(join([state, late])["b"] == .integer(9))
  }

  private func join(_ parts: [Any]) -> [CellName: CellValue] {
    var state = RowState.unknown
    for part in parts {
      if let known = part as? RowState { state = known }
      if let change = part as? IncomingChange { state = Merge.join(state, change).state }
    }
    return Dictionary(uniqueKeysWithValues: state.cells.map { ($0.key, $0.value.value) })
  }

  @Test func aLoserItsWinnerHadNotSeenIsReportedASeenOneNever() {
    var first = Self.change(0, at: 1, life: 1, [("a", 1)])
    first.origin.position = 4
    let state = Merge.join(.unknown, first).state
    var unseen = Self.change(1, at: 2, life: 1, [("a", 2)])
    unseen.seenThrough = 3
    #expect(Merge.join(state, unseen).unseen.map(\.loser.value) == [.integer(1)])
    var seen = unseen
    seen.seenThrough = 4
    #expect(Merge.join(state, seen).unseen.isEmpty)
    let same = Self.change(1, at: 2, life: 1, [("a", 1)])
    #expect(Merge.join(state, same).unseen.isEmpty)
    // An earlier write that arrives late loses, and its author is not asked: what stands had not seen it.
    var late = Self.change(1, at: 0, life: 1, [("a", 3)])
    late.seenThrough = .max
    #expect(Merge.join(state, late).unseen.map(\.loser.value) == [.integer(3)])
  }

  @Test func aDeleteReportsEditsItHadNotSeenAndAnEditOfADeadRowIsKept() {
    var born = Self.change(0, at: 1, life: 1, [("a", 1)])
    born.origin.position = 1
    let alive = Merge.join(.unknown, born).state
    let blind = Self.change(1, at: 2, life: 2, [])
    #expect(Merge.join(alive, blind).unseen.map(\.loser.value) == [.integer(1)])
    var knowing = blind
    knowing.seenThrough = 1
    let dead = Merge.join(alive, knowing)
    #expect(dead.unseen.isEmpty && !dead.state.isAlive && dead.state.cells.isEmpty)
    let edit = Self.change(2, at: 9, life: 1, [("a", 5)])
    #expect(Merge.join(dead.state, edit).unseen.map(\.loser.value) == [.integer(5)])
    #expect(Merge.join(dead.state, edit).state == dead.state)
  }
}
