internal import Crypto
internal import Foundation
internal import SwiftProtobuf
public import SyncBundle
internal import SyncCore
internal import SyncStore

extension Hub {
  public struct BundleOptions: Sendable {
    /// Path of the answers; nil writes none.
    public var returnPath: String?
    /// Largest part of the answer file, in bytes.
    public var partBytesMax: Int?
    /// Bytes of feed pages for one device; the rest follows with its next answer.
    public var feedBytesMax = 256 << 20
    /// Bytes of feed pages for all devices together.
    public var returnBytesMax = BundleLimits.bytesMax
    /// Called now and then with the bytes read and the size of all bundles.
    public var onProgress: (@Sendable (_ bytes: Int, _ of: Int) -> Void)?

    public init() {}
  }

  /// Imports bundles: each section takes the path that the same request takes by HTTP. Sections are independent, and repeating an
  /// import, in any order, changes nothing.
  ///
  /// - Returns: The result by device and by file. A file that is no bundle is reported there, and the others are still taken.
  /// - Throws: `SyncError` when the hub itself cannot go on; sections taken before stay taken.
  public func importBundles(_ paths: [String], options: BundleOptions = BundleOptions()) async throws -> BundleReport {
    let intake = try BundleIntake(hub: self, options: options)
    let sizes = paths.map { StoreFile.size($0) }
    let total = sizes.reduce(0, +)
    var before = 0
    for (path, size) in zip(paths, sizes) {
      try await intake.take(path) { [before] in options.onProgress?(before + $0, total) }
      before += size
    }
    return try await intake.finish()
  }

  /// Returns the key with which parcels to this hub are decrypted.
  func bundleKey() throws -> Curve25519.KeyAgreement.PrivateKey { try BundleKey.hub(keys) }
}

extension SyncError {
  /// True when the error is about the hub's own store rather than about what arrived.
  var isTheHubs: Bool {
    switch code {
    case .diskFull, .storeBusy, .storeDamaged, .storeMissing, .storeNewer, .badSchema, .keyUnusable, .hubFailed, .internalFault, .cancelled:
      true
    default: false
    }
  }
}

extension Hub {
  /// Stores packets that came in separate requests, in one transaction when all are valid.
  ///
  /// - Returns: The outcome of each request.
  func keepEach(_ requests: [Data], scope: String) async throws -> [PacketsKept] {
    let name = LocalizedText(vi: "phiếu kín", en: "packet request")
    if let together = try? requests.map({ try WireDropRequest.parse($0, named: name) }), together.allSatisfy({ $0.packets.count == 1 }) {
      do {
        let begun = try await spool(together.flatMap(\.packets), scope: scope)
        return try requests.map { .kept(try dropAnswer(to: $0, packets: 1, scope: scope, backupsBegun: begun)) }
      } catch let error as SyncError where !error.isTheHubs {
        // Continues with one request at a time, because one of them is not valid.
      }
    }
    var answers: [PacketsKept] = []
    for request in requests {
      do { answers.append(try await keepLate(request, scope: scope)) } catch let error as SyncError {
        guard !error.isTheHubs else { throw error }
        answers.append(.refused(error))
      }
    }
    return answers
  }
}
