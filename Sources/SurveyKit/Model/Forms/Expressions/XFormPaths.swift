internal import SyncCore

/// Turns the paths of an XForm's rule back into `${name}`, as its author wrote them.
struct XFormPaths {
  let root: String
  /// Path of the item whose rule it is.
  let base: String
  /// By path, the name of an item.
  let names: [String: String]

  /// Longest rule that is looked at, in bytes: paths are longer than the names that they become.
  static let sourceBytesMax = 4 * FormExpression.expressionBytesMax

  /// - Returns: The source itself where it is too long for a rule in any case.
  func withReferences(_ source: String) -> String {
    guard source.utf8.count <= Self.sourceBytesMax else { return source }
    var out = ""
    let characters = Array(source)
    var index = 0
    while index < characters.count {
      let character = characters[index]
      if character == "'" || character == "\"" {
        let end = characters[(index + 1)...].firstIndex(of: character) ?? characters.count - 1
        let text = String(characters[(index + 1)..<max(end, index + 1)])
        let inner = text.trimmingWhitespace
        out.append(character)
        out += inner.hasPrefix("/\(root)/") && reference(inner) != nil ? reference(inner) ?? text : text
        if end > index { out.append(characters[end]) }
        index = end + 1
        continue
      }
      guard let path = Self.path(characters, at: index), let reference = reference(path) else {
        // A path that names nothing holds none that does: all end alike.
        let rest = Self.path(characters, at: index) ?? String(character)
        out += rest
        index += rest.count
        continue
      }
      index += path.count
      // pyxform puts a space on either side of each path.
      if out.last == " ", index < characters.count, characters[index] == " " {
        out.removeLast()
        index += 1
      } else if out.last == " ", index == characters.count {
        out.removeLast()
      }
      out += reference
    }
    return out
  }

  /// A path that begins here: `/data/…`, `../…` or `current()/…`.
  private static func path(_ characters: [Character], at start: Int) -> String? {
    let rest = characters[start...]
    let isStart = rest.starts(with: "../") || rest.starts(with: "current()/") || rest.first == "/"
    let before = start > 0 ? characters[start - 1] : " "
    guard isStart, !isStep(before), before != ")" else { return nil }
    let head = rest.starts(with: "current()/") ? 9 : 0
    return String(rest.prefix(head)) + String(rest.dropFirst(head).prefix { isStep($0) || $0 == "/" })
  }

  private static func isStep(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "_-.".contains(character)
  }

  private func reference(_ path: String) -> String? {
    guard let last = path.split(separator: "/").last.map(String.init), FormName.isValid(last) else { return nil }
    let name = names[path.hasPrefix("/") ? path : Self.absolute(path, from: base)] ?? last
    return "${\(name)}"
  }

  private static func absolute(_ path: String, from base: String) -> String {
    var parts = base.split(separator: "/").map(String.init)
    for step in path.split(separator: "/") where step != "current()" && step != "." {
      if step == ".." { _ = parts.popLast() } else { parts.append(String(step)) }
    }
    return "/" + parts.joined(separator: "/")
  }
}

/// Sentences about parts of an XForm that are carried out otherwise than written.
enum XFormMessage {
  static let dayOnly = LocalizedText(
    vi: "chỉ ngày của phiếu được ghi, không ghi giờ.", en: "the day of the answers is taken, without a time.")
  static let notKnown = LocalizedText(
    vi: "máy không ghi thông tin này; giá trị để trống.", en: "this is not recorded here; its value is blank.")
  static let notAsked = LocalizedText(
    vi: "required và constraint không có tác dụng ở mục không ai trả lời.",
    en: "required and constraint have no effect where nobody answers.")
  static let noLabel = LocalizedText(
    vi: "thiếu nhãn; tên được hiện thay.", en: "the label is missing; the name is shown instead.")
  static let plainly = LocalizedText(
    vi: "cách hiển thị này không có ở đây; câu được hỏi theo cách thông thường.",
    en: "this appearance is not shown here; the question is asked plainly.")
}
