internal import Crypto
internal import Foundation
internal import SwiftProtobuf
public import SyncBundle
internal import SyncCore
internal import SyncStore

extension Hub {
  public struct BundleOptions: Sendable {
    /// Where the answers go; nil: nowhere.
    public var returnPath: String?
    /// The largest part of the return, in bytes.
    public var partBytesMax: Int?
    /// Feed pages for one device, in bytes; the rest follows with its next return.
    public var feedBytesMax = 256 << 20
    /// Feed pages for all devices together, in bytes.
    public var returnBytesMax = BundleLimits.bytesMax
    /// Called now and then with the bytes read and all there are.
    public var onProgress: (@Sendable (_ bytes: Int, _ of: Int) -> Void)?

    public init() {}
  }

  /// Takes bundles: every part by the way it would take by HTTP, and each for itself. Doing it again, in any order, changes nothing.
  ///
  /// - Returns: What was found, by device and file. A file that is no bundle is told of there; the others are taken.
  /// - Throws: `SyncError` when the hub itself cannot go on; what was taken stays taken.
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

  /// Where parcels to this hub are opened.
  func bundleKey() throws -> Curve25519.KeyAgreement.PrivateKey { try BundleKey.hub(keys) }
}

extension SyncError {
  /// Whether it is about the hub's own store rather than about what arrived.
  var isTheHubs: Bool {
    switch code {
    case .diskFull, .storeBusy, .storeDamaged, .storeMissing, .storeNewer, .badSchema, .keyUnusable, .hubFailed, .internalFault, .cancelled:
      true
    default: false
    }
  }
}

extension Hub {
  /// Keeps packets that came in requests of their own, together where all of them are good.
  ///
  /// - Returns: For each request what became of it.
  func keepEach(_ requests: [Data], scope: String) async throws -> [PacketsKept] {
    let name = LocalizedText(vi: "phiếu kín", en: "packet request")
    if let together = try? requests.map({ try WireDropRequest.parse($0, named: name) }), together.allSatisfy({ $0.packets.count == 1 }) {
      do {
        let begun = try await spool(together.flatMap(\.packets), scope: scope)
        return try requests.map { .kept(try dropAnswer(to: $0, packets: 1, scope: scope, backupsBegun: begun)) }
      } catch let error as SyncError where !error.isTheHubs {
        // One of them is not good: each for itself.
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
