/// One row of a table as it came from a file, with the place a person finds it again.
///
/// Loaders take rows, not files, so that CSV, a spreadsheet or a test can feed them alike.
public struct SourceRow: Sendable, Hashable {
  /// The line in the file, counted from 1; the header is line 1.
  public var line: Int
  /// Column name → text, exactly as written.
  public var fields: [String: String]

  public init(line: Int, fields: [String: String]) {
    self.line = line
    self.fields = fields
  }
}
