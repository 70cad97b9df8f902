internal import Foundation
internal import SyncCore

/// Requested sheets of an `.xlsx` workbook, every cell as the text that its author sees.
///
/// Hidden rows and columns count like others; of merged cells only the first has a value, as in the program that shows them.
///
/// - Note: Source: ECMA-376, part 1, SpreadsheetML; transitional and strict.
struct Workbook {
  /// Sheets in a workbook.
  static let sheetsMax = 200
  /// Rows of a sheet.
  static let rowsMax = 20_000
  /// Columns of a sheet.
  static let columnsMax = 256
  /// Shared strings of a workbook.
  static let textsMax = 200_000
  /// Bytes of a cell; a spreadsheet allows 32 767 characters.
  static let cellBytesMax = 65_536
  /// Bytes of all texts of a sheet; a text that many cells share counts for each of them.
  static let sheetBytesMax = 32 << 20
  /// Merged ranges of a sheet.
  static let mergesMax = 2_000

  struct Sheet {
    /// Name as its author wrote it.
    let name: String
    let rows: [WorkbookRow]
    /// Cells that hold an error such as `#REF!` instead of a value.
    let errorCells: [(row: Int, column: Int, text: String)]
    /// Bytes of all its texts.
    var bytes = 0
  }

  /// Sheets with a wanted name, in the workbook's order.
  let sheets: [Sheet]

  /// Reads a workbook.
  ///
  /// - Parameter wanted: Names in lower case; names in the workbook are trimmed and compared without regard to case. Nil takes the
  ///   first sheet that is not hidden.
  init(_ data: Data, wanted: Set<String>?) throws(WorkbookFault) {
    let package = try ZipPackage(data) { name in
      name == "mimetype" || name == "_rels/.rels" || name.hasSuffix(".xml.rels") && !name.contains("worksheets/")
        || name.hasSuffix("workbook.xml")
        || name.hasSuffix("sharedstrings.xml") || name.hasSuffix("styles.xml") || name.contains("worksheets/") && name.hasSuffix(".xml")
    }
    let main = try WorkbookLinks(package["_rels/.rels"], folder: "").target(ofType: "officeDocument") ?? "xl/workbook.xml"
    guard let book = package[main] else {
      let isOpenDocument = package["mimetype"]?.starts(with: Array("application/vnd.oasis.opendocument".utf8)) == true
      throw WorkbookFault(isOpenDocument ? .openDocument : .notAWorkbook)
    }
    let folder = main.split(separator: "/").dropLast().joined(separator: "/")
    let file = main.split(separator: "/").last.map(String.init) ?? main
    let links = try WorkbookLinks(package[folder + (folder.isEmpty ? "" : "/") + "_rels/\(file).rels"], folder: folder)
    let index = try WorkbookIndex(book)
    guard index.sheets.count <= Self.sheetsMax else { throw WorkbookFault(.tooManySheets) }
    let first = index.sheets.first { !$0.isHidden }.map { [$0] } ?? []
    let chosen = wanted.map { names in index.sheets.filter { names.contains($0.name.trimmingWhitespace.lowercased()) } } ?? first
    let texts = try links.target(ofType: "sharedStrings").flatMap { package[$0] }.map { data throws(WorkbookFault) in
      try WorkbookTexts(data).texts
    }
    let dates = try links.target(ofType: "styles").flatMap { package[$0] }.map { data throws(WorkbookFault) in
      try WorkbookStyles(data).dateStyles
    }
    var sheets: [Sheet] = []
    for entry in chosen {
      guard let target = links.targets[entry.link], let data = package[target] else { throw WorkbookFault(.damaged) }
      let reader = WorkbookSheetReader(
        name: entry.name, texts: texts ?? [], dateStyles: dates ?? [], beginsIn1904: index.beginsIn1904)
      sheets.append(try reader.sheet(data))
    }
    self.sheets = sheets
  }
}

/// Row that has cells.
struct WorkbookRow {
  /// Number of the row as a spreadsheet counts, from 1.
  let number: Int
  /// Texts by column, counted from 0.
  var cells: [Int: String]
}

/// Links from ids to parts of the package (`_rels`).
private struct WorkbookLinks {
  private(set) var targets: [String: String] = [:]
  private var types: [(type: String, target: String)] = []

  init(_ data: Data?, folder: String) throws(WorkbookFault) {
    guard let data else { return }
    var found: [(id: String, type: String, target: String)] = []
    try XMLEvents.read(data) { event in
      guard case .start("Relationship", let attributes) = event, attributes["TargetMode"] != "External",
        let id = attributes["Id"], let target = attributes["Target"], found.count < Workbook.sheetsMax * 4
      else { return nil }
      found.append((id, attributes["Type"] ?? "", Self.path(target, in: folder)))
      return nil
    }
    for link in found {
      targets[link.id] = link.target
      types.append((link.type, link.target))
    }
  }

  func target(ofType type: String) -> String? { types.first { $0.type.hasSuffix("/" + type) }?.target }

  private static func path(_ target: String, in folder: String) -> String {
    var parts = target.hasPrefix("/") ? [] : folder.split(separator: "/").map(String.init)
    for part in target.split(separator: "/") {
      if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(String(part)) }
    }
    return parts.joined(separator: "/")
  }
}

/// List of sheets (`workbook.xml`).
private struct WorkbookIndex {
  private(set) var sheets: [(name: String, link: String, isHidden: Bool)] = []
  private(set) var beginsIn1904 = false

  init(_ data: Data) throws(WorkbookFault) {
    var sheets: [(name: String, link: String, isHidden: Bool)] = []
    var beginsIn1904 = false
    try XMLEvents.read(data) { event in
      guard case .start(let name, let attributes) = event else { return nil }
      if name == "workbookPr" { beginsIn1904 = ["1", "true"].contains(attributes["date1904"] ?? "") }
      guard name == "sheet", let title = attributes["name"] else { return nil }
      guard let link = attributes.first(where: { $0.key.contains(":") && XMLEvents.local($0.key) == "id" })?.value else { return nil }
      sheets.append((title, link, attributes["state"].map { $0 != "visible" } ?? false))
      return sheets.count > Workbook.sheetsMax ? WorkbookFault(.tooManySheets) : nil
    }
    self.sheets = sheets
    self.beginsIn1904 = beginsIn1904
  }
}

/// Texts that cells share (`sharedStrings.xml`): plain or in runs, without phonetic readings.
private struct WorkbookTexts {
  let texts: [String]

  init(_ data: Data) throws(WorkbookFault) {
    var texts: [String] = []
    var current = ""
    var (isText, phonetic) = (false, 0)
    try XMLEvents.read(data) { event in
      switch event {
      case .start("si", _): current = ""
      case .start("rPh", _): phonetic += 1
      case .end("rPh"): phonetic -= 1
      case .start("t", _): isText = phonetic == 0
      case .end("t"): isText = false
      case .text(let text) where isText:
        current += text
        if current.utf8.count > Workbook.cellBytesMax { return WorkbookFault(.cellTooLong("#\(texts.count + 1)")) }
      case .end("si"):
        texts.append(WorkbookCell.unescaped(current).nfc)
        if texts.count > Workbook.textsMax { return WorkbookFault(.tooManyTexts) }
      default: break
      }
      return nil
    }
    self.texts = texts
  }
}

/// Cell styles that show a number as a day or a time (`styles.xml`).
private struct WorkbookStyles {
  let dateStyles: Set<Int>

  init(_ data: Data) throws(WorkbookFault) {
    var dateFormats = Set(14...22).union(27...36).union(45...47).union(50...58)
    var styles: Set<Int> = []
    var (isCellFormats, count) = (false, 0)
    try XMLEvents.read(data) { event in
      switch event {
      case .start("numFmt", let attributes):
        if let id = attributes["numFmtId"].flatMap({ Int($0) }), Self.isDate(attributes["formatCode"] ?? "") { dateFormats.insert(id) }
      case .start("cellXfs", _): isCellFormats = true
      case .end("cellXfs"): isCellFormats = false
      case .start("xf", let attributes) where isCellFormats:
        if let id = attributes["numFmtId"].flatMap({ Int($0) }), dateFormats.contains(id) { styles.insert(count) }
        count += 1
      default: break
      }
      return nil
    }
    dateStyles = styles
  }

  /// Returns whether a format code has a letter of a date outside quotes, brackets and escapes.
  private static func isDate(_ code: String) -> Bool {
    var (isQuoted, isBracketed, isEscaped) = (false, false, false)
    for character in code.lowercased() {
      if isEscaped {
        isEscaped = false
      } else if character == "\"" {
        isQuoted.toggle()
      } else if isQuoted {
        continue
      } else if character == "\\" || character == "_" || character == "*" {
        isEscaped = true
      } else if character == "[" {
        isBracketed = true
      } else if character == "]" {
        isBracketed = false
      } else if !isBracketed, "ymdhs".contains(character) {
        return !code.lowercased().hasPrefix("general")
      }
    }
    return false
  }
}
