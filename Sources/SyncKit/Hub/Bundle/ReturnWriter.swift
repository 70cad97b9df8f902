internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
internal import SyncCore

/// Writer of the hub's answers to devices, in one file. Each device can read only its own part.
final class ReturnWriter {
  private let hub: Hub
  private let options: Hub.BundleOptions
  private let writer: BundleWriter
  /// Device whose parcel is being written.
  private var reader: ReplicaID?

  init(_ path: String, hub: Hub, options: Hub.BundleOptions) throws {
    self.hub = hub
    self.options = options
    writer = try BundleWriter(path, partBytesMax: options.partBytesMax ?? BundleLimits.bytesMax, owners: [hub.replica.bytes])
  }

  /// Returns the body of an answer's section.
  static func answer(about: Data, _ result: Result<Data, SyncError>) throws -> Data {
    var wire = WireBundleAnswer()
    wire.about = about
    switch result {
    case .success(let body): (wire.status, wire.body) = (200, body)
    case .failure(let error): (wire.status, wire.body) = (UInt32(error.httpStatus), error.response.body)
    }
    return try wire.serializedData()
  }

  /// Adds a section for a device.
  ///
  /// - Parameter key: X25519 public key from the device's signed state.
  func add(_ kind: SectionKind, _ body: Data, to replica: ReplicaID, key: Data) throws {
    if reader != replica {
      let own = hub.replica.bytes
      writer.begin(try Parcel.begin(hub: own, from: own, to: replica.bytes, recipient: key, writtenMs: hub.clock.nowMs()))
      reader = replica
    }
    try writer.add(kind, body)
  }

  /// Adds the feed pages that the device would get if it asked now.
  ///
  /// - Parameter blobs: Answers about attachments, in the same parcel as the hub's information, which tells how new they are.
  func addFeed(
    for device: HubDevice, at state: WireDeviceState, blobs: [(id: BlobID, result: Result<Data, SyncError>)]
  ) async throws {
    let room = min(options.feedBytesMax, options.returnBytesMax - writer.bytesWritten)
    try await FeedForReturn(hub: hub, device: device, state: state, bytesMax: room, blobs: blobs).write { kind, about, result in
      try add(kind, try Self.answer(about: about, result), to: device.replica, key: state.returnKey)
    }
  }

  /// Finishes the file.
  ///
  /// - Parameter marks: Digests of the parcels that were read: see `DeliveryDigest`.
  /// - Returns: The path of the file, or the paths of its parts.
  func finish(delivered marks: [Data]) throws -> [String] {
    if !marks.isEmpty {
      let own = hub.replica.bytes
      writer.begin(try Parcel.begin(hub: own, from: own, to: Data(), recipient: nil, writtenMs: hub.clock.nowMs()))
    }
    for start in stride(from: 0, to: marks.count, by: BundleLimits.marksMax) {
      var wire = WireBundleDelivery()
      wire.hub = hub.replica.bytes
      wire.marks = Array(marks[start..<min(start + BundleLimits.marksMax, marks.count)])
      try writer.add(.delivery, try hub.keys.signing.sealed(try wire.serializedData(), as: .delivery))
    }
    return try writer.finish()
  }
}
