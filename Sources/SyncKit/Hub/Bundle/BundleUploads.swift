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
  private static let bytesMax = 64 << 20

  init(_ blobs: BlobStore) { store = BlobStore(folder: blobs.folder + "/brought", bytesMax: BundleLimits.callBytesMax) }

  private var answers: String { store.folder + "/answers" }
  private func path(_ id: BlobID) -> String { "\(answers)/\(id.hex)" }

  /// Returns the answer to a bundle; nil when the bundle was not read, or the answer is deleted.
  func answer(to id: BlobID) -> Data? { FileManager.default.contents(atPath: path(id)) }

  /// Stores a piece.
  ///
  /// - Returns: How many bytes of the bundle are here now.
  func put(_ piece: Data, of id: BlobID, at offset: Int, size: Int) throws -> Int {
    if offset == 0 { store.trimParts(bytesMax: Self.bytesMax) }
    return try store.put(piece, of: id, at: offset, size: size)
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

extension Hub {
  /// Bytes of feed pages in the answer to an uploaded bundle: the answer must not grow with what is asked.
  private static let answeredFeedBytesMax = 2 << 20

  /// Stores the next piece of an uploaded bundle, and returns how much is here. Reads the bundle once it is complete, and returns
  /// the answer. An empty piece only asks how much is here.
  func takeBundle(_ text: String, request: HubRequest) async throws -> Data {
    guard let id = BlobID(hex: text), let size = request.query("size").flatMap({ Int($0) }),
      let offset = Int(request.headers["upload-offset"] ?? "0")
    else { throw ByteReader.short }
    let brought = BundleUploads(blobs)
    var taken = WireBundleTaken()
    if let answer = brought.answer(to: id) {
      (taken.bytes, taken.return) = (UInt64(max(0, size)), answer)
      return try taken.serializedData()
    }
    let have = try brought.put(request.body, of: id, at: offset, size: size)
    taken.bytes = UInt64(have)
    if have >= size {
      defer { brought.forget(id) }
      taken.return = try await readBundle(brought.store.path(id))
      try brought.keep(taken.return, to: id)
    }
    return try taken.serializedData()
  }

  private func readBundle(_ path: String) async throws -> Data {
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
    let report = try await importBundles([path], options: options)
    if let file = report.files.first, file.isRefused, let reason = file.damage.first {
      throw SyncError(.damaged, vi: reason.vi, en: reason.en)
    }
    // Returns the first part of the answer; later parts are made when the bundle is brought again.
    return try report.returns.first.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } ?? Data()
  }
}
