internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Paper on which a unit's code is printed.
enum PrintPaper: String, CaseIterable {
  /// A4, to hang on a wall.
  case poster
  /// A6, to hand out.
  case card
}

/// Pages to print from: the code of each unit with the survey, the group and the unit named, in the order that is given.
struct PrintSheet {
  struct Item {
    let unit: UnitCode
    let name: String
    let group: String
    let link: String
    let svg: HTML
  }

  let paper: PrintPaper
  let title: LocalizedText
  let expires: CalendarDay
  let items: [Item]
  let query: ConsoleQuery
  /// Says which units these are, with links to the others; nil where all are.
  var paging: HTML?
  /// Leads back to the choice.
  let back: String

  private var words: Wording { query.words }

  var page: String {
    let sections: [HTML] = items.map(section)
    let count = words.number(items.count)
    let lead =
      paper == .poster
      ? words.text("\(count) áp phích A4, mỗi đơn vị một trang.", "\(count) posters of size A4, a page for each unit.")
      : words.text("\(count) thẻ A6, mỗi đơn vị một trang.", "\(count) cards of size A6, a page for each unit.")
    let page: HTML = """
      <!doctype html>
      <html lang="\(query.language.rawValue)">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(words.text("Mã QR", "QR codes")) – \(title(query.language))</title>
      <link rel="stylesheet" href="/print-\(paper.rawValue).css">
      <link rel="icon" href="/icon.svg">
      </head>
      <body>
      <header><h1>\(title(query.language))</h1><p>\(lead) \(words.text("In bằng lệnh in của trình duyệt (Ctrl+P).", "Print with the browser's command (Ctrl+P)."))</p>\(paging)<p><a href="\(back)">\(words.text("Chọn lại", "Choose again"))</a></p></header>
      <main>
      \(sections)</main>
      </body>
      </html>

      """
    return page.text
  }

  private static let scan = LocalizedText(
    vi: "Quét mã để trả lời. Phiếu ẩn danh.", en: "Scan to answer. Answers are anonymous.")

  private var validity: LocalizedText {
    let day = expires.description.split(separator: "-").reversed().joined(separator: "/")
    return LocalizedText(vi: "Dùng được đến hết ngày \(day).", en: "Valid through \(expires).")
  }

  /// The print speaks Vietnamese first and English below, whatever language the operator reads.
  private func section(_ item: Item) -> HTML {
    """
    <section>
    <p class="survey" lang="vi">\(title.vi)</p>
    <h2 lang="vi">\(item.name)<small>\(item.group)</small></h2>
    <div class="qr" role="img" aria-label="\(words.text("Mã QR của \(item.name)", "QR code of \(item.name)"))">\(item.svg)</div>
    <p class="scan" lang="vi">\(Self.scan.vi)</p>
    <p lang="vi">\(validity.vi)</p>
    <p class="second" lang="en">\(Self.scan.en) \(validity.en)</p>
    <p class="code">\(item.unit.rawValue) <b>\(FormAddress.shortCode(of: item.link))</b></p>
    <p class="link">\(item.link)</p>
    </section>

    """
  }
}
