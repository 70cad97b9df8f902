internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

extension Replica {
  /// Returns the report on the last comparison: a difference, or that an earlier one is over; nil when there is nothing to report.
  func agreementToSay() async throws -> Data? {
    try await engineRead { transaction in
      let state = transaction.state
      switch Agreement(stored: try state.value("agreement").text) {
      case .differs: return try state.value("different").blob
      case .proved, .provedButHeld:
        return try state.value("differenceSaid") == .null ? nil : try WireAgreementReport().serializedData()
      case .unknown, .outstanding: return nil
      }
    }
  }

  /// Records that the hub received a report, and seals what the hub asks for.
  ///
  /// - Parameters:
  ///   - report: The report that was sent.
  ///   - answer: The hub's answer, with its signed requests.
  /// - Returns: Whether something was sealed.
  func noteSaid(_ report: Data, answer: Data) async throws -> Bool {
    let hub = try await hubKey()
    let wire = try WireAgreementAnswer.parse(try hub.open(answer, as: .agreement), named: AgreementReport.name)
    guard wire.hub == hub.replica.bytes, wire.request == report.sha256 else { throw ByteReader.short }
    let asks = try wire.asks.map { try $0.serializedData() }
    let key = try secrets().signingKey
    let isOver = report.isEmpty
    return try await engineWrite { [self] transaction in
      if isOver {
        try transaction.session.execute("DELETE FROM sync_state WHERE name = 'differenceSaid'")
      } else {
        try transaction.state.set("differenceSaid", .integer(1))
      }
      var isSealed = false
      for ask in asks {
        let wire = try WireRecoveryAsk.parse(try hub.open(ask, as: .recovery), named: AgreementReport.askName)
        let mark = "asked/" + ask.sha256.prefix(16).hex
        guard wire.hub == hub.replica.bytes, wire.replica == key.replica.bytes, try transaction.state.value(mark) == .null,
          try transaction.session.firstRow("SELECT 1 FROM sync_scope WHERE code = ?1", [.text(wire.scope)]) != nil
        else { continue }
        _ = try seal(in: transaction, key: key)
        let order = FieldOrder(clock: try transaction.state.clock)
        let recovery = Recovery(
          rows: transaction.rows, outbox: transaction.outbox, key: key,
          lineage: try IdentityHistory.load(current: key.replica, in: transaction.session), order: order)
        let count = try capture.suspended { try recovery.recoverAll(scope: wire.scope, tables: Set(wire.tables), asked: ask) }
        try transaction.state.save(order.clock)
        try transaction.state.set(mark, .integer(1))
        if count > 0 {
          isSealed = true
          try transaction.state.set("agreement", .text(Agreement.outstanding.stored))
        }
      }
      return isSealed
    }
  }
}
