internal import Foundation
internal import SwiftProtobuf
public import SyncCore
public import SyncStore

extension SQLiteHubStore {
  /// Examines a hub's store without changing it, also while the hub serves. Covers the file, the capture triggers, every row and
  /// sum, the journal with its chains, signatures and receipts, and the feed with its positions and hashes. Replays the journal,
  /// and compares the result with the rows that stand. Anonymous rows are only counted.
  ///
  /// - Parameter packetProblems: Returns further problems of the anonymous rows, from the code that counts them.
  /// - Throws: `SyncError` when there is no store of these tables to examine. Problems of a store are in the result.
  /// - Complexity: O(rows + bytes of the journal); memory is bounded by one batch, the replay takes a temporary file as large as
  ///   the rows.
  public static func examine(
    at path: String, tables: [ReplicatedTable], keys: HubKeys, progress: @escaping Examination.Progress = { _, _, _ in },
    packetProblems: @escaping @Sendable (any SQLSession) throws -> [LocalizedText] = { _ in [] }
  ) async throws -> Examination {
    try await ExaminedStore.examine(path, tables: tables) { store in
      let examiner = Examiner(progress)
      store.checkFile(examiner)
      store.checkTriggers(examiner, capturesPackets: false)
      examiner.part { for problem in try packetProblems(store.session) { examiner.found(.packets, vi: problem.vi, en: problem.en) } }
      RowExamination(store: store, examiner: examiner).run()
      JournalExamination(store: store, examiner: examiner, hub: keys.signing).run()
      ReplayExamination(store: store, examiner: examiner, hub: keys.signing.replica).run()
      examiner.part { try examine(PacketSpool(folder: path + spoolSuffix), keys: keys, store.session, examiner) }
      return examiner.result
    }
  }

  /// Counts the packets that have arrived since the last flush, and checks that devices of their units made them.
  private static func examine(_ spool: PacketSpool, keys: HubKeys, _ session: any SQLSession, _ examiner: Examiner) throws {
    let packets = spool.all()
    examiner.result.packets += packets.count
    let table = UnitKeyTable(session: session, keys: keys)
    // Checks for the table first: an examined store may be of an earlier format.
    let hasTable = try session.firstRow("SELECT 1 FROM sqlite_master WHERE name = 'hub_unit_key'") != nil
    let unitKeys = try Dictionary(
      uniqueKeysWithValues: Set(packets.map(\.scope)).map { ($0, hasTable ? try table.all($0) : [keys.unitKey(scope: $0)]) })
    // Accepts every key that the unit had: a packet from before a revocation bears the key of that time.
    for packet in packets
    where Packets.proof(of: packet.packet, scope: packet.scope, unitKeys: unitKeys[packet.scope] ?? []) == .none {
      examiner.found(
        .packets, vi: "Một phiếu chờ của đơn vị \(packet.scope) không do thiết bị của đơn vị đó làm ra. \(Examiner.restore.vi)",
        en: "A packet of unit \(packet.scope) in the spool was not made by a device of that unit. \(Examiner.restore.en)")
    }
    guard hasTable, try session.firstRow("SELECT 1 FROM sqlite_master WHERE name = 'hub_late_packet'") != nil else { return }
    for row in try session.rows("SELECT scope, bytes FROM hub_late_packet") {
      examiner.result.packets += 1
      let packet = row[1].blob.flatMap { try? WirePacket(serializedBytes: $0) }
      let scope = row[0].text ?? ""
      if let packet, Packets.proof(of: packet, scope: scope, unitKeys: try table.all(scope)) != .none { continue }
      examiner.found(
        .packets,
        vi: "Một phiếu chờ quyết định của đơn vị \(scope) không do thiết bị của đơn vị đó làm ra, hoặc đã hỏng. \(Examiner.restore.vi)",
        en:
          "A packet of unit \(scope) that waits for a decision was not made by a device of that unit, or is damaged. \(Examiner.restore.en)"
      )
    }
    let unreadable = spool.count() - packets.count
    guard unreadable > 0 else { return }
    examiner.found(
      .packets,
      vi: "\(unreadable) tệp phiếu chờ trong \(spool.folder) không đọc được. Giữ nguyên tệp; máy đã gửi sẽ gửi lại khi khôi phục.",
      en: "\(unreadable) packet files in \(spool.folder) cannot be read. Keep them; devices send theirs again after a restore.")
  }
}

extension Hub {
  /// Returns the rows at the hub that are not as their tables declare them.
  public func misformedRows() async throws -> [MisformedRow] {
    let shapes = store.tables.byName.values
    return try await store.read { try MisformedRow.all(of: shapes, in: $0) }
  }
}
