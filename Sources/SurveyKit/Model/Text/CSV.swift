public import Foundation
public import SyncCore

/// Reads one table record by record as spreadsheet programs save it, and separates the good records from the bad ones.
///
/// A CSV file (RFC 4180) may separate its fields by comma, semicolon, tab or bar, begin with a byte order mark or a line `sep=;`,
/// end its lines as any system does, and be written in UTF-8, UTF-16 or a code page of Windows. An `.xlsx` workbook is read by its
/// first sheet. A bad record is one failure in the sequence, never the end of it: reading goes on with the line after the one where
/// the bad record began. Fields come out in Unicode NFC.
///
/// - Note: The whole file is held in memory once (`csvFileBytesMax`); only one record at a time is turned into strings.
public struct CSVReader: Sequence, IteratorProtocol, Sendable {
  /// Bytes of a file: about 300 000 answered forms.
  public static let csvFileBytesMax = 128 * 1_048_576
  /// Bytes of a record, quotes included.
  public static let csvRecordBytesMax = 1_048_576
  /// Bytes of a field.
  public static let csvFieldBytesMax = 65_536
  /// Fields in a record.
  public static let csvFieldsMax = 512
  /// Times that reading may go back to recover from a broken quote, before the rest of the file is given up.
  public static let csvRecoveriesMax = 100

  /// Names in the first row that is not blank, trimmed; a column without a name has an empty one.
  public let header: [String]
  /// Encoding of the letters; nil for a workbook.
  public let encoding: TextEncoding?
  /// Sign between fields.
  public let separator: Character
  /// Remarks about the file that may be mistakes, for the person who gave it.
  public let remarks: [LocalizedText]
  /// Line of the last record that failed, as it stands in the file.
  public private(set) var failedLine = ""
  private let columns: [String: Int]
  /// Fields that a record must have: up to the last column that has a name.
  private let width: Int
  private var rows: any CSVRows

  /// Opens a file and reads its header row.
  ///
  /// - Parameter encoding: Encoding, if somebody stated it; nil detects it. A byte order mark decides in any case.
  /// - Throws: `CSVFault` when the file is too large, empty, in an encoding that cannot be detected, or its first row cannot be
  ///   read or names a column twice.
  public init(_ data: Data, encoding: TextEncoding? = nil) throws(CSVFault) {
    guard data.count <= Self.csvFileBytesMax else { throw CSVFault(line: 1, kind: .fileTooLarge) }
    var rows: any CSVRows
    if WorkbookRows.isWorkbook(data) {
      let sheet = try WorkbookRows(data)
      rows = sheet
      (self.encoding, separator, remarks) = (nil, ",", [sheet.remark])
    } else {
      let text = try DecodedText(data, stated: encoding)
      let lines = TextRows(text)
      rows = lines
      (self.encoding, separator) = (text.encoding, Character(Unicode.Scalar(lines.separator)))
      remarks = text.remark.map { [$0] } ?? []
    }
    var names: [String] = []
    var line = 1
    while names.allSatisfy(\.isEmpty) {
      guard let next = rows.next() else { throw CSVFault(line: 1, kind: .empty) }
      let row = try next.get()
      names = row.fields.map(\.trimmingWhitespace)
      line = row.line
    }
    var columns: [String: Int] = [:]
    for (index, name) in names.enumerated() where !name.isEmpty {
      guard columns.updateValue(index, forKey: name) == nil else { throw CSVFault(line: line, kind: .columnTwice(name)) }
    }
    header = names
    width = (names.lastIndex { !$0.isEmpty } ?? -1) + 1
    self.columns = columns
    self.rows = rows
  }

  /// Returns the next record, or its fault; nil at the end of the file.
  public mutating func next() -> Result<CSVRecord, CSVFault>? {
    guard let next = rows.next() else { return nil }
    do throws(CSVFault) {
      let row = try next.get()
      var fields = row.fields
      if fields.allSatisfy({ $0.allSatisfy(\.isWhitespace) }) {
        fields = []
      } else if let kind = misfit(fields, row) {
        throw CSVFault(line: row.line, kind: kind)
      }
      fields = Array(fields.prefix(header.count)) + Array(repeating: "", count: Swift.max(0, header.count - fields.count))
      return .success(CSVRecord(line: row.line, row: row.row, fields: fields, columns: columns, lostLetters: row.lostLetters))
    } catch {
      failedLine = rows.lastLine
      return .failure(error)
    }
  }

  /// Returns the fault in the number of fields: columns without a name count only when they hold something.
  private func misfit(_ fields: [String], _ row: CSVRow) -> CSVFault.Kind? {
    guard fields.count >= width else { return row.isCutShort ? .cutShort : .fieldCount(expected: width, found: fields.count) }
    if let extra = fields.dropFirst(header.count).lastIndex(where: { !$0.isEmpty }) {
      return .fieldCount(expected: header.count, found: extra + 1)
    }
    return zip(fields, header).enumerated().first { !$1.0.isEmpty && $1.1.isEmpty }.map { .unnamedColumn($0.offset + 1) }
  }
}

/// Row of a CSV file.
public struct CSVRecord: Sendable {
  /// Line of the file where the record begins; the first line is 1.
  public let line: Int
  /// Row as a spreadsheet counts it; the header is row 1. Differs from `line` after a field with line breaks.
  public let row: Int
  /// Fields, as many as the header has, in its order.
  public let fields: [String]
  let columns: [String: Int]
  /// Index of the first field in which a `?` may stand for a letter that was lost when the file was saved; nil when there is none.
  var lostLetters: Int?

  /// Field under a column; nil when the file has no such column.
  public subscript(column: String) -> String? {
    columns[column].map { fields[$0] }
  }

  /// True when every field is blank, as in a row of commas.
  public var isBlank: Bool {
    fields.allSatisfy { $0.allSatisfy(\.isWhitespace) }
  }
}

/// Whole CSV file, for small ones: good records and faults side by side.
public struct CSVTable: Sendable {
  public let header: [String]
  public let records: [CSVRecord]
  public let faults: [CSVFault]
  public let remarks: [LocalizedText]
  /// Encoding of the letters; nil for a workbook.
  public let encoding: TextEncoding?
  /// True where the file has more rows than were read.
  let isCut: Bool

  public init(_ data: Data) throws(CSVFault) { try self.init(data, rowsMax: .max, cellsMax: .max) }

  /// - Parameters:
  ///   - rowsMax: Rows read at most, blank and faulty ones included.
  ///   - cellsMax: Cells of those rows at most.
  init(_ data: Data, rowsMax: Int, cellsMax: Int) throws(CSVFault) {
    var reader = try CSVReader(data)
    var records: [CSVRecord] = []
    var faults: [CSVFault] = []
    var isCut = false
    while let next = reader.next() {
      guard records.count + faults.count < rowsMax, records.count * reader.header.count < cellsMax else {
        isCut = true
        break
      }
      switch next {
      case .success(let record):
        if record.lostLetters == nil { records.append(record) } else { faults.append(CSVFault(line: record.line, kind: .lostLetters)) }
      case .failure(let fault): faults.append(fault)
      }
    }
    header = reader.header
    remarks = reader.remarks
    encoding = reader.encoding
    self.records = records
    self.faults = faults
    self.isCut = isCut
  }
}
