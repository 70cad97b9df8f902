/// Declaration of a table that takes part. Tables without one stay local.
///
/// Columns merge by last writer unless `policies` says otherwise: of two writes of one cell the later version stands. When its
/// author had not seen the other value, that value is kept in a conflict.
public struct ReplicatedTable: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// Every replica of a row's scope holds the row.
    case replicated
    /// A drop box (L12): an inserted row leaves as an encrypted packet, and cannot be read on the device again.
    case anonymous
  }

  /// Author whose changes of a table's rows are merged.
  public enum Writer: Sendable, Hashable {
    /// Every device that may write the row's scope.
    case scope
    /// The hub alone: devices of every unit rely on the table.
    case hub
  }

  public var name: String
  /// Text column with the scope of a row.
  public var scopeColumn: String
  public var kind: Kind
  public var writer: Writer
  public var keyRule: KeyRule
  /// Policies by column; a column without an entry merges by last writer.
  public var policies: [String: MergePolicy]
  public var deletion: DeletionPolicy
  /// Text columns whose value only one row of a scope should have. A second row is not refused: the hub opens one conflict for all
  /// rows that share a value, compared in NFC.
  public var softKeys: [String]
  /// Columns whose values refer to a row or blob. Checked at the hub only.
  public var references: [String: Reference]
  /// Formats of values by column, beyond their SQL type. Checked at the hub only.
  public var formats: [String: ColumnFormat]
  /// Columns that every row has from its birth, and that are never NULL. Checked at the hub only.
  public var required: Set<String>
  /// Columns whose value only the hub may remove once it stands. Checked at the hub only.
  public var lasting: Set<String>
  /// True to seal and send changes of the table before others of the same time.
  public var isUrgent: Bool
  /// Text column of an anonymous table that names the row's form, up to `@` if there is one: a form may have a drop key of its own.
  public var formColumn: String?

  /// Declares a table.
  ///
  /// - Parameter blobs: Columns that refer to blobs, as in `references`.
  public init(
    _ name: String, scopeColumn: String, kind: Kind = .replicated, writer: Writer = .scope, keyRule: KeyRule = .any,
    policies: [String: MergePolicy] = [:],
    deletion: DeletionPolicy = .deleteWins, softKeys: [String] = [], references: [String: Reference] = [:], blobs: [String] = [],
    formats: [String: ColumnFormat] = [:], required: Set<String> = [], lasting: Set<String> = [], isUrgent: Bool = false,
    formColumn: String? = nil
  ) {
    self.name = name
    self.scopeColumn = scopeColumn
    self.kind = kind
    self.writer = writer
    self.keyRule = keyRule
    self.policies = policies
    self.deletion = deletion
    self.softKeys = softKeys
    self.references = references.merging(blobs.map { ($0, .blob) }) { declared, _ in declared }
    self.formats = self.references.filter { $0.value == .blob }.mapValues { _ in ColumnFormat.blob }.merging(formats) { _, said in said }
    self.required = required
    self.lasting = lasting
    self.isUrgent = isUrgent
    self.formColumn = formColumn
  }

  /// Columns that hold the name of a blob.
  public var blobs: [String] { references.filter { $0.value == .blob }.keys.sorted() }

  package var orderedReferences: [(column: String, reference: Reference)] {
    references.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Returns the policy of a column.
  public func policy(of column: String) -> MergePolicy { policies[column] ?? .lastWriterWins }
}
