internal import SurveyKit

/// Divides a list that may be long into pages: no table of a page has more than `rowsMax` rows, however large a province is.
struct Paging {
  struct Link {
    var link: String
    var label: String
    var isCurrent: Bool
  }

  /// Rows of one table on one page.
  static let rowsMax = 300

  /// Rows of the list that the page shows.
  let rows: Range<Int>
  /// Says which rows are shown, of how many; nil where all are.
  let position: String?
  /// Links to every page; empty where one page shows all.
  let links: [Link]

  /// - Parameters:
  ///   - count: Rows of the whole list.
  ///   - rowsMax: Rows of one page.
  ///   - page: From 1; a page past the end, which an old link may name, is the last.
  ///   - address: The address of a page, by its number.
  init(_ count: Int, page: Int?, rowsMax: Int = Self.rowsMax, _ words: Wording, address: (Int) -> String) {
    let last = max(1, (count + rowsMax - 1) / rowsMax)
    let shown = min(max(1, page ?? 1), last)
    let first = (shown - 1) * rowsMax
    rows = first..<min(count, first + rowsMax)
    guard last > 1 else {
      (position, links) = (nil, [])
      return
    }
    let (from, to, all) = (words.number(rows.lowerBound + 1), words.number(rows.upperBound), words.number(count))
    position = words.text("Dòng \(from)–\(to) trên \(all)", "Rows \(from)–\(to) of \(all)")
    links = (1...last).map { Link(link: address($0), label: words.number($0), isCurrent: $0 == shown) }
  }
}
