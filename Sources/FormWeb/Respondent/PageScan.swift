internal import Foundation

/// What a browser knows of one of our pages: its hidden fields, its controls and its buttons. Reads only pages this module wrote.
struct PageScan {
  /// Hidden fields, in order.
  private(set) var hidden: [(name: String, value: String)] = []
  /// Names of the fields of questions, in order, each once.
  private(set) var fields: [String] = []
  /// Values of the buttons.
  private(set) var buttons: Set<String> = []
  /// What is said to be wrong.
  private(set) var faults: [String] = []

  init(_ page: Data) {
    let text = String(decoding: page, as: UTF8.self)
    for part in text.split(separator: "<").dropFirst() {
      let tag = part.prefix { $0 != ">" }
      let attributes = Self.attributes(tag)
      let name = attributes["name"] ?? ""
      switch tag.prefix(while: \.isLetter) {
      case "input" where attributes["type"] == "hidden": hidden.append((name, attributes["value"] ?? ""))
      case "input", "select", "textarea":
        if !fields.contains(name) { fields.append(name) }
      case "button": buttons.insert(attributes["value"] ?? "")
      case "p" where attributes["class"] == "fault", "dd" where attributes["class"] == "fault":
        faults.append(Self.unescaped(part.dropFirst(tag.count + 1)))
      default: break
      }
    }
  }

  func value(_ name: String) -> String? { hidden.first { $0.name == name }?.value }

  private static func attributes(_ tag: Substring) -> [String: String] {
    var attributes: [String: String] = [:]
    let pieces = tag.split(separator: "\"", omittingEmptySubsequences: false)
    for place in stride(from: 0, to: pieces.count - 1, by: 2) where pieces[place].hasSuffix("=") {
      let name = pieces[place].dropLast().split(separator: " ").last ?? ""
      attributes[String(name)] = unescaped(pieces[place + 1])
    }
    return attributes
  }

  private static func unescaped(_ text: Substring) -> String {
    guard text.utf8.contains(UInt8(ascii: "&")) else { return String(text) }
    return String(text).replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"").replacing(
      "&#39;", with: "'"
    )
    .replacing("&amp;", with: "&")
  }
}
