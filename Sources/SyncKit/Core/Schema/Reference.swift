/// What a column's value names. At the hub, what is named must be something that the author of the value may read: a row of another scope
/// is held as one that nobody ever heard of is, so that nobody learns what others have.
public enum Reference: Sendable, Hashable, ExpressibleByStringLiteral {
  /// The key of a row of that table.
  case row(String)
  /// The key of a row of the table that another column of the same row names.
  case rowNamed(by: String)
  /// A blob, by `BlobID.hex`: its bytes travel after the rows. Only who has all of them can bring it into a scope.
  case blob

  /// The key of a row of the table of that name.
  public init(stringLiteral table: String) { self = .row(table) }
}
