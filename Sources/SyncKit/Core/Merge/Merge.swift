/// Origin of the write that stands in a cell or row.
package struct Origin: Hashable, Sendable {
  package var version: Version
  /// Position of the write's unit in the scope's feed; 0 while the hub has not ordered the unit, and always on field replicas.
  package var position: UInt64

  package init(version: Version, position: UInt64) {
    self.version = version
    self.position = position
  }
}

/// Written cell, or part of one, as it stands.
package struct Cell: Hashable, Sendable {
  package var origin: Origin
  /// Value; NULL for a removed member.
  package var value: CellValue
  /// Generation; see `CellChange.generation`.
  package var generation: UInt32 = 0

  package init(origin: Origin, value: CellValue, generation: UInt32 = 0) {
    self.origin = origin
    self.value = value
    self.generation = generation
  }
}

/// State of one row at a replica: a life, and the written cells of that life (L5). An absent cell reads as its default.
package struct RowState: Hashable, Sendable {
  /// Life: 0 unknown, odd alive, even dead.
  package var life: UInt32 = 0
  /// Origin of the birth or deletion that began the present life; nil for life 0.
  package var lifeOrigin: Origin?
  /// Cells; empty when dead.
  package var cells = Cells()

  package init(life: UInt32 = 0, lifeOrigin: Origin? = nil, cells: Cells = Cells()) {
    self.life = life
    self.lifeOrigin = lifeOrigin
    self.cells = cells
  }

  package static let unknown = RowState()
  package var isAlive: Bool { life % 2 == 1 }

  /// Cells as writes.
  package var changes: [CellChange] {
    cells.map { CellChange($0.column, $1.value, part: $0.part, generation: $1.generation) }
  }

  /// Origin of the whole state when a single change wrote it; nil when several did.
  package var soleOrigin: Origin? { lifeOrigin.flatMap { origin in cells.values.allSatisfy { $0.origin == origin } ? origin : nil } }
}

/// Change about to be merged, with what its author had seen.
package struct IncomingChange {
  package var life: UInt32
  package var cells: [CellChange]
  package var origin: Origin
  /// Position in this scope that the author had applied (L6).
  package var seenThrough: UInt64
  /// Returns whether another write is by this change's author, when identities alone do not tell: the device succeeded another
  /// identity (L8). Nil: identities decide.
  package var isOneAuthors: ((Origin) -> Bool)?
  /// Returns whether the author had seen a write of an incarnation that a restore ended (L11).
  package var sawEarlier: ((Origin) -> Bool)?

  package init(
    life: UInt32, cells: [CellChange], origin: Origin, seenThrough: UInt64, isOneAuthors: ((Origin) -> Bool)? = nil,
    sawEarlier: ((Origin) -> Bool)? = nil
  ) {
    self.life = life
    self.cells = cells
    self.origin = origin
    self.seenThrough = seenThrough
    self.isOneAuthors = isOneAuthors
    self.sawEarlier = sawEarlier
  }

  /// Returns whether the author knew of a write before making this change: by its cursor, or as its own.
  package func hasSeen(_ other: Origin) -> Bool {
    isOwn(other) || (other.position > 0 && other.position <= seenThrough) || sawEarlier?(other) == true
  }

  func isOwn(_ other: Origin) -> Bool { isOneAuthors?(other) ?? (other.version.replica == origin.version.replica) }
}

/// Value that does not stand after a merge.
package struct Loser: Hashable {
  package var name: CellName
  /// Life that the losing value belonged to.
  package var life: UInt32
  package var loser: Cell
  /// Cell that stands; its value is NULL when the row was deleted.
  package var winner: Cell
  package var rule: MergeRule

  package init(name: CellName, life: UInt32, loser: Cell, winner: Cell, rule: MergeRule) {
    self.name = name
    self.life = life
    self.loser = loser
    self.winner = winner
    self.rule = rule
  }
}

/// Reason why the winner stands. Raw values are stored in conflict rows.
package enum MergeRule: String, Sendable {
  /// The winner has the later version of the same life.
  case lastWriterWins = "lww"
  /// The winner has the later version, in a column that asks for a person's decision.
  case review
  /// The row was deleted, or deleted and born again.
  case laterLife = "life"
  /// An operator declined the change.
  case declined
}

package struct MergeOutcome {
  package var state: RowState
  /// Names of cells whose standing value changed.
  package var written: [CellName] = []
  /// Values that lost although the winner's author had not seen them: each becomes a conflict.
  package var unseen: [Loser] = []
  /// True when the change had any effect on the row.
  package var changed = false

  package init(state: RowState, written: [CellName] = [], unseen: [Loser] = [], changed: Bool = false) {
    self.state = state
    self.written = written
    self.unseen = unseen
    self.changed = changed
  }
}

/// Merge policies of a table's columns; columns without an entry merge by last writer.
package typealias MergePolicies = [String: MergePolicy]

/// Joins one change into a row's state. Pure, total, the same on hub and field.
///
/// The states form a lattice: the higher life wins whole, and equal lives join cell by cell. Of two cells the greater one stands,
/// in an order that the column's policy gives. The order and number of merges therefore do not matter (L5). docs/merge.md has each
/// policy with an example. `MergeOutcome.unseen` reports the losers whose value the winner's author had not seen; only the hub
/// turns them into conflicts (L6).
///
/// - Complexity: O(cells of the change), plus O(cells of the row) when the life changes.
package enum Merge {
  package static func join(_ current: RowState, _ incoming: IncomingChange, policies: MergePolicies = [:]) -> MergeOutcome {
    if incoming.life > current.life { return nextLife(current, incoming) }
    if incoming.life < current.life { return pastLife(current, incoming) }
    guard incoming.life % 2 == 1 else { return deadTwice(current, incoming) }
    return sameLife(current, incoming, policies)
  }

  /// Joins a change that begins a later life: every standing cell loses, and those that its author had not seen are reported.
  private static func nextLife(_ current: RowState, _ incoming: IncomingChange) -> MergeOutcome {
    var outcome = MergeOutcome(state: RowState(life: incoming.life, lifeOrigin: incoming.origin), changed: true)
    for change in incoming.cells {
      outcome.state.cells[change.name] = Cell(origin: incoming.origin, value: change.value, generation: change.generation)
      outcome.written.append(change.name)
    }
    for (name, cell) in current.cells where !incoming.hasSeen(cell.origin) {
      let winner = outcome.state.cells[name] ?? Cell(origin: incoming.origin, value: .null)
      if outcome.state.isAlive && winner.value == cell.value { continue }
      outcome.unseen.append(Loser(name: name, life: current.life, loser: cell, winner: winner, rule: .laterLife))
    }
    return outcome
  }

  /// Joins a change of a life that is over: none of its cells stands.
  private static func pastLife(_ current: RowState, _ incoming: IncomingChange) -> MergeOutcome {
    var outcome = MergeOutcome(state: current)
    guard let ending = current.lifeOrigin, !incoming.isOwn(ending) else { return outcome }
    for change in incoming.cells {
      let winner = current.cells[change.name] ?? Cell(origin: ending, value: .null)
      if current.isAlive && winner.value == change.value { continue }
      let loser = Cell(origin: incoming.origin, value: change.value, generation: change.generation)
      outcome.unseen.append(Loser(name: change.name, life: incoming.life, loser: loser, winner: winner, rule: .laterLife))
    }
    return outcome
  }

  /// Joins two deletions of one life: the later one is remembered, and nobody loses a value.
  private static func deadTwice(_ current: RowState, _ incoming: IncomingChange) -> MergeOutcome {
    var outcome = MergeOutcome(state: current)
    guard let standing = current.lifeOrigin, incoming.origin.version > standing.version else { return outcome }
    outcome.state.lifeOrigin = incoming.origin
    outcome.changed = true
    return outcome
  }

  private static func sameLife(_ current: RowState, _ incoming: IncomingChange, _ policies: MergePolicies) -> MergeOutcome {
    var outcome = MergeOutcome(state: current)
    if let born = current.lifeOrigin, incoming.origin.version < born.version { outcome.state.lifeOrigin = incoming.origin }
    for change in incoming.cells {
      let arriving = Cell(origin: incoming.origin, value: change.value, generation: change.generation)
      guard let standing = current.cells[change.name] else {
        outcome.state.cells[change.name] = arriving
        outcome.written.append(change.name)
        outcome.changed = true
        continue
      }
      let policy = policies[change.column] ?? .lastWriterWins
      let order = order(arriving, standing, policy)
      if order == .equal { continue }
      let arrives = order == .greater
      if arrives {
        outcome.state.cells[change.name] = arriving
        outcome.written.append(change.name)
        outcome.changed = true
      }
      if policy.settlesItself { continue }
      let (winner, loser) = arrives ? (arriving, standing) : (standing, arriving)
      // Tests what the winner's author had seen. The standing write was merged before this change had a position, so its author saw
      // the change only if it made the change itself.
      let winnerSawLoser = arrives ? incoming.hasSeen(standing.origin) : incoming.isOwn(standing.origin)
      if !winnerSawLoser && winner.value != loser.value {
        let rule = policy == .review ? MergeRule.review : .lastWriterWins
        outcome.unseen.append(Loser(name: change.name, life: incoming.life, loser: loser, winner: winner, rule: rule))
      }
    }
    return outcome
  }

  /// Compares two writes of one cell; the greater one stands. The order is total, so joining is taking the maximum. Two values
  /// under one version come from two devices that shared an identity for a while (L8).
  private static func order(_ a: Cell, _ b: Cell, _ policy: MergePolicy) -> ValueOrder {
    if let byValue = policy.compare(a.value, b.value) {
      if a.generation != b.generation { return ValueOrder(a.generation, b.generation) }
      if byValue != .equal { return byValue }
    }
    let byVersion = ValueOrder(a.origin.version, b.origin.version)
    return byVersion == .equal ? a.value.strictOrder(to: b.value) : byVersion
  }
}
