@testable public import SyncHub

/// Asks for fewer rows than the campaign does, so that a test sees what a single packet holds.
struct LotsOf: LotReceiver {
  let k: Int
  let inner: any LotReceiver

  func lotMin(in session: any HubSession) throws -> Int { k }
  func judge(_ rows: [AnonymousRow], scope: String, in session: any HubSession) throws -> [RowVerdict] {
    try inner.judge(rows, scope: scope, in: session)
  }
  func receive(_ lot: [AnonymousRow], unit: String, in session: any HubSession) throws {
    try inner.receive(lot, unit: unit, in: session)
  }
}

extension Hub {
  /// Releases what waits, however little it is.
  public func releaseEverything() async throws {
    let (keys, tables, receiver) = (keys, store.tables, LotsOf(k: 1, inner: receiver))
    try await store.write { session in
      let box = DropBoxHub(session: session, keys: keys, tables: tables, receiver: receiver)
      for row in try session.rows("SELECT DISTINCT scope FROM hub_packet") { try box.step(row[0].text ?? "") }
    }
  }
}
