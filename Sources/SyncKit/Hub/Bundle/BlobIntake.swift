internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Attachments of one import. Used by the task of the `BundleIntake` alone.
final class BlobIntake {
  /// Blob as one device sent it.
  struct Sent: Hashable {
    var replica: ReplicaID
    var id: BlobID
  }

  enum Outcome {
    /// The device's scope has sent the whole blob with this import.
    case new
    /// The scope had sent the whole blob before this import.
    case had
    /// Pieces are missing, or a row that refers to the blob.
    case incomplete
  }

  private let hub: Hub
  private(set) var outcomes: [Sent: Outcome] = [:]
  /// Reasons of refusals; the device is told.
  private var faults: [Sent: SyncError] = [:]

  /// Attachments that one import reports.
  private static let toldMax = 200_000

  init(hub: Hub) { self.hub = hub }

  /// Stores one piece, in any order.
  ///
  /// - Throws: `SyncError` when the piece, or the blob that it completes, is refused.
  func take(_ body: Data, from device: HubDevice) async throws {
    let wire = try WireBundleBlob.parse(body, named: LocalizedText(vi: "tệp đính kèm", en: "attachment"))
    guard let id = BlobID(bytes: wire.id), let size = Int(exactly: wire.size), let offset = Int(exactly: wire.offset),
      (1...BlobStore.blobBytesMax).contains(size), (1...size).contains(wire.piece.count), offset <= size - wire.piece.count
    else { throw ByteReader.short }
    guard device.revokedMs == nil else { throw HubDevice.revokedError }
    let sent = Sent(replica: device.replica, id: id)
    guard outcomes[sent] != nil || outcomes.count < Self.toldMax else { throw Self.tooMany }
    if try await hub.isHeld(id, by: device) {
      if outcomes[sent] == nil { outcomes[sent] = .had }
      return
    }
    outcomes[sent] = .incomplete
    let piece = EarlyPiece(id: id, from: device.replica, offset: offset, size: size)
    if try await !put(wire.piece, piece, from: device) {
      hub.blobs.trimParts(bytesMax: hub.options.blobs.partBytesMax)
      try keep(wire.piece, as: piece)
    }
  }

  private func keep(_ bytes: Data, as piece: EarlyPiece) throws {
    do { try hub.writingFiles { try hub.blobs.keep(bytes, as: piece) } } catch let error as SyncError where error.code == .diskFull {
      throw HubBlobTable.noRoom
    }
  }

  /// Stores a piece.
  ///
  /// - Returns: False when the piece came too early.
  private func put(_ bytes: Data, _ piece: EarlyPiece, from device: HubDevice) async throws -> Bool {
    let sent = Sent(replica: piece.from, id: piece.id)
    do {
      let have = try await hub.put(bytes, of: piece.id, at: piece.offset, size: piece.size, from: device)
      if have >= piece.size { outcomes[sent] = .new }
      faults[sent] = nil
      return true
    } catch let error as SyncError {
      if error.code == .noSuchBlob || (error.code == .badRequest && error.expected != nil) { return false }
      // Continues after a full disk: the texts that follow are still taken.
      let told = error.code == .diskFull ? HubBlobTable.noRoom : error
      faults[sent] = told
      throw told
    }
  }

  /// Stores early pieces, also of earlier imports, whose rows and preceding pieces have come meanwhile.
  ///
  /// - Returns: The refused pieces, with their devices.
  func settle() async throws -> [(replica: ReplicaID, error: SyncError)] {
    var refused: [(ReplicaID, SyncError)] = []
    let bySender = Dictionary(grouping: hub.blobs.earlyPieces()) { Sent(replica: $0.from, id: $0.id) }
    for (sent, pieces) in bySender.sorted(by: { ($0.key.replica, $0.key.id.hex) < ($1.key.replica, $1.key.id.hex) }) {
      guard let device = try await hub.device(sent.replica), device.revokedMs == nil else { continue }
      for piece in pieces {
        if try await hub.isHeld(sent.id, by: device) {
          hub.blobs.forget(piece)
          continue
        }
        guard let bytes = hub.blobs.bytes(of: piece) else { continue }
        do {
          guard try await put(bytes, piece, from: device) else { break }
          hub.blobs.forget(piece)
        } catch let error as SyncError {
          refused.append((sent.replica, error))
          // Keeps pieces that lack room, which may fit later. Damaged ones are deleted; their device sends them again.
          if error.code != .noRoom { for piece in pieces { hub.blobs.forget(piece) } }
          break
        }
      }
    }
    return refused
  }

  /// Returns the answers to a device: about the blobs that it sent, and about those whose state it asked for.
  func answers(to device: HubDevice, asked: Data) async throws -> [(id: BlobID, result: Result<Data, SyncError>)] {
    let names = stride(from: 0, to: min(asked.count, WireLimits.blobsPerQuestionMax * 32), by: 32)
    var ids = Set(names.compactMap { BlobID(bytes: asked.dropFirst($0).prefix(32)) })
    for sent in outcomes.keys where sent.replica == device.replica { ids.insert(sent.id) }
    let ordered = ids.sorted { $0.hex < $1.hex }
    return zip(ordered, try await hub.blobStates(alone: ordered, for: device)).map { id, state in
      // Leaves permanent refusals to the signed state, which carries them.
      let fault = faults[Sent(replica: device.replica, id: id)].flatMap { $0.code == .blobUnfit ? nil : $0 }
      return (id, fault.map { .failure($0) } ?? .success(state))
    }
  }

  private static var tooMany: SyncError {
    SyncError(.tooLarge, vi: "Quá nhiều tệp đính kèm trong một lần nhập.", en: "Too many attachments for one import.")
  }
}
