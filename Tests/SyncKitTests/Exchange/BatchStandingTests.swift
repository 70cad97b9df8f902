import Foundation
import TestSupport
import Testing

@testable import SyncCore

/// The table of docs/protocol.md and the code that carries it out are one.
@Suite struct BatchStandingTests {
  /// Every combination of facts: 5 receipts, 7 of yes or no.
  static let all: [BatchFacts] = BatchFacts.Receipt.allCases.flatMap { receipt in
    (0..<128).map { bits in
      func bit(_ number: Int) -> Bool { bits >> number & 1 == 1 }
      return BatchFacts(
        receipt: receipt, isPresent: bit(0), isAcknowledged: bit(1), hasBytes: bit(2), isNamed: bit(3), isAtHead: bit(4), isDoubted: bit(5),
        isRecovered: bit(6))
    }
  }

  /// The rows between the mark and the end of the table, a cell each.
  private static func table() throws -> [[String]] {
    let text = try String(contentsOf: Tool.packageRoot.appendingPathComponent("docs/protocol.md"), encoding: .utf8)
    let lines = text.components(separatedBy: "\n")
    let start = try #require(lines.firstIndex(of: "<!-- standings -->"))
    return lines[(start + 3)...].prefix { $0.hasPrefix("|") }.map { line in
      line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  private static func fits(_ row: [String], _ facts: BatchFacts) -> Bool {
    let present = facts.isPresent ? "present" : "past"
    func word(_ value: Bool) -> String { value ? "yes" : "no" }
    let said = [
      "\(facts.receipt)", present, word(facts.isAcknowledged), facts.hasBytes ? "kept" : "gone", word(facts.isNamed), word(facts.isAtHead),
      word(facts.isDoubted), word(facts.isRecovered),
    ]
    return zip(row, said).allSatisfy { $0 == "–" || $0 == $1 }
  }

  @Test func everyCombinationOfFactsHasTheStateInTheTable() throws {
    let table = try Self.table()
    #expect(table.count == 17 && table.allSatisfy { $0.count == 10 })
    #expect(Self.all.count == 640)
    var used: Set<Int> = []
    for facts in Self.all {
      let place = try #require(table.firstIndex { Self.fits($0, facts) }, "no row fits \(facts)")
      used.insert(place)
      #expect("`\(facts.standing.rawValue)`" == table[place][8], "\(facts)")
      var forked = facts
      forked.isForked = true
      #expect(forked.standing == .fork)
    }
    // No row is dead, and no state is missing.
    #expect(used == Set(table.indices))
    let states = Set(table.map { $0[8] })
    #expect(states == Set(BatchStanding.allCases.filter { $0 != .fork }.map { "`\($0.rawValue)`" }))
  }
}
