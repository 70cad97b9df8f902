internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
internal import SyncCore
internal import SyncStore

/// Uploaded bundles, which come over the network piece by piece, so that a broken link costs one piece. The pieces are stored by
/// their hash in a folder beside the hub's blobs, until the bundle is read. Then only the answer stays for a while, because it may
/// get lost. Who brought what, and when, is not kept.
struct BundleUploads {
  let store: BlobStore

  /// Bytes of incomplete bundles, and of answers; the oldest are deleted first.
  static let bytesMax = 64 << 20
  /// Bytes that stay free on the disk beside a bundle: the store needs them for what other devices send.
  static let freeBytesMin = 256 << 20

  init(_ blobs: BlobStore) { store = BlobStore(folder: blobs.folder + "/brought", bytesMax: BundleLimits.callBytesMax) }

  private var answers: String { store.folder + "/answers" }
  private func path(_ id: BlobID) -> String { "\(answers)/\(id.hex)" }

  /// Returns the answer to a bundle; nil when the bundle was not read, or the answer is deleted.
  func answer(to id: BlobID) -> Data? { FileManager.default.contents(atPath: path(id)) }

  /// Stores a piece.
  ///
  /// - Parameters:
  ///   - turn: Turn of counting what is incomplete here.
  ///   - freeBytes: Bytes free on the disk; nil when unknown.
  /// - Returns: How many bytes of the bundle are here now.
  /// - Throws: `SyncError` `.noRoom` when the disk is nearly full, and what `BlobStore.put` throws; what is here stays.
  func put(_ piece: Data, of id: BlobID, at offset: Int, size: Int, turn: TrimTurn, freeBytes: Int?) throws -> Int {
    if turn.isDue(at: offset, adding: piece.count) { store.trimParts(bytesMax: Self.bytesMax, sparing: id) }
    guard freeBytes.map({ min(size, BundleLimits.callBytesMax) <= $0 - Self.freeBytesMin }) ?? true else { throw Self.noRoom }
    return try store.put(piece, of: id, at: offset, size: size)
  }

  private static var noRoom: SyncError {
    SyncError(
      .noRoom, vi: "Tỉnh tạm chưa nhận bọc dữ liệu vì sắp hết chỗ. Bọc còn nguyên trên máy này và sẽ gửi sau.",
      en: "The hub takes no bundles for now, it is short of room. They are safe on this device and go later.")
  }

  /// Deletes a bundle that was read, or cannot be read.
  func forget(_ id: BlobID) { unlink(store.path(id)) }

  func keep(_ answer: Data, to id: BlobID) throws {
    try store.makeFolder("answers")
    do { try answer.write(to: URL(fileURLWithPath: path(id)), options: .atomic) } catch { throw store.unwritable }
    trimAnswers()
  }

  private func trimAnswers() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: answers)) ?? []
    let files = names.compactMap { name -> (path: String, bytes: Int, made: Date)? in
      guard let facts = try? FileManager.default.attributesOfItem(atPath: "\(answers)/\(name)"), let bytes = facts[.size] as? Int,
        let made = facts[.modificationDate] as? Date
      else { return nil }
      return ("\(answers)/\(name)", bytes, made)
    }
    var total = files.reduce(0) { $0 + $1.bytes }
    for file in files.sorted(by: { $0.made < $1.made }) where total > Self.bytesMax {
      if unlink(file.path) == 0 { total -= file.bytes }
    }
  }
}

/// Text that one bundle brought: its sections, and the changes of its new batches. Attachments have limits of their own.
struct BroughtText {
  private(set) var bytes = 0
  var changes = 0

  mutating func add(_ section: Data) { bytes += max(section.count, DevicePace.callBytesMin) }
}

extension Hub {
  /// Bytes of feed pages in the answer to an uploaded bundle: the answer must not grow with what is asked.
  private static let answeredFeedBytesMax = 2 << 20

  /// Stores the next piece of an uploaded bundle, and returns how much is here. Reads the bundle once it is complete, and returns
  /// the answer. An empty piece only asks how much is here.
  ///
  /// Whoever brings a bundle is charged for what is in it, whoever wrote that: a carrier brings several devices' work at once, and
  /// waits before it brings more. The batches' own authors have room for it, or not: see `ingest`.
  ///
  /// - Throws: `SyncError` `.busy` while `device` is over its limits, `.noRoom` on a nearly full disk; what is here of the bundle
  ///   stays.
  func takeBundle(_ text: String, request: HubRequest, from device: HubDevice) async throws -> Data {
    guard let id = BlobID(hex: text), let size = request.query("size").flatMap({ Int($0) }),
      let offset = Int(request.headers["upload-offset"] ?? "0")
    else { throw ByteReader.short }
    let brought = BundleUploads(blobs)
    var taken = WireBundleTaken()
    if let answer = brought.answer(to: id) {
      (taken.bytes, taken.return) = (UInt64(max(0, size)), answer)
      return try taken.serializedData()
    }
    try admit(request, of: device, needing: .bytesAndChanges)
    let have = try brought.put(
      request.body, of: id, at: offset, size: size, turn: bundleTurn, freeBytes: blobs.freeBytes)
    taken.bytes = UInt64(have)
    if have >= size {
      defer { brought.forget(id) }
      taken.return = try await readBundle(brought.store.path(id), from: device)
      try brought.keep(taken.return, to: id)
    }
    return try taken.serializedData()
  }

  private func readBundle(_ path: String, from device: HubDevice) async throws -> Data {
    let folder = NSTemporaryDirectory() + "/synckit-bundle-" + UUID().uuidString
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw BundleFault.unwritable(folder, error)
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var options = BundleOptions()
    options.returnPath = folder + "/return.skb"
    options.partBytesMax = WireLimits.pageBytesMax - (64 << 10)
    (options.feedBytesMax, options.returnBytesMax) = (Self.answeredFeedBytesMax, Self.answeredFeedBytesMax)
    let intake = try BundleIntake(hub: self, options: options)
    defer { pace?.charge(device.replica, changes: intake.text.changes, bytes: intake.text.bytes) }
    try await intake.take(path) { _ in }
    let report = try await intake.finish()
    if let file = report.files.first, file.isRefused, let reason = file.damage.first {
      throw SyncError(.damaged, vi: reason.vi, en: reason.en)
    }
    // Returns the first part of the answer; later parts are made when the bundle is brought again.
    return try report.returns.first.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } ?? Data()
  }
}
