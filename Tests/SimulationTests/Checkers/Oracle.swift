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

    /// The id of the conflict about it, as docs/protocol.md has it.
    var id: String {
      ConflictBook.id(
        table: row.table, key: .text(row.key), life: life,
        cell: CellName(place.column, place.part.isEmpty ? .whole : CellPart(name: place.part)),
        loser: Version(HybridTimestamp(rawValue: loser.stamp), loser.author))
    }
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
  private let hub: ReplicaID
  /// By the id that decisions name them by.
  private var subjects: [String: Subject] = [:]
  private var decisions: Set<String> = []

  init(_ history: History, hub: ReplicaID) {
    self.history = history
    self.hub = hub
    for (scope, places) in history.feed.sorted(by: { $0.key < $1.key }) {
      for (_, place) in places.sorted(by: { $0.key < $1.key }) { take(place, scope: scope) }
    }
  }

  private mutating func take(_ place: History.Place, scope: String) {
    let unit = history.units[place.unit]
    let author = Write(unit: place.unit, author: place.author, stamp: place.stamp)
    let decisions = unit.changes.filter { $0.table == "sync_decision" }.map(Decision.init)
    // The hub's operator who takes a decision back leaves other conflicts about the cell alone.
    let closes = place.author != hub || !decisions.contains { $0.isUndone }
    for change in unit.changes where Tables.columns[change.table] != nil { merge(change, by: author, scope: scope, closes: closes) }
    // A decision says whether its conflict is open, once.
    for decision in decisions where self.decisions.insert(decision.id).inserted {
      if let subject = subjects[decision.conflict] { conflicts[subject]?.isOpen = decision.isUndone }
    }
  }

  private struct Decision {
    var id: String
    var conflict: String
    var isUndone: Bool

    init(_ change: RowChange) {
      func text(_ column: String) -> String { change.cells.first { $0.column == column }?.value.text ?? "" }
      (id, conflict, isUndone) = (change.key.text ?? "", text("conflict"), text("choice") == "undone")
    }
  }

  /// Whether the author of `write` knew of `other`: it is in what it had been told, or its own.
  private func saw(_ write: Write, _ other: Write) -> Bool {
    write.unit == other.unit || history.units[write.unit].past.contains(other.unit)
  }

  private mutating func merge(_ change: RowChange, by author: Write, scope: String, closes: Bool) {
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
    where closes && conflict.isOpen && subject.row == name && places.contains(subject.place) && saw(author, subject.loser) {
      conflicts[subject]?.isOpen = false
    }
    for loss in losses {
      let subject = Subject(row: name, life: loss.life, place: loss.place, loser: loss.loser)
      if conflicts[subject] == nil { conflicts[subject] = Conflict(subject: subject, winner: loss.winner, rule: loss.rule) }
      subjects[subject.id] = subject
    }
  }
}

extension CellChange {
  var place: Place { Place(column: column, part: name.part.name ?? "") }
}
