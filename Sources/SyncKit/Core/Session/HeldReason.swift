/// Reason why a unit is held, and its remedy. Raw values travel in receipts and never change their meaning.
package enum HeldReason: String, Sendable, CaseIterable {
  /// The unit is larger than any page: it can only be declined or repaired.
  case size
  /// This hub does not know a table or column: the unit is merged after the hub's upgrade.
  case schema
  /// Devices may not write the table, or the decision exists already.
  case readOnly
  /// The name of a table, column or member is not valid.
  case name
  /// A decision's generation is not valid.
  case generation
  /// The unit writes one cell twice.
  case repeated
  /// A value cannot stand in its column as it is, or is not as the column's declaration says.
  case value
  /// The row is of another unit's scope, or its key belongs to another unit.
  case scope
  /// The life is too far ahead of what the hub knows.
  case life
  /// The hub does not know the row, and the unit lacks its scope.
  case incomplete
  /// A row to which the unit refers has not arrived in a scope that its author reads: the unit is merged when the row arrives.
  case parent
  /// An earlier unit of the same device about the same row is held.
  case behind
}
