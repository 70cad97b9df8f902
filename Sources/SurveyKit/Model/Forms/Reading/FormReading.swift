public import SyncCore

/// A form as it was read, and what its file holds that means nothing here.
public struct FormReading: Sendable {
  public let form: Form
  /// In the order of the sheets and rows; none changes what people are asked or what their answers mean. Of each kind the first
  /// `WarningList.cellsMax` cells.
  public var warnings: [FormProblem] { found.kept }
  /// Number of cells with a warning, unlisted ones included.
  public var warningCount: Int { found.count }
  private let found: WarningList
  /// Files that its lists are in and that are not there: nobody is asked to choose from them.
  public let missingFiles: [String]
  /// Says which files are missing; nil when all are there.
  public var missingFilesRemark: LocalizedText? {
    guard !missingFiles.isEmpty else { return nil }
    let list = missingFiles.joined(separator: ", ")
    return LocalizedText(
      vi:
        "Thiếu tệp bên cạnh biểu mẫu: \(list). Câu chọn từ tệp này không được hỏi; hãy đặt tệp vào cùng thư mục và xuất bản phiên bản mới.",
      en:
        "Files are missing beside the form: \(list). What is chosen from them is not asked; put them into the folder and publish a new version."
    )
  }
  /// Writes one line for each kind of finding of a column, with the number of cells and the first rows.
  public var remarks: [LocalizedText] {
    var order: [WarningList.Kind] = []
    var rows: [WarningList.Kind: [Int]] = [:]
    for problem in found.kept {
      let kind = WarningList.Kind(sheet: problem.sheet, column: problem.column, message: problem.message)
      if rows[kind] == nil { order.append(kind) }
      rows[kind, default: []] += problem.row.map { [$0] } ?? []
    }
    let lines = order.map { kind in line(kind, rows[kind] ?? [], count: found.counts[kind] ?? 0) }
    guard found.more > 0 else { return lines }
    return lines + [LocalizedText(vi: "… và \(found.more) ô nữa.", en: "… and \(found.more) more cells.")]
  }

  /// Most rows named of one kind of finding.
  private static let rowsNamedMax = 5

  private func line(_ kind: WarningList.Kind, _ rows: [Int], count: Int) -> LocalizedText {
    let isOne = rows.count == 1
    let text = FormProblem(sheet: kind.sheet, row: isOne ? rows[0] : nil, column: kind.column, message: kind.message).explanation
    guard rows.count > 1 else { return text }
    let named = rows.prefix(Self.rowsNamedMax).map(String.init).joined(separator: ", ") + (rows.count > Self.rowsNamedMax ? ", …" : "")
    return LocalizedText(vi: "\(text.vi) (\(count) ô: dòng \(named))", en: "\(text.en) (\(count) cells: rows \(named))")
  }

  init(form: Form, warnings: WarningList = WarningList(), missingFiles: [String] = []) {
    self.form = form
    found = warnings
    self.missingFiles = missingFiles
  }
}
