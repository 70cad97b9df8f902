internal import Foundation
internal import SyncKit

/// The page that holds a hub's keys on paper: as rows to type, and as a QR code of the same rows.
struct RecoverySheet {
  private let rows: [String]
  private let hub: String

  init(_ keys: HubKeys) {
    rows = keys.recoveryRows
    hub = keys.signing.replica.short
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
    let code = String(decoding: try QRCode(rows.joined(separator: "\n")).svg(), as: UTF8.self)
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
      <figure>\(code)</figure>
      </body>
      </html>

      """.utf8)
  }

  private static let title = LocalizedText(vi: "Tờ khôi phục khóa", en: "Recovery sheet")
  private static let use = LocalizedText(
    vi:
      "Mất thư mục khóa thì gõ các dòng dưới đây vào một tệp (hoặc quét mã QR), rồi chạy <code>hub keys recover TỆP</code>. Chữ O và I, không phải số 0 và 1. Dòng bắt đầu bằng H là khóa của máy chủ; mỗi chữ khác là một khóa phiếu.",
    en:
      "Should the key folder be lost, type the rows below into a file (or scan the QR code) and run <code>hub keys recover FILE</code>. Letters O and I, never digits 0 and 1. Rows that begin with H are the hub's own key; every other letter is a drop key."
  )
  private static let danger = LocalizedText(
    vi: "Ai có tờ này thì mở được phiếu kín. Cất vào két; hủy một khóa phiếu thì hủy cả các dòng của nó ở đây.",
    en:
      "Whoever has this page can open anonymous answers. Lock it away; when a drop key is destroyed, destroy its rows here too.")
}
