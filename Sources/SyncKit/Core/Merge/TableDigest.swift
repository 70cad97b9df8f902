public import Foundation

/// A number that two stores have in common exactly when they hold the same rows of one table in one scope: the sum, modulo
/// 2^128, of a hash of each living row's written cells with their values and versions.
public struct TableDigest: Sendable, Hashable {
  public var scope: String
  public var table: String
  /// 16 bytes, little endian.
  public var sum: Data
  /// Living rows.
  public var rows: Int

  package init(scope: String, table: String, sum: Data, rows: Int) {
    self.scope = scope
    self.table = table
    self.sum = sum
    self.rows = rows
  }
}
