public import Foundation

/// Digest of one table in one scope, equal at two stores exactly when they hold the same rows. It is the sum, modulo 2^128, of a
/// hash of each living row's written cells with their values and versions.
public struct TableDigest: Sendable, Hashable {
  public var scope: String
  public var table: String
  /// Sum: 16 bytes, little endian.
  public var sum: Data
  /// Number of living rows.
  public var rows: Int

  package init(scope: String, table: String, sum: Data, rows: Int) {
    self.scope = scope
    self.table = table
    self.sum = sum
    self.rows = rows
  }
}
