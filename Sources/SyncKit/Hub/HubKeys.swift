internal import Crypto
internal import Foundation

/// A hub's secrets, in files of their own outside database and backups.
public struct HubKeys: Sendable {
  public let signing: SigningKey
  /// 32 bytes from which the keys that the devices of each unit share are derived.
  let unitSecret: Data
  let dropKeys: [String: Curve25519.KeyAgreement.PrivateKey]
  /// The key that new packets are encrypted to.
  let currentDropKey: String

  private struct DropFile: Codable {
    var format = 1
    var privateKey: Data
  }

  /// Makes new keys in an empty or missing folder.
  public static func create(in folder: String) throws -> HubKeys {
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
    let secret = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
    try FileKeyStore(path: folder + "/hub.key").save(ReplicaSecrets(signingKey: SigningKey(), unitKey: secret))
    let drop = Curve25519.KeyAgreement.PrivateKey()
    let data = try JSONEncoder().encode(DropFile(privateKey: drop.rawRepresentation))
    try PrivateFile.write(data, to: folder + "/drop-\(name(of: drop)).key")
    return try load(from: folder)
  }

  public static func load(from folder: String) throws -> HubKeys {
    guard let own = try FileKeyStore(path: folder + "/hub.key").load(), let secret = own.unitKey, secret.count == 32 else {
      throw SyncError(
        .keyUnusable, vi: "Không có khóa máy chủ trong \(folder); khôi phục từ bản sao khóa.",
        en: "There is no hub key in \(folder); restore it from your key copy.")
    }
    var keys: [String: Curve25519.KeyAgreement.PrivateKey] = [:]
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for file in files.sorted() where file.hasPrefix("drop-") && file.hasSuffix(".key") {
      guard let data = FileManager.default.contents(atPath: folder + "/" + file), data.count <= FileKeyStore.fileBytesMax,
        let contents = try? JSONDecoder().decode(DropFile.self, from: data),
        let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: contents.privateKey)
      else {
        throw SyncError(
          .keyUnusable, vi: "Không dùng được tệp khóa \(folder)/\(file).", en: "The key file \(folder)/\(file) cannot be used.")
      }
      keys[name(of: key)] = key
    }
    guard let current = keys.keys.sorted().last else {
      throw SyncError(.keyUnusable, vi: "Không có khóa nhận phiếu trong \(folder).", en: "There is no drop key in \(folder).")
    }
    return HubKeys(signing: own.signingKey, unitSecret: secret, dropKeys: keys, currentDropKey: current)
  }

  private static func name(of key: Curve25519.KeyAgreement.PrivateKey) -> String {
    String(key.publicKey.rawRepresentation.sha256.hex.prefix(8))
  }

  /// The key all devices of a scope share, to prove that a packet comes from one of them and not from which.
  func unitKey(scope: String) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: Data("synckit/unit/1\0\(scope)".utf8), using: SymmetricKey(data: unitSecret)))
  }

  var dropKey: WireDropKey {
    var wire = WireDropKey()
    wire.id = currentDropKey
    wire.publicKey = dropKeys[currentDropKey]?.publicKey.rawRepresentation ?? Data()
    return wire
  }
}
