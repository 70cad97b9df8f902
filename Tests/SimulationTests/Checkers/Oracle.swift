import Foundation

@testable import SyncKit

/// What the hub must hold after merging a feed, by the laws alone: lives, cells, conflicts. Shares no type with `Merge`; what
/// each author had seen comes from the history.
struct Oracle {
  struct Place: Hashable, Comparable {
    var column: String
    /// A part of the cell that merges by itself; empty for a whole cell.
    var part = ""

    static func < (a: Place, b: Place) -> Bool { (a.column, a.part) < (b.column, b.part) }
  }

  /// A write as it was merged.
  struct Write: Hashable {
    var unit: Int
    var author: ReplicaID
    var stamp: UInt64
    var value: CellValue

    /// Later than another: by stamp, then by author.
    func isLater(than other: Write) -> Bool { stamp == other.stamp ? other.author < author : stamp > other.stamp }
  }

  struct Row: Hashable {
    var life: UInt32 = 0
    /// Who gave the row its life.
    var giver: Write?
    var cells: [Place: Write] = [:]
    var isAlive: Bool { life % 2 == 1 }
  }

  struct Conflict: Hashable, CustomStringConvertible {
    struct Subject: Hashable {
      var row: RowName
      var life: UInt32
      var place: Place
      var loser: Write
    }
    var subject: Subject
    var winner: Write
    /// The row was deleted or born again, instead of a cell written anew.
    var isAcrossLives: Bool
    var isOpen = true

    var description: String {
      let cell = "\(subject.row).\(subject.place.column)\(subject.place.part.isEmpty ? "" : "/" + subject.place.part) life \(subject.life)"
      return
        "\(cell): \(subject.loser.value.short) lost to \(winner.value.short)\(isAcrossLives ? " (lives)" : "") \(isOpen ? "open" : "closed")"
    }
  }

  private let history: History
  private(set) var rows: [String: [RowName: Row]] = [:]
  private(set) var conflicts: [Conflict.Subject: Conflict] = [:]
  /// Units so far of the scope being merged: what the hub itself had seen.
  private var merged = Numbers()

  /// Merges every scope's feed in its order.
  init(_ history: History) {
    self.history = history
    for (scope, places) in history.feed.sorted(by: { $0.key < $1.key }) {
      for (_, place) in places.sorted(by: { $0.key < $1.key }) { take(place, scope: scope) }
    }
  }

  private mutating func take(_ place: History.Place, scope: String) {
    let unit = history.units[place.unit]
    for change in unit.changes where Tables.columns[change.table] != nil {
      let row = RowName(table: change.table, key: change.key.text ?? "")
      var author = Write(unit: place.unit, author: unit.name.author, stamp: place.stamp, value: .null)
      merge(change, row: row, by: author, scope: scope)
      author.value = .null
    }
    merged.insert(place.unit)
  }

  /// Whether the author of `write` knew of `other`: it is in what it had been told, or its own.
  private func saw(_ write: Write, _ other: Write) -> Bool {
    if write.author == other.author { return true }
    let unit = history.units[write.unit]
    return unit.isHub ? merged.contains(other.unit) : unit.told.contains(other.unit)
  }

  private mutating func merge(_ change: RowChange, row: RowName, by author: Write, scope: String) {
    var standing = rows[scope]?[row] ?? Row()
    var lost: [Conflict] = []
    func lose(_ loser: Write, _ place: Place, to winner: Write, life: UInt32, acrossLives: Bool) {
      lost.append(Conflict(subject: .init(row: row, life: life, place: place, loser: loser), winner: winner, isAcrossLives: acrossLives))
    }
    func written(_ cell: CellChange) -> Write {
      Write(unit: author.unit, author: author.author, stamp: author.stamp, value: cell.value)
    }
    if change.life > standing.life {
      let gone = standing
      standing = Row(life: change.life, giver: author)
      for cell in change.cells { standing.cells[cell.place] = written(cell) }
      for (place, old) in gone.cells where !saw(author, old) {
        let winner = standing.cells[place] ?? author
        if !(standing.isAlive && winner.value == old.value) { lose(old, place, to: winner, life: gone.life, acrossLives: true) }
      }
    } else if change.life < standing.life {
      // Its life is over; whoever ended it had seen only its own.
      if let giver = standing.giver, giver.author != author.author {
        for cell in change.cells {
          let winner = standing.cells[cell.place] ?? giver
          if !(standing.isAlive && winner.value == cell.value) {
            lose(written(cell), cell.place, to: winner, life: change.life, acrossLives: true)
          }
        }
      }
    } else if change.isAlive {
      if let giver = standing.giver, giver.isLater(than: author) { standing.giver = author }
      for cell in change.cells {
        let arriving = written(cell)
        guard let old = standing.cells[cell.place] else {
          standing.cells[cell.place] = arriving
          continue
        }
        if arriving.isLater(than: old) {
          standing.cells[cell.place] = arriving
          if !saw(arriving, old) && arriving.value != old.value {
            lose(old, cell.place, to: arriving, life: change.life, acrossLives: false)
          }
        } else if old.author != arriving.author && arriving.value != old.value {
          lose(arriving, cell.place, to: old, life: change.life, acrossLives: false)
        }
      }
    } else if let giver = standing.giver, author.isLater(than: giver) {
      standing.giver = author
    }
    rows[scope, default: [:]][row] = standing
    // What knew the losing value settles the conflict about it.
    let places = Set(change.cells.map(\.place))
    for (subject, conflict) in conflicts
    where conflict.isOpen && subject.row == row && places.contains(subject.place) && saw(author, subject.loser) {
      conflicts[subject]?.isOpen = false
    }
    for conflict in lost where conflicts[conflict.subject] == nil { conflicts[conflict.subject] = conflict }
  }
}

extension CellChange {
  var place: Oracle.Place { Oracle.Place(column: column) }
}
