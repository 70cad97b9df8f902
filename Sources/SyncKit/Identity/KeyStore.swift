internal import Crypto
public import Foundation

/// The secrets of one replica, kept apart from its database (L1).
public struct ReplicaSecrets: Sendable {
  public var signingKey: SigningKey
  /// 32 bytes shared by all devices of the written scope; nil before enrolment. Authenticates anonymous packets.
  public var unitKey: Data?
  /// Which of the unit's keys that is.
  var unitKeyID = UnitKeyID.first
  /// Made for an identity that the database does not carry yet: saved before anybody is told of it, so that a change of
  /// identity that broke off is taken up with the same key (L8).
  public var nextKey: SigningKey?
  /// Of identities the store had before, newest first: an old copy of the database may be put back beside a newer key file.
  public private(set) var earlierKeys: [SigningKey]

  /// Earlier keys that are kept.
  public static let earlierKeysMax = 16

  public init(signingKey: SigningKey = SigningKey(), unitKey: Data? = nil, nextKey: SigningKey? = nil, earlierKeys: [SigningKey] = []) {
    self.signingKey = signingKey
    self.unitKey = unitKey
    self.nextKey = nextKey
    self.earlierKeys = Array(earlierKeys.prefix(Self.earlierKeysMax))
  }

  /// Tells if the key was made for a store whose own key is gone, and whose certificate does not name it yet.
  var isPrepared: Bool { nextKey?.publicKey == signingKey.publicKey }

  /// Makes the key of a certificate the one in use, if it is among those known.
  ///
  /// - Returns: Whether anything changed.
  mutating func use(_ publicKey: Data) -> Bool {
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
    // One made to follow another identity than this cannot follow this one.
    nextKey = nil
    return true
  }
}

/// Where a replica's secrets live: a file beside the database, or a platform's key store.
public protocol KeyStore: Sendable {
  /// Nil when nothing was saved yet. Throws when something is there that cannot be used.
  func load() throws -> ReplicaSecrets?
  /// Replaces what was saved, durably and whole, or changes nothing.
  func save(_ secrets: ReplicaSecrets) throws
  /// A new identity's key, not saved yet.
  func makeKey() -> SigningKey
  /// Puts what is there, and cannot be used for this store, where nothing overwrites it; before `save`.
  func setAside() throws
}

extension KeyStore {
  public func makeKey() -> SigningKey { SigningKey() }
  public func setAside() throws {}
}

/// Secrets in one file that only its owner can read (mode 0600), replaced atomically.
public struct FileKeyStore: KeyStore {
  public let path: String

  /// Larger files are not ours.
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

  /// Names tried for a file that is put aside.
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

/// Files that only their owner may read, written whole or not at all.
public enum PrivateFile {
  /// Writes beside `path`, syncs, then renames over it.
  public static func write(_ data: Data, to path: String) throws {
    let temporary = path + ".new"
    func failed() -> SyncError {
      let reason = String(cString: strerror(errno))
      return SyncError(
        errno == ENOSPC ? .diskFull : .keyUnusable, vi: "Không ghi được \(path): \(reason).", en: "Cannot write \(path): \(reason).")
    }
    // A device, such as a terminal, would be replaced by a file of its name.
    var there = stat()
    if stat(path, &there) == 0, there.st_mode & S_IFMT != S_IFREG {
      throw SyncError(
        .keyUnusable, vi: "\(path) có sẵn và không phải là tệp; hãy chọn tên khác.",
        en: "\(path) is there and is not a file; choose another name.")
    }
    unlink(temporary)
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { throw failed() }
    var left = data[...]
    while !left.isEmpty {
      let written = left.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      guard written > 0 else {
        let error = failed()
        close(file)
        unlink(temporary)
        throw error
      }
      left = left.dropFirst(written)
    }
    let synced = fsync(file) == 0
    let closed = close(file) == 0
    guard synced, closed, rename(temporary, path) == 0 else {
      let error = failed()
      unlink(temporary)
      throw error
    }
    // The new name is on the disk only once its folder is.
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY)
    guard folder >= 0 else { throw failed() }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw failed() }
  }

  /// Waits until every name in a folder is on the disk, where the file system can say so.
  static func sync(folder: String) throws {
    let file = open(folder, O_RDONLY | O_CLOEXEC)
    defer { if file >= 0 { close(file) } }
    guard file >= 0, fsync(file) == 0 || [EINVAL, EROFS, ENOTSUP].contains(errno) else {
      let reason = String(cString: strerror(errno))
      throw SyncError(
        .keyUnusable, vi: "Không đọc được thư mục khóa \(folder): \(reason).", en: "Cannot read the key folder \(folder): \(reason).")
    }
  }

  /// Makes an empty file that only its owner reads. A file system without modes takes it as it takes every file.
  ///
  /// - Returns: False when it cannot be made, or is there.
  static func makeEmpty(_ path: String) -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    return file >= 0 && close(file) == 0
  }

  /// Makes a store's files readable by their owner only, where they are ours and the file system has modes; what cannot be done is
  /// left as it is.
  ///
  /// - Parameter creating: Makes the file first if it is missing: the engine's other files get its mode.
  static func protectStore(_ path: String, creating: Bool) {
    if creating { _ = makeEmpty(path) }
    for name in [path, path + "-wal", path + "-shm"] {
      var there = stat()
      guard stat(name, &there) == 0, there.st_mode & S_IFMT == S_IFREG, there.st_mode & 0o077 != 0, there.st_uid == geteuid() else {
        continue
      }
      _ = chmod(name, there.st_mode & 0o700)
    }
  }

  private static func write(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(file, bytes, count)
    #else
      Foundation.write(file, bytes, count)
    #endif
  }
}
