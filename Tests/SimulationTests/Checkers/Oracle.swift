import Foundation

@testable import SyncCore
@testable import SyncHub
@testable import SyncStore

/// What the hub must hold after merging every scope's feed, by the laws alone: rows, conflicts, and which of those are open.
/// What each author had seen comes from the history.
struct Oracle {
  typealias Write = RowOracle.Write

  struct Subject: Hashable {
    var row: RowName
    var life: UInt32
    var place: Place
    var loser: Write
    /// What a row refers to was deleted.
    var isOrphan = false

    /// The id of the conflict about it, as docs/protocol.md has it.
    var id: String {
      let part: CellPart = isOrphan ? .member("\0orphan") : place.part.isEmpty ? .whole : CellPart(name: place.part)
      return ConflictWriter.id(
        table: row.table, key: .text(row.key), life: life, cell: CellName(place.column, part),
        loser: Version(HybridTimestamp(rawValue: loser.stamp), loser.author))
    }
  }

  struct Conflict: Hashable {
    var subject: Subject
    var winner: Write
    var rule: String
    var isOpen = true
    /// A declined value of a key of which no row was ever merged: whose the key is, and so what stood, depends on which unit's was
    /// declined first, and scopes have no common order.
    var hasAnyWinner = false
  }

  private let history: History
  private(set) var rows: [String: [RowName: RowOracle]] = [:]
  private(set) var conflicts: [Subject: Conflict] = [:]
  private(set) var names = NameOracle()
  /// What the feed shows to be against the rules.
  private(set) var broken: [String] = []
  private let hub: ReplicaID
  /// The scope whose row each of the shared keys is: no other has a living one in its feed.
  private var owners: [RowName: String] = [:]
  /// By the id that decisions name them by.
  private var subjects: [String: Subject] = [:]
  private var decisions: Set<String> = []
  /// Conflicts about which somebody decided and nobody took that back, by id.
  private var decided: Set<String> = []
  /// The unit being taken, where it is the hub's answer to one that was declined.
  private var answered: (answer: Int, declined: Int)?
  /// What rows were when devices deleted them, and what the hub must make of those that an edit brings back.
  private var images: [RowName: [String: CellValue]] = [:]
  private var returning: [RowName: [String: CellValue]] = [:]

  init(_ history: History, hub: ReplicaID) {
    self.history = history
    self.hub = hub
    for (scope, places) in history.feed.sorted(by: { $0.key < $1.key }) { noteOwners(of: places.values, in: scope) }
    for (scope, places) in history.feed.sorted(by: { $0.key < $1.key }) {
      var before: History.Place?
      for (_, place) in places.sorted(by: { $0.key < $1.key }) {
        take(place, scope: scope, after: before)
        before = place
      }
    }
    broken += returning.keys.sorted().map { "\($0) was deleted by somebody who had not seen all of it, and did not come back" }
  }

  private mutating func noteOwners(of places: some Sequence<History.Place>, in scope: String) {
    for place in places where !place.isDeclined {
      for change in history.units[place.unit].changes where change.life % 2 == 1 {
        let name = RowName(table: change.table, key: change.key.text ?? "")
        guard name.isShared else { continue }
        if let other = owners[name], other != scope { broken.append("\(name) is a row of \(other) and of \(scope)") }
        owners[name] = scope
      }
    }
  }

  private mutating func take(_ place: History.Place, scope: String, after before: History.Place?) {
    let unit = history.units[place.unit]
    let author = Write(unit: place.unit, author: place.author, stamp: place.stamp)
    // What the hub says next about a declined unit is what stands, or its author's own words, repaired.
    answered = before.flatMap { $0.isDeclined && place.author == hub ? (place.unit, $0.unit) : nil }
    if place.isDeclined { return decline(unit, by: author, scope: scope) }
    let decisions = unit.changes.filter { $0.table == "sync_decision" }.map(Decision.init)
    // The hub's operator who takes a decision back leaves other conflicts about the cell alone; and what the hub says in answer to
    // what was declined nobody decided.
    let closes = place.author != hub || answered == nil && !decisions.contains { $0.isUndone }
    for change in unit.changes where Tables.columns[change.table] != nil { merge(change, by: author, scope: scope, closes: closes) }
    // A decision says whether its conflict is open, once.
    for decision in decisions where self.decisions.insert(decision.id).inserted {
      if let subject = subjects[decision.conflict] { conflicts[subject]?.isOpen = decision.isUndone }
      if decision.isUndone { decided.remove(decision.conflict) } else { decided.insert(decision.conflict) }
      names.decide(decision.conflict, isUndone: decision.isUndone)
    }
  }

  /// Whether the feed has a decision about a conflict. In a life of the hub that a restore began it may come before what it is about.
  func isDecided(_ conflict: Conflict) -> Bool { decided.contains(conflict.subject.id) }

  private struct Decision {
    var id: String
    var conflict: String
    var isUndone: Bool

    init(_ change: RowChange) {
      func text(_ column: String) -> String { change.cells.first { $0.column == column }?.value.text ?? "" }
      (id, conflict, isUndone) = (change.key.text ?? "", text("conflict"), text("choice") == "undone")
    }
  }

  /// Whether the author of `write` knew of `other`: it is in what it had been told, or its own. What was declined only its own
  /// author ever knew.
  private func saw(_ write: Write, _ other: Write, isDeclined: Bool = false) -> Bool {
    let unit = history.units[answered?.answer == write.unit ? answered?.declined ?? write.unit : write.unit]
    return write.unit == other.unit || (isDeclined ? unit.own : unit.past).contains(other.unit)
  }

  private mutating func merge(_ change: RowChange, by author: Write, scope: String, closes: Bool) {
    let name = RowName(table: change.table, key: change.key.text ?? "")
    var row = rows[scope]?[name] ?? RowOracle()
    let before = row
    let cells = change.cells.map { cell in
      (cell.place, Write(unit: author.unit, author: author.author, stamp: author.stamp, value: cell.value, generation: cell.generation))
    }
    let columns = Tables.columns[change.table] ?? []
    let losses = row.take(
      life: change.life, cells: cells, by: author, policy: { name in columns.first { $0.name == name }?.policy ?? .lastWriter },
      saw: { saw($0, $1) })
    rows[scope, default: [:]][name] = row
    // What knew the losing value settles the conflict about it; but what the hub brings back nobody decided.
    let places = Set(cells.map(\.0))
    let isReturned = isReturn(name, row, by: author)
    for (subject, conflict) in conflicts
    where closes && !isReturned && conflict.isOpen && subject.row == name && places.contains(subject.place)
      && saw(author, subject.loser, isDeclined: conflict.rule == "declined")
    {
      conflicts[subject]?.isOpen = false
    }
    // Of what the hub itself deletes it keeps no image.
    if before.isAlive && !row.isAlive { images[name] = author.author == hub ? nil : shown(before, columns) }
    if comesBack(name, row, before, losses, columns) { return }
    for loss in losses {
      record(Subject(row: name, life: loss.life, place: loss.place, loser: loss.loser), winner: loss.winner, rule: loss.rule)
    }
    if name.table == Tables.softKey.table {
      names.note(name, row.isAlive ? row.cells[Place(column: Tables.softKey.column)]?.value.text : nil, scope: scope)
    }
    followParent(name, row, wrote: places, by: author, scope: scope)
    if name.table == "team", before.isAlive != row.isAlive { followChildren(of: name, row, by: author) }
  }

  private mutating func record(_ subject: Subject, winner: Write, rule: String) {
    if Tables.isDerived(subject.row, subject.place) { return }
    if conflicts[subject] == nil { conflicts[subject] = Conflict(subject: subject, winner: winner, rule: rule) }
    subjects[subject.id] = subject
  }

  private func shown(_ row: RowOracle, _ columns: [Column]) -> [String: CellValue] {
    Dictionary(uniqueKeysWithValues: columns.map { ($0.name, $0.shown(row.cells)) })
  }

  // MARK: Declined

  /// Nothing of it is merged, and each value is kept.
  private mutating func decline(_ unit: History.SealedUnit, by author: Write, scope: String) {
    for change in unit.changes where Tables.columns[change.table] != nil {
      let name = RowName(table: change.table, key: change.key.text ?? "")
      // Under another unit's key there is nothing that stands for this one.
      let row = (owners[name] ?? scope) == scope ? rows[scope]?[name] ?? RowOracle() : RowOracle()
      for cell in change.cells {
        let loser = Write(unit: author.unit, author: author.author, stamp: author.stamp, value: cell.value)
        var winner = row.cells[cell.place] ?? row.giver ?? loser
        if row.cells[cell.place] == nil { winner.value = .null }
        // What stands already nobody lost.
        if winner.value == loser.value { continue }
        let subject = Subject(row: name, life: change.life, place: cell.place, loser: loser)
        record(subject, winner: winner, rule: "declined")
        if name.isShared && owners[name] == nil { conflicts[subject]?.hasAnyWinner = true }
      }
    }
  }

  // MARK: Rows that come back

  /// Notes what must come back, and checks what did.
  ///
  /// - Returns: Whether the row is to come back, so that there is no conflict about it.
  private mutating func comesBack(
    _ name: RowName, _ row: RowOracle, _ before: RowOracle, _ losses: [RowOracle.Loss], _ columns: [Column]
  ) -> Bool {
    guard Tables.returning.contains(name.table) else { return false }
    if let awaited = returning.removeValue(forKey: name) {
      // An object without a member and none at all are the same once it is written anew.
      func same(_ shown: [String: CellValue]) -> [String: CellValue] { shown.mapValues { $0 == .text("{}") ? .null : $0 } }
      let here = shown(row, columns)
      if !row.isAlive || row.life != before.life + 1 || same(here) != same(awaited) {
        broken.append("\(name) came back as \(row.isAlive ? "\(here)" : "nothing"), not as \(awaited)")
      }
    }
    guard !row.isAlive, !losses.isEmpty, var image = images[name] else { return false }
    if !before.isAlive {
      for loss in losses {
        guard let column = columns.first(where: { $0.name == loss.place.column }) else { continue }
        image[column.name] = column.putting(loss.loser.value, at: loss.place, into: image[column.name])
      }
    }
    returning[name] = image
    return true
  }

  private func isReturn(_ name: RowName, _ row: RowOracle, by author: Write) -> Bool {
    author.author == hub && row.isAlive && returning[name] != nil
  }

  // MARK: References

  /// A row that now refers to a deleted one.
  private mutating func followParent(_ name: RowName, _ row: RowOracle, wrote places: Set<Place>, by author: Write, scope: String) {
    guard row.isAlive, let column = Tables.references[name.table], places.contains(Place(column: column)),
      let reference = row.cells[Place(column: column)], reference.unit == author.unit, let key = reference.value.text,
      let parent = rows[scope]?[RowName(table: "team", key: key)], !parent.isAlive, let giver = parent.giver
    else { return }
    orphan(name, row, reference, deleted: giver)
  }

  /// Rows whose parent was deleted unseen, or is there again.
  private mutating func followChildren(of parent: RowName, _ row: RowOracle, by author: Write) {
    for (child, other) in rows.values.flatMap({ $0 }).sorted(by: { $0.key < $1.key }) {
      guard other.isAlive, let column = Tables.references[child.table], let reference = other.cells[Place(column: column)],
        reference.value == .text(parent.key)
      else { continue }
      if !row.isAlive {
        if !saw(author, reference) { orphan(child, other, reference, deleted: author) }
      } else {
        conflicts[orphanSubject(child, other, reference)]?.isOpen = false
      }
    }
  }

  private func orphanSubject(_ name: RowName, _ row: RowOracle, _ reference: Write) -> Subject {
    Subject(row: name, life: row.life, place: Place(column: Tables.references[name.table] ?? ""), loser: reference, isOrphan: true)
  }

  private mutating func orphan(_ name: RowName, _ row: RowOracle, _ reference: Write, deleted: Write) {
    var deleted = deleted
    deleted.value = .null
    record(orphanSubject(name, row, reference), winner: deleted, rule: "orphan")
  }
}

/// Which rows of a scope have one name, and the conflicts about that: one a name, open while several have it.
struct NameOracle {
  struct Conflict: Hashable {
    var scope: String
    var name: String
    /// The smallest key when it was opened first.
    var first: String
    var keys: [String]
    var isOpen: Bool
  }

  private var names: [String: [String: String]] = [:]
  private(set) var conflicts: [String: Conflict] = [:]

  /// A row has a name, or none any more.
  mutating func note(_ row: RowName, _ name: String?, scope: String) {
    let (old, new) = (names[scope]?[row.key], name?.precomposedStringWithCanonicalMapping)
    if old == new { return }
    names[scope, default: [:]][row.key] = new
    for value in [old, new].compactMap(\.self) { settle(value, scope: scope) }
  }

  private mutating func settle(_ name: String, scope: String) {
    let keys = (names[scope] ?? [:]).filter { $0.value == name }.keys.sorted()
    let id = Self.id(name, scope: scope)
    if keys.count < 2 {
      conflicts[id]?.isOpen = false
    } else if conflicts[id] == nil {
      conflicts[id] = Conflict(scope: scope, name: name, first: keys[0], keys: keys, isOpen: true)
    } else {
      conflicts[id]?.keys = keys
      conflicts[id]?.isOpen = true
    }
  }

  mutating func decide(_ id: String, isUndone: Bool) { conflicts[id]?.isOpen = isUndone }

  /// The id of the conflict about a name, as docs/protocol.md has it.
  private static func id(_ name: String, scope: String) -> String {
    let (table, column) = Tables.softKey
    return Data("synckit/duplicate/1\0\(scope)\0\(table)\0\(column)\0\(name)".utf8).sha256.prefix(16).hex
  }
}

extension Column {
  /// What an app sees of the column once one of its places has another value.
  fileprivate func putting(_ value: CellValue, at place: Place, into shown: CellValue?) -> CellValue {
    guard policy == .perKey else { return value }
    var members = Members.read(shown)
    members[place.part] = value.isNull ? nil : Members.read(.text("{\"m\":\(value.text ?? "")}"))["m"]
    return Members.write(members)
  }
}

extension CellChange {
  var place: Place { Place(column: column, part: name.part.name ?? "") }
}
