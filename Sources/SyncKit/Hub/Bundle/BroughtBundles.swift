internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
internal import SyncCore
internal import SyncStore

/// Bundles that somebody brings over the network, piece by piece: a link that breaks costs a piece. They lie by their hash among the
/// hub's blobs, in a folder of their own, until they are read. Then only the answer stays for a while, since it may get lost: who brought
/// what, and when, is nothing to keep.
struct BroughtBundles {
  let store: BlobStore

  /// Beginnings, and answers, in bytes; the oldest go first.
  private static let bytesMax = 64 << 20

  init(_ blobs: BlobStore) { store = BlobStore(folder: blobs.folder + "/brought", bytesMax: BundleLimits.callBytesMax) }

  private var answers: String { store.folder + "/answers" }
  private func path(_ id: BlobID) -> String { "\(answers)/\(id.hex)" }

  /// What was answered to a bundle; nil when it was not read, or is forgotten.
  func answer(to id: BlobID) -> Data? { FileManager.default.contents(atPath: path(id)) }

  /// - Returns: How much of the bundle is here now.
  func put(_ piece: Data, of id: BlobID, at offset: Int, size: Int) throws -> Int {
    if offset == 0 { store.trimParts(bytesMax: Self.bytesMax) }
    return try store.put(piece, of: id, at: offset, size: size)
  }

  /// Lets go of a bundle that was read, or cannot be.
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
  /// Feed pages in the answer to a bundle that comes by HTTP, in bytes: the answer must not grow with what it is asked.
  private static let answeredFeedBytesMax = 2 << 20

  /// Takes the next piece of a bundle that somebody brings over the network; once it is whole it is read, and the return given. An empty
  /// piece asks how much is here.
  func takeBundle(_ text: String, request: HubRequest) async throws -> Data {
    guard let id = BlobID(hex: text), let size = request.query("size").flatMap({ Int($0) }),
      let offset = Int(request.headers["upload-offset"] ?? "0")
    else { throw ByteReader.short }
    let brought = BroughtBundles(blobs)
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
    // What is in later parts is answered when it is brought again.
    return try report.returns.first.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } ?? Data()
  }
}
