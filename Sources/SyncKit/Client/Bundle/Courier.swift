internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
public import SyncCore

/// Parcels that a device carries for others, unread, in a folder beside its store.
///
/// A parcel is kept until the hub's signature says that it has read the parcel, or a person deletes everything. Only one process at
/// a time should use the folder.
public struct Courier: Sendable {
  public let folder: String
  public let quotaBytes: Int

  /// Bytes that one device carries.
  public static let quotaBytesDefault = 1 << 30
  /// Parcels that one device carries.
  public static let parcelsMax = 10_000

  /// Parcel, or the sections of one that were collected at one time.
  public struct Item: Sendable, Hashable, Codable {
    /// Identifier of 32 hexadecimal digits.
    public var parcel: String
    public var from: ReplicaID
    /// Recipient; nil for the hub, from a device that is not enrolled yet.
    public var to: ReplicaID?
    public var bytes: Int
    var file: String
  }

  public struct Collected: Sendable, Hashable, Codable {
    public var parcels = 0
    /// Parcels that were carried already.
    public var known = 0
    public var bytes = 0
    /// Damaged places of the file.
    public var damage: [LocalizedText] = []

    public init() {}
  }

  /// - Parameter store: Path of the device's database.
  public init(store: String, quotaBytes: Int = Courier.quotaBytesDefault) {
    folder = store + ".courier"
    self.quotaBytes = quotaBytes
  }

  /// Returns what is carried, in no particular order.
  public func items() throws -> [Item] { try files().map(\.item) }

  private func files() throws -> [(item: Item, mark: DeliveryDigest)] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return [] }
    return try names.filter { $0.hasSuffix(Self.ending) }.sorted().compactMap { name in
      let reader = try BundleReader(folder + "/" + name)
      guard case .parcel(let parcel)? = try reader.next(), let from = ReplicaID(bytes: parcel.wire.from) else { return nil }
      var mark = DeliveryDigest(parcel)
      while let next = try reader.next() { if case .section(let section, _) = next { mark.add(section.head) } }
      let item = Item(parcel: parcel.wire.id.hex, from: from, to: ReplicaID(bytes: parcel.wire.to), bytes: reader.size, file: name)
      return (item, mark)
    }
  }

  private static let ending = ".skb"

  /// Collects the parcels of a bundle without reading them. Collecting a bundle twice changes nothing.
  ///
  /// - Parameter own: Recipients whose parcels have arrived and are not collected; nor are parcels for anybody.
  /// - Throws: `SyncError` `.tooLarge` when the quota would be exceeded; nothing of the file is collected then.
  public func collect(_ path: String, except own: Set<ReplicaID> = []) throws -> Collected {
    let reader = try BundleReader(path)
    let carried = try items()
    guard reader.size <= quotaBytes - carried.reduce(0, { $0 + $1.bytes }) else { throw full }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw BundleFault.unwritable(folder, error)
    }
    var outcome = Collected()
    var taken: [Data: (writer: BundleWriter, mark: DeliveryDigest)] = [:]
    defer { for open in taken.values { open.writer.discard() } }
    while let item = try reader.next() {
      switch item {
      case .damage(let text, _): if outcome.damage.count < BundleReport.damageListedMax { outcome.damage.append(text) }
      case .parcel: break
      case .section(let section, let body):
        guard let parcel = section.parcel, Self.isToBeCarried(parcel, except: own) else { continue }
        if taken[parcel.tag] == nil {
          guard taken.count < Self.openMax, taken.count + carried.count < Self.parcelsMax else { throw full }
          let name = "\(folder)/taken-\(taken.count)"
          taken[parcel.tag] = (try BundleWriter(name), DeliveryDigest(parcel))
        }
        try taken[parcel.tag]?.writer.pass(section.head, body, of: parcel)
        taken[parcel.tag]?.mark.add(section.head)
      }
    }
    for open in taken.values {
      let name = folder + "/" + open.mark.value.prefix(16).hex + Self.ending
      guard !FileManager.default.fileExists(atPath: name) else {
        outcome.known += 1
        continue
      }
      guard let written = try open.writer.finish().first, rename(written, name) == 0 else { throw BundleFault.unwritable(name, errno) }
      outcome.parcels += 1
      outcome.bytes += open.writer.bytesWritten
    }
    return outcome
  }

  /// Parcels of one file that are written at the same time, each to a file of its own.
  private static let openMax = 500

  private static func isToBeCarried(_ parcel: Parcel, except own: Set<ReplicaID>) -> Bool {
    guard let to = ReplicaID(bytes: parcel.wire.to) else { return parcel.wire.hub.isEmpty }
    return !own.contains(to)
  }

  private var full: SyncError {
    SyncError(
      .tooLarge, vi: "Máy này đã mang giúp gần đủ \(quotaBytes >> 20) MiB; hãy chuyển tiếp trước (field export, field sync) rồi nhận thêm.",
      en: "This device carries nearly \(quotaBytes >> 20) MiB for others; hand it on first (field export, field sync), then take more.",
      expected: UInt64(quotaBytes))
  }

  /// Adds what is carried to a bundle.
  ///
  /// - Returns: How many parcels.
  func pass(to writer: BundleWriter) throws -> Int {
    var tags: Set<Data> = []
    for item in try items() {
      let reader = try BundleReader(folder + "/" + item.file)
      while let next = try reader.next() {
        guard case .section(let section, let body) = next, let parcel = section.parcel else { continue }
        try writer.pass(section.head, body, of: parcel)
        tags.insert(parcel.tag)
      }
    }
    return tags.count
  }

  /// Deletes what the hub has read.
  ///
  /// - Parameter marks: Digests of the delivered content; see `DeliveryDigest`.
  /// - Returns: How many parcels were deleted.
  @discardableResult func drop(delivered marks: Set<Data>) throws -> Int {
    guard !marks.isEmpty else { return 0 }
    let files = try files()
    // Joins the sections that were collected of one parcel at several times: when passed on together, the hub reads them as one.
    let together = Dictionary(grouping: files) { $0.item.parcel }.filter { _, parts in
      var mark = parts[0].mark
      for part in parts.dropFirst() { mark.add(part.mark) }
      return marks.contains(mark.value)
    }
    let done = files.filter { marks.contains($0.mark.value) || together[$0.item.parcel] != nil }
    for file in done { try? FileManager.default.removeItem(atPath: folder + "/" + file.item.file) }
    return done.count
  }

  func drop(_ item: Item) { try? FileManager.default.removeItem(atPath: folder + "/" + item.file) }

  /// Deletes everything.
  ///
  /// - Returns: How many parcels were deleted.
  @discardableResult public func dropAll() throws -> Int {
    let all = try items()
    for item in all { drop(item) }
    return all.count
  }
}
