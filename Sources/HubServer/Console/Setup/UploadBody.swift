internal import FormWeb
internal import Foundation

/// Body of a posted form with a file: `multipart/form-data`, as browsers send it.
///
/// - Note: Source: RFC 7578. A part without a name, or of another shape, makes the whole body none.
enum UploadBody {
  static let contentType = "multipart/form-data"
  /// Parts of one body, at most.
  static let partsMax = 50

  /// The fields; of a file its name in `NAME-name`, and its bytes as base64. Nil when the body is not of that form.
  static func fields(_ body: Data, contentType header: String) -> FieldsBody? {
    guard header.lowercased().hasPrefix(contentType), let boundary = boundary(header) else { return nil }
    let (mark, gap) = (Data("--\(boundary)".utf8), Data("\r\n\r\n".utf8))
    guard body.starts(with: mark) else { return nil }
    var fields: [(name: String, value: String)] = []
    var rest = body.dropFirst(mark.count)
    let end = Data("\r\n".utf8) + mark
    while !rest.starts(with: Data("--".utf8)) {
      guard fields.count < partsMax * 2, rest.starts(with: Data("\r\n".utf8)), let head = rest.range(of: gap),
        let next = rest.range(of: end, in: head.upperBound..<rest.endIndex),
        let names = names(String(decoding: rest[..<head.lowerBound], as: UTF8.self))
      else { return nil }
      let value = Data(rest[head.upperBound..<next.lowerBound])
      if let file = names.file {
        fields.append((names.name + "-name", file))
        fields.append((names.name, value.base64EncodedString()))
      } else {
        guard let text = String(validating: value, as: UTF8.self), !text.contains("\0") else { return nil }
        fields.append((names.name, text))
      }
      rest = rest[next.upperBound...]
    }
    return FieldsBody(fields)
  }

  private static func boundary(_ header: String) -> String? {
    guard let start = header.range(of: "boundary=") else { return nil }
    let text = header[start.upperBound...].prefix { $0 != ";" }.filter { $0 != "\"" && !$0.isWhitespace }
    return (1...70).contains(text.utf8.count) ? text : nil
  }

  /// Names of a part's field and file.
  private static func names(_ head: String) -> (name: String, file: String?)? {
    guard let line = head.components(separatedBy: "\r\n").first(where: { $0.lowercased().hasPrefix("content-disposition: form-data") })
    else { return nil }
    func value(_ key: String) -> String? {
      guard let start = line.range(of: "; \(key)=\"") else { return nil }
      let rest = line[start.upperBound...]
      return rest.firstIndex(of: "\"").map { String(rest[..<$0]) }
    }
    return value("name").map { ($0, value("filename")) }
  }
}
