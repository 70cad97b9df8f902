import Foundation

@testable import SyncCore
@testable import SyncHub
@testable import SyncStore

/// Promise 2 from the outside: each value a person entered stands, or is kept in a conflict, or was overwritten by somebody
/// who knew of it. Goes by values alone, from the transactions people made, and knows nothing of seal and merge.
enum Losses {
  static func check(_ simulation: Simulation) async throws {
    let history = simulation.history
    let (standing, kept) = try await simulation.hub.open().read { session in
      (
        try Simulation.rows(in: session, version: Tables.newest),
        Set(try session.rows("SELECT losing_value FROM sync_conflict").map { $0[0] })
      )
    }
    let mute = Set(simulation.devices.filter(\.isRevoked).map(\.index))
    // Where each value was sealed, and where that came into the feed.
    var sealedIn: [Cell: [Int]] = [:]
    for (number, unit) in history.units.enumerated() {
      for change in unit.changes {
        for cell in change.cells {
          let own = Cell(row: RowName(table: change.table, key: change.key.text ?? ""), place: cell.place, value: cell.value)
          sealedIn[own, default: []].append(number)
        }
      }
    }
    var positions: [Int: UInt64] = [:]
    for places in history.feed.values { for (position, place) in places { positions[place.unit] = position } }
    /// Whether a write went with a store that was put back to a copy without it, and nobody else had it.
    func isGone(_ number: Int, _ units: [Int]) -> Bool {
      simulation.gone.contains(number) && units.allSatisfy { positions[$0] == nil }
        && !simulation.devices.contains { device in !device.isRevoked && units.contains { device.known.applied.contains($0) } }
    }
    for (number, written) in history.written.enumerated() {
      for (place, value) in written.deed.values where isTold(value) && !Tables.isDerived(written.deed.row, place) {
        let shown = standing[written.deed.row]?[place.column]
        let column = Tables.columns[written.deed.row.table]?.first { $0.name == place.column }
        if column?.values == .name || column?.values == .reference || column?.defaultValue == value { continue }
        if column?.value(at: place, shown: shown) == value || kept.contains(value) { continue }
        let cell = Cell(row: written.deed.row, place: place, value: value)
        let units = sealedIn[cell] ?? []
        if isGone(number, units) { continue }
        if mute.contains(written.store) && units.allSatisfy({ positions[$0] == nil }) { continue }
        let isReplaced = history.written.enumerated().contains { otherNumber, other in
          guard other.deed.row == written.deed.row, other.deed.covers(place) else { return false }
          if other.writes.contains(number) { return true }
          // Values and deletions of a device that was cut off may never have arrived.
          if mute.contains(other.store) && other.deed.values.isEmpty == false && !reached(other, sealedIn, positions) { return false }
          let own = other.deed.values.flatMap { sealedIn[Cell(row: other.deed.row, place: $0.key, value: $0.value)] ?? [] }
          if isGone(otherNumber, own) && !other.deed.values.isEmpty { return false }
          return units.contains { other.units.contains($0) }
        }
        // A later statement of the same transaction.
        let isCovered = history.written[(number + 1)...].contains {
          $0.store == written.store && $0.deed.row == written.deed.row && $0.deed.covers(place)
        }
        if !isReplaced && !(isCovered && written.store >= 0) {
          throw Violation(
            check: "silent loss",
            message: "\(value.short) in \(written.deed.row).\(place), written on store \(written.store), is nowhere"
              + history.story(of: written.deed.row))
        }
      }
    }
  }

  private struct Cell: Hashable {
    var row: RowName
    var place: Place
    var value: CellValue
  }

  /// Whether a value is like no other: those that are not are nobody's in particular.
  private static func isTold(_ value: CellValue) -> Bool {
    switch value {
    case .null, .integer(0): false
    case .text(let text): text.contains { $0.isNumber }
    default: true
    }
  }

  private static func reached(_ written: History.Written, _ sealedIn: [Cell: [Int]], _ positions: [Int: UInt64]) -> Bool {
    written.deed.values.contains { place, value in
      (sealedIn[Cell(row: written.deed.row, place: place, value: value)] ?? []).contains { positions[$0] != nil }
    }
  }
}

/// What people added to a counter is what stands, where nobody deleted the row: each increment counts once.
enum Counters {
  static func check(_ simulation: Simulation) async throws {
    let standing = try await simulation.hub.open().read { try Simulation.rows(in: $0, version: Tables.newest) }
    let mute = Set(simulation.devices.filter(\.isRevoked).map(\.index))
    let gone = Set(simulation.gone.map { simulation.history.written[$0].deed.row })
    // The hub takes back what was declined.
    let declined = Set(simulation.history.declined.map { RowName(table: $0.table, key: $0.key.text ?? "") })
    let byRow = Dictionary(grouping: simulation.history.written, by: \.deed.row)
    for (row, written) in byRow.sorted(by: { $0.key < $1.key }) {
      guard !written.contains(where: { $0.deed.kind == .deleted || mute.contains($0.store) }), !gone.contains(row), !declined.contains(row)
      else { continue }
      for column in Tables.columns[row.table] ?? [] where column.policy == .counter {
        let sum = written.reduce(column.defaultValue.integer ?? 0) { $0 + ($1.deed.amounts[column.name] ?? 0) }
        guard standing[row]?[column.name] == .integer(sum) else {
          throw Violation(
            check: "counter", message: "\(row).\(column.name) is \(standing[row]?[column.name]?.short ?? "-"); people added up to \(sum)")
        }
      }
    }
  }
}

/// Anonymous answers arrive once each, and are counted once each.
enum Packets {
  static func check(_ simulation: Simulation) async throws {
    let hub = try await simulation.hub.open()
    try await hub.releaseEverything()
    let (keys, counts) = try await hub.read { session in
      (
        try session.rows("SELECT id FROM answer").compactMap { $0[0].text },
        try session.rows(
          "SELECT coalesce(sum(kept), 0), coalesce(sum(spoiled + released + repeated), 0), coalesce(sum(released), 0) FROM hub_drop")[0]
          .map { $0.integer ?? 0 }
      )
    }
    guard counts[0] == counts[1], counts[2] == Int64(keys.count) else {
      throw Violation(check: "packets", message: "the hub's packets do not add up: \(counts), \(keys.count) rows")
    }
    let lost = simulation.answers.subtracting(simulation.goneAnswers).subtracting(keys).count
    let mayLack = simulation.devices.contains(where: \.isRevoked)
    guard Set(keys).isSubset(of: simulation.answers), lost == 0 || mayLack else {
      throw Violation(check: "packets", message: "\(lost) answers did not arrive, \(keys.count) did")
    }
  }
}
