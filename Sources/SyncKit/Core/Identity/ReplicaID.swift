internal import Crypto
public import Foundation

/// Lasting identity of a replica, one database that takes part: the first 16 bytes of the SHA-256 of its Ed25519 public key.
public struct ReplicaID: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
  /// First and last eight bytes, big endian: two integers, because identities are compared and copied with every cell.
  private let high: UInt64
  private let low: UInt64

  public static let byteCount = 16

  /// Bytes of the identity, exactly `ReplicaID.byteCount`.
  public var bytes: Data { withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Data($0) } }

  /// Makes an identity; nil unless `bytes` holds exactly 16 bytes.
  public init?(bytes: Data) {
    guard bytes.count == Self.byteCount else { return nil }
    self.init(sixteen: bytes)
  }

  /// Computes the identity of a public key (Ed25519, 32 bytes raw).
  public init(publicKey: Data) { self.init(sixteen: SHA256.hash(data: publicKey).prefix(Self.byteCount)) }

  private init(sixteen bytes: some Sequence<UInt8>) {
    let number = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    (high, low) = (UInt64(truncatingIfNeeded: number >> 64), UInt64(truncatingIfNeeded: number))
  }

  private enum CodingKeys: CodingKey {
    case bytes
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    guard let id = ReplicaID(bytes: try container.decode(Data.self, forKey: .bytes)) else {
      throw DecodingError.dataCorruptedError(forKey: .bytes, in: container, debugDescription: "\(Self.byteCount) bytes are needed")
    }
    self = id
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(bytes, forKey: .bytes)
  }

  /// Text of 32 lower-case hexadecimal digits.
  public var description: String { bytes.hex }

  /// Short text of eight digits, for tables that people read. Not an identity.
  public var short: String { String(bytes.hex.prefix(8)) }

  public static func < (a: ReplicaID, b: ReplicaID) -> Bool { a.high == b.high ? a.low < b.low : a.high < b.high }
}

extension Data {
  /// Lower-case hexadecimal digits, two for each byte.
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

  /// Parses hexadecimal digits; nil unless their number is even.
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

  package var sha256: Data { Data(SHA256.hash(data: self)) }
}

extension [UInt8] {
  package var sha256: Data { Data(SHA256.hash(data: self)) }
}
