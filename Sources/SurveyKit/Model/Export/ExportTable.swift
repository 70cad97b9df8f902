/// Table that leaves the hub as a file: CSV, or a sheet of a workbook.
public struct ExportTable: Sendable, Hashable {
  public enum Cell: Sendable, Hashable {
    case text(String)
    case number(Int)
    case decimal(Double)
    case empty
  }

  /// Name of the file, or of the sheet: the form's, with what the table holds.
  public var name: String
  public var heading: [String]
  public var rows: [[Cell]]

  public init(name: String, heading: [String], rows: [[Cell]] = []) {
    (self.name, self.heading, self.rows) = (name, heading, rows)
  }
}

/// Tables of a form that leave the hub.
public struct FormExport: Sendable, Hashable {
  public var form: String
  /// True when answers carry no name: they leave as the newest release shows them, otherwise row by row.
  public var isAnonymous: Bool
  /// The rows or the release, a table for each repeat, and the codebook.
  public var tables: [ExportTable]

  package init(form: String, isAnonymous: Bool, tables: [ExportTable]) {
    (self.form, self.isAnonymous, self.tables) = (form, isAnonymous, tables)
  }
}

extension ExportTable.Cell {
  package init(_ text: String?) { self = text.map { $0.isEmpty ? .empty : .text($0) } ?? .empty }

  /// Converts an answer for programs: codes, numbers as numbers, several choices with spaces between.
  package init(_ answer: AnswerValue?) {
    switch answer {
    case .integer(let number)?: self = .number(number)
    case .decimal(let number)?: self = .decimal(number)
    case .instances?, nil: self = .empty
    case let other?: self.init(other.cell)
    }
  }
}
