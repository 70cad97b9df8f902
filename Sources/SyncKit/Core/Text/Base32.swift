package import Foundation

/// Encodes bytes as the letters A–Z and digits 2–7 (RFC 4648 without padding). A QR code stores them in few modules, and they
/// survive a chat program that changes case.
package enum Base32 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  package static func encode(_ data: Data) -> String {
    var letters: [UInt8] = []
    var (bits, count) = (UInt32(0), 0)
    for byte in data {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= 5 {
        count -= 5
        letters.append(alphabet[Int(bits >> UInt32(count) & 31)])
      }
      bits &= (1 << UInt32(count)) - 1
    }
    if count > 0 { letters.append(alphabet[Int(bits << UInt32(5 - count) & 31)]) }
    return String(decoding: letters, as: UTF8.self)
  }

  /// Decodes a text; nil for anything that `encode` would not have written, but for case.
  package static func decode(_ text: some StringProtocol) -> Data? {
    var data = Data()
    var (bits, count) = (UInt32(0), 0)
    for letter in text.utf8 {
      let upper = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(letter) ? letter - 32 : letter
      guard let value = alphabet.firstIndex(of: upper) else { return nil }
      bits = bits << 5 | UInt32(value)
      count += 5
      if count >= 8 {
        count -= 8
        data.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= (1 << UInt32(count)) - 1
      }
    }
    return count < 5 && bits == 0 ? data : nil
  }
}
