internal import Foundation
internal import SyncCore

/// One sheet of an XLSForm as rows of texts, whichever kind of file it came from.
struct XLSFormTable {
  var header: [String] = []
  var records: [CSVRecord] = []
  /// What is wrong before any cell is looked at: its row and column where known, and the sentence.
  var faults: [(row: Int?, column: String?, message: LocalizedText)] = []
  /// Says what is passed over before any cell is looked at.
  var remark: LocalizedText?

  /// A sheet that the author left out; its absence is a problem.
  static func missing(_ message: LocalizedText) -> XLSFormTable { XLSFormTable(faults: [(nil, nil, message)]) }

  init(header: [String] = [], records: [CSVRecord] = [], faults: [(row: Int?, column: String?, message: LocalizedText)] = []) {
    self.header = header
    self.records = records
    self.faults = faults
  }

  /// From a CSV file; nil is a file that is not there.
  init(csv data: Data?, name: String) {
    guard let data else {
      self = .missing(
        LocalizedText(vi: "không có tệp \(name).csv; hãy thêm vào thư mục.", en: "there is no \(name).csv; add it to the folder."))
      return
    }
    let bytesMax = Self.bytesMax(of: name)
    guard data.count <= bytesMax else {
      self = .missing(Self.tooLarge(bytesMax))
      return
    }
    do throws(CSVFault) {
      let table = try CSVTable(data, rowsMax: XLSFormSheet.sheetRowsMax, cellsMax: XLSFormSheet.sheetCellsMax)
      guard !table.isCut else {
        self = .missing(Self.tooManyCells)
        return
      }
      // Labels may well end in "?", so letters that were lost could not be told.
      guard table.encoding?.codePage == nil else { throw CSVFault(line: 1, kind: .notUTF8) }
      self.init(
        header: table.header, records: table.records.filter { !$0.isBlank }, faults: table.faults.map { (nil, nil, $0.explanation) })
    } catch {
      self = .missing(error.explanation)
    }
  }

  /// From a sheet of a workbook: the first row that is not blank is the heading.
  ///
  /// - Parameter isNeeded: Without a heading there is no form; else the sheet counts as one that is not there.
  init(_ sheet: Workbook.Sheet, isNeeded: Bool = true) {
    if sheet.rows.isEmpty, !isNeeded { return }
    guard let top = sheet.rows.first else {
      self = .missing(LocalizedText(vi: "trang trống; cần có dòng tiêu đề cột.", en: "the sheet is empty; it needs a row of column names."))
      return
    }
    // A column without a heading is nobody's.
    let width = (top.cells.keys.max() ?? 0) + 1
    let bytesMax = Self.bytesMax(of: sheet.name.trimmingWhitespace.lowercased())
    guard sheet.bytes <= bytesMax else {
      self = .missing(Self.tooLarge(bytesMax))
      return
    }
    guard sheet.rows.count * width <= XLSFormSheet.sheetCellsMax else {
      self = .missing(Self.tooManyCells)
      return
    }
    header = (0..<width).map { (top.cells[$0] ?? "").trimmingWhitespace }
    var columns: [String: Int] = [:]
    for (index, title) in header.enumerated() where !title.isEmpty {
      guard columns.updateValue(index, forKey: title) != nil else { continue }
      faults.append(
        (
          top.number, title,
          LocalizedText(vi: "cột \"\(title)\" có hai lần; hãy bỏ một cột.", en: "the column \"\(title)\" is there twice; remove one.")
        ))
    }
    var last = top.number
    for (place, row) in sheet.rows.enumerated().dropFirst() {
      // Leaves out rows that stand so far below: pyxform stops there, too.
      if row.number - last > Self.blankRowsMax + 1 {
        remark = Self.farBelow(row.number, count: sheet.rows.count - place)
        break
      }
      last = row.number
      let fields = (0..<width).map { row.cells[$0] ?? "" }
      records.append(CSVRecord(line: row.number, row: row.number, fields: fields, columns: columns))
    }
    for error in sheet.errorCells where error.row <= last {
      faults.append(
        (
          error.row, header.indices.contains(error.column) ? header[error.column] : "",
          LocalizedText(
            vi: "ô có lỗi \(error.text); hãy sửa công thức hoặc viết chữ.",
            en: "the cell holds the error \(error.text); correct its formula or write the text.")
        ))
    }
  }
}

extension XLSFormTable {
  /// Most blank rows between two rows of a form.
  static let blankRowsMax = 60

  private static func bytesMax(of sheet: String) -> Int {
    sheet.hasSuffix("choices") ? XLSFormSheet.choicesBytesMax : XLSFormSheet.sheetBytesMax
  }

  private static func tooLarge(_ bytesMax: Int) -> LocalizedText {
    LocalizedText(
      vi: "trang lớn hơn \(bytesMax) byte; hãy bỏ các dòng và cột không dùng.",
      en: "the sheet is larger than \(bytesMax) bytes; remove the rows and columns that are not used.")
  }

  private static let tooManyCells = LocalizedText(
    vi:
      "trang có hơn \(XLSFormSheet.sheetRowsMax) dòng hoặc \(XLSFormSheet.sheetCellsMax) ô; hãy bỏ các dòng và cột không dùng.",
    en:
      "the sheet has more than \(XLSFormSheet.sheetRowsMax) rows or \(XLSFormSheet.sheetCellsMax) cells; remove the rows and columns that are not used."
  )

  private static func farBelow(_ row: Int, count: Int) -> LocalizedText {
    LocalizedText(
      vi: "từ dòng \(row) còn \(count) dòng sau hơn \(blankRowsMax) dòng trống nên được bỏ qua.",
      en: "\(count) rows from row \(row) on stand below more than \(blankRowsMax) blank rows and are passed over.")
  }
}

/// The sheets of a form. All but `survey` may be missing.
struct XLSFormTables {
  var survey: XLSFormTable
  var settings: XLSFormTable?
  var choices: XLSFormTable?
  /// Choices that the author keeps apart because they are many.
  var externalChoices: XLSFormTable?
  /// Tells if there is a sheet that says which answers make lists for other forms.
  var hasEntities = false

  static let names = ["settings", "survey", "choices", "external_choices", "entities"]

  init(survey: Data?, choices: Data?, settings: Data?) {
    self.settings = settings.map { XLSFormTable(csv: $0, name: "settings") }
    self.survey = XLSFormTable(csv: survey, name: "survey")
    self.choices = choices.map { XLSFormTable(csv: $0, name: "choices") }
  }

  /// From a workbook; sheets of other names are the author's own.
  init(xlsx data: Data) throws(WorkbookFault) {
    let book = try Workbook(data, wanted: Set(Self.names))
    func table(_ name: String) -> XLSFormTable? {
      let found = book.sheets.filter { $0.name.trimmingWhitespace.lowercased() == name }
      guard var table = found.first.map({ XLSFormTable($0, isNeeded: name == "survey") }) else { return nil }
      if found.count > 1 {
        table.faults.append(
          (
            nil, nil,
            LocalizedText(vi: "có hai trang tên \(name); hãy bỏ một trang.", en: "there are two sheets called \(name); remove one.")
          ))
      }
      return table
    }
    func missing(_ name: String) -> XLSFormTable {
      .missing(LocalizedText(vi: "không có trang \(name); hãy thêm trang này.", en: "there is no sheet \(name); add it."))
    }
    // A workbook of one sheet needs no name for it.
    let only = try book.sheets.isEmpty ? Workbook(data, wanted: nil).sheets.first : nil
    survey = table("survey") ?? only.map { XLSFormTable($0) } ?? missing("survey")
    settings = table("settings")
    choices = table("choices")
    externalChoices = table("external_choices")
    hasEntities = !(table("entities")?.records.isEmpty ?? true)
  }
}
