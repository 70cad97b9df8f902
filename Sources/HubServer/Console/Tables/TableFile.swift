internal import Foundation
internal import Spreadsheet
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Format in which a page's tables are taken away: the page's address with its name at the end.
enum TableFormat: String, CaseIterable {
  case csv
  case xlsx
  case json

  var mediaType: String {
    switch self {
    case .csv: "text/csv; charset=utf-8"
    case .xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    case .json: "application/json"
    }
  }

  /// Page whose tables a path asks for, and in which format; nil where the path asks for none.
  static func of(_ path: String) -> (page: String, format: TableFormat)? {
    for format in allCases where path.hasSuffix("." + format.rawValue) {
      let page = String(path.dropLast(format.rawValue.count + 1))
      guard page.split(separator: "/").last.map({ !$0.isEmpty }) == true, !page.hasSuffix("/") else { return nil }
      return (page == "/overview" ? "/" : page, format)
    }
    return nil
  }

  /// Address of a page's tables.
  func address(of page: String) -> String { (page == "/" ? "/overview" : page) + "." + rawValue }
}

/// A page's tables as one file.
struct TableFile {
  let page: String
  let query: ConsoleQuery
  let tables: [PageTable]
  /// Hub time of the reading, in milliseconds.
  let nowMs: Int64
  /// Title of the campaign.
  let title: String

  /// - Parameter table: The one that is asked for; nil for the first in CSV, for all in the other formats.
  /// - Throws: `SyncError` when there is no such table; `SheetFault`.
  func data(_ format: TableFormat, table: String?) throws -> Data {
    let asked = table.map { name in tables.filter { $0.key == name } } ?? tables
    guard let first = asked.first else {
      let known = tables.map(\.key).joined(separator: ", ")
      throw SyncError(
        .badRequest, vi: "Trang này không có bảng \(table ?? ""); có: \(known).",
        en: "This page has no table \(table ?? ""); it has: \(known).")
    }
    switch format {
    case .csv: return first.sheet.csv
    case .xlsx: return try XLSXWriter.data(asked.map(\.sheet), title: title, nowMs: nowMs)
    case .json: return try json(asked)
    }
  }

  /// Name under which a browser keeps the file: what the page is about and when the hub was read.
  func name(_ format: TableFormat, table: String?, clock: String) -> String {
    func plain(_ text: some StringProtocol) -> String {
      let kept = text.unicodeScalars.filter { $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "-") }
      return String(String.UnicodeScalarView(kept))
    }
    let about = page == "/" ? ["overview"] : page.split(separator: "/").map { plain($0) }
    let parts = about + (table.map { [plain($0)] } ?? []) + [plain(clock).replacing("-", with: "")]
    return parts.joined(separator: "-") + "." + format.rawValue
  }

  private struct Document: Encodable {
    var page: String
    var campaign: String
    var time: String
    var scope: String?
    var tag: String?
    var day: String?
    var tables: [String: [[String: PageValue]]]
  }

  private func json(_ tables: [PageTable]) throws -> Data {
    let rows: [(String, [[String: PageValue]])] = tables.map { table in
      (table.key, table.rows.map { row in Dictionary(zip(table.columns.map(\.key), row), uniquingKeysWith: { first, _ in first }) })
    }
    let document = Document(
      page: page, campaign: title, time: PageValue.instant(nowMs), scope: query.scope?.rawValue, tag: query.tag,
      day: query.day?.description,
      tables: Dictionary(rows, uniquingKeysWith: { first, _ in first }))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Data(String(decoding: try encoder.encode(document), as: UTF8.self).printableJSON.utf8)
  }
}

extension PageTable {
  var sheet: Sheet { Sheet(name: label, heading: heading, rows: rows.map { $0.map(\.cell) }) }

  /// Labels of the columns, none twice: two questions may be worded alike.
  private var heading: [String] {
    var seen: [String: Int] = [:]
    return columns.map { column in
      seen[column.label, default: 0] += 1
      let number = seen[column.label] ?? 1
      return number == 1 ? column.label : "\(column.label) (\(number))"
    }
  }
}

extension PageValue: Encodable {
  fileprivate var cell: SheetCell {
    switch self {
    case .text(let text), .word(_, said: let text), .flag(_, said: let text), .time(_, said: let text): .text(text)
    case .number(let number): .number(number)
    case .tenths(let tenths): .decimal(Double(tenths) / 10)
    case .none: .empty
    }
  }

  /// An instant as ISO 8601 writes it, UTC, to the second.
  static func instant(_ ms: Int64) -> String {
    Date(timeIntervalSince1970: Double(ms / 1000)).formatted(.iso8601)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text), .word(let text, _): try container.encode(text)
    case .number(let number): try container.encode(number)
    case .tenths(let tenths): try container.encode(Double(tenths) / 10)
    case .flag(let flag, _): try container.encode(flag)
    case .time(let ms, _): try container.encode(Self.instant(ms))
    case .none: try container.encodeNil()
    }
  }
}

/// Links by which a page's tables are taken away; none on a page without tables.
struct TakeAway {
  let query: ConsoleQuery
  let page: String
  /// Parameters of the page's address, beside those that all pages keep.
  var more: [(key: String, value: String?)] = []

  private var words: Wording { query.words }

  /// Tables that the page offers one by one, where it has several.
  private var tables: [(key: String, label: String)]? {
    switch page.split(separator: "/").first.map(String.init) ?? "" {
    case "now", "units", "reports", "sums", "devices", "contacts", "posts", "people", "device", "conflict", "held", "reminder": return []
    case "":
      return [("groups", words.text("các nhóm", "groups")), ("arrivals", words.text("đường đến", "arrival"))]
    case "decide":
      return [
        ("conflicts", words.text("xung đột", "conflicts")), ("held", words.text("giữ lại", "held")),
        ("contradictions", words.text("trái biểu mẫu", "contradictions")), ("flags", words.text("cờ", "flags")),
        ("returned", words.text("trả lại", "sent back")),
      ]
    case "results": return [("participation", words.text("tham gia", "participation")), ("results", words.text("kết quả", "results"))]
    case "unit":
      return [
        ("reports", words.text("báo cáo", "reports")), ("calls", words.text("cuộc gọi", "calls")),
        ("devices", words.text("máy", "devices")),
        ("notices", words.text("lời nhắc", "messages")), ("acts", words.text("nhật ký", "log")),
      ]
    case "report": return [("answers", words.text("trả lời", "answers")), ("corrections", words.text("các lần sửa", "corrections"))]
    default: return nil
    }
  }

  var html: HTML? {
    guard let tables else { return nil }
    func link(_ format: TableFormat, _ table: String?, _ label: String) -> HTML {
      "<a href=\"\(query.link(format.address(of: page), more: more + [("table", table)]))\" download>\(label)</a> "
    }
    let each: [HTML] = tables.isEmpty ? [link(.csv, nil, "CSV")] : tables.map { link(.csv, $0.key, "CSV: \($0.label)") }
    let label =
      tables.isEmpty ? words.text("Tải bảng này về:", "Take this table away:") : words.text("Tải các bảng về:", "Take the tables away:")
    return "<p class=\"rest take\"><span class=\"quiet\">\(label)</span> \(link(.xlsx, nil, "XLSX"))\(each)</p>\n"
  }
}
