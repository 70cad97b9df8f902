internal import Foundation
internal import QRCodes
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// The page that holds a hub's keys on paper: as rows to type, and as a QR code of the same rows.
struct RecoverySheet {
  private let rows: [String]
  private let names: [(letters: String, id: String, form: String?)]
  private let hub: String

  /// Rows in one code: more would not fit, or be hard to scan.
  private static let rowsPerCode = 60

  init(_ keys: HubKeys) {
    rows = keys.recoveryRows
    names = keys.recoveryNames
    hub = keys.signing.replica.short
  }

  /// Path of a sheet until it is printed.
  static func path(in folder: String) -> String { SurveyHub.keysPath(in: folder) + "/recovery-sheet.html" }

  /// Writes the sheet anew after forms got keys that no earlier one has, and says so.
  static func renew(in folder: String, forms: [String], _ console: Console) throws {
    let sheet = path(in: folder)
    _ = try RecoverySheet(HubKeys.load(from: SurveyHub.keysPath(in: folder))).write(to: sheet)
    let list = forms.joined(separator: ", ")
    console.say(
      "Đã tạo khóa phiếu cho \(list): hãy in \(sheet), cất vào két rồi xóa tệp; tờ in trước chưa có khóa này.",
      "Made drop keys for \(list): print \(sheet), lock it away and delete the file; an earlier sheet lacks them.")
  }

  /// Writes the page for its owner only.
  ///
  /// - Returns: How many rows it has.
  func write(to path: String) throws -> Int {
    try PrivateFile.write(try html(), to: path)
    return rows.count
  }

  private func html() throws -> Data {
    let texts = Language.allCases.map { language in
      "<section lang=\"\(language.rawValue)\"><h2>\(Self.title(language))</h2>\n<p>\(Self.use(language))</p>\n<p>\(Self.danger(language))</p></section>"
    }
    let codes = try stride(from: 0, to: rows.count, by: Self.rowsPerCode).map { start in
      let part = rows.dropFirst(start).prefix(Self.rowsPerCode)
      return "<figure>\(String(decoding: try QRCode(part.joined(separator: "\n")).svg(), as: UTF8.self))</figure>"
    }
    let legend = names.map { "<li>\($0.letters): \($0.id) – \($0.form ?? Self.general)</li>" }
    return Data(
      """
      <!doctype html>
      <html lang="vi">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(Self.title(.vietnamese)) \(hub)</title>
      <style>\(RecoverySheetStyle.css)</style>
      </head>
      <body>
      <h1>\(hub)</h1>
      \(texts.joined(separator: "\n"))
      <pre>\(rows.joined(separator: "\n"))</pre>
      <ul>\(legend.joined(separator: "\n"))</ul>
      \(codes.joined(separator: "\n"))
      </body>
      </html>

      """.utf8)
  }

  private static let general = "chung / general"
  private static let title = LocalizedText(vi: "Tờ khôi phục khóa", en: "Recovery sheet")
  private static let use = LocalizedText(
    vi:
      "Mất thư mục khóa thì gõ các dòng dưới đây vào một tệp (hoặc quét các mã QR), rồi chạy <code>hub keys recover TỆP</code>. Chữ O và I, không phải số 0 và 1. Dòng bắt đầu bằng H là khóa của máy chủ; mỗi chữ khác là một khóa phiếu; dưới các dòng ghi khóa nào của biểu mẫu nào.",
    en:
      "Should the key folder be lost, type the rows below into a file (or scan the QR codes) and run <code>hub keys recover FILE</code>. Letters O and I, never digits 0 and 1. Rows that begin with H are the hub's own key; every other letter is a drop key; the list below them says of which form."
  )
  private static let danger = LocalizedText(
    vi: "Ai có tờ này thì mở được phiếu kín. Cất vào két; hủy một khóa phiếu thì hủy cả các dòng của nó ở đây.",
    en:
      "Whoever has this page can open anonymous answers. Lock it away; when a drop key is destroyed, destroy its rows here too.")
}
