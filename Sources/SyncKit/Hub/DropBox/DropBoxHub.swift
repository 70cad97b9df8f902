internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore
internal import Synchronization

/// Hub's side of the drop box: judges packets, and releases lots of at least k.
///
/// A *step* decrypts the waiting packets of a scope and judges them without writing. It releases the answers of an edition when at
/// least k of them are valid and new. Until then nothing that anyone can observe tells what is in a packet.
struct DropBoxHub {
  let session: any HubSession
  let keys: HubKeys
  let tables: HubTables
  let receiver: any LotReceiver
  /// Packets that were decrypted before the transaction.
  var opened = OpenedPackets()

  // MARK: Steps

  /// Releases each edition's new answers of a scope when they are at least k.
  ///
  /// Repeated and unreadable packets are counted and deleted with a release, or when they are at least k themselves. Answers that
  /// fit no edition yet are counted then too.
  func step(_ scope: String) throws {
    let waiting = try WaitingPackets(scope, of: self)
    let k = try receiver.lotMin(in: session)
    let ready = waiting.newByEdition.filter { $0.value >= k }.keys
    if !ready.isEmpty || waiting.junk.count >= k {
      try release(waiting.rows { ready.contains($0) }, unit: scope)
      try settle(waiting, released: Set(ready))
    } else if try waiting.held - (DropLedger(session: session).held(scope)) >= k {
      var counts = DropCounts()
      counts.held = waiting.held
      try DropLedger(session: session).add(counts, scope: scope)
    }
  }

  /// Releases the remaining answers of ended editions in `pool.scopes` under the pool's own code. Requires at least k people in at
  /// least two scopes.
  ///
  /// - Parameter isOver: Returns whether an edition ended: no more answers are expected.
  func releaseRemainder(of pool: RemainderPool, isOver: (String) -> Bool) throws {
    let waiting = try pool.scopes.map { try WaitingPackets($0, of: self) }
    let k = try receiver.lotMin(in: session)
    let editions = Set(waiting.flatMap(\.newByEdition.keys)).filter { edition in
      isOver(edition) && waiting.reduce(0) { $0 + ($1.newByEdition[edition] ?? 0) } >= k
        && waiting.count { ($0.newByEdition[edition] ?? 0) > 0 } >= RemainderPool.scopesMin
    }
    guard !editions.isEmpty else { return }
    var pooled = DropCounts()
    var lot: [WaitingPackets.Opened] = []
    for scope in waiting {
      let own = scope.rows { editions.contains($0) }
      guard !own.isEmpty else { continue }
      lot += own
      pooled.add(try settle(scope, released: editions, isPooled: true))
    }
    try release(lot, unit: pool.unit)
    pooled.pooled = -(pooled.released + pooled.differs)
    try DropLedger(session: session).add(pooled, scope: pool.unit)
  }

  /// Deletes packets that may never be released: remainders of ended editions, all that is encrypted to `keys`, or with
  /// `everything` all that wait.
  func withhold(_ scope: String, isOver: (String) -> Bool, keys: Set<String>, everything: Bool) throws {
    let waiting = try WaitingPackets(scope, of: self)
    let gone = waiting.packets.filter { everything || keys.contains($0.dropKey) || $0.isRest(isOver) }
    guard !gone.isEmpty else { return }
    var counts = DropCounts()
    counts.withheld = gone.count
    counts.held = waiting.held - gone.count { if case .held = $0.verdict { true } else { false } }
    for packet in gone { try forget(packet.id) }
    try DropLedger(session: session).add(counts, scope: scope)
  }

  private func release(_ lot: [WaitingPackets.Opened], unit: String) throws {
    guard !lot.isEmpty else { return }
    let rows = lot.map(\.row).shuffled()
    try session.withoutCapture { try receiver.receive(rows, unit: unit, in: session) }
    try BackupLog(session: session).noteRelease()
  }

  /// Deletes the packets that a step settled, and records what they were.
  ///
  /// - Parameter isPooled: True when the released ones are counted under a larger unit's code.
  /// - Returns: What was released.
  @discardableResult
  private func settle(_ waiting: WaitingPackets, released: Set<String>, isPooled: Bool = false) throws -> DropCounts {
    var counts = DropCounts()
    var pool = DropCounts()
    var repeated: [AnonymousRow] = []
    var noAnswers: [String: Int] = [:]
    let spoiled = SpoiledPackets(session: session)
    for packet in waiting.packets {
      switch packet.verdict {
      case .new(let edition) where released.contains(edition): pool.released += 1
      case .differs(let edition) where released.contains(edition): pool.differs += 1
      case .repeated(let edition, let isStanding) where isStanding || released.contains(edition):
        counts.repeated += 1
        noAnswers[packet.dropKey, default: 0] -= 1
        if let row = packet.row { repeated.append(row) }
      case .spoiled:
        // Lets the packet wait when there is no room to keep it.
        guard try spoiled.keep(packet.id) else { continue }
        counts.spoiled += 1
        noAnswers[packet.dropKey, default: 0] -= 1
      case .held, .new, .differs, .repeated: continue
      }
      try forget(packet.id)
    }
    if !repeated.isEmpty { try session.withoutCapture { try receiver.noteRepeated(repeated, in: session) } }
    if isPooled { counts.pooled = pool.standing } else { (counts.released, counts.differs) = (pool.released, pool.differs) }
    counts.held = waiting.held
    try DropLedger(session: session).add(counts, scope: waiting.scope)
    try FormDropLedger(session: session).add(noAnswers, scope: waiting.scope)
    return pool
  }

  private func forget(_ packet: CellValue) throws { try session.execute("DELETE FROM hub_packet WHERE id = ?1", [packet]) }
}

/// Cache of decrypted packets. Decrypting takes longer than writing, and while a transaction decrypts, no other one can write.
final class OpenedPackets: Sendable {
  private let rows = Mutex<[WirePacket: AnonymousRow?]>([:])

  /// Returns the content of a packet; nil when it cannot be decrypted.
  func row(of packet: WirePacket, open: () -> AnonymousRow?) -> AnonymousRow? {
    if let known = rows.withLock({ $0[packet] }) { return known }
    let row = open()
    rows.withLock { $0[packet] = .some(row) }
    return row
  }
}

/// Pool of the remaining answers of several scopes at the end of a form.
public struct RemainderPool: Sendable, Hashable {
  /// Scopes that must be in the pool, so that it does not stand for one scope.
  public static let scopesMin = 2

  /// Unit under whose code the pool's answers are stored.
  public var unit: String
  public var scopes: [String]

  public init(unit: String, scopes: [String]) {
    self.unit = unit
    self.scopes = scopes
  }
}

/// Waiting packets of one scope, decrypted and judged. Nothing is written.
struct WaitingPackets {
  struct Opened {
    var id: CellValue
    var dropKey: String
    var row: AnonymousRow
  }

  struct Judged {
    var id: CellValue
    /// Name of the drop key in the packet; empty when the bytes are no packet.
    var dropKey: String
    /// Content; nil when it cannot be decrypted.
    var row: AnonymousRow?
    var verdict: RowVerdict

    /// Returns whether the packet belongs to an ended edition.
    func isRest(_ isOver: (String) -> Bool) -> Bool {
      switch verdict {
      case .new(let edition), .differs(let edition), .repeated(let edition, isStanding: false): isOver(edition)
      case .repeated, .held, .spoiled: false
      }
    }
  }

  let scope: String
  let packets: [Judged]
  private let opened: [Opened]
  private let verdicts: [RowVerdict]

  init(_ scope: String, of box: DropBoxHub) throws {
    self.scope = scope
    var opened: [Opened] = []
    var unreadable: [Judged] = []
    for row in try box.session.rows("SELECT id, bytes FROM hub_packet WHERE scope = ?1", [.text(scope)]) {
      let packet = row[1].blob.flatMap { try? WirePacket(serializedBytes: $0) }
      switch try Self.open(packet, scope: scope, of: box) {
      case .success(let content): opened.append(Opened(id: row[0], dropKey: packet?.dropKey ?? "", row: content))
      case .failure(let fault): unreadable.append(Judged(id: row[0], dropKey: packet?.dropKey ?? "", verdict: fault.verdict))
      }
    }
    self.opened = opened
    let erased = try ErasureTable(session: box.session).editions()
    verdicts = try box.receiver.judge(opened.map(\.row), scope: scope, in: box.session).map { verdict in
      verdict.edition.map(erased.contains) == true ? .spoiled : verdict
    }
    packets = unreadable + zip(opened, verdicts).map { Judged(id: $0.id, dropKey: $0.dropKey, row: $0.row, verdict: $1) }
  }

  /// Reason why a packet cannot be judged by its content.
  private struct Unreadable: Error {
    var verdict: RowVerdict
  }

  private static func open(_ packet: WirePacket?, scope: String, of box: DropBoxHub) throws -> Result<AnonymousRow, Unreadable> {
    guard let packet, !box.keys.destroyed.contains(packet.dropKey), try !DropKeyTable(session: box.session).isDestroyed(packet.dropKey)
    else {
      return .failure(Unreadable(verdict: .spoiled))
    }
    guard let drop = box.keys.dropKey(named: packet.dropKey) else {
      // Holds the packet: its key is lost, not destroyed, and may be on the recovery sheet.
      return .failure(Unreadable(verdict: .held(edition: DropKeyTable.fileName(of: packet.dropKey))))
    }
    let row = box.opened.row(of: packet) {
      Packets.open(packet, scope: scope, key: drop.key).map { AnonymousRow(table: $0.table, cells: $0.cells) }
    }
    guard let row else { return .failure(Unreadable(verdict: .spoiled)) }
    // Refuses a packet under another form's key: it would be readable after its own form has ended.
    if let owner = drop.owner,
      box.tables.byName[row.table]?.form(of: row.cells.lazy.map { (column: $0.column, value: $0.value) }) != owner.form
    {
      return .failure(Unreadable(verdict: .spoiled))
    }
    return .success(row)
  }

  /// New rows by edition; each count is compared with k.
  var newByEdition: [String: Int] {
    verdicts.reduce(into: [:]) { counts, verdict in
      if case .new(let edition) = verdict { counts[edition, default: 0] += 1 }
    }
  }

  /// Packets that may be counted once they are at least k.
  var junk: [Judged] {
    packets.filter { packet in
      if case .repeated(_, isStanding: true) = packet.verdict { true } else { packet.verdict == .spoiled }
    }
  }
  var held: Int { heldByEdition.values.reduce(0, +) }

  var heldByEdition: [String: Int] {
    packets.reduce(into: [:]) { counts, packet in
      if case .held(let edition) = packet.verdict { counts[edition, default: 0] += 1 }
    }
  }

  /// Returns the rows to release of the editions for which `isWanted` is true.
  func rows(_ isWanted: (String) -> Bool) -> [Opened] {
    zip(opened, verdicts).compactMap { row, verdict in
      switch verdict {
      case .new(let edition), .differs(let edition): isWanted(edition) ? row : nil
      case .repeated, .held, .spoiled: nil
      }
    }
  }
}

extension WirePacket {
  /// Identifier under which the hub keeps a packet once.
  var id: Data { Data((encapsulated + ciphertext).sha256.prefix(16)) }
}
