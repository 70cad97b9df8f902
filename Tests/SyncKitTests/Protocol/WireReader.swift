import Foundation

@testable import SyncCore

/// Shows protobuf bytes field by field, by the names in proto/synckit.proto: what docs/protocol.md prints beside the hex.
struct WireReader {
  private struct Field {
    var name: String
    var type: String
    var isRepeated: Bool
  }

  private var messages: [String: [UInt64: Field]] = [:]
  private var enums: [String: [UInt64: String]] = [:]

  init(proto: String) {
    var kind = ""
    for line in proto.split(separator: "\n") {
      let code = line.prefix { $0 != "/" }.replacing(";", with: " ").replacing("{", with: " ").replacing("}", with: " ")
      var words = code.split(separator: " ").map(String.init)
      if words.count >= 2, words[0] == "message" || words[0] == "enum" {
        kind = words[1]
        words.removeFirst(2)
      }
      let isRepeated = words.first == "repeated"
      if isRepeated { words.removeFirst() }
      if words.count == 4, words[2] == "=", let number = UInt64(words[3]) {
        messages[kind, default: [:]][number] = Field(name: words[1], type: words[0], isRepeated: isRepeated)
      } else if words.count == 3, words[1] == "=", let number = UInt64(words[2]) {
        enums[kind, default: [:]][number] = words[0]
      }
    }
  }

  /// - Parameter signed: What the body of a `Signed` is, by the path of field names that leads to it.
  func lines(_ bytes: Data, as message: String, signed: [String: String], path: String = "", indent: String = "") throws -> [String] {
    var reader = ByteReader(bytes)
    var rest = bytes
    var lines: [String] = []
    while !reader.isAtEnd {
      let tag = try reader.varint()
      guard var field = messages[message]?[tag >> 3] else { throw ByteReader.short }
      let place = path + "/" + field.name
      if message == "Signed", field.name == "body", let body = signed[path] { field.type = body }
      var shown: String
      var inner: [String] = []
      var head = 0
      if tag & 7 == 0 {
        let value = try reader.varint()
        shown = enums[field.type]?[value].map { "\($0) (\(value))" } ?? (field.type == "bool" ? "\(value == 1)" : "\(value)")
      } else {
        let length = try reader.varint()
        let part = try reader.take(length)
        head = part.count
        if messages[field.type] != nil {
          shown = field.type
          inner = try self.lines(Data(part), as: field.type, signed: signed, path: place, indent: indent + "  ")
        } else if field.type == "string" {
          shown = "\"\(String(decoding: part, as: UTF8.self))\""
        } else if field.type == "bytes" {
          shown = part.hex
        } else {
          var numbers = ByteReader(Data(part))
          var list: [String] = []
          while !numbers.isAtEnd { list.append("\(try numbers.varint())") }
          shown = "[" + list.joined(separator: ", ") + "]"
        }
      }
      let left = reader.count
      let used = Data(rest.prefix(rest.count - left))
      rest = Data(rest.suffix(left))
      lines.append("\(indent)\(used.prefix(used.count - head).hex) \(field.name)\(inner.isEmpty ? " = " : ": ")\(shown)")
      lines += inner
    }
    return lines
  }
}

extension ByteReader {
  fileprivate var count: Int {
    var copy = self
    var left = 0
    while !copy.isAtEnd {
      _ = try? copy.byte()
      left += 1
    }
    return left
  }
}
