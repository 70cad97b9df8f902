public import SyncCore

/// Fault of a CSV file or one of its records, with its place.
public struct CSVFault: ExplainedError, Hashable {
  public enum Kind: Sendable, Hashable {
    case fileTooLarge, empty
    case columnTwice(String)
    case fieldCount(expected: Int, found: Int)
    /// The file ends within the record.
    case cutShort
    /// A cell without a heading, in the column of that number.
    case unnamedColumn(Int)
    case strayQuote, openQuote, notUTF8, fieldTooLong, recordTooLong, tooManyFields
    /// Too many quotes are broken, so the rest of the file was not read.
    case restUnread
    /// A `?` stands where the program that saved the file may have had a letter.
    case lostLetters
    case notUTF16
    /// The file is written in UTF-8, although a code page was stated.
    case isUTF8
    /// The letters fit two code pages: the same text in windows-1258, and in windows-1252.
    case twoCodePages(String, String)
    /// A workbook cannot be read, with the reason.
    case workbook(LocalizedText)
    /// A cell of a workbook holds an error, such as `#REF!`.
    case errorCell(String)
  }

  /// Line where the record begins; the first line is 1.
  public let line: Int
  public let kind: Kind

  public var explanation: LocalizedText {
    let detail = detail
    return LocalizedText(vi: "Dòng \(line): \(detail.vi)", en: "Line \(line): \(detail.en)")
  }

  private var detail: LocalizedText {
    switch kind {
    case .fileTooLarge:
      let most = CSVReader.csvFileBytesMax / 1_048_576
      return LocalizedText(vi: "tệp lớn hơn \(most) MiB; hãy chia nhỏ tệp.", en: "the file is larger than \(most) MiB; split it.")
    case .empty:
      return LocalizedText(vi: "tệp trống; cần có dòng tiêu đề cột.", en: "the file is empty; it needs a row of column names.")
    case .columnTwice(let name):
      return LocalizedText(vi: "cột \"\(name)\" có hai lần; hãy bỏ một cột.", en: "the column \"\(name)\" is there twice; remove one.")
    case .fieldCount(let expected, let found):
      return LocalizedText(
        vi: "có \(found) ô, tiêu đề có \(expected) cột; kiểm tra dấu phân cách và dấu ngoặc kép.",
        en: "\(found) fields where the header has \(expected); check separators and quotes.")
    case .cutShort:
      return LocalizedText(
        vi: "tệp kết thúc giữa chừng dòng này; hãy chép lại tệp cho đủ.",
        en: "the file ends in the middle of this row; copy it again, whole.")
    case .unnamedColumn(let number):
      return LocalizedText(
        vi: "cột thứ \(number) có chữ mà tiêu đề trống; hãy đặt tên cột hoặc xóa ô.",
        en: "column \(number) holds something under an empty heading; name the column or clear the cell.")
    case .strayQuote:
      return LocalizedText(
        vi: "dấu ngoặc kép đặt sai chỗ; bọc cả ô trong ngoặc kép và viết đôi dấu bên trong.",
        en: "a quote is out of place; wrap the whole field in quotes and double those inside it.")
    case .openQuote:
      return LocalizedText(
        vi: "dấu ngoặc kép mở mà không đóng; hãy thêm dấu đóng.", en: "a quote opens and never closes; add the closing quote.")
    case .restUnread:
      let most = CSVReader.csvRecoveriesMax
      return LocalizedText(
        vi: "hơn \(most) dấu ngoặc kép mở mà không đóng; từ dòng này đến hết tệp chưa đọc. Hãy sửa tệp rồi nhập lại.",
        en:
          "more than \(most) quotes open and never close; from this line to the end nothing was read. Correct the file and import it again."
      )
    case .notUTF8:
      return LocalizedText(
        vi:
          "chữ không phải UTF-8; trong Excel hãy lưu lại dạng “CSV UTF-8”. Chữ châu Âu của Windows thì đọc được bằng --encoding windows-1252; tệp lưu trên máy Mac kiểu cũ phải lưu lại.",
        en:
          "its letters are not UTF-8; in Excel, save the file again as “CSV UTF-8”. Western letters of Windows can be read with --encoding windows-1252; a file in an old Mac encoding must be saved again."
      )
    case .notUTF16:
      return LocalizedText(
        vi: "tệp UTF-16 bị hỏng hoặc bị cắt; hãy chép hoặc lưu lại tệp.",
        en: "the UTF-16 file is damaged or cut short; copy or save it again.")
    case .isUTF8:
      return LocalizedText(
        vi: "tệp viết bằng UTF-8, không phải bảng mã đã nêu; hãy bỏ --encoding.",
        en: "the file is in UTF-8 and not in the code page stated; leave out --encoding.")
    case .twoCodePages(let one, let other):
      return LocalizedText(
        vi:
          "tệp không phải UTF-8, và một chữ có thể là “\(one)” (windows-1258) hoặc “\(other)” (windows-1252); thêm --encoding windows-1258 hay windows-1252, hoặc trong Excel lưu lại dạng “CSV UTF-8”.",
        en:
          "the file is not UTF-8, and a letter may be “\(one)” (windows-1258) or “\(other)” (windows-1252); add --encoding windows-1258 or windows-1252, or save it in Excel again as “CSV UTF-8”."
      )
    case .lostLetters:
      return LocalizedText(
        vi: "dấu “?” có thể là chữ bị mất khi lưu theo bảng mã cũ; trong Excel hãy lưu lại dạng “CSV UTF-8”, hoặc sửa dòng này.",
        en:
          "a “?” may stand for a letter lost when the file was saved in a code page; in Excel, save it as “CSV UTF-8”, or correct the row.")
    case .workbook(let why): return why
    case .errorCell(let error):
      return LocalizedText(vi: "một ô có lỗi \(error); hãy sửa công thức.", en: "a cell holds the error \(error); correct its formula.")
    case .fieldTooLong:
      let most = CSVReader.csvFieldBytesMax
      return LocalizedText(vi: "một ô dài hơn \(most) byte; hãy rút ngắn.", en: "a field is longer than \(most) bytes; shorten it.")
    case .recordTooLong:
      let most = CSVReader.csvRecordBytesMax
      return LocalizedText(
        vi: "một dòng dữ liệu dài hơn \(most) byte; hãy rút ngắn.", en: "a record is longer than \(most) bytes; shorten it.")
    case .tooManyFields:
      let most = CSVReader.csvFieldsMax
      return LocalizedText(vi: "có hơn \(most) ô; hãy bớt cột.", en: "more than \(most) fields; use fewer columns.")
    }
  }
}
