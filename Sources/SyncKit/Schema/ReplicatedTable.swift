/// Declares that a table takes part. Tables that are not declared stay local.
///
/// Columns merge by last writer unless `policies` says otherwise: of two writes of one cell the later version stands, and
/// where its author had not seen the other value, that value is kept in a conflict.
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
  public var keyRule: KeyRule
  /// By column; a column that is not named merges by last writer.
  public var policies: [String: MergePolicy]
  public var deletion: DeletionPolicy
  /// Text columns whose value only one row of a scope should have. Nothing refuses a second one: the hub opens one conflict
  /// for all rows that share a value, compared in NFC.
  public var softKeys: [String]
  /// Columns that hold the key of a row of another declared table. Checked at the hub only.
  public var references: [String: String]
  /// Text columns that hold the name of a blob (`BlobID.hex`), which travels after the rows.
  public var blobs: [String]
  /// Its changes are sealed, and so sent, before those of other tables that were made in the same while.
  public var isUrgent: Bool

  public init(
    _ name: String, scopeColumn: String, kind: Kind = .replicated, writer: Writer = .scope, keyRule: KeyRule = .any,
    policies: [String: MergePolicy] = [:],
    deletion: DeletionPolicy = .deleteWins, softKeys: [String] = [], references: [String: String] = [:], blobs: [String] = [],
    isUrgent: Bool = false
  ) {
    self.name = name
    self.scopeColumn = scopeColumn
    self.kind = kind
    self.writer = writer
    self.keyRule = keyRule
    self.policies = policies
    self.deletion = deletion
    self.softKeys = softKeys
    self.references = references
    self.blobs = blobs
    self.isUrgent = isUrgent
  }

  /// The policy of a column.
  public func policy(of column: String) -> MergePolicy { policies[column] ?? .lastWriterWins }
}
