internal import Crypto
internal import Foundation

/// A hub's secrets, in files of their own outside database and backups.
public struct HubKeys: Sendable {
  public let signing: SigningKey
  /// 32 bytes from which the keys that the devices of each unit share are derived.
  let unitSecret: Data
  /// Oldest first; new packets are encrypted to the last.
  let dropKeys: [DropKey]

  /// A key that packets are encrypted to.
  struct DropKey: Sendable {
    let key: Curve25519.KeyAgreement.PrivateKey
    /// Hub time in milliseconds.
    let madeMs: UInt64

    /// How packets name it.
    var id: String { String(key.publicKey.rawRepresentation.sha256.hex.prefix(8)) }
  }

  private struct DropFile: Codable {
    var format = 1
    var privateKey: Data
    var madeMs: UInt64?
  }

  /// Makes new keys in an empty or missing folder.
  public static func create(in folder: String, nowMs: UInt64 = 0) throws -> HubKeys {
    try makeFolder(folder)
    let secret = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
    try FileKeyStore(path: folder + "/hub.key").save(ReplicaSecrets(signingKey: SigningKey(), unitKey: secret))
    _ = try addDropKey(in: folder, nowMs: nowMs)
    return try load(from: folder)
  }

  private static func makeFolder(_ folder: String) throws {
    let manager = FileManager.default
    if let entries = try? manager.contentsOfDirectory(atPath: folder), !entries.isEmpty {
      throw SyncError(
        .keyUnusable, vi: "Thư mục khóa \(folder) đã có dữ liệu; không ghi đè.",
        en: "The key folder \(folder) is not empty; it is not overwritten.")
    }
    do {
      try manager.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw SyncError(.keyUnusable, vi: "Không tạo được thư mục \(folder).", en: "Cannot create the folder \(folder).")
    }
  }

  public static func load(from folder: String) throws -> HubKeys {
    guard let own = try FileKeyStore(path: folder + "/hub.key").load(), let secret = own.unitKey, secret.count == 32 else {
      throw SyncError(
        .keyUnusable, vi: "Không có khóa máy chủ trong \(folder); khôi phục từ bản sao khóa.",
        en: "There is no hub key in \(folder); restore it from your key copy.")
    }
    var keys: [DropKey] = []
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for file in files where file.hasPrefix("drop-") && file.hasSuffix(".key") {
      guard let data = FileManager.default.contents(atPath: folder + "/" + file), data.count <= FileKeyStore.fileBytesMax,
        let contents = try? JSONDecoder().decode(DropFile.self, from: data),
        let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: contents.privateKey)
      else {
        throw SyncError(
          .keyUnusable, vi: "Không dùng được tệp khóa \(folder)/\(file).", en: "The key file \(folder)/\(file) cannot be used.")
      }
      keys.append(DropKey(key: key, madeMs: contents.madeMs ?? 0))
    }
    guard !keys.isEmpty else {
      throw SyncError(.keyUnusable, vi: "Không có khóa nhận phiếu trong \(folder).", en: "There is no drop key in \(folder).")
    }
    keys.sort { ($0.madeMs, $0.id) < ($1.madeMs, $1.id) }
    return HubKeys(signing: own.signingKey, unitSecret: secret, dropKeys: keys)
  }

  // MARK: Drop keys

  /// Makes a key that new packets are encrypted to from now on.
  ///
  /// - Returns: Its name.
  static func addDropKey(in folder: String, nowMs: UInt64) throws -> String {
    let drop = DropKey(key: Curve25519.KeyAgreement.PrivateKey(), madeMs: nowMs)
    try write(drop, in: folder)
    return drop.id
  }

  private static func write(_ drop: DropKey, in folder: String) throws {
    let file = DropFile(privateKey: drop.key.rawRepresentation, madeMs: drop.madeMs)
    try PrivateFile.write(try JSONEncoder().encode(file), to: path(of: drop.id, in: folder))
  }

  /// Overwrites a key's file and removes it. What was encrypted to the key can never be read again, except with a copy of it.
  static func destroyDropKey(_ id: String, in folder: String) throws {
    let path = path(of: id, in: folder)
    guard let file = FileHandle(forUpdatingAtPath: path) else { return }
    do {
      let size = try file.seekToEnd()
      try file.seek(toOffset: 0)
      try file.write(contentsOf: Data(count: Int(clamping: size)))
      try file.synchronize()
      try file.close()
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw SyncError(
        .keyUnusable, vi: "Không xóa được \(path); xóa tay tệp đó.", en: "\(path) could not be removed; remove it by hand.")
    }
  }

  private static func path(of id: String, in folder: String) -> String { "\(folder)/\(DropKeyBook.fileName(of: id))" }

  func dropKey(named id: String) -> DropKey? { dropKeys.first { $0.id == id } }

  /// The key that new packets are encrypted to.
  var dropKey: WireDropKey {
    var wire = WireDropKey()
    wire.id = dropKeys.last?.id ?? ""
    wire.publicKey = dropKeys.last?.key.publicKey.rawRepresentation ?? Data()
    return wire
  }

  // MARK: On paper

  /// The keys as rows to be printed, and typed in again by hand: see `RecoveryRows`.
  public var recoveryRows: [String] {
    var rows = RecoveryRows.rows(of: signing.rawRepresentation + unitSecret, named: "H")
    for (index, drop) in dropKeys.enumerated() {
      var data = Data()
      data.append(fixed64: drop.madeMs)
      rows += RecoveryRows.rows(of: data + drop.key.rawRepresentation, named: Self.letter(index))
    }
    return rows
  }

  /// Names of drop keys on paper: A to G, then on from J; H is the hub.
  private static func letter(_ index: Int) -> String {
    let letters = Array("ABCDEFGJKLMNPQRSTUVWXYZ")
    return String(letters[index % letters.count]) + (index < letters.count ? "" : String(index / letters.count))
  }

  /// Writes the keys of a recovery sheet into an empty or missing folder.
  ///
  /// - Parameter text: The rows, in any order, with whatever stands between them.
  /// - Throws: `SyncError` naming every row that is missing or mistyped; nothing is written.
  public static func recover(_ text: String, in folder: String) throws -> HubKeys {
    let blocks = try RecoveryRows.blocks(in: text)
    guard let hub = blocks["H"], hub.count == 64, let signing = SigningKey(rawRepresentation: hub.prefix(32)) else {
      throw RecoveryRows.unreadable("H")
    }
    let drops = try blocks.filter { $0.key != "H" }.sorted { $0.key < $1.key }.map { name, data in
      var reader = ByteReader(data)
      guard data.count == 40, let madeMs = try? reader.fixed64(),
        let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: data.suffix(32))
      else { throw RecoveryRows.unreadable(name) }
      return DropKey(key: key, madeMs: madeMs)
    }
    try makeFolder(folder)
    for drop in drops { try write(drop, in: folder) }
    if drops.isEmpty { _ = try addDropKey(in: folder, nowMs: 0) }
    // Last: a folder with it is whole.
    try FileKeyStore(path: folder + "/hub.key").save(ReplicaSecrets(signingKey: signing, unitKey: Data(hub.suffix(32))))
    return try load(from: folder)
  }
}
