public import SyncCore

/// Row whose values are not as its table declares them. It came before the hub checked formats, or from the hub itself.
public struct MisformedRow: Sendable, Hashable, Codable {
  public var table: String
  public var key: String
  public var scope: String
  /// First column that is not as declared, or is missing.
  public var column: String
  public var format: ColumnFormat?
}

extension MisformedRow {
  /// Rows found at once.
  public static let rowsMax = 1000

  /// Returns the misformed rows.
  ///
  /// - Complexity: reads every row of the tables that declare formats.
  package static func all(of shapes: some Sequence<TableShape>, in session: any SQLSession) throws -> [MisformedRow] {
    var found: [MisformedRow] = []
    for shape in shapes.sorted(by: { $0.name < $1.name }) where shape.declaration.kind == .replicated {
      let declaration = shape.declaration
      let names = Set(declaration.formats.keys).union(declaration.required).sorted()
      guard !names.isEmpty else { continue }
      let columns = ([shape.keyColumn, declaration.scopeColumn] + names).map(quote).joined(separator: ", ")
      for row in try session.rows("SELECT \(columns) FROM \(quote(shape.name)) ORDER BY \(quote(shape.keyColumn))") {
        let wrong = zip(names, row.dropFirst(2)).first { name, value in
          if value.isNull { return declaration.required.contains(name) }
          guard let format = declaration.formats[name] else { return false }
          guard declaration.policies[name] == .perKey else { return !format.accepts(value) }
          return CellParts.members(of: value)?.values.allSatisfy { format.accepts($0, isMember: true) } != true
        }
        guard let wrong else { continue }
        found.append(
          MisformedRow(
            table: shape.name, key: row[0].logText, scope: row[1].text ?? "", column: wrong.0, format: declaration.formats[wrong.0]))
        if found.count == rowsMax { return found }
      }
    }
    return found
  }
}
