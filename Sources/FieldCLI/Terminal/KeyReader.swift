/// Key that a person pressed.
enum Key: Equatable, Sendable {
  /// A typed character, or a mark for the one before it.
  case text(String)
  case paste(String)
  case enter
  /// Ctrl-J or Alt-Enter: a new line within a text.
  case newLine
  case tab, backTab, escape, backspace, delete, left, right, up, down, home, end, pageUp, pageDown
  /// Ctrl-U and Ctrl-W.
  case clear, deleteWord
  /// Ctrl-L, or a change of the window's size.
  case redraw
  /// Ctrl-C and Ctrl-D.
  case interrupt, endOfInput
  case unknown
}

/// Turns the bytes of a terminal into keys. UTF-8 and escape sequences may be divided anywhere.
struct KeyReader {
  /// Bytes of an escape sequence that is waited for.
  static let sequenceBytesMax = 32
  /// Bytes of a pasted text; the rest is dropped.
  static let pasteBytesMax = 64 * 1_024

  private var waiting: [UInt8] = []
  private var pasted: [UInt8]?

  /// True when the bytes so far may be the beginning of a key: a lone Escape is a key only when nothing follows soon.
  var isWaiting: Bool { !waiting.isEmpty }

  mutating func feed(_ bytes: some Sequence<UInt8>) -> [Key] {
    waiting += bytes
    return take(isAll: false)
  }

  /// Takes the waiting bytes as they are: nothing followed.
  mutating func flush() -> [Key] { take(isAll: true) }

  private mutating func take(isAll: Bool) -> [Key] {
    var keys: [Key] = []
    var rest = waiting[...]
    while let first = rest.first {
      guard let (key, length) = Self.key(rest, first, isAll: isAll) else { break }
      let bytes = rest.prefix(length)
      rest = rest.dropFirst(length)
      switch key {
      case .pasteBegins: pasted = []
      case .pasteEnds:
        if let text = pasted { keys.append(.paste(String(decoding: text, as: UTF8.self))) }
        pasted = nil
      case .key(let key):
        guard let before = pasted else {
          keys.append(key)
          continue
        }
        if before.count + bytes.count <= Self.pasteBytesMax { pasted = before + bytes }
      }
    }
    waiting = Array(rest)
    return keys
  }

  private enum Token {
    case key(Key)
    case pasteBegins, pasteEnds
  }

  /// Returns the first key and its number of bytes; nil when more must come.
  private static func key(_ bytes: ArraySlice<UInt8>, _ first: UInt8, isAll: Bool) -> (Token, Int)? {
    switch first {
    case 0x1B: return escape(Array(bytes.prefix(sequenceBytesMax + 1)), isAll: isAll)
    case 0x00..<0x20, 0x7F: return (.key(control[first] ?? .unknown), 1)
    default: return character(bytes, first, isAll: isAll)
    }
  }

  private static func character(_ bytes: ArraySlice<UInt8>, _ first: UInt8, isAll: Bool) -> (Token, Int)? {
    let length: Int
    switch first {
    case 0x20..<0x7F: length = 1
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF: length = 3
    case 0xF0...0xF4: length = 4
    default: return (.key(.unknown), 1)
    }
    let own = bytes.prefix(length)
    if let bad = own.dropFirst().firstIndex(where: { $0 & 0xC0 != 0x80 }) { return (.key(.unknown), bad - own.startIndex) }
    guard own.count == length else { return isAll ? (.key(.unknown), own.count) : nil }
    guard let text = String(validating: own, as: UTF8.self) else { return (.key(.unknown), length) }
    return (.key(.text(text)), length)
  }

  private static func escape(_ bytes: [UInt8], isAll: Bool) -> (Token, Int)? {
    guard bytes.count > 1 else { return isAll ? (.key(.escape), 1) : nil }
    switch bytes[1] {
    case UInt8(ascii: "["):
      guard let end = bytes.dropFirst(2).firstIndex(where: { (0x40...0x7E).contains($0) }) else {
        return isAll || bytes.count > sequenceBytesMax ? (.key(.unknown), bytes.count) : nil
      }
      let parameters = String(decoding: bytes[2..<end], as: UTF8.self)
      return (sequence(parameters, bytes[end]), end + 1)
    case UInt8(ascii: "O"):
      guard bytes.count > 2 else { return isAll ? (.key(.escape), 1) : nil }
      return (sequence("", bytes[2]), 3)
    case 0x0D, 0x0A: return (.key(.newLine), 2)
    default: return (.key(.escape), 1)  // Escape, and then another key quickly.
    }
  }

  private static func sequence(_ parameters: String, _ final: UInt8) -> Token {
    switch final {
    case UInt8(ascii: "A"): return .key(.up)
    case UInt8(ascii: "B"): return .key(.down)
    case UInt8(ascii: "C"): return .key(.right)
    case UInt8(ascii: "D"): return .key(.left)
    case UInt8(ascii: "H"): return .key(.home)
    case UInt8(ascii: "F"): return .key(.end)
    case UInt8(ascii: "M"): return .key(.enter)
    case UInt8(ascii: "Z"): return .key(.backTab)
    case UInt8(ascii: "~"):
      switch parameters.split(separator: ";").first {
      case "1", "7": return .key(.home)
      case "4", "8": return .key(.end)
      case "3": return .key(.delete)
      case "5": return .key(.pageUp)
      case "6": return .key(.pageDown)
      case "200": return .pasteBegins
      case "201": return .pasteEnds
      default: return .key(.unknown)
      }
    default: return .key(.unknown)
    }
  }

  private static let control: [UInt8: Key] = [
    0x01: .home, 0x02: .left, 0x03: .interrupt, 0x04: .endOfInput, 0x05: .end, 0x06: .right, 0x08: .backspace, 0x09: .tab, 0x0A: .newLine,
    0x0C: .redraw, 0x0D: .enter, 0x0E: .down, 0x10: .up, 0x15: .clear, 0x17: .deleteWord, 0x7F: .backspace,
  ]
}
