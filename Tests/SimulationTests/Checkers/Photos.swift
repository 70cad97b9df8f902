import Foundation

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Every photo that a row at the hub refers to is there once, with its bytes. Only where nobody but a device that was cut off has it
/// may it be missing: that one has it to send.
enum Photos {
  static func check(_ simulation: Simulation) async throws {
    guard simulation.scenario.options.hasPhotos else { return }
    let hub = try await simulation.hub.open()
    let (referred, noted) = try await hub.read { session in
      func ids(_ sql: String) throws -> [BlobID] { try session.rows(sql).compactMap { $0[0].text.flatMap { BlobID(hex: $0) } } }
      return (try ids("SELECT DISTINCT file FROM picture WHERE file IS NOT NULL ORDER BY file"), try ids("SELECT id FROM hub_blob"))
    }
    let kept = hub.blobs.ids()
    for id in kept {
      guard let photo = simulation.photos[id], try hub.blobs.read(id) == photo else {
        throw Violation(check: "photos", message: "the hub has \(id.hex.prefix(8)) with other bytes than were taken")
      }
    }
    if let unknown = noted.first(where: { !kept.contains($0) }) {
      throw Violation(check: "photos", message: "the hub says it has \(unknown.hex.prefix(8)) and does not")
    }
    for id in referred {
      if kept.contains(id) {
        simulation.met(.photosAtHub)
        continue
      }
      let holders = simulation.devices.filter { BlobStore(folder: $0.disk.path + ".blobs").has(id) }
      guard !holders.isEmpty, holders.allSatisfy(\.isRevoked) else {
        throw Violation(
          check: "photos", message: "\(id.hex.prefix(8)) is not at the hub; on \(holders.map(\.name).joined(separator: " "))")
      }
    }
    if let forgotten = referred.first(where: { kept.contains($0) && !noted.contains($0) }) {
      throw Violation(check: "photos", message: "the hub has \(forgotten.hex.prefix(8)) and does not know it")
    }
    for device in simulation.devices where !device.isRevoked {
      let replica = try device.open()
      let waiting = try await replica.blobsToConfirm(limit: WireLimits.blobsPerQuestionMax).filter { replica.blobs.has($0) }
      if let first = waiting.first {
        throw Violation(check: "photos", message: "\(device.name) has not heard that \(first.hex.prefix(8)) is at the hub")
      }
    }
  }
}
