internal import Foundation
internal import SyncCore
internal import SyncStore

/// Result of comparing a device's data with its hub's (promise 3).
public enum Agreement: Sendable, Hashable, Codable {
  /// Never compared.
  case unknown
  /// Not comparable now: something is on its way, or this version does not know a table or column yet.
  case outstanding
  /// Equal, row by row, at the last comparison.
  case proved
  /// Equal, except for this number of rows that the hub holds.
  case provedButHeld(rows: Int)
  /// Different in these tables.
  case differs(tables: [String])

  var stored: String {
    switch self {
    case .unknown: "unknown"
    case .outstanding: "outstanding"
    case .proved: "proved"
    case .provedButHeld(let rows): "held \(rows)"
    case .differs(let tables): "differs " + tables.joined(separator: " ")
    }
  }

  init(stored text: String?) {
    let parts = (text ?? "").split(separator: " ").map(String.init)
    switch parts.first {
    case "outstanding": self = .outstanding
    case "proved": self = .proved
    case "held": self = .provedButHeld(rows: parts.last.flatMap { Int($0) } ?? 0)
    case "differs": self = .differs(tables: Array(parts.dropFirst()))
    default: self = .unknown
    }
  }
}

/// Compares the hub's digests in a head page with the data here, in the transaction that applied the page.
struct AgreementCheck {
  let rows: RowStore
  let outbox: Outbox
  let shapes: [String: TableShape]

  /// Result of a comparison.
  struct Outcome {
    var agreement = Agreement.outstanding
    /// Digests of this store that differ from the hub's, by scope and table; the sum is empty where this store has no rows of a
    /// table.
    var different: [TableDigest] = []
  }

  /// Compares.
  ///
  /// - Parameter skipped: Tables of which this version leaves something out.
  func compare(_ page: PageContent, skipped: Set<String>) throws -> Outcome {
    guard try rows.session.firstRow("SELECT 1 FROM sync_pending LIMIT 1") == nil else { return Outcome() }
    let held = try heldRows()
    guard let held else { return Outcome() }
    try rows.flush()
    let book = DigestTable(session: rows.session)
    let scopes = try rows.session.rows("SELECT code FROM sync_scope").compactMap { $0[0].text }
    let here = try scopes.flatMap { try book.digests(of: $0, without: held[$0] ?? [:], shapes: shapes) }
    func places(_ digests: [TableDigest]) -> [String: TableDigest] {
      Dictionary(digests.map { ("\($0.scope)\0\($0.table)", $0) }, uniquingKeysWith: { first, _ in first })
    }
    let (own, theirs) = (places(here), places(page.digests))
    let names = Set(own.keys).union(theirs.keys).filter { own[$0] != theirs[$0] }
    let different = names.sorted().compactMap { name in
      own[name] ?? theirs[name].map { TableDigest(scope: $0.scope, table: $0.table, sum: Data(), rows: 0) }
    }
    let wrong = different.filter { !skipped.contains($0.table) }
    if !wrong.isEmpty {
      // Treats differences in refused batches' tables as outstanding: the hub can never merge those rows.
      let refused = try RefusedOutbox(session: rows.session).tables()
      if refused.map({ Set(wrong.map(\.table)).isSubset(of: $0) }) ?? true { return Outcome() }
      return Outcome(agreement: .differs(tables: Set(wrong.map(\.table)).sorted()), different: wrong)
    }
    if !different.isEmpty || !skipped.isEmpty { return Outcome() }
    let count = held.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } }
    return Outcome(agreement: count == 0 ? .proved : .provedButHeld(rows: count))
  }

  /// Returns the rows of held units by scope and table; nil while some unit has neither come back nor been held. For batches
  /// without bytes the comparison itself tells whether the hub has them.
  private func heldRows() throws -> [String: [String: Set<CellValue>]]? {
    var held: [String: [String: Set<CellValue>]] = [:]
    for entry in try outbox.unacknowledged() {
      guard let content = try outbox.content(scope: entry.scope, number: entry.number),
        entry.acknowledged + entry.held.count >= content.units.count
      else { return nil }
      for index in entry.held where content.units.indices.contains(index) {
        for change in content.units[index].changes { held[entry.scope, default: [:]][change.table, default: []].insert(change.key) }
      }
    }
    return held
  }
}
