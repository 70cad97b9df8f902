internal import Crypto
public import Foundation

/// The lasting identity of one database that takes part: the first 16 bytes of the SHA-256 of its Ed25519 public key.
public struct ReplicaID: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
  /// Exactly `ReplicaID.byteCount` bytes.
  public let bytes: Data

  public static let byteCount = 16

  /// Gives nil unless `bytes` holds exactly 16 bytes.
  public init?(bytes: Data) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = Data(bytes)
  }

  /// The identity that belongs to a public key (Ed25519, 32 bytes raw).
  public init(publicKey: Data) {
    bytes = Data(SHA256.hash(data: publicKey).prefix(Self.byteCount))
  }

  /// 32 lower-case hexadecimal digits.
  public var description: String { bytes.hex }

  /// Eight digits, for tables people read. Not an identity.
  public var short: String { String(bytes.hex.prefix(8)) }

  public static func < (a: ReplicaID, b: ReplicaID) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

extension Data {
  /// Lower-case hexadecimal digits, two a byte.
  public var hex: String {
    var text = ""
    text.reserveCapacity(count * 2)
    let digits = Array("0123456789abcdef")
    for byte in self {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return text
  }

  /// Gives nil unless `hex` is an even number of hexadecimal digits.
  public init?(hex: some StringProtocol) {
    guard hex.utf8.count % 2 == 0 else { return nil }
    var bytes = Data(capacity: hex.utf8.count / 2)
    var high: UInt8?
    for character in hex.utf8 {
      let digit: UInt8
      switch character {
      case 48...57: digit = character - 48
      case 97...102: digit = character - 87
      case 65...70: digit = character - 55
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    self = bytes
  }

  var sha256: Data { Data(SHA256.hash(data: self)) }
}

extension [UInt8] {
  var sha256: Data { Data(SHA256.hash(data: self)) }
}
