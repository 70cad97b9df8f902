import Foundation

@testable import SyncCore

/// What one row must be after changes came in some order, and what was lost on the way: the laws L5 and L6 said once more.
/// Shares no type with `Merge`.
struct RowOracle: Hashable {
  /// A write as it was merged.
  struct Write: Hashable {
    /// The unit it came in, by a number of the caller's.
    var unit: Int
    var author: ReplicaID
    var stamp: UInt64
    var value: CellValue = .null
    /// How often a person had put the rule aside.
    var generation: UInt32 = 0

    /// Later than another: by stamp, then by author.
    /// Two values of one version are two devices' that had one name.
    func isLater(than other: Write) -> Bool {
      if stamp != other.stamp { return stamp > other.stamp }
      return author == other.author ? bytes(other.value).lexicographicallyPrecedes(bytes(value)) : other.author < author
    }

    private func bytes(_ value: CellValue) -> Data {
      var data = Data()
      value.append(to: &data)
      return data
    }
  }

  /// A value that does not stand although whoever overwrote it had not seen it.
  struct Loss: Hashable {
    var place: Place
    /// The life the value belonged to.
    var life: UInt32
    var loser: Write
    var winner: Write
    /// As a conflict stores it: `life` when the row was deleted or born again.
    var rule: String
  }

  var life: UInt32 = 0
  /// Who gave the row its life.
  var giver: Write?
  var cells: [Place: Write] = [:]
  var isAlive: Bool { life % 2 == 1 }

  /// - Parameters:
  ///   - author: The change as a whole, without a value.
  ///   - saw: Whether the author of its first argument knew of the second.
  mutating func take(
    life: UInt32, cells changed: [(place: Place, write: Write)], by author: Write, policy: (String) -> Policy, saw: (Write, Write) -> Bool
  ) -> [Loss] {
    if life > self.life { return begin(life, changed, by: author, saw: saw) }
    if life < self.life { return comeLate(life, changed, by: author, saw: saw) }
    var losses: [Loss] = []
    if life % 2 == 0 {
      if let giver, author.isLater(than: giver) { self.giver = author }
      return []
    }
    if let giver, giver.isLater(than: author) { self.giver = author }
    for (place, arriving) in changed {
      guard let old = cells[place], old != arriving else {
        cells[place] = arriving
        continue
      }
      let policy = policy(place.column)
      let (winner, loser) = policy.stands(arriving, over: old) ? (arriving, old) : (old, arriving)
      cells[place] = winner
      let knew = saw(winner, loser)
      if !policy.settlesItself && !knew && winner.value != loser.value {
        losses.append(Loss(place: place, life: life, loser: loser, winner: winner, rule: policy == .review ? "review" : "lww"))
      }
    }
    return losses
  }

  /// A later life wins whole.
  private mutating func begin(
    _ life: UInt32, _ changed: [(place: Place, write: Write)], by author: Write, saw: (Write, Write) -> Bool
  ) -> [Loss] {
    let gone = self
    self = RowOracle(life: life, giver: author)
    for (place, write) in changed { cells[place] = write }
    return gone.cells.filter { !saw(author, $0.value) }.compactMap { place, old in
      let winner = cells[place] ?? author
      return isAlive && winner.value == old.value ? nil : Loss(place: place, life: gone.life, loser: old, winner: winner, rule: "life")
    }
  }

  /// Its life is over; whoever ended it had seen only its own.
  private func comeLate(
    _ life: UInt32, _ changed: [(place: Place, write: Write)], by author: Write, saw: (Write, Write) -> Bool
  ) -> [Loss] {
    guard let giver, !saw(giver, author) else { return [] }
    return changed.compactMap { place, write in
      let winner = cells[place] ?? giver
      return isAlive && winner.value == write.value ? nil : Loss(place: place, life: life, loser: write, winner: winner, rule: "life")
    }
  }
}

extension Policy {
  /// Which of two writes of one place stands.
  fileprivate func stands(_ new: RowOracle.Write, over old: RowOracle.Write) -> Bool {
    if let (a, b) = ranks(new.value, old.value) {
      if new.generation != old.generation { return new.generation > old.generation }
      if a != b { return a > b }
    }
    return new.isLater(than: old)
  }

  /// Larger stands; nil where values are not compared.
  private func ranks(_ a: CellValue, _ b: CellValue) -> (Int64, Int64)? {
    func rank(_ value: CellValue) -> Int64? {
      switch self {
      case .lastWriter, .review, .perKey, .counter: nil
      case .max: value.integer ?? .min
      case .min: value.integer.map { -$0 } ?? .min
      case .ranked(let values): Int64(values.firstIndex(of: value.text ?? "") ?? -1)
      }
    }
    guard let first = rank(a), let second = rank(b) else { return nil }
    return (first, second)
  }
}
