internal import Foundation
internal import SyncCore
internal import SyncStore

extension Replica {
  /// Stores a checked receipt for one of this device's batches.
  ///
  /// - Returns: Event for the exchange.
  func store(_ receipt: WireReceipt, bytes: Data, of entry: OutboxEntry) async throws -> SyncSession.Event {
    guard receipt.state == .refused else {
      try await engineWrite { try $0.outbox.store(receipt, bytes: bytes) }
      return .pushed
    }
    let reason = BatchRefusal.Reason(rawValue: receipt.reason) ?? .form
    // Reports a fork: this device's own chain is unbroken, so a copy of the device made the hub's other batch.
    if reason == .previous { return .forked(scope: entry.scope, number: entry.number) }
    let key = try secrets().signingKey
    return try await engineWrite { transaction in
      guard let outcome = try RefusedOutbox(session: transaction.session).refuse(receipt, bytes: bytes, key: key) else {
        return .forked(scope: entry.scope, number: entry.number)
      }
      let why = reason.explanation
      guard outcome.kept > 0 else { return .resealed(nil) }
      let notice = SyncNotice(
        kind: .batchRefused, atMs: receipt.hubTimeMs,
        explanation: LocalizedText(
          vi: "Tỉnh không bao giờ nhận được \(outcome.kept) thay đổi (\(why.vi)); máy này vẫn giữ, phần còn lại đã gửi tiếp. Báo cho tỉnh.",
          en:
            "The hub can never take \(outcome.kept) changes (\(why.en)); this device keeps them, and the rest goes on. Tell the province."))
      try notice.save(in: transaction.session)
      return .resealed(notice)
    }
  }
}
