internal import SyncCore

/// Entry of the capture log.
struct PendingEntry: Hashable, Sendable {
  var seq: Int64
  var tag: Int64
  var table: Int
  var operation: CaptureOperation
  var key: CellValue
  /// Columns that an update wrote, by bit.
  var mask: Int64
  var extra = PendingExtra()
}

/// Writes of one unit's transactions to one row.
struct PendingRow: Hashable, Sendable {
  var table: Int
  var key: CellValue
  var mask: Int64 = 0
  var wasInserted = false
  var wasDeleted = false
  /// Additions since the last deletion.
  var extra = PendingExtra()
  /// Columns that a person decided about, by bit.
  var resolvedMask: Int64 = 0
}

extension PendingRow {
  fileprivate mutating func add(_ entry: PendingEntry) {
    extra.add(entry.extra)
    switch entry.operation {
    case .insert: wasInserted = true
    case .update: mask |= entry.mask
    case .delete:
      wasDeleted = true
      extra = PendingExtra()
    case .resolve:
      mask |= entry.mask
      resolvedMask |= entry.mask
    }
  }
}

/// Transactions that overwrote one another's cells, in the order of the last of them.
struct PendingUnit: Hashable, Sendable {
  /// Wall time of the unit's last transaction, as captured.
  var wallMs: UInt64
  var rows: [PendingRow]
}

/// Groups the capture log of one scope into units. Pure.
///
/// Two transactions join when they wrote the same cell; an insert or a deletion counts as writing all cells of its row. Otherwise
/// the hub, holding one of them, would show half of the other (counterexample 11).
enum UnitJoiner {
  /// Returns the units, in the order of their last transactions.
  ///
  /// - Parameter entries: Entries in the order of the log.
  /// - Complexity: O(n α(n)) for n entries.
  static func units(of entries: [PendingEntry]) -> [PendingUnit] {
    // Numbers the transactions by first appearance. A tag that comes back later is another transaction.
    var transaction: [Int] = []
    var tags: [Int64] = []
    for entry in entries {
      if tags.last != entry.tag { tags.append(entry.tag) }
      transaction.append(tags.count - 1)
    }
    var joined = DisjointSets(count: tags.count)
    struct RowKey: Hashable {
      var table: Int
      var key: CellValue
    }
    var writers: [RowKey: [(transaction: Int, mask: Int64)]] = [:]
    for (index, entry) in entries.enumerated() {
      let mask = entry.operation == .update || entry.operation == .resolve ? entry.mask : -1
      let row = RowKey(table: entry.table, key: entry.key)
      let own = transaction[index]
      var earlier = writers[row] ?? []
      for other in earlier where other.mask & mask != 0 { joined.join(own, other.transaction) }
      // Drops earlier writers whose columns this write covers: whoever overwrites them overwrites this write too.
      earlier.removeAll { $0.mask & ~mask == 0 }
      if let last = earlier.last, last.transaction == own {
        earlier[earlier.count - 1].mask = last.mask | mask
      } else {
        earlier.append((own, mask))
      }
      writers[row] = earlier
    }
    return collect(entries, transaction: transaction, tags: tags, joined: &joined)
  }

  private static func collect(
    _ entries: [PendingEntry], transaction: [Int], tags: [Int64], joined: inout DisjointSets
  ) -> [PendingUnit] {
    var lastOf: [Int: Int] = [:]
    for index in tags.indices { lastOf[joined.root(index)] = index }
    let order = lastOf.keys.sorted { (lastOf[$0] ?? 0) < (lastOf[$1] ?? 0) }
    var place: [Int: Int] = [:]
    var units: [PendingUnit] = []
    for root in order {
      place[root] = units.count
      units.append(PendingUnit(wallMs: CaptureContext.wallMs(ofTag: tags[lastOf[root] ?? 0]), rows: []))
    }
    struct Slot: Hashable {
      var unit: Int
      var table: Int
      var key: CellValue
    }
    var slots: [Slot: Int] = [:]
    for (index, entry) in entries.enumerated() {
      guard let unit = place[joined.root(transaction[index])] else { continue }
      let slot = Slot(unit: unit, table: entry.table, key: entry.key)
      let row =
        slots[slot]
        ?? {
          units[unit].rows.append(PendingRow(table: entry.table, key: entry.key))
          slots[slot] = units[unit].rows.count - 1
          return units[unit].rows.count - 1
        }()
      units[unit].rows[row].add(entry)
    }
    return units
  }
}

/// Union-find with path halving.
private struct DisjointSets {
  private var parent: [Int]

  init(count: Int) { parent = Array(0..<count) }

  mutating func root(_ element: Int) -> Int {
    var element = element
    while parent[element] != element {
      parent[element] = parent[parent[element]]
      element = parent[element]
    }
    return element
  }

  mutating func join(_ a: Int, _ b: Int) {
    let (first, second) = (root(a), root(b))
    if first != second { parent[max(first, second)] = min(first, second) }
  }
}
