internal import Foundation
package import SyncCore

/// Values of a row when it was deleted, by column, as canonical JSON: restoring the row inserts them.
package struct RowImage: Hashable, Sendable {
  var values: [String: CellValue]

  /// Bytes of an image that a conflict may carry; larger ones are kept at the hub only.
  package static let conflictImageBytesMax = 64 << 10

  init(_ values: [String: CellValue]) { self.values = values }

  /// Reads the row as it stands; its key is not part of the image.
  package init?(_ shape: TableShape, key: CellValue, in session: any SQLSession) throws {
    let columns = shape.columns.map { quote($0.name) }.joined(separator: ", ")
    guard
      let row = try session.firstRow("SELECT \(columns) FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?1", [key])
    else { return nil }
    values = Dictionary(zip(shape.columns.map(\.name), row), uniquingKeysWith: { first, _ in first })
  }

  private static let realKey = "real"
  private static let blobKey = "base64"

  package var json: String {
    CanonicalJSON.object(
      values.mapValues { value in
        switch value {
        case .null: .null
        case .integer(let number): .integer(Int(number))
        case .text(let text): .string(text)
        // Marks reals: a whole real and an integer are different values, but JSON has one kind of number.
        case .real(let number): .object([Self.realKey: .string(String(number))])
        case .blob(let bytes): .object([Self.blobKey: .string(bytes.base64EncodedString())])
        }
      }
    ).text
  }

  package init?(json: String) {
    guard case .object(let members)? = CanonicalJSON.parse(Data(json.utf8), depthMax: 3) else { return nil }
    values = [:]
    for (column, member) in members {
      switch member {
      case .null: values[column] = .null
      case .integer(let number): values[column] = .integer(Int64(number))
      case .string(let text): values[column] = .text(text)
      case .object(let typed):
        if case .string(let text)? = typed[Self.realKey], let number = Double(text) {
          values[column] = .real(number)
        } else if case .string(let text)? = typed[Self.blobKey], let bytes = Data(base64Encoded: text) {
          values[column] = .blob(bytes)
        } else {
          return nil
        }
      case .number, .decimal, .boolean, .array: return nil
      }
    }
  }

  /// Inserts the row, as an app would.
  package func insert(_ shape: TableShape, key: CellValue, in session: any SQLSession) throws {
    let columns = shape.columns.filter { values[$0.name] != nil }
    let names = ([shape.keyColumn] + columns.map(\.name)).map(quote).joined(separator: ", ")
    let places = (1...columns.count + 1).map { "?\($0)" }.joined(separator: ", ")
    try session.execute(
      "INSERT INTO \(quote(shape.name)) (\(names)) VALUES (\(places))", [key] + columns.map { values[$0.name] ?? .null })
  }

  /// Returns the cells that write a column again as it was.
  package func cells(of column: String, rule: MergePolicy) -> [CellChange] {
    guard let value = values[column] else { return [] }
    switch rule {
    case .perKey: return (CellParts.members(of: value) ?? [:]).sorted { $0.key < $1.key }.map { CellChange(column, $1, part: .member($0)) }
    case .counter: return [CellChange(column, value, part: .increment(UInt64.random(in: 0 ... .max)))]
    default: return [CellChange(column, value)]
    }
  }

  /// Sets a cell, or a part of one, in the image.
  package mutating func set(_ name: CellName, _ value: CellValue) {
    switch name.part {
    case .whole: values[name.column] = value
    case .member(let member):
      var members = values[name.column].flatMap { CellParts.members(of: $0) } ?? [:]
      members[member] = value.isNull ? nil : value
      values[name.column] = CellParts.object(members.map { ($0, $1) })
    case .increment:
      values[name.column] = .integer(CellParts.sum([values[name.column]?.integer ?? 0, value.integer ?? 0]))
    }
  }
}
