public import Foundation
internal import SyncCore

/// Reads a form from whatever its author keeps it in.
public enum FormFile {
  /// Largest file beside a form, in bytes.
  static let fileBytesMax = 8 << 20

  /// A folder of three CSV files, an `.xlsx` workbook, or an XForm `.xml`, with what of the file means nothing here.
  ///
  /// - Throws: every problem at once.
  public static func reading(at url: URL) throws(FormProblems) -> FormReading {
    var isFolder = ObjCBool(false)
    let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
    guard exists else {
      let stem = XLSFormImport.stem(url)
      throw FormProblems(problems: [
        FormProblem(
          sheet: "form", row: nil, column: nil,
          message: LocalizedText(
            vi: "không có biểu mẫu này: cần thư mục \(stem).xlsform, hoặc tệp \(stem).xlsx hay \(stem).xml.",
            en: "there is no such form: it needs the folder \(stem).xlsform, or the file \(stem).xlsx or \(stem).xml."))
      ])
    }
    if isFolder.boolValue { return try XLSFormImport.reading(folder: url) }
    guard url.pathExtension.lowercased() == "xml" else { return try XLSFormImport.reading(xlsx: url) }
    let size = (try? url.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
    guard size <= XFormImport.xformBytesMax, let data = try? Data(contentsOf: url) else {
      throw FormProblems(problems: [FormProblem(sheet: "xform", row: nil, column: nil, message: XLSFormImport.unreadable)])
    }
    return try XFormImport.reading(xml: data, name: XLSFormImport.stem(url))
  }

  /// The same from a file's bytes, without the files that stand beside it.
  ///
  /// - Parameter name: Name of the file; its stem is the form's id where the form states none.
  public static func reading(_ data: Data, named name: String) throws(FormProblems) -> FormReading {
    guard data.starts(with: Data("PK".utf8)) else { return FormReading(form: try XFormImport.form(xml: data)) }
    return try XLSFormImport.reading(xlsx: data, name: XLSFormImport.stem(URL(fileURLWithPath: name)))
  }

  /// The same from a workbook that was made of another file: its name and the files beside it are that file's.
  public static func reading(workbook data: Data, of file: URL) throws(FormProblems) -> FormReading {
    try XLSFormImport.reading(xlsx: data, name: XLSFormImport.stem(file), files: files(beside: file))
  }

  /// The form `id` in a campaign's folder: `id.xlsform/`, else `id.xlsx`, else `id.xml`.
  package static func name(of id: String, in folder: URL) -> String {
    [".xlsform", ".xlsx", ".xml"].map { id + $0 }.first { FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path) }
      ?? id + ".xlsform"
  }

  /// Reads the files in a form's folder, and in `NAME-media` there.
  static func files(beside form: URL) -> XLSFormImport.Files {
    let folder = form.deletingLastPathComponent()
    return files(in: [folder.appendingPathComponent(XLSFormImport.stem(form) + "-media"), folder])
  }

  /// Files of these folders by name; a name that leads elsewhere is none.
  static func files(in folders: [URL]) -> XLSFormImport.Files {
    { name in
      guard !name.contains("/"), !name.contains("\\"), !name.hasPrefix(".") else { return nil }
      for folder in folders {
        let file = folder.appendingPathComponent(name)
        guard let size = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize, size <= fileBytesMax else { continue }
        if let data = try? Data(contentsOf: file) { return data }
      }
      return nil
    }
  }
}
