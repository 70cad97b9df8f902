/// Cell of a page's table: words first, an icon beside them, colour last.
struct PageCell {
  var value: String
  var detail: String?
  var icon: String?
  var style = "n"
  var span: Int?
  var meter: Int?
}

struct PageColumn {
  var label: String
  var isNumber = true
  /// Tells if the item says more than a word or two, and needs width for that.
  var isLong: Bool { label.count > Self.shortMax }

  private static let shortMax = 20
}
