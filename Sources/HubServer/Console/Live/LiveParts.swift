internal import Foundation

/// Parts of a page that change while somebody looks: elements by their ids, and the order of the children of its lists.
struct LiveParts: Sendable, Equatable {
  private(set) var parts: [String: Substring] = [:]
  private(set) var lists: [String: [String]] = [:]

  /// Finds the parts that `HTML.live` and `HTML.liveList` marked in a page.
  init(page: String) {
    var list: String?
    var rest = page[...]
    while let begin = rest.range(of: "<!--") {
      rest = rest[begin.upperBound...]
      guard let end = rest.range(of: "-->") else { return }
      let mark = rest[..<end.lowerBound]
      rest = rest[end.upperBound...]
      if mark.hasPrefix("(") {
        let name = String(mark.dropFirst().dropLast())
        list = name.isEmpty ? nil : name
        if let list { lists[list] = [] }
      } else if mark.hasPrefix("["), let close = rest.range(of: "<!--[]-->") {
        let id = String(mark.dropFirst().dropLast())
        parts[id] = rest[..<close.lowerBound]
        if let list { lists[list, default: []].append(id) }
        rest = rest[close.upperBound...]
      }
    }
  }

  /// Lists the parts that changed since `earlier`; nil when nothing has.
  func change(since earlier: LiveParts?) -> Change? {
    guard let earlier else { return Change(parts: parts.mapValues(String.init), lists: lists) }
    let changed = parts.filter { earlier.parts[$0.key] != $0.value }
    let moved = lists.filter { earlier.lists[$0.key] != $0.value }
    return changed.isEmpty && moved.isEmpty ? nil : Change(parts: changed.mapValues(String.init), lists: moved)
  }

  struct Change: Encodable, Equatable {
    var parts: [String: String]
    var lists: [String: [String]]
  }
}

extension HTML {
  /// Marks the element with this id as a part that is replaced while somebody looks at the page. Parts do not lie in one another.
  static func live(_ id: String, _ element: HTML) -> HTML { "<!--[\(id)]-->\(element)<!--[]-->" }

  /// Makes a part of a page out of whatever stands in it.
  static func live(block id: String, _ content: HTML?) -> HTML { live(id, "<div id=\"\(id)\">\(content)</div>") }
  static func live(inline id: String, _ content: HTML?) -> HTML { live(id, "<span id=\"\(id)\">\(content)</span>") }

  /// Marks the children of the element with this id: they come and go, and change their order.
  static func liveList(_ id: String, _ children: [(id: String, element: HTML)]) -> HTML {
    let marked: [HTML] = children.map { live($0.id, $0.element) }
    return "<!--(\(id))-->\(marked)<!--()-->"
  }
}
