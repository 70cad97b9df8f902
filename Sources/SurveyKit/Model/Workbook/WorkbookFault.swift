internal import SyncCore

/// Reason why a workbook or an XML file cannot be read at all, and the remedy.
struct WorkbookFault: Error, Hashable {
  enum Kind: Hashable {
    case tooLarge, empty, old, locked, openDocument, plainText, notAWorkbook, damaged, tooManyParts, inflatesTooFar, notHere
    case doctype, notUTF8, notXML, tooDeep, tooManySheets
    case tooManyRows(String)
    case tooManyColumns(String)
    case tooManyTexts, tooManyAttributes
    case tooMuchText(String)
    case cellTooLong(String)
    case tooManyMerges(String)
  }

  let kind: Kind

  init(_ kind: Kind) { self.kind = kind }

  var explanation: LocalizedText {
    switch kind {
    case .tooLarge:
      LocalizedText(
        vi: "tệp lớn hơn \(ZipPackage.packageBytesMax) byte; hãy bỏ hình ảnh và trang không dùng.",
        en: "the file is larger than \(ZipPackage.packageBytesMax) bytes; remove pictures and sheets that are not used.")
    case .empty: LocalizedText(vi: "tệp trống.", en: "the file is empty.")
    case .old:
      LocalizedText(
        vi: "tệp là .xls kiểu cũ; hãy mở bằng chương trình bảng tính rồi lưu dạng .xlsx.",
        en: "the file is an old .xls; open it in a spreadsheet program and save it as .xlsx.")
    case .locked:
      LocalizedText(vi: "tệp có mật khẩu; hãy bỏ mật khẩu rồi lưu lại.", en: "the file has a password; save it without one.")
    case .openDocument:
      LocalizedText(
        vi: "tệp là OpenDocument (.ods); hãy lưu lại dạng .xlsx.", en: "the file is an OpenDocument (.ods); save it as .xlsx.")
    case .plainText:
      LocalizedText(
        vi:
          "tệp là văn bản như CSV, không phải .xlsx; hãy lưu lại dạng .xlsx, hoặc đưa thư mục có survey.csv, choices.csv và settings.csv.",
        en: "the file is text such as CSV, not .xlsx; save it as .xlsx, or give the folder of survey.csv, choices.csv and settings.csv.")
    case .notAWorkbook:
      LocalizedText(
        vi: "tệp không phải là bảng tính .xlsx; hãy lưu lại dạng .xlsx.", en: "the file is not an .xlsx workbook; save it as .xlsx.")
    case .damaged:
      LocalizedText(
        vi: "tệp .xlsx bị hỏng; hãy mở bằng chương trình bảng tính rồi lưu lại.",
        en: "the .xlsx file is damaged; open it in a spreadsheet program and save it again.")
    case .tooManyParts:
      LocalizedText(
        vi: "tệp có hơn \(ZipPackage.packageEntriesMax) phần; hãy chép các trang của biểu mẫu sang tệp mới.",
        en: "the file has more than \(ZipPackage.packageEntriesMax) parts; copy the form's sheets to a new file.")
    case .inflatesTooFar:
      LocalizedText(
        vi: "nội dung giải nén lớn hơn \(ZipPackage.partBytesMax) byte; hãy xóa các dòng và định dạng thừa.",
        en: "it inflates to more than \(ZipPackage.partBytesMax) bytes; delete the rows and formats that are not used.")
    case .notHere:
      LocalizedText(
        vi: "thiết bị này không đọc .xlsx; hãy dùng ba tệp CSV.", en: "this device does not read .xlsx; use the three CSV files.")
    case .doctype:
      LocalizedText(
        vi: "tệp có khai báo DOCTYPE nên bị từ chối; hãy lưu lại bằng chương trình bảng tính.",
        en: "the file declares a DOCTYPE and is refused; save it again in a spreadsheet program.")
    case .notUTF8:
      LocalizedText(vi: "XML không viết bằng UTF-8; hãy lưu lại dạng UTF-8.", en: "the XML is not written in UTF-8; save it as UTF-8.")
    case .notXML:
      LocalizedText(vi: "XML bị hỏng; hãy lưu lại tệp.", en: "the XML is damaged; save the file again.")
    case .tooDeep:
      LocalizedText(
        vi: "XML lồng quá \(XMLEvents.xmlDepthMax) lớp hoặc quá dài; hãy lưu lại tệp.",
        en: "the XML nests deeper than \(XMLEvents.xmlDepthMax) or is too long; save the file again.")
    case .tooManySheets:
      LocalizedText(
        vi: "có hơn \(Workbook.sheetsMax) trang; hãy bỏ bớt.", en: "there are more than \(Workbook.sheetsMax) sheets; remove some.")
    case .tooManyRows(let sheet):
      LocalizedText(
        vi: "trang \(sheet) có ô sau dòng \(Workbook.rowsMax); hãy xóa các dòng thừa.",
        en: "the sheet \(sheet) has cells beyond row \(Workbook.rowsMax); delete the rows that are not used.")
    case .tooManyColumns(let sheet):
      LocalizedText(
        vi: "trang \(sheet) có ô sau cột thứ \(Workbook.columnsMax); hãy xóa các cột thừa.",
        en: "the sheet \(sheet) has cells beyond column \(Workbook.columnsMax); delete the columns that are not used.")
    case .tooManyTexts:
      LocalizedText(
        vi: "bảng tính có hơn \(Workbook.textsMax) đoạn chữ; hãy bỏ bớt.",
        en: "there are more than \(Workbook.textsMax) texts; remove some.")
    case .tooManyAttributes:
      LocalizedText(
        vi: "một phần tử XML có hơn \(XMLEvents.xmlAttributesMax) thuộc tính; hãy lưu lại tệp.",
        en: "an element of the XML has more than \(XMLEvents.xmlAttributesMax) attributes; save the file again.")
    case .tooMuchText(let sheet):
      LocalizedText(
        vi: "trang \(sheet) có hơn \(Workbook.sheetBytesMax) byte chữ; hãy xóa các dòng thừa.",
        en: "the sheet \(sheet) holds more than \(Workbook.sheetBytesMax) bytes of text; delete the rows that are not used.")
    case .cellTooLong(let place):
      LocalizedText(
        vi: "ô \(place) dài hơn \(Workbook.cellBytesMax) byte; hãy rút ngắn.",
        en: "the cell \(place) is longer than \(Workbook.cellBytesMax) bytes; shorten it.")
    case .tooManyMerges(let sheet):
      LocalizedText(
        vi: "trang \(sheet) gộp quá nhiều ô; hãy bỏ gộp ô.", en: "the sheet \(sheet) merges too many cells; unmerge them.")
    }
  }
}
