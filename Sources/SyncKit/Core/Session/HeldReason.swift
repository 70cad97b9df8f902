/// Why a unit waits, and what lets it go on. Raw values travel in receipts and never change their meaning.
package enum HeldReason: String, Sendable, CaseIterable {
  /// Larger than any page: it can only be declined or repaired.
  case size
  /// A table or column this hub does not know: goes on after the hub's upgrade.
  case schema
  /// A table that devices may not write, or a decision that is there already.
  case readOnly
  /// A name of a table, column or member that cannot be one.
  case name
  /// A resolution's count that cannot be one.
  case generation
  /// One cell twice in one unit.
  case repeated
  /// A value that could not stand in its column as it is, or is not as the column's declaration says.
  case value
  /// A row of another unit's scope, or a key that only another unit's row may have.
  case scope
  /// A life too far ahead of what the hub knows.
  case life
  /// A row the hub never heard of, without its scope.
  case incomplete
  /// A row it refers to has not arrived in a scope that its author reads: goes on when it does.
  case parent
  /// An earlier unit of the same device about the same row is held.
  case behind
}
