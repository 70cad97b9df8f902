public import Foundation
internal import SyncCore

/// Reads a form from an XLSForm: a workbook, or three CSV files `survey.csv`, `choices.csv`, `settings.csv`.
///
/// Findings have two strengths. What cannot be carried out as written is a problem, and all problems are reported at once, each with
/// sheet, row, column and what to do about it. What means nothing here is a warning: listed, counted, never passed over in silence.
///
/// - Note: Source: xlsform.org reference; the subset is what `SurveyType` and `ExpressionFunction` list.
public enum XLSFormImport {
  /// Reads a file beside a form by name: a list from which its questions take their choices. Nil for a file that is not there.
  public typealias Files = (String) -> Data?

  /// Reads the three files of a folder such as `pks01.xlsform`. Only `survey.csv` must be there.
  public static func form(folder: URL) throws(FormProblems) -> Form { try reading(folder: folder).form }

  public static func reading(folder: URL) throws(FormProblems) -> FormReading {
    func data(_ sheet: String) -> Data? { try? Data(contentsOf: folder.appendingPathComponent(sheet + ".csv")) }
    let tables = XLSFormTables(survey: data("survey"), choices: data("choices"), settings: data("settings"))
    return try reading(tables, name: stem(folder), files: FormFile.files(in: [folder]))
  }

  /// Reads the three files from memory; a nil file counts as missing.
  public static func form(survey: Data?, choices: Data?, settings: Data?) throws(FormProblems) -> Form {
    try reading(survey: survey, choices: choices, settings: settings).form
  }

  public static func reading(
    survey: Data?, choices: Data?, settings: Data?, name: String = "form", files: @escaping Files = { _ in nil }
  ) throws(FormProblems) -> FormReading {
    try reading(XLSFormTables(survey: survey, choices: choices, settings: settings), name: name, files: files)
  }

  /// Reads a workbook as Excel, LibreOffice or Google Sheets save it. The sheets `survey`, `choices`, `external_choices` and `settings`
  /// count, in any case; others are the author's own.
  ///
  /// - Parameters:
  ///   - name: The form's id where its settings give none.
  ///   - files: What stands beside it.
  /// - Throws: every problem with its sheet, row and column; what concerns the whole file has the sheet `xlsx`.
  public static func form(xlsx data: Data, name: String = "form", files: @escaping Files = { _ in nil }) throws(FormProblems) -> Form {
    try reading(xlsx: data, name: name, files: files).form
  }

  public static func reading(xlsx data: Data, name: String = "form", files: @escaping Files = { _ in nil }) throws(FormProblems)
    -> FormReading
  {
    let tables: XLSFormTables
    do throws(WorkbookFault) {
      tables = try XLSFormTables(xlsx: data)
    } catch {
      throw FormProblems(problems: [FormProblem(sheet: "xlsx", row: nil, column: nil, message: error.explanation)])
    }
    return try reading(tables, name: name, files: files)
  }

  /// As `form(xlsx:)`, from a file; the files beside it are those of its folder, and of `NAME-media` in it.
  public static func form(xlsx file: URL) throws(FormProblems) -> Form { try reading(xlsx: file).form }

  public static func reading(xlsx file: URL) throws(FormProblems) -> FormReading {
    let size = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
    guard size <= ZipPackage.packageBytesMax, let data = try? Data(contentsOf: file) else {
      let message = size > ZipPackage.packageBytesMax ? WorkbookFault(.tooLarge).explanation : unreadable
      throw FormProblems(problems: [FormProblem(sheet: "xlsx", row: nil, column: nil, message: message)])
    }
    return try reading(xlsx: data, name: stem(file), files: FormFile.files(beside: file))
  }

  static let unreadable = LocalizedText(
    vi: "không đọc được tệp; hãy kiểm tra tên và quyền.", en: "the file cannot be read; check its name and permissions.")

  static func stem(_ file: URL) -> String { file.deletingPathExtension().lastPathComponent }

  private static func reading(_ tables: XLSFormTables, name: String, files: @escaping Files) throws(FormProblems) -> FormReading {
    var reading = XLSFormReading(tables, name: name)
    let form = reading.form(files)
    if let problems = reading.problems { throw problems }
    return FormReading(form: form, warnings: reading.warnings, missingFiles: reading.missingFiles)
  }
}
