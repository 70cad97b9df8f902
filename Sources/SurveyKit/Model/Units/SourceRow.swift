/// Row of a table as it came from a file, with its place there.
///
/// Loaders take rows, not files, so that CSV, a spreadsheet or a test can provide them.
public struct SourceRow: Sendable, Hashable {
  /// Line in the file, counted from 1; the header is line 1.
  public var line: Int
  /// Texts by column name, exactly as written.
  public var fields: [String: String]

  public init(line: Int, fields: [String: String]) {
    self.line = line
    self.fields = fields
  }
}
