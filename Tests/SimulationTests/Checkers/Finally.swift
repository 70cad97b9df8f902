import Foundation
import GRDB

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// What holds once everything was given time to heal.
enum Finally {
  static func check(_ simulation: Simulation) async throws {
    try await Always.checkHub(simulation)
    let auditor = try await audit(simulation)
    for device in simulation.devices + [auditor] {
      try await Always.checkIntegrity(device)
      if !device.isRevoked { try await checkNothingWaits(device) }
    }
    let oracle = Oracle(simulation.history, hub: simulation.hub.keys.signing.replica)
    try await checkOnce(simulation)
    if simulation.isStrict, let broken = oracle.broken.first { throw Violation(check: "coming back", message: broken) }
    try await Convergence.check(simulation, auditor, oracle)
    try await ConflictCheck.check(simulation, auditor, oracle)
    try await Losses.check(simulation)
    try await Counters.check(simulation)
    try await Packets.check(simulation)
    try await Photos.check(simulation)
    try await checkExaminations(simulation)
    try auditor.close()
  }

  /// What operators and devices would run in doubt finds nothing to complain of: at the hub, and on one device.
  private static func checkExaminations(_ simulation: Simulation) async throws {
    let hub = simulation.hub
    let device = simulation.devices[Int(simulation.scenario.seed % UInt64(simulation.devices.count))]
    let found = [
      ("the hub", try await SQLiteHubStore.examine(at: hub.disk.path, tables: hub.program.tables, keys: hub.keys)),
      (device.name, try await Replica.examine(at: device.disk.path, tables: device.program.tables, keyStore: device.secrets)),
    ]
    for (name, examination) in found {
      if let finding = examination.findings.first { throw Violation(check: "examination", message: "\(name): \(finding.explanation.en)") }
    }
  }

  /// A reader who never wrote fetches every scope's whole feed: what it is told is the record the checks go by.
  private static func audit(_ simulation: Simulation) async throws -> Device {
    let link = simulation.link()
    let auditor = Device(
      index: 99, folder: simulation.folder, clock: SimClock(simulation.time), scope: "99",
      readScopes: [Tables.province] + Tables.units + ["99"],
      version: Tables.newest, link: link, seed: derive(simulation.scenario.seed, 7))
    var dice = Dice(seed: derive(simulation.scenario.seed, 5))
    try auditor.makeKey(&dice)
    let code = try await simulation.hub.open().makeCode(scope: auditor.scope, readScopes: auditor.readScopes)
    try await auditor.open().enroll(code: code, label: "auditor", through: link)
    _ = link.takeAnswers()
    try await simulation.exchange(auditor, actionsMax: Simulation.actionsMax, &dice)
    return auditor
  }

  private static func checkNothingWaits(_ device: Device) async throws {
    let status = try await device.open().status()
    let waiting = status.pendingChanges + status.sealedChanges + status.waitingChanges + status.packetsWaiting
    guard waiting == 0, status.isAtHead else {
      let outbox = try await device.open().engineRead {
        try $0.session.rows("SELECT number, received, acknowledged, units, length(bytes) FROM sync_outbox ORDER BY number")
          .map { $0.map(\.short).joined(separator: "/") }.joined(separator: " ")
      }
      throw Violation(
        check: "healing",
        message: "\(device.name) still has work to send, or is not at the head: \(waiting) changes and packets; outbox \(outbox)")
    }
    guard status.heldChanges == 0 else { throw Violation(check: "held", message: "\(device.name) has held work nobody explains") }
    guard try await device.open().engineRead({ try $0.outbox.isAcknowledged() }) else {
      throw Violation(check: "healing", message: "\(device.name) has units the feed did not acknowledge")
    }
  }

  /// Each unit that devices sealed is in its scope's feed exactly once.
  private static func checkOnce(_ simulation: Simulation) async throws {
    let history = simulation.history
    var count: [Int: Int] = [:]
    for places in history.feed.values { for place in places.values { count[place.unit, default: 0] += 1 } }
    if simulation.isStrict, let twice = count.first(where: { $0.value > 1 }) {
      throw Violation(check: "once", message: "\(history.units[twice.key].name) is in the feed \(twice.value) times")
    }
    // What is on a machine that works must have come; what only a broken or revoked one had may be gone.
    var held = Numbers()
    for device in simulation.devices where !device.isRevoked { held.formUnion(device.known.applied) }
    for (number, unit) in history.units.enumerated() where count[number] == nil && held.contains(number) {
      throw Violation(check: "lost", message: "\(unit.name) was sealed and is not in the feed")
    }
    for (scope, places) in history.feed {
      guard places.count == Int(places.keys.max() ?? 0) else {
        throw Violation(check: "feed", message: "the feed of \(scope) has gaps: \(places.count) units up to \(places.keys.max() ?? 0)")
      }
    }
  }
}

/// Every store shows what the oracle says, values and versions.
enum Convergence {
  static func check(_ simulation: Simulation, _ auditor: Device, _ oracle: Oracle) async throws {
    let hub = try await simulation.hub.open()
    let tables = hub.store.tables
    let (shown, kept) = try await hub.read { session in
      (try Simulation.rows(in: session, version: Tables.newest), try versions(in: session, shapes: tables.byName))
    }
    let all = Tables.units + [Tables.province]
    let history = simulation.history
    try compare(shown, expected(oracle, scopes: all), "the hub", history)
    try compare(kept.filter(isOfOneUnit), versions(oracle, scopes: all).filter(isOfOneUnit), "the hub")
    // A birth that was declined stays the earliest that its device knows of the row, where somebody else bore it, too.
    let declined = Set(
      simulation.history.declined.filter(\.isAlive).map { "\($0.table)/\($0.key.text ?? "") life \($0.life) given" })
    func isTold(_ line: String) -> Bool { !declined.contains { line.contains($0) } }
    // That one of a shared key ended may be any of its units' word, as each store heard of them.
    func isOfOneUnit(_ line: String) -> Bool {
      let isShared = Tables.sharedKeys.contains { line.contains("/\($0) ") }
      let life = Int(line.split(separator: " ")[3]) ?? 0
      return !isShared || life % 2 == 1
    }
    for device in simulation.devices + [auditor] where !device.isRevoked {
      try compare(try await simulation.rows(of: device), expected(oracle, scopes: device.readScopes), device.name, history)
      let shapes = try device.open().shapes
      let kept = try await device.open().engineRead { try versions(in: $0.session, shapes: shapes) }
      func isCompared(_ line: String) -> Bool { isTold(line) && isOfOneUnit(line) }
      try compare(kept.filter(isCompared), versions(oracle, scopes: device.readScopes).filter(isCompared), device.name)
    }
  }

  private static func expected(_ oracle: Oracle, scopes: [String]) -> [RowName: [String: CellValue]] {
    var all: [RowName: [String: CellValue]] = [:]
    for scope in scopes {
      for (name, row) in oracle.rows[scope] ?? [:] where row.isAlive {
        var shown: [String: CellValue] = [:]
        for column in Tables.columns[name.table] ?? [] { shown[column.name] = column.shown(row.cells) }
        all[name] = shown
      }
    }
    return all
  }

  private static func compare(
    _ shown: [RowName: [String: CellValue]], _ expected: [RowName: [String: CellValue]], _ who: String, _ history: History
  ) throws {
    for row in Set(shown.keys).union(expected.keys).sorted() where shown[row] != expected[row] {
      func text(_ cells: [String: CellValue]?) -> String {
        cells.map { $0.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.short)" }.joined(separator: " ") } ?? "no row"
      }
      throw Violation(
        check: "converge",
        message: "\(who) shows \(row) as \(text(shown[row])); the feed says \(text(expected[row]))\(history.story(of: row))")
    }
  }

  /// Life and version of every row and cell, a line each.
  private static func versions(in session: any SQLSession, shapes: [String: TableShape]) throws -> Set<String> {
    let store = RowStore(session: session, shapes: shapes)
    var lines: Set<String> = []
    for table in Tables.columns.keys {
      guard let shape = shapes[table] else { continue }
      for row in try session.rows("SELECT key FROM \(shape.metadataTable)") {
        guard let stored = try store.load(shape, key: row[0], in: nil) else { continue }
        let start = "\(stored.scope) \(table)/\(row[0].short) life \(stored.state.life)"
        func text(_ origin: Origin?) -> String { origin.map { "\($0.version.timestamp.rawValue)@\($0.version.replica.short)" } ?? "-" }
        lines.insert("\(start) given \(text(stored.state.lifeOrigin))")
        for (name, cell) in stored.state.cells {
          lines.insert("\(start) \(Place(column: name.column, part: name.part.name ?? "")) g\(cell.generation) \(text(cell.origin))")
        }
      }
    }
    return lines
  }

  private static func versions(_ oracle: Oracle, scopes: [String]) -> Set<String> {
    var lines: Set<String> = []
    for scope in scopes {
      for (name, row) in oracle.rows[scope] ?? [:] {
        let start = "\(scope) \(name) life \(row.life)"
        func text(_ write: RowOracle.Write?) -> String { write.map { "\($0.stamp)@\($0.author.short)" } ?? "-" }
        lines.insert("\(start) given \(text(row.giver))")
        for (place, write) in row.cells { lines.insert("\(start) \(place) g\(write.generation) \(text(write))") }
      }
    }
    return lines
  }

  private static func compare(_ kept: Set<String>, _ expected: Set<String>, _ who: String) throws {
    guard kept != expected else { return }
    let different = kept.symmetricDifference(expected).sorted().prefix(6).map { (kept.contains($0) ? "kept " : "should be ") + $0 }
    throw Violation(
      check: "versions", message: "\(who) keeps other versions than the feed says:\n    " + different.joined(separator: "\n    "))
  }
}

extension Column {
  /// What an app sees of the column.
  func shown(_ cells: [Place: RowOracle.Write]) -> CellValue {
    let own = cells.filter { $0.key.column == name }
    if own.isEmpty { return defaultValue }
    switch policy {
    case .perKey:
      return .text(
        "{"
          + own.filter { !$0.value.value.isNull }.sorted { $0.key < $1.key }.map { "\"\($0.key.part)\":\($0.value.value.text ?? "")" }
          .joined(separator: ",") + "}")
    case .counter: return .integer(own.values.reduce(defaultValue.integer ?? 0) { $0 + ($1.value.integer ?? 0) })
    default: return own.first?.value.value ?? defaultValue
    }
  }
}

/// Conflicts are exactly the oracle's, the same rows on every replica.
enum ConflictCheck {
  private struct Stored: Hashable {
    var scope: String
    var text: String
  }

  static func check(_ simulation: Simulation, _ auditor: Device, _ oracle: Oracle) async throws {
    let atHub = try await simulation.hub.open().read { try stored(in: $0) }
    var expected: Set<String> = []
    for conflict in oracle.conflicts.values where !conflict.hasAnyWinner { expected.insert(line(conflict)) }
    for conflict in oracle.conflicts.values where conflict.hasAnyWinner {
      let (own, ends) = (line(conflict), parts(line(conflict)))
      expected.insert(atHub.map(\.text).first { parts($0) == ends } ?? own)
    }
    for conflict in oracle.names.conflicts.values { expected.insert(line(conflict)) }
    let found = Set(atHub.map(\.text))
    if !simulation.isStrict {
      // In doubt there is a conflict, and with which winner depends on the order in which things came back.
      func subject(_ line: String) -> String {
        line.split(separator: " ", omittingEmptySubsequences: false).prefix(6).joined(separator: " ")
      }
      let subjects = Set(found.map(subject))
      let isOpen = Set(found.filter { $0.hasSuffix(" open") }.map(subject))
      // A write that comes back with a stamp above its author's later one, which had seen it and is placed once more above.
      func isInOrder(_ conflict: Oracle.Conflict) -> Bool {
        !conflict.isOpen && simulation.history.units[conflict.subject.loser.unit].past.contains(conflict.winner.unit)
      }
      if let missing = oracle.conflicts.values.first(where: { !subjects.contains(subject(line($0))) && !isInOrder($0) }) {
        throw Violation(check: "conflicts", message: "missing: \(line(missing))\(story(of: missing, simulation.history))")
      }
      // In a life that ended what somebody wrote who knew what lost came after the conflict and closed it, or somebody decided; in this
      // one that may come before it, or before a decision that was taken back.
      func isSettled(_ conflict: Oracle.Conflict) -> Bool {
        let (subject, history) = (conflict.subject, simulation.history)
        return oracle.isDecided(conflict) || history.units[conflict.winner.unit].past.contains(subject.loser.unit)
          || history.hasWrite(of: subject.row, at: subject.place, knowing: subject.loser)
      }
      if let closed = oracle.conflicts.values.first(where: { $0.isOpen && !isOpen.contains(subject(line($0))) && !isSettled($0) }) {
        throw Violation(check: "conflicts", message: "closed: \(line(closed))\(story(of: closed, simulation.history))")
      }
      expected = Set(found.filter { text in oracle.conflicts.values.contains { subject(line($0)) == subject(text) } })
    }
    if let missing = expected.subtracting(found).sorted().first {
      throw Violation(
        check: "conflicts", message: "missing, or different: \(missing)\n  the hub has \(found.subtracting(expected).sorted().prefix(4))")
    }
    let extra = found.subtracting(expected).sorted()
    if simulation.isStrict {
      if let first = extra.first { throw Violation(check: "conflicts", message: "needless: \(first)") }
    } else {
      simulation.needless = (extra.count, found.count)
    }
    for device in simulation.devices + [auditor] where !device.isRevoked {
      let here = try await device.open().engineRead { try stored(in: $0.session) }
      guard here == atHub.filter({ device.readScopes.contains($0.scope) }) else {
        throw Violation(check: "conflicts", message: "\(device.name) does not have the hub's conflicts")
      }
    }
  }

  /// What the feed says of a conflict's row, a line for each unit, and which of them knew of what lost.
  private static func story(of conflict: Oracle.Conflict, _ history: History) -> String {
    let loser = conflict.subject.loser
    return history.story(of: conflict.subject.row) { place in
      place.unit == loser.unit ? " the loser" : history.units[place.unit].past.contains(loser.unit) ? " knew it" : ""
    }
  }

  /// Of a line, all but what stood.
  private static func parts(_ line: String) -> [Substring] {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    return words.prefix(6) + words.suffix(2)
  }

  private static func line(_ conflict: Oracle.Conflict) -> String {
    let (loser, winner) = (conflict.subject.loser, conflict.winner)
    return [
      conflict.subject.row.description, String(conflict.subject.life), conflict.subject.place.description, loser.value.short,
      String(loser.stamp), loser.author.short, winner.value.short, String(winner.stamp), winner.author.short,
      conflict.rule, conflict.isOpen ? "open" : "closed",
    ].joined(separator: " ")
  }

  private static func line(_ conflict: NameOracle.Conflict) -> String {
    let (table, column) = Tables.softKey
    let keys = "[" + conflict.keys.map { "\"t\($0)\"" }.joined(separator: ",") + "]"
    return [
      "\(table)/\(conflict.first)", "0", column, CellValue.text(keys).short, "0", "-", CellValue.text(conflict.name).short, "0", "-",
      "duplicate", conflict.isOpen ? "open" : "closed",
    ].joined(separator: " ")
  }

  private static func stored(in session: any SQLSession) throws -> Set<Stored> {
    let rows = try session.rows(
      """
      SELECT scope, tbl, row_key, life, col, losing_value, losing_stamp, losing_replica, winning_value, winning_stamp, winning_replica, rule, state, member
      FROM sync_conflict
      """)
    return Set(
      rows.map { row in
        func replica(_ value: CellValue) -> String { value.blob?.prefix(4).hex ?? "-" }
        func stamp(_ value: CellValue) -> String { String(UInt64(bitPattern: value.integer ?? 0)) }
        let text = [
          "\(row[1].short)/\(row[2].short)", row[3].short, row[4].short + (row[13].text.map { "/" + $0 } ?? ""), row[5].short,
          stamp(row[6]), replica(row[7]), row[8].short,
          stamp(row[9]),
          replica(row[10]), row[11].short, row[12].short,
        ].joined(separator: " ")
        return Stored(scope: row[0].text ?? "", text: text)
      })
  }
}
