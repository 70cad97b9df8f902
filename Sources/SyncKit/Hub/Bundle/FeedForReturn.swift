internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
internal import SyncCore

/// Feed pages in the answer to a bundle: what a device would get if it asked now, as far as its state tells what it would ask.
struct FeedForReturn {
  let hub: Hub
  let device: HubDevice
  let state: WireDeviceState
  /// Bytes of pages; the rest follows with the next answer.
  let bytesMax: Int
  let blobs: [(id: BlobID, result: Result<Data, SyncError>)]

  typealias Write = (_ kind: SectionKind, _ about: Data, _ result: Result<Data, SyncError>) throws -> Void

  func write(_ write: Write) async throws {
    try write(.hubAnswer, Data(), .success(try await hub.info()))
    guard device.revokedMs == nil else { return try write(.feedAnswer, state.cursor, .failure(HubDevice.revokedError)) }
    for (id, result) in blobs { try write(.blobAnswer, id.bytes, result) }
    let present = try await hub.read { try IncarnationTable(session: $0).present() }
    if !state.incarnation.isEmpty, state.incarnation != present {
      try write(.lifeAnswer, state.cursor, .success(try await hub.life(for: device, cursor: state.cursor)))
    }
    let unitKey = try await unitKey()
    var (cursor, bytes) = (state.cursor, 0)
    var fetched: [String: Int] = [:]
    while bytes < bytesMax {
      try Task.checkCancellation()
      do {
        let page = try await hub.page(for: device, cursor: cursor, unitKey: unitKey)
        guard page.count <= bytesMax - bytes else { return }
        try write(.feedAnswer, cursor, .success(page))
        bytes += page.count
        let content = try WireFeedPage(serializedBytes: try WireSigned(serializedBytes: page).body)
        if content.head { return }
        cursor = content.cursor
      } catch let error as SyncError {
        try write(.feedAnswer, cursor, .failure(error))
        guard error.code == .rebase, let scope = error.scope else { return }
        // Begins the snapshot again, once: a snapshot begun before the journal was trimmed ends where the feed is gone.
        let times = fetched[scope, default: 0]
        guard times < 2 else { return }
        fetched[scope] = times + 1
        let begun = times == 0 ? state.snapshots.first { $0.scope == scope }?.next ?? Data() : Data()
        guard let next = try await snapshot(of: scope, after: cursor, from: begun, &bytes, write) else { return }
        cursor = next
      }
    }
  }

  /// Returns the encrypted unit key; nil also when the state names an unknown key, which is its device's trouble, not the import's.
  private func unitKey() async throws -> WireSealedUnitKey? {
    do {
      return try await hub.unitKey(for: device, holding: state.unitKey, sealedTo: state.returnKey)
    } catch let error as SyncError where !error.isTheHubs {
      return nil
    }
  }

  /// Writes the pages of a snapshot.
  ///
  /// - Returns: The cursor from which the feed continues; nil when the snapshot is not complete.
  private func snapshot(
    of scope: String, after cursor: Data, from begun: Data, _ bytes: inout Int, _ write: Write
  ) async throws -> Data? {
    var place = begun
    while bytes < bytesMax {
      try Task.checkCancellation()
      let about = SnapshotRequest(scope: scope, cursor: cursor, next: place).about
      do {
        let page = try await hub.snapshot(of: scope, for: device, cursor: cursor, place: place)
        guard page.count <= bytesMax - bytes else { return nil }
        try write(.snapshotAnswer, about, .success(page))
        bytes += page.count
        let content = try WireSnapshotPage(serializedBytes: try WireSigned(serializedBytes: page).body)
        guard !content.next.isEmpty else { return content.cursor }
        place = content.next
      } catch let error as SyncError {
        try write(.snapshotAnswer, about, .failure(error))
        // Begins the snapshot again, because its continuation is gone.
        guard error.code == .badCursor, !place.isEmpty else { return nil }
        place = Data()
      }
    }
    return nil
  }
}
