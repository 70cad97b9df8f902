internal import Foundation
internal import SyncCore

/// A list that stands in a file beside a form: CSV, the XML of `root` and `item`, or the features of a GeoJSON.
enum ListFile {
  struct Fault: Error {
    let explanation: LocalizedText
  }

  /// Cells of a CSV file.
  static let cellsMax = 500_000

  private static let tooLong = LocalizedText(
    vi: "danh sách có hơn \(Form.formChoicesMax) dòng hoặc \(cellsMax) ô; hãy bỏ các dòng và cột không dùng.",
    en: "the list has more than \(Form.formChoicesMax) rows or \(cellsMax) cells; remove the rows and columns that are not used.")

  private static let endings = [".csv", ".xml", ".geojson"]

  /// Returns the name by which rules call the file: without its ending. Nil for a file that is no list.
  static func list(of file: String) -> String? {
    endings.first { file.lowercased().hasSuffix($0) }.map { String(file.dropLast($0.count)) }
  }

  /// Files that may hold a list.
  static func names(of list: String) -> [String] { self.list(of: list) == nil ? endings.map { list + $0 } : [list] }

  /// The rows by column.
  static func rows(_ data: Data, name: String) throws(Fault) -> [[String: String]] {
    if name.lowercased().hasSuffix(".xml") { return try xml(data) }
    if name.lowercased().hasSuffix(".geojson") { return try features(data) }
    return try csv(data)
  }

  private static func csv(_ data: Data) throws(Fault) -> [[String: String]] {
    let (rows, isCut): ([[String: String]], Bool)
    do throws(CSVFault) {
      let table = try CSVTable(data, rowsMax: Form.formChoicesMax, cellsMax: cellsMax)
      if let fault = table.faults.first { throw fault }
      isCut = table.isCut
      rows = table.records.filter { !$0.isBlank }.map { record in
        Dictionary(table.header.filter { !$0.isEmpty }.map { ($0, record[$0] ?? "") }, uniquingKeysWith: { first, _ in first })
      }
    } catch {
      throw Fault(explanation: error.explanation)
    }
    if isCut { throw Fault(explanation: tooLong) }
    return rows
  }

  private static func xml(_ data: Data) throws(Fault) -> [[String: String]] {
    let root: XMLNode
    do throws(WorkbookFault) {
      root = try XMLNode.document(data)
    } catch {
      throw Fault(explanation: error.explanation)
    }
    return root.all("item").map { item in
      Dictionary(item.children.map { ($0.name, $0.text) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// Deepest nesting of a GeoJSON.
  private static let depthMax = 24

  private static func features(_ data: Data) throws(Fault) -> [[String: String]] {
    guard case .object(let root)? = CanonicalJSON.parse(data, depthMax: depthMax), case .array(let features)? = root["features"] else {
      throw Fault(
        explanation: LocalizedText(
          vi: "tệp GeoJSON không đọc được; cần một FeatureCollection.", en: "the GeoJSON cannot be read; a FeatureCollection is needed."))
    }
    return features.compactMap { feature in
      guard case .object(let members) = feature else { return nil }
      var row: [String: String] = [:]
      if case .object(let properties)? = members["properties"] { row = properties.compactMapValues(text) }
      if let id = members["id"].flatMap(text) { row["id"] = id }
      return row
    }
  }

  private static func text(_ value: CanonicalJSON) -> String? {
    switch value {
    case .string(let text): text
    case .integer(let number): String(number)
    case .number(let number): ExpressionValue.text(of: number)
    case .decimal(let digits): digits
    default: nil
    }
  }
}
