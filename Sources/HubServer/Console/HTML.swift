internal import FormWeb

/// A part of a page: what stands in the source goes out as it is, everything that is put into it is escaped. A text cannot become a part of
/// a page in any other way but `init(rendered:)`, so that no page has to remember to escape.
struct HTML: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  private(set) var text: String

  init(stringLiteral value: String) { text = value }
  init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

  /// - Parameter text: Comes from a template that escaped what was put into it.
  init(rendered text: String) { self.text = text }

  static let none: HTML = ""

  static func + (a: HTML, b: HTML) -> HTML { HTML(rendered: a.text + b.text) }

  struct Interpolation: StringInterpolationProtocol {
    fileprivate var text = ""
    private static let escaping = PageEscaping()

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity + interpolationCount * 16) }

    mutating func appendLiteral(_ literal: String) { text += literal }
    mutating func appendInterpolation(_ number: Int) { text += String(number) }
    mutating func appendInterpolation(_ part: HTML?) { if let part { text += part.text } }
    mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { text += part.text } }

    mutating func appendInterpolation(_ said: String) {
      text += said.utf8.allSatisfy(Self.isPlain) ? said : Self.escaping.escapeText(said)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: " "), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "?"), UInt8(ascii: "="):
        true
      default: false
      }
    }
  }
}
