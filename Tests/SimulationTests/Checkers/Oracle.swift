import Foundation

@testable import SyncKit

/// What the hub must hold after merging every scope's feed, by the laws alone: rows, conflicts, and which of those are open.
/// What each author had seen comes from the history.
struct Oracle {
  typealias Write = RowOracle.Write

  struct Subject: Hashable {
    var row: RowName
    var life: UInt32
    var place: Place
    var loser: Write
  }

  struct Conflict: Hashable {
    var subject: Subject
    var winner: Write
    var rule: String
    var isOpen = true
  }

  private let history: History
  private(set) var rows: [String: [RowName: RowOracle]] = [:]
  private(set) var conflicts: [Subject: Conflict] = [:]

  init(_ history: History) {
    self.history = history
    for (scope, places) in history.feed.sorted(by: { $0.key < $1.key }) {
      for (_, place) in places.sorted(by: { $0.key < $1.key }) { take(place, scope: scope) }
    }
  }

  private mutating func take(_ place: History.Place, scope: String) {
    let unit = history.units[place.unit]
    let author = Write(unit: place.unit, author: place.author, stamp: place.stamp)
    for change in unit.changes where Tables.columns[change.table] != nil { merge(change, by: author, scope: scope) }
  }

  /// Whether the author of `write` knew of `other`: it is in what it had been told, or its own.
  private func saw(_ write: Write, _ other: Write) -> Bool {
    write.unit == other.unit || history.units[write.unit].past.contains(other.unit)
  }

  private mutating func merge(_ change: RowChange, by author: Write, scope: String) {
    let name = RowName(table: change.table, key: change.key.text ?? "")
    var row = rows[scope]?[name] ?? RowOracle()
    let cells = change.cells.map { cell in
      (cell.place, Write(unit: author.unit, author: author.author, stamp: author.stamp, value: cell.value, generation: cell.generation))
    }
    let columns = Tables.columns[change.table] ?? []
    let losses = row.take(
      life: change.life, cells: cells, by: author, policy: { name in columns.first { $0.name == name }?.policy ?? .lastWriter }, saw: saw)
    rows[scope, default: [:]][name] = row
    // What knew the losing value settles the conflict about it.
    let places = Set(cells.map(\.0))
    for (subject, conflict) in conflicts
    where conflict.isOpen && subject.row == name && places.contains(subject.place) && saw(author, subject.loser) {
      conflicts[subject]?.isOpen = false
    }
    for loss in losses {
      let subject = Subject(row: name, life: loss.life, place: loss.place, loser: loss.loser)
      if conflicts[subject] == nil { conflicts[subject] = Conflict(subject: subject, winner: loss.winner, rule: loss.rule) }
    }
  }
}

extension CellChange {
  var place: Place { Place(column: column, part: name.part.name ?? "") }
}
