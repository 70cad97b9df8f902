internal import Crypto
public import Foundation
public import SyncCore

/// Secrets of one replica, kept apart from its database (L1).
public struct ReplicaSecrets: Sendable {
  public var signingKey: SigningKey
  /// Secret of 32 bytes shared by all devices of the written scope; nil before enrolment. Authenticates anonymous packets.
  public var unitKey: Data?
  /// Name of the unit key.
  package var unitKeyID = UnitKeyID.first
  /// Key of an identity that the database does not carry yet. Saved before the hub is told of it, so that an interrupted change of
  /// identity continues with the same key (L8).
  public var nextKey: SigningKey?
  /// Keys of the store's earlier identities, newest first: an old copy of the database may be put back beside a newer key file.
  public private(set) var earlierKeys: [SigningKey]

  /// Earlier keys that are kept.
  public static let earlierKeysMax = 16

  public init(signingKey: SigningKey = SigningKey(), unitKey: Data? = nil, nextKey: SigningKey? = nil, earlierKeys: [SigningKey] = []) {
    self.signingKey = signingKey
    self.unitKey = unitKey
    self.nextKey = nextKey
    self.earlierKeys = Array(earlierKeys.prefix(Self.earlierKeysMax))
  }

  /// True when the key was made for a store whose own key is gone, and no certificate names it yet.
  package var isPrepared: Bool { nextKey?.publicKey == signingKey.publicKey }

  /// Makes the key of a certificate the one in use, if it is known.
  ///
  /// - Returns: Whether anything changed.
  package mutating func use(_ publicKey: Data) -> Bool {
    if signingKey.publicKey == publicKey, isPrepared {
      nextKey = nil
      return true
    }
    guard signingKey.publicKey != publicKey,
      let key = ([nextKey].compactMap { $0 } + earlierKeys).first(where: { $0.publicKey == publicKey })
    else { return false }
    earlierKeys.removeAll { $0.publicKey == publicKey }
    earlierKeys = Array(([signingKey] + earlierKeys).prefix(Self.earlierKeysMax))
    signingKey = key
    // Drops the next key: it was made to succeed another identity.
    nextKey = nil
    return true
  }
}

/// Storage of a replica's secrets: a file beside the database, or a platform's key store.
public protocol KeyStore: Sendable {
  /// Returns the saved secrets; nil when nothing was saved yet.
  ///
  /// - Throws: An error when something is there that cannot be used.
  func load() throws -> ReplicaSecrets?
  /// Replaces what was saved, durably and whole, or changes nothing.
  func save(_ secrets: ReplicaSecrets) throws
  /// Returns a new identity's key, not saved yet.
  func makeKey() -> SigningKey
  /// Moves secrets that cannot be used for this store to a safe name, so that `save` does not overwrite them.
  func setAside() throws
}

extension KeyStore {
  public func makeKey() -> SigningKey { SigningKey() }
  public func setAside() throws {}
}

/// Secrets in one file that only its owner can read (mode 0600), replaced atomically.
public struct FileKeyStore: KeyStore {
  public let path: String

  /// Bytes of a key file; larger files are not ours.
  public static let fileBytesMax = 4096

  private struct Contents: Codable {
    var format = 1
    var privateKey: Data
    var unitKey: Data?
    var unitKeyID: Data?
    var nextKey: Data?
    var earlierKeys: [Data]?
  }

  public init(path: String) { self.path = path }

  public func load() throws -> ReplicaSecrets? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    guard let data = FileManager.default.contents(atPath: path), data.count <= Self.fileBytesMax,
      let contents = try? JSONDecoder().decode(Contents.self, from: data), contents.format == 1,
      let key = SigningKey(rawRepresentation: contents.privateKey)
    else {
      throw SyncError(
        .keyUnusable,
        vi: "Tệp khóa \(path) bị hỏng, hoặc chương trình không được đọc nó. Khôi phục tệp đó từ bản sao; đừng xóa cơ sở dữ liệu.",
        en: "The key file \(path) is damaged, or this program may not read it. Restore it from a copy; do not delete the database.")
    }
    var secrets = ReplicaSecrets(
      signingKey: key, unitKey: contents.unitKey, nextKey: contents.nextKey.flatMap(SigningKey.init(rawRepresentation:)),
      earlierKeys: (contents.earlierKeys ?? []).compactMap(SigningKey.init(rawRepresentation:)))
    secrets.unitKeyID = contents.unitKeyID.flatMap(UnitKeyID.init) ?? .first
    return secrets
  }

  /// Names tried for a file that is moved.
  private static let asideMax = 1000

  /// Renames the file to `….aside`, `….aside-2` and so on: it may be another device's only key.
  public func setAside() throws {
    var there = stat()
    guard lstat(path, &there) == 0 else { return }
    for number in 1...Self.asideMax {
      let name = path + (number == 1 ? ".aside" : ".aside-\(number)")
      guard lstat(name, &there) != 0 else { continue }
      if rename(path, name) == 0 { return }
      let reason = String(cString: strerror(errno))
      throw SyncError(
        .keyUnusable, vi: "Không dời được tệp khóa \(path): \(reason).", en: "The key file \(path) cannot be put aside: \(reason).")
    }
    throw SyncError(
      .keyUnusable, vi: "Có quá nhiều tệp \(path).aside; hãy dời bớt đi.", en: "There are too many files \(path).aside; move some away.")
  }

  public func save(_ secrets: ReplicaSecrets) throws {
    let earlier = secrets.earlierKeys.map(\.rawRepresentation)
    let contents = Contents(
      privateKey: secrets.signingKey.rawRepresentation, unitKey: secrets.unitKey,
      unitKeyID: secrets.unitKeyID == .first ? nil : secrets.unitKeyID.bytes, nextKey: secrets.nextKey?.rawRepresentation,
      earlierKeys: earlier.isEmpty ? nil : earlier)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try PrivateFile.write(try encoder.encode(contents), to: path)
  }
}
