/// Code of an administrative unit. A code is text: `07201` keeps its zero, and names repeat while codes do not.
public struct UnitCode: RawRepresentable, Hashable, Comparable, Sendable, Codable, CodingKeyRepresentable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  /// UTF-8 bytes of a code.
  public static let bytesMax = 32

  public var rawValue: String

  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  public init(_ text: String) {
    self.init(rawValue: text)
  }

  public init(stringLiteral value: String) {
    self.init(rawValue: value)
  }

  public init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(String.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  public var description: String { rawValue }

  /// True when the code can serve as a key and a scope: 1 to `bytesMax` ASCII letters, digits, `.`, `-` or `_`. Files are named by it, and
  /// commands take it: it begins neither with a dot nor with a dash.
  public var isWellFormed: Bool {
    let bytes = rawValue.utf8
    return !bytes.isEmpty && !rawValue.hasPrefix(".") && !rawValue.hasPrefix("-") && bytes.count <= Self.bytesMax
      && bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// Orders by bytes, so that the order is the same on every machine.
  public static func < (a: UnitCode, b: UnitCode) -> Bool {
    a.rawValue.utf8.lexicographicallyPrecedes(b.rawValue.utf8)
  }
}

/// Level of a unit in its tree: the root, a group, or a commune that collects and reports. A tree has at least the root and its
/// communes; between them lie any number of levels of groups.
public enum UnitLevel: String, Sendable, Hashable, Codable, CaseIterable {
  case province
  case district
  case commune

  /// Returns whether a unit may lie directly under one of that level; nil: under none.
  public func mayLie(under level: UnitLevel?) -> Bool {
    self == .province ? level == nil : level == .province || level == .district
  }
}

/// Administrative unit, as data: nothing in the code knows a particular one.
///
/// `SurveyUnit`, because Foundation has a `Unit` and SyncKit calls transactions merged together a unit.
public struct SurveyUnit: Sendable, Hashable, Codable, Identifiable {
  /// The longest name accepted, in UTF-8 bytes.
  public static let nameBytesMax = 300

  public var code: UnitCode
  /// Name with its kind, in Unicode NFC: "Xã Phúc Sơn".
  public var name: String
  /// Kind as the source writes it: `xa`, `phuong`, `thi_tran`, `huyen` …
  public var kind: String
  public var parentCode: UnitCode?
  public var level: UnitLevel

  public var id: UnitCode { code }

  public init(code: UnitCode, name: String, kind: String, parentCode: UnitCode?, level: UnitLevel) {
    self.code = code
    self.name = name
    self.kind = kind
    self.parentCode = parentCode
    self.level = level
  }
}
