package import SyncCore

/// Puts first what should be sent first (`ReplicatedTable.isUrgent`). Pure.
package enum Urgency {
  /// Less than this is not worth a batch of its own: size of the values, in bytes.
  static let apartBytesMin = 16 << 10

  /// One scope's units as they are to be sealed, a group a chain of batches: the urgent ones, then the rest.
  ///
  /// Within a group they stay in their order. A unit that something urgent builds on, because it wrote one of its rows before, goes
  /// with it.
  ///
  /// - Parameter units: In the order of their stamps.
  package static func groups(of units: [ChangeUnit], isUrgent: (_ table: String) -> Bool) -> [[ChangeUnit]] {
    guard units.contains(where: { $0.changes.contains { isUrgent($0.table) } }) else { return [units] }
    var needed: Set<Row> = []
    var urgent: Set<Int> = []
    for (index, unit) in units.enumerated().reversed() {
      let rows = unit.changes.map { Row(table: $0.table, key: $0.key) }
      guard rows.contains(where: { isUrgent($0.table) || needed.contains($0) }) else { continue }
      urgent.insert(index)
      needed.formUnion(rows)
    }
    let later = units.indices.filter { !urgent.contains($0) }.map { units[$0] }
    guard later.reduce(0, { $0 + $1.approximateBytes }) >= apartBytesMin else { return [units] }
    return [units.indices.filter(urgent.contains).map { units[$0] }, later]
  }

  private struct Row: Hashable {
    var table: String
    var key: CellValue
  }
}
