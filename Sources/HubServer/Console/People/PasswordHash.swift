internal import Crypto
internal import CryptoExtras
internal import Foundation
internal import SyncHub

/// A password as it is kept: its scrypt key with salt and cost, so that the cost can be raised later.
struct PasswordHash {
  /// Characters of a password, at least and at most.
  static let lengthMin = 10
  static let lengthMax = 200

  private static let (rounds, blockSize, bytes) = (1 << 15, 8, 32)

  /// `scrypt$ROUNDS$BLOCK$SALT$KEY`
  static func encode(_ password: String) throws -> String {
    let salt = Data((0..<16).map { _ in UInt8.random(in: .min ... .max) })
    let key = try derive(password, salt: salt, rounds: rounds, blockSize: blockSize)
    return ["scrypt", String(rounds), String(blockSize), salt.base64EncodedString(), key.base64EncodedString()].joined(separator: "$")
  }

  /// Takes as long for a name that nobody has as for a wrong password.
  ///
  /// - Parameter kept: nil where there is nobody of that name.
  static func matches(_ password: String, _ kept: String?) throws -> Bool {
    let parts = (kept ?? "").split(separator: "$").map(String.init)
    guard parts.count == 5, parts[0] == "scrypt", let rounds = Int(parts[1]), let block = Int(parts[2]), (2...1 << 20).contains(rounds),
      (1...64).contains(block), let salt = Data(base64Encoded: parts[3]), let key = Data(base64Encoded: parts[4])
    else {
      _ = try derive(password, salt: Data(count: 16), rounds: Self.rounds, blockSize: blockSize)
      return false
    }
    let derived = try derive(password, salt: salt, rounds: rounds, blockSize: block)
    return zip(derived, key).reduce(UInt8(derived.count == key.count ? 0 : 1)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func derive(_ password: String, salt: Data, rounds: Int, blockSize: Int) throws -> Data {
    let text = Data(password.precomposedStringWithCanonicalMapping.utf8)
    let key = try KDF.Scrypt.deriveKey(
      from: text, salt: salt, outputByteCount: bytes, rounds: rounds, blockSize: blockSize, parallelism: 1)
    return key.withUnsafeBytes { Data($0) }
  }
}

/// Looks at passwords one after the other, so that guessing takes neither the machine nor its memory, and slows down whoever guesses: by the address
/// that guesses, never by the name alone, since a stranger elsewhere would keep its owner out; and one name from an address sooner than the address,
/// behind which an office may sit.
actor PasswordDesk {
  private struct Failures {
    var count = 0
    var until = ContinuousClock.now
  }

  private var failures: [String: Failures] = [:]

  /// Wrong passwords for one name from one address that cost no waiting, and such for any name.
  static let (freeMax, addressFreeMax) = (5, 30)
  /// Longest time somebody waits after a wrong password.
  static let waitMax = Duration.seconds(900)
  /// Names and addresses that are remembered.
  static let rememberedMax = 10_000

  enum Verdict: Equatable {
    case right
    case wrong
    case wait(seconds: Int)
  }

  /// - Parameters:
  ///   - name: Folded.
  ///   - source: The address that asks.
  ///   - kept: The password as it is kept.
  func judge(_ password: String, name: String, source: String, kept: String?) throws -> Verdict {
    let bounds = ["\(source) \(name)": Self.freeMax, source: Self.addressFreeMax]
    let waits = bounds.compactMap { key, free in failures[key].flatMap { $0.count >= free ? $0.until - .now : nil } }
    let wait = waits.max() ?? .zero
    guard wait <= .zero else { return .wait(seconds: max(1, Int(wait.components.seconds))) }
    guard password.count <= PasswordHash.lengthMax, try PasswordHash.matches(password, kept) else {
      for (key, free) in bounds { fail(key, free: free) }
      return .wrong
    }
    failures["\(source) \(name)"] = nil
    return .right
  }

  private func fail(_ key: String, free: Int) {
    if failures.count >= Self.rememberedMax, failures[key] == nil { failures = failures.filter { $0.value.until > .now } }
    guard failures.count < Self.rememberedMax || failures[key] != nil else { return }
    var known = failures[key] ?? Failures()
    if .now - known.until > Self.waitMax { known.count = 0 }
    known.count += 1
    // Doubles from ten seconds on.
    let over = min(max(0, known.count - free), 7)
    known.until = .now + min(Self.waitMax, .seconds(10 << over))
    failures[key] = known
  }
}
