internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Steps of a device whose hub was restored to an older copy (L11): gives back the pages that the hub lost, then sends again the
/// batches that it may lack. Every step may be repeated.
struct Rejoin {
  let replica: Replica
  let call: (HubRequest) async throws -> HubResponse
  let hub: VerifyingKey

  /// Joins the hub's present incarnation.
  ///
  /// - Returns: Notice of what was done; nil when nothing was needed.
  func run(hubTimeMs: UInt64) async throws -> SyncNotice? {
    let life = try await life()
    let old = try await replica.engineRead { try $0.state.value("incarnation").blob }
    guard old != life.incarnation else { return nil }
    let pages = try await giveBack(to: life.incarnation, lost: Set(life.lost))
    return try await replica.engineWrite { transaction in
      let kept = KeptPages(session: transaction.session)
      let common = try Dictionary(uniqueKeysWithValues: Set(life.lost).map { ($0, try kept.common(with: life.incarnation, scope: $0)) })
      let batches = try transaction.outbox.doubt(receiptsBefore: life.incarnation, common: common)
      try transaction.session.execute("UPDATE sync_packet SET kept = 0 WHERE kept = 1")
      let packets = try transaction.session.integer("SELECT changes()") ?? 0
      try transaction.state.add("packetsKept", -Int(packets))
      try BlobTable(session: transaction.session).forget()
      try transaction.state.set("incarnation", .blob(life.incarnation))
      guard old != nil else { return nil }
      let backupsDone = UInt64(max(0, try transaction.state.integer("backupsDoneAtRestore")))
      let uncertain = try BackedUpPackets(session: transaction.session).noteRestored(backupsDone: backupsDone)
      let end =
        uncertain == 0
        ? LocalizedText(vi: "không mất gì", en: "nothing is lost")
        : LocalizedText(
          vi: "\(uncertain) phiếu máy này đã bỏ vì tỉnh có bản sao lưu có thể ĐÃ MẤT; hãy báo cho tỉnh",
          en: "\(uncertain) answers that this device let go of, as later backups held them, may be LOST; tell the province")
      let notice = SyncNotice(
        kind: .hubRestored, atMs: hubTimeMs,
        explanation: LocalizedText(
          vi:
            "Máy chủ tỉnh đã được khôi phục từ bản cũ hơn: máy này trả lại \(pages) trang dữ liệu, hỏi lại \(batches) gói và \(packets) phiếu đã gửi; \(end.vi).",
          en:
            "The hub was restored to an older copy: this device gave back \(pages) pages of its feed and checks \(batches) batches and \(packets) answers it had sent; \(end.en)."
        ))
      try notice.save(in: transaction.session)
      return notice
    }
  }

  /// Shows the hub the newest pages that it signed, in case it does not know that it was restored.
  ///
  /// - Returns: Whether the hub is in another incarnation now than the one this device knows.
  func prove() async throws -> Bool {
    let known = try await replica.engineRead { try $0.state.value("incarnation").blob }
    for page in try await replica.engineRead({ try KeptPages(session: $0.session).newest() }) {
      if try await giveBack(page).incarnation != known { return true }
    }
    return false
  }

  private func life() async throws -> WireLife {
    let cursor = try await replica.engineRead { try $0.state.value("cursor").blob ?? Data() }
    let response = try await call(HubRequest("GET", "/v1/life?cursor=\(cursor.base64URL)"))
    let life = try WireLife.parse(
      try hub.open(response.body, as: .life), named: LocalizedText(vi: "thông tin khôi phục của máy chủ", en: "hub's life"))
    guard life.hub == hub.replica.bytes, try life.reader == replica.secrets().signingKey.replica.bytes else { throw ByteReader.short }
    return life
  }

  /// Gives pages back.
  ///
  /// - Returns: How many.
  private func giveBack(to incarnation: Data, lost: Set<String>) async throws -> Int {
    var (count, seq) = (0, Int64(0))
    while let page = try await replica.engineRead({ [seq] transaction in
      try KeptPages(session: transaction.session).next(after: seq, for: incarnation, lost: lost)
    }) {
      let answer = try await giveBack(page)
      guard answer.incarnation == incarnation else {
        throw SyncError(.busy, vi: "Máy chủ vừa được khôi phục; sẽ thử lại.", en: "The hub was restored just now; will try again.")
      }
      try await replica.engineWrite {
        try KeptPages(session: $0.session).markReturned(
          page, to: incarnation, position: answer.position, common: answer.common)
      }
      (count, seq) = (count + 1, page.seq)
    }
    return count
  }

  private func giveBack(_ page: KeptPages.Page) async throws -> WirePageReturn {
    let response = try await call(HubRequest("PUT", "/v1/pages", body: page.bytes))
    let answer = try WirePageReturn.parse(
      try hub.open(response.body, as: .pageReturn), named: LocalizedText(vi: "trả lời nhận lại trang", en: "answer to a page given back"))
    guard answer.page == page.bytes.sha256 else { throw ByteReader.short }
    return answer
  }
}

extension Outbox {
  /// Doubts receipts of ended incarnations, unless the feed had acknowledged the batch before the incarnation ended.
  ///
  /// - Parameter common: For each scope that lost something, the last position known to be in both incarnations. The feed decides
  ///   which acknowledgements count: with everything given back it may become the same as before.
  /// - Returns: How many batches are in doubt.
  func doubt(receiptsBefore incarnation: Data, common: [String: UInt64]) throws -> Int {
    var count = 0
    for row in try session.rows(
      """
      SELECT seq, receipt, scope, acknowledged < units, coalesce((
        SELECT max(position + units - 1) FROM sync_ack a WHERE a.scope = o.scope AND a.number = o.number AND a.lost = 0), 0)
      FROM sync_outbox o WHERE received IN (1, 2) AND length(bytes) > 0
      """)
    {
      let receipt = try row[1].blob.map { try WireReceipt(serializedBytes: try WireSigned(serializedBytes: $0).body) }
      let isLost = row[2].text.flatMap { common[$0] }.map { Int64(clamping: $0) < row[4].integer ?? 0 } ?? false
      if receipt?.incarnation == incarnation || !isLost && row[3].integer == 0 { continue }
      try session.execute("UPDATE sync_outbox SET received = \(Self.inDoubt), held = 0 WHERE seq = ?1", [row[0]])
      count += 1
    }
    return count
  }
}

extension Acknowledgements {
  /// Invalidates acknowledgements at positions that a restore took away. Their stamps stay, because the rows carry them.
  func lose(scope: String, after end: UInt64) throws {
    for row in try session.rows(
      "SELECT seq, number, unit, units, position, stamps FROM sync_ack WHERE scope = ?1 AND lost = 0 AND position + units - 1 > ?2",
      [.text(scope), .integer(Int64(clamping: end))])
    {
      guard let number = row[1].integer, let unit = row[2].integer, let units = row[3].integer, let position = row[4].integer else {
        continue
      }
      let kept = max(0, Int64(clamping: end) - position + 1)
      if kept > 0 {
        // Divides a run at the end: its part before the end stays acknowledged.
        let stamps = try row[5].blob.map { try PackedStamps.read($0, count: Int(units)) }
        func packed(_ range: Range<Int64>) -> CellValue {
          guard let stamps else { return .null }
          var data = Data()
          for stamp in stamps[Int(range.lowerBound)..<Int(range.upperBound)] { data.appendVarint(stamp.rawValue) }
          return .blob(data)
        }
        try session.execute("UPDATE sync_ack SET units = ?2, stamps = ?3 WHERE seq = ?1", [row[0], .integer(kept), packed(0..<kept)])
        try session.execute(
          "INSERT INTO sync_ack (scope, number, unit, units, position, stamps, lost) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)",
          [
            .text(scope), row[1], .integer(unit + kept), .integer(units - kept), .integer(position + kept), packed(kept..<units),
          ])
      } else {
        try session.execute("UPDATE sync_ack SET lost = 1 WHERE seq = ?1", [row[0]])
      }
      try count(scope: scope, number: UInt64(max(0, number)))
    }
  }
}
