package import SyncCore

/// Puts urgent changes first (`ReplicatedTable.isUrgent`). Pure.
package enum Urgency {
  /// Least size of the urgent values for which a separate batch is made, in bytes.
  static let apartBytesMin = 16 << 10

  /// Divides one scope's units into groups, each sealed as a chain of batches: the urgent units first, then the rest.
  ///
  /// Within a group units keep their order. A unit joins the urgent group when an urgent unit builds on it, because it wrote one of
  /// its rows earlier.
  ///
  /// - Parameter units: Units in the order of their stamps.
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
