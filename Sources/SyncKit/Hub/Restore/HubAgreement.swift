internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Device that has fetched the whole feed and yet holds other data than the hub.
public struct Disagreement: Sendable, Hashable, Codable {
  public var replica: String
  public var label: String
  /// Scope that the device writes, and scope in which it differs.
  public var unit: String
  public var scope: String
  public var tables: [String]
  /// Hub time in milliseconds of the device's last report.
  public var atMs: UInt64
  /// True when the device was asked for its rows of this scope and has not sent them.
  public var isAsked: Bool

  public var explanation: LocalizedText {
    let short = String(replica.prefix(8))
    let next =
      isAsked
      ? LocalizedText(vi: "đã yêu cầu, chờ máy đồng bộ", en: "it was asked for what it has, with its next exchange")
      : LocalizedText(vi: "lấy lại bằng `hub devices mend \(short)`", en: "mend it with `hub devices mend \(short)`")
    return LocalizedText(
      vi:
        "KHÁC NHAU: thiết bị \(short) (\(label), \(unit)) giữ dữ liệu khác với tỉnh ở \(scope): \(tables.joined(separator: ", ")); \(next.vi).",
      en:
        "DIFFERENT: device \(short) (\(label), \(unit)) holds other data than the hub in \(scope): \(tables.joined(separator: ", ")); \(next.en)."
    )
  }

  /// Returns the last report of each device, by scope and device.
  public static func all(in session: any HubSession) throws -> [Disagreement] {
    var found: [Disagreement] = []
    for row in try session.rows(
      """
      SELECT x.replica, d.label, d.scope, x.scope, x.tbl, x.at_ms, a.replica IS NOT NULL FROM hub_different x
      JOIN hub_device d ON d.replica = x.replica
      LEFT JOIN hub_ask a ON a.replica = x.replica AND a.scope = x.scope AND a.answered_ms IS NULL
      WHERE d.revoked_ms IS NULL ORDER BY x.scope, d.label, x.replica, x.tbl
      """)
    {
      guard let bytes = row[0].blob, let replica = ReplicaID(bytes: bytes), let scope = row[3].text, let table = row[4].text else {
        continue
      }
      if let last = found.last, last.replica == replica.description, last.scope == scope {
        found[found.count - 1].tables.append(table)
      } else {
        found.append(
          Disagreement(
            replica: replica.description, label: row[1].text ?? "", unit: row[2].text ?? "", scope: scope, tables: [table],
            atMs: UInt64(max(0, row[5].integer ?? 0)), isAsked: row[6].integer == 1))
      }
    }
    return found
  }
}

/// Reports of devices that compared their data with the hub's, and requests to those devices. Belongs to one hub transaction.
struct DisagreementTable {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_different (
      replica BLOB NOT NULL, scope TEXT NOT NULL, tbl TEXT NOT NULL, sum BLOB NOT NULL, rows INTEGER NOT NULL, at_ms INTEGER NOT NULL,
      PRIMARY KEY (replica, scope, tbl)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hub_ask (
      replica BLOB NOT NULL, scope TEXT NOT NULL, asked BLOB NOT NULL, asked_ms INTEGER NOT NULL, answered_ms INTEGER,
      PRIMARY KEY (replica, scope)) WITHOUT ROWID;
    """

  /// Replaces a device's earlier report.
  func replace(of replica: ReplicaID, _ different: [WireDigest], nowMs: UInt64) throws {
    try session.execute("DELETE FROM hub_different WHERE replica = ?1", [.blob(replica.bytes)])
    for digest in different {
      try session.execute(
        "INSERT INTO hub_different (replica, scope, tbl, sum, rows, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        [
          .blob(replica.bytes), .text(digest.scope), .text(digest.table), .blob(digest.sum), .integer(Int64(clamping: digest.rows)),
          .integer(Int64(clamping: nowMs)),
        ])
    }
  }

  func ask(_ ask: WireRecoveryAsk, signed: Data) throws {
    try session.execute(
      """
      INSERT INTO hub_ask (replica, scope, asked, asked_ms) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (replica, scope) DO UPDATE SET asked = excluded.asked, asked_ms = excluded.asked_ms, answered_ms = NULL
      """, [.blob(ask.replica), .text(ask.scope), .blob(signed), .integer(Int64(clamping: ask.askedMs))])
  }

  /// Returns whether a device was asked for its rows of a scope and has not answered.
  func isAsked(in scope: String) throws -> Bool {
    try session.firstRow("SELECT 1 FROM hub_ask WHERE scope = ?1 AND answered_ms IS NULL", [.text(scope)]) != nil
  }

  /// Returns the signed requests that a device has not answered.
  func asks(of replica: ReplicaID) throws -> [Data] {
    try session.rows("SELECT asked FROM hub_ask WHERE replica = ?1 AND answered_ms IS NULL ORDER BY scope", [.blob(replica.bytes)])
      .compactMap { $0[0].blob }
  }

  func noteAnswered(_ asked: Data, nowMs: UInt64) throws {
    try session.execute(
      "UPDATE hub_ask SET answered_ms = ?2 WHERE asked = ?1 AND answered_ms IS NULL", [.blob(asked), .integer(Int64(clamping: nowMs))])
  }
}

extension Hub {
  /// Records a device's comparison with this hub: the tables that differ, or none.
  ///
  /// - Returns: The signed answer, with the requests of the operator to the device.
  func takeAgreement(_ body: Data, from device: HubDevice) async throws -> Data {
    let report = body.isEmpty ? WireAgreementReport() : try WireAgreementReport.parse(body, named: AgreementReport.name)
    let scopes = Set(device.readScopes)
    guard report.different.count <= WireLimits.digestsMax,
      report.different.allSatisfy({ scopes.contains($0.scope) && TableCoder.isName($0.table) && [0, 16].contains($0.sum.count) })
    else { throw ByteReader.short }
    let (now, signing) = (clock.nowMs(), keys.signing)
    let conflicts = MetadataSchema.conflictTable.name
    // Asks for missing conflicts without an operator: the hub wrote them itself. One device at a time is enough.
    let lacksConflicts = report.different.contains { $0.table == conflicts && $0.scope.utf8.elementsEqual(device.scope.utf8) }
    let asks = try await store.write { session in
      let table = DisagreementTable(session: session)
      try table.replace(of: device.replica, report.different, nowMs: now)
      if lacksConflicts, try !table.isAsked(in: device.scope) {
        var ask = WireRecoveryAsk()
        (ask.hub, ask.replica, ask.scope, ask.tables, ask.askedMs) = (
          signing.replica.bytes, device.replica.bytes, device.scope, [conflicts], now
        )
        try table.ask(ask, signed: try signing.sealed(try ask.serializedData(), as: .recovery))
      }
      return report.different.isEmpty ? [] : try table.asks(of: device.replica)
    }
    var answer = WireAgreementAnswer()
    answer.hub = replica.bytes
    answer.request = body.sha256
    answer.asks = try asks.map { try WireSigned(serializedBytes: $0) }
    return try keys.signing.sealed(try answer.serializedData(), as: .agreement)
  }

  /// Returns the devices that hold other data than the hub.
  public func disagreements() async throws -> [Disagreement] { try await read { try Disagreement.all(in: $0) } }

  /// Asks devices for all rows of the scopes in which they differ. Devices answer in their next exchange, and send the rows of
  /// absent authors under their own identity.
  ///
  /// - Parameter replica: The device to ask; nil asks one device in each scope, the one that reported last.
  /// - Returns: The requests.
  /// - Throws: `SyncError` `.badRequest` when no report asks for repair.
  public func askForRecovery(of replica: ReplicaID? = nil) async throws -> [Disagreement] {
    let (signing, now) = (keys.signing, clock.nowMs())
    let asked = try await store.write { session in
      var chosen: [Disagreement] = []
      for one in try Disagreement.all(in: session).sorted(by: { $0.atMs > $1.atMs }) {
        if let replica, one.replica != replica.description { continue }
        if replica == nil, chosen.contains(where: { $0.scope == one.scope }) { continue }
        chosen.append(one)
      }
      for one in chosen {
        guard let bytes = Data(hex: one.replica) else { continue }
        var ask = WireRecoveryAsk()
        (ask.hub, ask.replica, ask.scope, ask.tables, ask.askedMs) = (signing.replica.bytes, bytes, one.scope, one.tables, now)
        try DisagreementTable(session: session).ask(ask, signed: try signing.sealed(try ask.serializedData(), as: .recovery))
      }
      return chosen
    }
    guard !asked.isEmpty else {
      throw SyncError(
        .badRequest, vi: "Không có thiết bị nào báo dữ liệu khác với tỉnh; không có gì phải lấy lại.",
        en: "No device said that it holds other data than the hub; there is nothing to mend.")
    }
    return asked
  }
}
