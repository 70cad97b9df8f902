public import SyncCore

/// A form as it was read, and what its file holds that means nothing here.
public struct FormReading: Sendable {
  public let form: Form
  /// In the order of the sheets and rows; none changes what people are asked or what their answers mean.
  public let warnings: [FormProblem]
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
  /// Groups equal findings in many cells into one line each, with the number of cells.
  public var remarks: [LocalizedText] { FormProblem.grouped(warnings) }

  init(form: Form, warnings: [FormProblem] = [], missingFiles: [String] = []) {
    self.form = form
    self.warnings = warnings
    self.missingFiles = missingFiles
  }
}

extension FormProblem {
  /// Most rows named of one kind of finding.
  private static let rowsNamedMax = 5

  /// Writes one line for each kind of finding of a column, with its rows.
  static func grouped(_ problems: [FormProblem]) -> [LocalizedText] {
    struct Kind: Hashable {
      var sheet: String
      var column: String?
      var message: LocalizedText
    }
    var order: [Kind] = []
    var rows: [Kind: [Int]] = [:]
    for problem in problems {
      let kind = Kind(sheet: problem.sheet, column: problem.column, message: problem.message)
      if rows[kind] == nil { order.append(kind) }
      rows[kind, default: []] += problem.row.map { [$0] } ?? []
    }
    return order.map { kind in
      let found = rows[kind] ?? []
      let whole = FormProblem(sheet: kind.sheet, row: found.count == 1 ? found[0] : nil, column: kind.column, message: kind.message)
      guard found.count > 1 else { return whole.explanation }
      let named = found.prefix(rowsNamedMax).map(String.init).joined(separator: ", ") + (found.count > rowsNamedMax ? ", …" : "")
      return LocalizedText(
        vi: "\(whole.explanation.vi) (\(found.count) ô: dòng \(named))",
        en: "\(whole.explanation.en) (\(found.count) cells: rows \(named))")
    }
  }
}
