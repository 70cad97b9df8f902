internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Steps that send: batches and packets.
extension SyncDriver {
  func push(_ entry: OutboxEntry, offset: Int) async throws -> SyncSession.Event {
    guard let bytes = try await replica.engineRead({ try $0.outbox.bytes(of: entry) }) else { return .pushed }
    let (rest, room) = (bytes.count - offset, callRoom)
    let isPart = room.map { rest > $0 } ?? false
    // Records that a large batch, or a part of one, is being sent: the next exchange asks how much arrived. A small batch is soon
    // sent again.
    if isPart || bytes.count > WireLimits.blobPieceBytesMax, !entry.isInDoubt {
      try await replica.engineWrite { try $0.outbox.begin(entry) }
    }
    var request = HubRequest("PUT", "/v1/batches/\(entry.hash.hex)", body: bytes.dropFirst(offset))
    if offset > 0 { request.headers["upload-offset"] = String(offset) }
    if let room, isPart {
      guard room >= Self.partBytesMin else { return budgetSpent() }
      request.body = request.body.prefix(room)
      request.headers["upload-part"] = "1"
      let response = try await exchangeSigned(request)
      hasMoved = true
      if let left = self.room, left < Self.partBytesMin { return budgetSpent() }
      guard let kept = response.headers["upload-offset"].flatMap({ Int($0) }), kept > offset else {
        throw SyncError(
          .hubFailed, vi: "Máy chủ không giữ phần vừa gửi; sẽ thử lại.", en: "The hub did not keep the part just sent; will try again.")
      }
      return .partPushed(offset: kept)
    }
    let response = try await exchangeSigned(request)
    let hub = try await replica.hubKey()
    let receipt = try WireReceipt.parse(
      try hub.open(response.body, as: .receipt), named: LocalizedText(vi: "biên nhận", en: "receipt"))
    guard receipt.batch == entry.hash, receipt.scope == entry.scope, receipt.number == entry.number else {
      throw SyncError(.damaged, vi: "Biên nhận không phải của gói vừa gửi.", en: "The receipt is not for the batch that was sent.")
    }
    let event = try await replica.store(receipt, bytes: response.body, of: entry)
    if case .resealed(let notice) = event { summary.notices += [notice].compactMap(\.self) }
    guard case .pushed = event else { return event }
    summary.progress.batchesSent += 1
    summary.progress.changesSent += Int(receipt.changes)
    summary.progress.held += Int(receipt.heldChanges)
    left = max(0, left - 1)
    return .pushed
  }

  func askOffset(_ entry: OutboxEntry) async throws -> SyncSession.Event {
    let response = try await exchangeSigned(HubRequest("GET", "/v1/batches/\(entry.hash.hex)/offset"))
    return .offset(Int(response.headers["upload-offset"] ?? "") ?? 0)
  }

  private func nextPackets() async throws -> [[CellValue]] {
    try await replica.engineRead { transaction in
      try transaction.session.rows(
        "SELECT id, scope, bytes FROM sync_packet WHERE kept = 0 ORDER BY scope, id LIMIT ?1", [.integer(Int64(Self.packetsPerRequest))])
    }
  }

  func drop() async throws -> SyncSession.Event {
    var packets = try await nextPackets()
    if let key = try replica.loadedSecrets()?.unitKey,
      packets.contains(where: { Packets.isStale($0[2].blob ?? Data(), scope: $0[1].text ?? "", unitKey: key) })
    {
      try await replica.renewPackets()
      packets = try await nextPackets()
    }
    guard let scope = packets.first?[1].text else { return .dropped(more: false) }
    let ofScope = packets.filter { $0[1].text == scope }
    let fitting = Self.affordable(ofScope, room: callRoom)
    // Sends at least one packet, which cannot be divided.
    let mine = fitting.isEmpty ? Self.affordable(Array(ofScope.prefix(1)), room: room) : fitting
    guard !mine.isEmpty else { return budgetSpent() }
    var request = WireDropRequest()
    request.packets = try mine.map { try WirePacket.parse($0[2].blob ?? Data(), named: LocalizedText(vi: "phiếu kín", en: "packet")) }
    let body = try request.serializedData()
    let target = "/v1/drop/" + (scope.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? scope)
    // Sends without the device's signature: the packets carry the unit's own proof, and nothing in the call names the sender.
    let response = try await exchange(HubRequest("PUT", target, body: body))
    let hub = try await replica.hubKey()
    let answer = try WireDropResponse.parse(
      try hub.open(response.body, as: .drop), named: LocalizedText(vi: "trả lời nhận phiếu", en: "drop answer"))
    guard answer.request == body.sha256, answer.scope == scope, answer.kept == UInt32(mine.count) else {
      throw SyncError(
        .damaged, vi: "Máy chủ không xác nhận đủ phiếu; sẽ gửi lại.", en: "The hub did not confirm every packet; will send again.")
    }
    try await replica.engineWrite { transaction in
      // Counts each packet once: another process may have sent the same ones meanwhile.
      let kept = try mine.count {
        try !transaction.session.rows("UPDATE sync_packet SET kept = 1 WHERE id = ?1 AND kept = 0 RETURNING 1", [$0[0]]).isEmpty
      }
      try transaction.state.add("packetsKept", kept)
      try BackedUpPackets(session: transaction.session).note(backupsBegun: answer.backupsBegun)
    }
    summary.progress.packetsSent += mine.count
    return .dropped(more: true)
  }

  /// Returns the first packets that fit.
  private static func affordable(_ packets: [[CellValue]], room: Int?) -> [[CellValue]] {
    guard let room else { return packets }
    var size = 0
    return Array(
      packets.prefix { packet in
        size += (packet[2].blob?.count ?? 0) + 8
        return size <= room
      })
  }
}
