internal import Foundation
internal import SurveyKit
internal import SyncKit

/// The page to print from: one card of size A6 for each commune, in the order of their names.
struct QRSheet {
  struct Card: Encodable {
    var unit: String
    var name: String
    var district: String
    var link: String
    /// Without its extension.
    var file: String
  }

  static func html(_ cards: [Card], campaign: Campaign, expires: CalendarDay) -> Data {
    let last = expires.description.split(separator: "-").reversed().joined(separator: "/")
    let body = cards.map { card in
      """
      <section>
      <h2>\(escape(card.name))<small>\(escape(card.district))</small></h2>
      <img src="\(escape(card.file)).svg" alt="\(escape(card.link))">
      <p>Quét mã để trả lời. Phiếu ẩn danh.<br><span lang="en">Scan to answer. Answers are anonymous.</span></p>
      <p class="link">\(escape(card.link))</p>
      <p class="small">Dùng được đến hết ngày \(last)</p>
      </section>
      """
    }
    return Data(
      """
      <!doctype html>
      <html lang="vi">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Mã QR – \(escape(campaign.province.name))</title>
      <style>\(css)</style>
      </head>
      <body>
      <header><h1>\(escape(campaign.title(.vietnamese)))</h1><p>\(cards.count) mã QR, mỗi xã một mã; in khổ A6.</p></header>
      \(body.joined(separator: "\n"))
      </body>
      </html>

      """.utf8)
  }

  private static let css = """
    @page { size: 105mm 148mm; margin: 6mm; }
    body { font: 11pt/1.35 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; margin: 0 auto; max-width: 80rem; text-align: center; color: #000; background: #fff; }
    section { display: inline-block; vertical-align: top; width: 93mm; padding: 4mm; margin: 2mm; border: 1px solid #999; border-radius: 2mm; break-inside: avoid; }
    h1 { font-size: 14pt; } h2 { font-size: 15pt; line-height: 1.2; margin: 0 0 2mm; } h2 small { display: block; font-size: 11pt; font-weight: 400; }
    img { width: 70mm; height: 70mm; } p { margin: 1mm 0; }
    .link { font: 8pt/1.3 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; } .small { font-size: 8pt; }
    @media print { header { display: none; } body { max-width: none; } section { display: block; width: auto; border: 0; margin: 0; padding: 0; break-after: page; } }
    """

  private static func escape(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
  }
}

extension String {
  /// In unaccented lower-case letters, digits and hyphens, for names of files: "Xã Đông Hưng" is "xa-dong-hung".
  var plainName: String {
    let letters = decomposedStringWithCanonicalMapping.lowercased().unicodeScalars.compactMap { scalar -> Character? in
      switch scalar {
      case "a"..."z", "0"..."9": Character(scalar)
      case "đ": "d"
      case _ where scalar.properties.canonicalCombiningClass != .notReordered: nil
      default: "-"
      }
    }
    return String(letters).split(separator: "-").joined(separator: "-")
  }
}
