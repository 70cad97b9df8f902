internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Transaction of the hub: its session and time, and the tables that its steps write. A step takes a transaction; a transaction
/// holds no reference to a step.
struct HubTransaction {
  let session: any HubSession
  let tables: HubTables
  let key: SigningKey
  let wallMs: UInt64
  let observer: (any MergeObserver)?
  let order: ScopeOrder
  let rows: RowStore
  let conflicts: ConflictWriter
  let writer: HubWriter
  let identities: HubIdentityHistory
  let cursors: CursorTranslator
  let held: HeldRowIndex
  let scopes: AuthorScopes
  let authorOrder: AuthorOrder

  init(session: any HubSession, tables: HubTables, key: SigningKey, wallMs: UInt64, observer: (any MergeObserver)? = nil) {
    self.session = session
    self.tables = tables
    self.key = key
    self.wallMs = wallMs
    self.observer = observer
    order = ScopeOrder(session: session)
    rows = RowStore(session: session, shapes: tables.byName)
    rows.notesArrivals = true
    conflicts = ConflictWriter(session: session, observer: observer)
    writer = HubWriter(
      session: session, tables: tables, key: key, wallMs: wallMs, order: order, rows: rows, conflicts: conflicts, observer: observer)
    identities = HubIdentityHistory(session: session)
    cursors = CursorTranslator(session: session)
    held = HeldRowIndex(session: session)
    scopes = AuthorScopes(session: session)
    authorOrder = AuthorOrder(session: session, lineage: identities)
  }

  /// Returns the check that every unit of another replica passes before it is merged, at the first try and at every retry.
  func unitCheck(rules: [String: MergePolicies]) -> UnitCheck {
    UnitCheck(session: session, rows: rows, lineage: identities, held: held, scopes: scopes, rules: rules)
  }

  /// Returns the tables whose whole content this hub's operator asked the author for; empty for every other batch.
  func askedTables(_ content: BatchContent, writeScope: String? = nil) throws -> Set<String> {
    guard let asked = content.recovery?.asked, let own = VerifyingKey(rawRepresentation: key.publicKey),
      let body = try? own.open(asked, as: .recovery), let ask = try? WireRecoveryAsk.parse(body, named: AgreementReport.askName),
      ask.hub == key.replica.bytes, ask.scope.utf8.elementsEqual(content.scope.utf8), let replica = ReplicaID(bytes: ask.replica)
    else { return [] }
    // Accepts the identity that succeeded the asked one: the device may have changed its identity since. The identity history is
    // kept in the scope that the device writes.
    let scope =
      try writeScope ?? session.firstRow("SELECT scope FROM hub_device WHERE replica = ?1", [.blob(content.replica.bytes)])?[0].text
    guard try identities.line(of: content.replica, scope: scope ?? content.scope)[replica] != nil else { return [] }
    return Set(ask.tables)
  }

  /// Returns the stamp under which a unit is merged. At a restored hub the stamp is later than those of the author's restored
  /// units.
  func accept(_ unit: ChangeUnit, of content: BatchContent) throws -> HybridTimestamp {
    let stamp = try order.accept(unit.stamp, scope: content.scope, wallMs: wallMs)
    // Keeps the stamp of a recovery batch. Its cells are the newest of their author, so no later write of the author has a smaller
    // stamp.
    if content.recovery != nil { return stamp }
    return try authorOrder.raised(stamp, of: content, order: order, wallMs: wallMs)
  }

  /// Returns the merger for a unit of a batch, which knows what the unit's author had seen.
  func merger(of content: BatchContent, origin: Origin) throws -> RowMerger {
    let seen = try cursors.seen(by: content.cursor, scope: content.scope)
    var merger = RowMerger(transaction: self, scope: content.scope, origin: origin, seenThrough: seen.through)
    merger.isOneAuthors = try identities.ownership(of: content.replica, number: content.number, scope: content.scope)
    merger.sawEarlier = cursors.sawEarlier(seen, scope: content.scope)
    merger.rules = content.rules
    return merger
  }

  // MARK: Receipts

  /// Returns a stored receipt, signed again when it is from an earlier incarnation; devices ignore receipts of ended incarnations
  /// (L11).
  func inPresentLife(_ stored: Data, id: Int64) throws -> Data {
    var receipt = try WireReceipt(serializedBytes: try WireSigned(serializedBytes: stored).body)
    let present = try IncarnationTable(session: session).present()
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
    receipt.incarnation = try IncarnationTable(session: session).present()
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

/// States of a journalled batch, as `hub_batch.state` stores them.
enum BatchState {
  /// A batch before this one has not arrived.
  static let waiting = 0
  static let merged: Int64 = 1
  /// The batch is from a revoked device, and nobody has decided about it.
  static let undecided = 2
}
