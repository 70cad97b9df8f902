/// Reference from a column's value to a row or blob. At the hub, the author of the value must be able to read its target. A row of
/// another scope is treated as one that nobody ever heard of, so that nobody learns what others have.
public enum Reference: Sendable, Hashable, ExpressibleByStringLiteral {
  /// The key of a row of that table.
  case row(String)
  /// The key of a row of the table that another column of the same row names.
  case rowNamed(by: String)
  /// A blob, by `BlobID.hex`: its bytes travel after the rows. Only a device that has all bytes can bring it into a scope.
  case blob

  /// Refers to the key of a row of the table of that name.
  public init(stringLiteral table: String) { self = .row(table) }
}
