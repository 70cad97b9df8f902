public import Foundation
internal import SyncKit

/// Reads a form from whatever its author keeps it in.
public enum FormFile {
  /// A folder of three CSV files, an `.xlsx` workbook, or an XForm `.xml`.
  ///
  /// - Throws: every problem at once.
  public static func form(at url: URL) throws(FormProblems) -> Form {
    var isFolder = ObjCBool(false)
    let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    if exists, isFolder.boolValue { return try XLSFormImport.form(folder: url) }
    guard url.pathExtension.lowercased() == "xml" else { return try XLSFormImport.form(xlsx: url) }
    let size = (try? url.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
    guard size <= XFormImport.xformBytesMax, let data = try? Data(contentsOf: url) else {
      throw FormProblems(problems: [FormProblem(sheet: "xform", row: nil, column: nil, message: XLSFormImport.unreadable)])
    }
    return try XFormImport.form(xml: data)
  }

  /// The form `id` in a campaign's folder: `id.xlsform/`, else `id.xlsx`, else `id.xml`.
  static func name(of id: String, in folder: URL) -> String {
    [".xlsform", ".xlsx", ".xml"].map { id + $0 }.first { FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path) }
      ?? id + ".xlsform"
  }
}
