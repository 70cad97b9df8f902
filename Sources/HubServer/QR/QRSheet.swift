internal import Foundation
internal import SurveyKit
internal import SyncHub

/// The page to print from: one card of size A6 for each commune, in the order of their names.
struct QRSheet {
  struct Card: Encodable {
    var unit: String
    var name: String
    var district: String
    var link: String
    /// Name of the card's image file, without its extension.
    var file: String
  }

  let cards: [Card]
  let campaign: Campaign
  /// Title of the one form that the codes lead to; nil for the campaign's.
  let form: LocalizedText?
  let expires: CalendarDay
  /// Language of the operator; the cards have both languages.
  let language: Language

  var html: Data {
    let body = cards.map(section).joined(separator: "\n")
    return Data(
      """
      <!doctype html>
      <html lang="\(language.rawValue)">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(Self.title(language))</title>
      <style>\(QRSheetStyle.css)</style>
      </head>
      <body>
      <header><h1>\(Self.escaped(heading))</h1><p>\(Self.lead(cards.count)(language))</p></header>
      \(body)
      </body>
      </html>

      """.utf8)
  }

  private var heading: String { ([campaign.title] + (form.map { [$0] } ?? [])).map { $0(language) }.joined(separator: " – ") }

  private func section(_ card: Card) -> String {
    let lines = Language.allCases.map { "<p lang=\"\($0.rawValue)\">\(Self.scan($0)) \(Self.lastDay(expires)($0))</p>" }
    return """
      <section>
      <h2>\(Self.escaped(card.name))<small>\(Self.escaped(card.district))</small></h2>
      <img src="\(Self.escaped(card.file)).svg" alt="\(Self.escaped(card.link))">
      \(lines.joined(separator: "\n"))
      <p class="link">\(Self.escaped(card.link))</p>
      </section>
      """
  }

  private static let title = LocalizedText(vi: "Mã QR", en: "QR codes")
  private static let scan = LocalizedText(
    vi: "Quét mã để trả lời. Phiếu ẩn danh.", en: "Scan to answer. Answers are anonymous.")

  private static func lead(_ count: Int) -> LocalizedText {
    LocalizedText(vi: "\(count) mã QR, mỗi xã một mã; in khổ A6.", en: "\(count) QR codes, one for each commune; print them on A6.")
  }

  private static func lastDay(_ day: CalendarDay) -> LocalizedText {
    let vietnamese = day.description.split(separator: "-").reversed().joined(separator: "/")
    return LocalizedText(vi: "Dùng được đến hết ngày \(vietnamese).", en: "Valid through \(day).")
  }

  private static func escaped(_ text: String) -> String {
    text.printable.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
  }
}

extension String {
  /// Name in unaccented lower-case letters, digits and hyphens, for names of files: "xa-dong-hung" for "Xã Đông Hưng".
  var plainName: String {
    let letters = decomposedStringWithCanonicalMapping.lowercased().unicodeScalars.compactMap { scalar -> Character? in
      switch scalar {
      case "a"..."z", "0"..."9": Character(scalar)
      case "\u{111}": "d"  // It does not decompose.
      case _ where scalar.properties.canonicalCombiningClass != .notReordered: nil
      default: "-"
      }
    }
    return String(letters).split(separator: "-").joined(separator: "-")
  }
}
