internal import Crypto
internal import Foundation
public import SyncCore
internal import SyncStore

/// Secrets of a hub, in files of their own outside the database and its backups.
public struct HubKeys: Sendable {
  public let signing: SigningKey
  /// Secret of 32 bytes, from which the keys that the devices of each unit share are derived.
  let unitSecret: Data
  /// Drop keys, oldest first. A new packet is encrypted to the last key of its form, or to the last general key.
  let dropKeys: [DropKey]
  /// Names of drop keys that were destroyed here: a store that is restored from an older backup does not know it.
  var destroyed: Set<String> = []

  /// Keys in one folder: as many as a recovery sheet has names for.
  static let dropKeysMax = 200

  /// Key to which packets are encrypted.
  struct DropKey: Sendable {
    let key: Curve25519.KeyAgreement.PrivateKey
    /// Hub time in milliseconds.
    let madeMs: UInt64
    /// Campaign and form whose answers alone are encrypted to the key; nil for a general key.
    let owner: DropKeyOwner?

    /// Name of the key in packets.
    var id: String { String(key.publicKey.rawRepresentation.sha256.hex.prefix(8)) }
  }

  private struct DropFile: Codable {
    var format = 1
    var privateKey: Data
    var madeMs: UInt64?
    var owner: DropKeyOwner?
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
    for file in fileNames(in: folder) {
      guard let data = FileManager.default.contents(atPath: folder + "/" + file), data.count <= FileKeyStore.fileBytesMax,
        let contents = try? JSONDecoder().decode(DropFile.self, from: data),
        let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: contents.privateKey)
      else {
        throw SyncError(
          .keyUnusable, vi: "Không dùng được tệp khóa \(folder)/\(file).", en: "The key file \(folder)/\(file) cannot be used.")
      }
      keys.append(DropKey(key: key, madeMs: contents.madeMs ?? 0, owner: contents.owner))
    }
    // Flushes the folder first: a file made a moment ago may have a name but not be on the disk, and a power cut could take its
    // key.
    try PrivateFile.sync(folder: folder)
    guard keys.contains(where: { $0.owner == nil }) else {
      throw SyncError(.keyUnusable, vi: "Không có khóa nhận phiếu trong \(folder).", en: "There is no drop key in \(folder).")
    }
    keys.sort { ($0.madeMs, $0.id) < ($1.madeMs, $1.id) }
    let marks = names(in: folder).compactMap { $0.hasSuffix(destroyedEnding) ? String($0.dropLast(destroyedEnding.count)) : nil }
    return HubKeys(signing: own.signingKey, unitSecret: secret, dropKeys: keys, destroyed: Set(marks))
  }

  // MARK: Drop keys

  /// Makes a key for new packets: those of its owner, or those of all forms without a key of their own.
  ///
  /// - Returns: The key's name, once the key is on the disk.
  static func addDropKey(in folder: String, nowMs: UInt64, owner: DropKeyOwner? = nil) throws -> String {
    guard fileNames(in: folder).count < dropKeysMax else {
      throw SyncError(
        .badDropKey, vi: "Đã có \(dropKeysMax) khóa phiếu; hủy các khóa không còn dùng (`hub keys destroy`) rồi chạy lại.",
        en: "There are \(dropKeysMax) drop keys already; destroy those that are over (`hub keys destroy`), then run this again.")
    }
    let drop = DropKey(key: Curve25519.KeyAgreement.PrivateKey(), madeMs: nowMs, owner: owner)
    try write(drop, in: folder)
    return drop.id
  }

  private static func write(_ drop: DropKey, in folder: String) throws {
    let file = DropFile(privateKey: drop.key.rawRepresentation, madeMs: drop.madeMs, owner: drop.owner)
    try PrivateFile.write(try JSONEncoder().encode(file), to: path(of: drop.id, in: folder))
  }

  /// Ending of the empty files that name destroyed keys.
  private static let destroyedEnding = ".destroyed"

  /// Notes that a key is destroyed, overwrites the key's file and deletes it. Packets encrypted to the key can then never be read again, except with a copy of it.
  static func destroyDropKey(_ id: String, in folder: String) throws {
    let path = path(of: id, in: folder)
    guard let file = FileHandle(forUpdatingAtPath: path) else { return }
    do {
      try PrivateFile.write(Data(), to: "\(folder)/\(id)\(destroyedEnding)")
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

  private static func fileNames(in folder: String) -> [String] {
    names(in: folder).filter { $0.hasPrefix("drop-") && $0.hasSuffix(".key") }
  }

  private static func names(in folder: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] }

  private static func path(of id: String, in folder: String) -> String { "\(folder)/\(DropKeyTable.fileName(of: id))" }

  func dropKey(named id: String) -> DropKey? { dropKeys.first { $0.id == id } }

  /// Returns whether new packets are encrypted to a key.
  func isCurrent(_ drop: DropKey) -> Bool { dropKeys.last { $0.owner?.form == drop.owner?.form }?.id == drop.id }

  /// Keys to which devices encrypt: the general one, and those of forms.
  var listed: DropKeys { DropKeys(general: dropKey, forms: formKeys) }

  /// Newest general key.
  var dropKey: WireDropKey { dropKeys.last { $0.owner == nil }?.listed ?? WireDropKey() }

  /// Newest key of each form that has one.
  var formKeys: [WireDropKey] { dropKeys.filter { $0.owner != nil && isCurrent($0) }.map(\.listed) }

  // MARK: On paper

  /// Keys as rows to be printed, and typed in again by hand: see `RecoveryRows`.
  public var recoveryRows: [String] {
    var rows = RecoveryRows.rows(of: signing.rawRepresentation + unitSecret, named: "H")
    for (index, drop) in dropKeys.enumerated() {
      var data = Data()
      data.append(fixed64: drop.madeMs)
      data.append(drop.key.rawRepresentation)
      if let owner = drop.owner { data.append(owner.campaignMark + Data(owner.form.utf8)) }
      rows += RecoveryRows.rows(of: data, named: Self.letter(index))
    }
    return rows
  }

  /// Labels of the keys on paper: the letters with which a key's rows begin, the key's name, and its form; nil for a general key.
  public var recoveryNames: [(letters: String, id: String, form: String?)] {
    dropKeys.enumerated().map { (Self.letter($0), $1.id, $1.owner?.form) }
  }

  /// Bytes of a drop key on paper: the time when it was made, and the key. The owner, if any, follows.
  private static let paperBytes = 40

  /// Returns the letters of a drop key on paper: A to G, then from J on; H is the hub.
  private static func letter(_ index: Int) -> String {
    let letters = Array("ABCDEFGJKLMNPQRSTUVWXYZ")
    return String(letters[index % letters.count]) + (index < letters.count ? "" : String(index / letters.count))
  }

  /// Names drop keys of which a sheet's text has no row although it has later ones: left out, or destroyed since.
  public static func recoveryNamesSkipped(in text: String) throws -> [String] {
    let found = try RecoveryRows.blocks(in: text).keys.filter { $0 != "H" }
    let known = (0..<dropKeysMax).map(letter)
    let last = known.lastIndex { found.contains($0) } ?? -1
    return known.prefix(last + 1).filter { !found.contains($0) }
  }

  /// Writes the keys of a recovery sheet into an empty or missing folder, or adds to a folder of the same hub the drop keys it lacks.
  ///
  /// - Parameters:
  ///   - text: The rows, in any order, with any other text between them.
  ///   - store: The store for which the keys are; another hub's refuses them. Nil: there is none.
  /// - Throws: `SyncError` naming every row that is missing or mistyped; nothing is written.
  public static func recover(_ text: String, in folder: String, store: String? = nil) throws -> HubKeys {
    let blocks = try RecoveryRows.blocks(in: text)
    guard let hub = blocks["H"], hub.count == 64, let signing = SigningKey(rawRepresentation: hub.prefix(32)) else {
      throw RecoveryRows.unreadable("H")
    }
    let drops = try blocks.filter { $0.key != "H" }.sorted { $0.key < $1.key }.map { name, data in
      var reader = ByteReader(data)
      let named = data.dropFirst(Self.paperBytes)
      let owner = named.isEmpty ? nil : DropKeyOwner(onPaper: Data(named))
      guard let madeMs = try? reader.fixed64(), named.isEmpty || owner != nil,
        let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: data.prefix(Self.paperBytes).dropFirst(8))
      else { throw RecoveryRows.unreadable(name) }
      return DropKey(key: key, madeMs: madeMs, owner: owner)
    }
    if let store { try Hub.refuseForeignKeys(of: signing.replica, storeAt: store) }
    if let own = try? FileKeyStore(path: folder + "/hub.key").load(), own.signingKey.publicKey == signing.publicKey {
      let present = Set(names(in: folder))
      let missing = drops.filter { !present.contains(DropKeyTable.fileName(of: $0.id)) && !present.contains($0.id + destroyedEnding) }
      if !missing.isEmpty {
        for drop in missing { try write(drop, in: folder) }
        return try load(from: folder)
      }
    }
    try makeFolder(folder)
    for drop in drops { try write(drop, in: folder) }
    if !drops.contains(where: { $0.owner == nil }) { _ = try addDropKey(in: folder, nowMs: 0) }
    // Saves the hub's key last: a folder that has it is complete.
    try FileKeyStore(path: folder + "/hub.key").save(ReplicaSecrets(signingKey: signing, unitKey: Data(hub.suffix(32))))
    return try load(from: folder)
  }
}

extension HubKeys.DropKey {
  /// Public part of the key, as devices are told.
  fileprivate var listed: WireDropKey {
    var wire = WireDropKey()
    (wire.id, wire.publicKey, wire.form) = (id, key.publicKey.rawRepresentation, owner?.form ?? "")
    return wire
  }
}

/// Form of a campaign whose answers alone are encrypted to a key.
public struct DropKeyOwner: Sendable, Hashable, Codable {
  /// Beginning of the SHA-256 of the campaign's name: long enough to tell campaigns apart, and short on paper.
  let campaignMark: Data
  public let form: String

  private static let markBytes = 4

  public init(campaign: String, form: String) {
    campaignMark = Data(campaign.utf8).sha256.prefix(Self.markBytes)
    self.form = form
  }

  fileprivate init?(onPaper bytes: Data) {
    guard bytes.count > Self.markBytes, let form = String(validating: bytes.dropFirst(Self.markBytes), as: UTF8.self) else { return nil }
    (campaignMark, self.form) = (Data(bytes.prefix(Self.markBytes)), form)
  }
}

extension BundleKey {
  static func hub(_ keys: HubKeys) throws -> Curve25519.KeyAgreement.PrivateKey { try hub(unitSecret: keys.unitSecret) }
  static func hubPublic(_ keys: HubKeys) throws -> Data { try hub(keys).publicKey.rawRepresentation }
}
