public import SyncCore
package import SyncStore

/// Row that this program cannot read. The row is listed as such and left out; everything else goes on.
public struct UnreadableRow: Sendable, Hashable, Codable {
  public var table: String
  public var key: String
  public var reason: LocalizedText
  public var remedy: LocalizedText

  /// Sentence with the row, the reason and the remedy.
  public var explanation: LocalizedText {
    LocalizedText(
      vi: "Không đọc được \(key) trong bảng \(table): \(reason.vi); \(remedy.vi).",
      en: "\(key) in table \(table) cannot be read: \(reason.en); \(remedy.en).")
  }

  package init(table: String, key: String, reason: LocalizedText, remedy: LocalizedText = UnreadableRow.upgrade) {
    (self.table, self.key, self.reason, self.remedy) = (table, key, reason, remedy)
  }

  package static let upgrade = LocalizedText(
    vi: "hãy nâng cấp chương trình hoặc báo cho tỉnh", en: "upgrade this program or tell the province")
}

extension UnreadableRow {
  package init(_ row: MisformedRow) {
    let column = row.column
    let reason =
      switch row.format {
      case .day: LocalizedText(vi: "cột \(column) không phải là ngày", en: "column \(column) is no day")
      case .blob: LocalizedText(vi: "cột \(column) không phải là tên tệp", en: "column \(column) is no name of a file")
      case .count: LocalizedText(vi: "cột \(column) không phải là số đếm", en: "column \(column) is no count")
      case .answers: LocalizedText(vi: "cột \(column) không phải là các câu trả lời", en: "column \(column) holds no answers")
      case nil: LocalizedText(vi: "thiếu cột \(column)", en: "column \(column) is missing")
      }
    let day = row.key.split(separator: "/").last.map(String.init) ?? row.key
    let isReport = row.table == "report" && CalendarDay(day) != nil
    self.init(
      table: row.table, key: row.key, reason: reason,
      remedy: isReport
        ? LocalizedText(
          vi: "lập lại báo cáo: field report --from TỆP --day \(day) --reason \"…\"",
          en: "file the report anew: field report --from FILE --day \(day) --reason \"…\"")
        : Self.upgrade)
  }
}
