internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Transaction of the hub: its session and moment, and the tables that its steps write. Steps take a transaction; the transaction knows no step that called.
struct HubTransaction {
  let session: any HubSession
  let tables: HubTables
  let key: SigningKey
  let wallMs: UInt64
  let observer: (any MergeObserver)?
  let order: ScopeOrder
  let rows: RowStore
  let conflicts: ConflictBook
  let own: OwnWrites
  let lineage: HubLineage
  let places: HubPlaces
  let held: HeldRows
  let scopes: AuthorScopes
  let later: LaterWork

  init(session: any HubSession, tables: HubTables, key: SigningKey, wallMs: UInt64, observer: (any MergeObserver)? = nil) {
    self.session = session
    self.tables = tables
    self.key = key
    self.wallMs = wallMs
    self.observer = observer
    order = ScopeOrder(session: session)
    rows = RowStore(session: session, shapes: tables.byName)
    rows.notesArrivals = true
    conflicts = ConflictBook(session: session, observer: observer)
    own = OwnWrites(
      session: session, tables: tables, key: key, wallMs: wallMs, order: order, rows: rows, conflicts: conflicts, observer: observer)
    lineage = HubLineage(session: session)
    places = HubPlaces(session: session)
    held = HeldRows(session: session)
    scopes = AuthorScopes(session: session)
    later = LaterWork(session: session, lineage: lineage)
  }

  /// The one gate: every unit of others passes it before anything of it is merged, and again whenever it is tried once more.
  func unitCheck(rules: [String: MergePolicies]) -> UnitCheck {
    UnitCheck(session: session, rows: rows, lineage: lineage, held: held, scopes: scopes, rules: rules)
  }

  /// The tables of which this hub's operator asked the author for everything that stands there; empty for every other batch.
  func askedTables(_ content: BatchContent, writeScope: String? = nil) throws -> Set<String> {
    guard let asked = content.recovery?.asked, let own = VerifyingKey(rawRepresentation: key.publicKey),
      let body = try? own.open(asked, as: .recovery), let ask = try? WireRecoveryAsk.parse(body, named: AgreementReport.askName),
      ask.hub == key.replica.bytes, ask.scope.utf8.elementsEqual(content.scope.utf8), let replica = ReplicaID(bytes: ask.replica)
    else { return [] }
    // The device may have taken a new identity since it was asked; its line is kept in the scope it writes.
    let scope =
      try writeScope ?? session.firstRow("SELECT scope FROM hub_device WHERE replica = ?1", [.blob(content.replica.bytes)])?[0].text
    guard try lineage.line(of: content.replica, scope: scope ?? content.scope)[replica] != nil else { return [] }
    return Set(ask.tables)
  }

  /// The stamp a unit is merged with: above all of its author's that came back to a restored hub.
  func accept(_ unit: ChangeUnit, of content: BatchContent) throws -> HybridTimestamp {
    let stamp = try order.accept(unit.stamp, scope: content.scope, wallMs: wallMs)
    // Keeps the stamp: a recovery batch says what stands at its author, above which there is no later write of the author's.
    if content.recovery != nil { return stamp }
    return try later.raised(stamp, of: content, order: order, wallMs: wallMs)
  }

  /// Merges a unit of a batch, judging what its author had seen.
  func merger(of content: BatchContent, origin: Origin) throws -> RowMerger {
    let seen = try places.seen(by: content.cursor, scope: content.scope)
    var merger = RowMerger(transaction: self, scope: content.scope, origin: origin, seenThrough: seen.through)
    merger.isOneAuthors = try lineage.ownership(of: content.replica, number: content.number, scope: content.scope)
    merger.sawEarlier = places.sawEarlier(seen, scope: content.scope)
    merger.rules = content.rules
    return merger
  }

  // MARK: Receipts

  /// A stored receipt, signed anew where it is of a life of the store that ended: that one counts as not given (L11).
  func inPresentLife(_ stored: Data, id: Int64) throws -> Data {
    var receipt = try WireReceipt(serializedBytes: try WireSigned(serializedBytes: stored).body)
    let present = try HubLife(session: session).present()
    guard receipt.incarnation != present else { return stored }
    (receipt.incarnation, receipt.hubTimeMs) = (present, wallMs)
    let renewed = try key.sealed(try receipt.serializedData(), as: .receipt)
    try session.execute("UPDATE hub_batch SET receipt = ?2 WHERE id = ?1", [.integer(id), .blob(renewed)])
    return renewed
  }

  func receipt(
    for content: BatchContent, batch: SealedBatch, merge: BatchOutcome?, expected: UInt64, state: WireBatchState = .waiting
  ) throws -> Data {
    var receipt = WireReceipt()
    receipt.hub = key.replica.bytes
    receipt.incarnation = try HubLife(session: session).present()
    receipt.batch = batch.hash
    receipt.replica = content.replica.bytes
    receipt.scope = content.scope
    receipt.number = content.number
    receipt.hubTimeMs = wallMs
    receipt.state = merge == nil ? state : .merged
    receipt.units = UInt32(content.units.count)
    receipt.changes = UInt32(content.changeCount)
    receipt.heldChanges = UInt32(merge?.heldChanges ?? 0)
    receipt.held = merge?.held ?? []
    receipt.conflicting = merge?.conflicting ?? []
    receipt.expected = expected
    return try key.sealed(try receipt.serializedData(), as: .receipt)
  }
}

/// Outcome of the units of one batch.
struct BatchOutcome {
  var heldChanges = 0
  var held: [WireHeldUnit] = []
  var conflicting: [UInt32] = []
}

/// Progress of a batch of the journal, as `hub_batch.state` holds it.
enum BatchState {
  /// Until a batch before it has come.
  static let waiting = 0
  static let merged: Int64 = 1
  /// Of a revoked device: until a person has decided.
  static let undecided = 2
}
