/// Declares that a table takes part. Tables that are not declared stay local.
///
/// Columns merge by last writer: of two writes of one cell the later version stands, and where its author had not seen the
/// other value, that value is kept in a conflict.
public struct ReplicatedTable: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// Every replica of a row's scope holds it.
    case replicated
    /// A drop box (L12): what is inserted leaves as an encrypted packet and cannot be read on the device again.
    case anonymous
  }

  /// Whose changes of a table's rows are merged.
  public enum Writer: Sendable, Hashable {
    /// Whoever may write the row's scope.
    case scope
    /// The hub alone: what devices of every unit rely on.
    case hub
  }

  public var name: String
  /// The text column that says which scope a row belongs to.
  public var scopeColumn: String
  public var kind: Kind
  public var writer: Writer

  public init(_ name: String, scopeColumn: String, kind: Kind = .replicated, writer: Writer = .scope) {
    self.name = name
    self.scopeColumn = scopeColumn
    self.kind = kind
    self.writer = writer
  }
}
