internal import Foundation
package import SyncCore

/// Rows that nobody had heard of, written without a merge.
extension RowStore {
  /// Lays a change out by column; see `ColumnPlan.layOut`.
  private func layOut(_ change: RowChange, _ shape: TableShape) -> NewRow? {
    plans[shape.name, default: ColumnPlan(shape)].layOut(change.cells, shape)
  }

  /// Returns whether a change writes only whole cells, each of a column that can show it.
  package func isPlain(_ change: RowChange, _ shape: TableShape) -> Bool { shape.isKnown && layOut(change, shape) != nil }

  /// Writes the record of a row that is in its table already and that nobody had heard of, when a plain change describes it
  /// completely.
  ///
  /// - Returns: Whether the record was written; otherwise nothing is.
  package func recordNew(_ change: RowChange, origin: Origin, shape: TableShape, scope: String) throws -> Bool {
    guard change.isAlive, shape.isKnown, try !aside.has(shape.name), let plain = layOut(change, shape) else { return false }
    try saveNewMetadata(plain, life: change.life, origin: origin, shape: shape, key: change.key, scope: scope)
    return true
  }

  /// Writes a row that nobody had heard of, when a plain change brings it to life.
  ///
  /// - Returns: Whether the row was written; otherwise nothing is, and the change must be merged.
  package func saveNew(_ change: RowChange, origin: Origin, shape: TableShape, scope: String) throws -> Bool {
    guard change.isAlive, shape.isKnown, try !aside.has(shape.name), let plain = layOut(change, shape) else { return false }
    try saveNewMetadata(plain, life: change.life, origin: origin, shape: shape, key: change.key, scope: scope)
    touched.insert(shape.name)
    var values = [change.key]
    values.reserveCapacity(plain.values.count + 1)
    for value in plain.values { if let value { values.append(value) } }
    try session.execute(statements(shape).insert(mask: plain.mask), values)
    return true
  }

  private func saveNewMetadata(
    _ plain: NewRow, life: UInt32, origin: Origin, shape: TableShape, key: CellValue, scope: String
  ) throws {
    guard let plan = plans[shape.name] else { return }
    if notesArrivals { arrived.append((shape.name, key)) }
    let digest = RowDigest(plain, plan: plan, life: life, version: origin.version, key: key, in: &digestBytes)
    try noteDigest(digest, isAlive: true, shape: shape, key: key, scope: scope)
    try write(
      RowMetadata(life: life, main: origin, mask: plain.mask, split: Data()), digest: digest.bytes, shape: shape, key: key, scope: scope)
  }
}
