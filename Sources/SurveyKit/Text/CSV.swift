public import Foundation
public import SyncKit

/// Reads one CSV file (RFC 4180, UTF-8) record by record, and tells the good records from the bad ones.
///
/// A byte order mark, LF or CRLF line ends, quoted fields and line breaks inside quotes are understood. A bad record is one
/// failure in the sequence, never the end of it: reading goes on with the line after the one where the bad record began.
/// Fields come out in Unicode NFC.
///
/// - Note: The whole file is held in memory once (`csvFileBytesMax`); only one record at a time is turned into strings.
public struct CSVReader: Sequence, IteratorProtocol, Sendable {
  /// Largest file, in bytes: about 300 000 answered forms.
  public static let csvFileBytesMax = 128 * 1_048_576
  /// Largest record, in bytes, quotes included.
  public static let csvRecordBytesMax = 1_048_576
  /// Largest field, in bytes.
  public static let csvFieldBytesMax = 65_536
  /// Most fields in a record.
  public static let csvFieldsMax = 512
  /// How often reading may go back to recover from a broken quote before the rest of the file is given up.
  public static let csvRecoveriesMax = 100

  /// The names in the first row, trimmed.
  public let header: [String]
  private let columns: [String: Int]
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var row = 1
  private var recoveries = 0

  /// Opens a file and reads its header row.
  ///
  /// - Throws: `CSVFault` when the file is too large, empty, or its first row cannot be read or names a column twice.
  public init(_ data: Data) throws(CSVFault) {
    guard data.count <= Self.csvFileBytesMax else { throw CSVFault(line: 1, kind: .fileTooLarge) }
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    bytes = Array(data.starts(with: mark) ? data.dropFirst(mark.count) : data)
    var scanner = CSVScanner(bytes: bytes, position: 0, line: 1)
    scanner.skipBlankLines()
    guard !scanner.isAtEnd else { throw CSVFault(line: 1, kind: .empty) }
    let names = try scanner.record().map { $0.trimmingCharacters(in: .whitespaces) }
    var columns: [String: Int] = [:]
    for (index, name) in names.enumerated() where !name.isEmpty {
      guard columns.updateValue(index, forKey: name) == nil else { throw CSVFault(line: 1, kind: .columnTwice(name)) }
    }
    header = names
    self.columns = columns
    position = scanner.position
    line = scanner.line
  }

  /// The next record, or what is wrong with it; nil at the end of the file.
  public mutating func next() -> Result<CSVRecord, CSVFault>? {
    var scanner = CSVScanner(bytes: bytes, position: position, line: line)
    row += scanner.skipBlankLines()
    guard !scanner.isAtEnd else { return nil }
    let start = scanner
    row += 1
    do throws(CSVFault) {
      let fields = try scanner.record()
      position = scanner.position
      line = scanner.line
      guard fields.count == header.count else {
        return .failure(CSVFault(line: start.line, kind: .fieldCount(expected: header.count, found: fields.count)))
      }
      return .success(CSVRecord(line: start.line, row: row, fields: fields, columns: columns))
    } catch {
      recover(from: start, reached: scanner.line)
      return .failure(error)
    }
  }

  /// Goes on with the line after the one where the bad record began, so that one broken quote hides one record only.
  private mutating func recover(from start: CSVScanner, reached: Int) {
    var scanner = start
    scanner.skipLine()
    position = scanner.position
    line = scanner.line
    guard reached > start.line else { return }
    recoveries += 1
    if recoveries > Self.csvRecoveriesMax { position = bytes.count }
  }
}

/// One row of a CSV file.
public struct CSVRecord: Sendable {
  /// Line of the file where the record begins; the first line is 1.
  public let line: Int
  /// Row as a spreadsheet counts it; the header is row 1. Differs from `line` after a field with line breaks.
  public let row: Int
  /// As many as the header has, in its order.
  public let fields: [String]
  let columns: [String: Int]

  /// The field under a column; nil when the file has no such column.
  public subscript(column: String) -> String? {
    columns[column].map { fields[$0] }
  }

  /// Whether every field is blank, as in a row of commas.
  public var isBlank: Bool {
    fields.allSatisfy { $0.allSatisfy(\.isWhitespace) }
  }
}

/// A whole CSV file, for the small ones: good records and faults side by side.
public struct CSVTable: Sendable {
  public let header: [String]
  public let records: [CSVRecord]
  public let faults: [CSVFault]

  public init(_ data: Data) throws(CSVFault) {
    var reader = try CSVReader(data)
    var records: [CSVRecord] = []
    var faults: [CSVFault] = []
    while let next = reader.next() {
      switch next {
      case .success(let record): records.append(record)
      case .failure(let fault): faults.append(fault)
      }
    }
    header = reader.header
    self.records = records
    self.faults = faults
  }
}

/// What is wrong with a CSV file or one of its records, and where.
public struct CSVFault: ExplainedError, Hashable {
  public enum Kind: Sendable, Hashable {
    case fileTooLarge, empty
    case columnTwice(String)
    case fieldCount(expected: Int, found: Int)
    case strayQuote, openQuote, notUTF8, fieldTooLong, recordTooLong, tooManyFields
  }

  /// Line where the record begins; the first line is 1.
  public let line: Int
  public let kind: Kind

  public var explanation: LocalizedText {
    let detail = detail
    return LocalizedText(vi: "Dòng \(line): \(detail.vi)", en: "Line \(line): \(detail.en)")
  }

  private var detail: LocalizedText {
    switch kind {
    case .fileTooLarge:
      let most = CSVReader.csvFileBytesMax / 1_048_576
      return LocalizedText(vi: "tệp lớn hơn \(most) MiB; hãy chia nhỏ tệp.", en: "the file is larger than \(most) MiB; split it.")
    case .empty:
      return LocalizedText(vi: "tệp trống; cần có dòng tiêu đề cột.", en: "the file is empty; it needs a row of column names.")
    case .columnTwice(let name):
      return LocalizedText(vi: "cột \"\(name)\" có hai lần; hãy bỏ một cột.", en: "the column \"\(name)\" is there twice; remove one.")
    case .fieldCount(let expected, let found):
      return LocalizedText(
        vi: "có \(found) ô, tiêu đề có \(expected) cột; kiểm tra dấu phẩy và dấu ngoặc kép.",
        en: "\(found) fields where the header has \(expected); check commas and quotes.")
    case .strayQuote:
      return LocalizedText(
        vi: "dấu ngoặc kép đặt sai chỗ; bọc cả ô trong ngoặc kép và viết đôi dấu bên trong.",
        en: "a quote is out of place; wrap the whole field in quotes and double those inside it.")
    case .openQuote:
      return LocalizedText(
        vi: "dấu ngoặc kép mở mà không đóng; hãy thêm dấu đóng.", en: "a quote opens and never closes; add the closing quote.")
    case .notUTF8:
      return LocalizedText(
        vi: "không phải chữ UTF-8; hãy lưu lại tệp dạng CSV UTF-8.", en: "not UTF-8 text; save the file again as CSV UTF-8.")
    case .fieldTooLong:
      let most = CSVReader.csvFieldBytesMax
      return LocalizedText(vi: "một ô dài hơn \(most) byte; hãy rút ngắn.", en: "a field is longer than \(most) bytes; shorten it.")
    case .recordTooLong:
      let most = CSVReader.csvRecordBytesMax
      return LocalizedText(
        vi: "một dòng dữ liệu dài hơn \(most) byte; hãy rút ngắn.", en: "a record is longer than \(most) bytes; shorten it.")
    case .tooManyFields:
      let most = CSVReader.csvFieldsMax
      return LocalizedText(vi: "có hơn \(most) ô; hãy bớt cột.", en: "more than \(most) fields; use fewer columns.")
    }
  }
}
