internal import Foundation
internal import SyncCore
internal import SyncStore

/// Enrolment code as its hub knows it. The hub keeps only a hash of the code itself.
public struct EnrolmentCode: Sendable, Hashable, Codable {
  /// First digits of the hash, by which operators name the code.
  public var id: String
  public var unit: String
  /// Hub time in milliseconds.
  public var madeMs: UInt64
  /// Hub time in milliseconds from which on nobody can use the code; nil for never.
  public var endsMs: UInt64?
  /// True when an operator cancelled the code.
  public var isCancelled: Bool
  /// Device that used the code.
  public var replica: String?
  /// Device whose store goes on with this code; nil for an ordinary code.
  public var replaces: String?
  /// True while the code is unused and can still be used.
  public var isOpen: Bool
}

/// Table of the times at which codes end. A code without a row can be used for ever.
struct CodeEnds {
  let session: any HubSession

  static let schema = """
    CREATE TABLE IF NOT EXISTS hub_code_end (hash BLOB PRIMARY KEY NOT NULL, ends_ms INTEGER NOT NULL, cancelled INTEGER NOT NULL)
      WITHOUT ROWID;
    """

  /// Checks that a code can still be used.
  ///
  /// - Throws: `SyncError` when nobody can use the code any more.
  func check(_ hash: Data, nowMs: UInt64) throws {
    guard let row = try session.firstRow("SELECT ends_ms, cancelled FROM hub_code_end WHERE hash = ?1", [.blob(hash)]),
      let ends = row[0].integer, UInt64(max(0, ends)) <= nowMs
    else { return }
    throw row[1].integer == 1
      ? SyncError(.wrongCode, vi: "Tỉnh đã hủy mã này; xin mã mới.", en: "The hub's operator has cancelled this code; ask for a new one.")
      : SyncError(.wrongCode, vi: "Mã này đã hết hạn; xin mã mới.", en: "This code has expired; ask for a new one.")
  }

  func set(_ hash: Data, endsMs: UInt64, isCancelled: Bool) throws {
    try session.execute(
      """
      INSERT INTO hub_code_end (hash, ends_ms, cancelled) VALUES (?1, ?2, ?3)
      ON CONFLICT (hash) DO UPDATE SET ends_ms = excluded.ends_ms, cancelled = excluded.cancelled
      """, [.blob(hash), .integer(Int64(clamping: endsMs)), .integer(isCancelled ? 1 : 0)])
  }
}

extension Hub {
  /// Codes listed at once.
  public static let codesListedMax = 20_000

  /// Returns enrolment codes by unit, the newest first.
  ///
  /// - Parameters:
  ///   - unit: Limits the result to this unit.
  ///   - onlyOpen: Limits the result to codes that can still be used.
  public func codes(unit: String? = nil, onlyOpen: Bool = false) async throws -> [EnrolmentCode] {
    let now = clock.nowMs()
    return try await read { session in
      let rows = try session.rows(
        """
        SELECT c.hash, c.scope, c.made_ms, e.ends_ms, e.cancelled, c.replica, r.replica
        FROM hub_code c LEFT JOIN hub_code_end e ON e.hash = c.hash LEFT JOIN hub_code_replaces r ON r.hash = c.hash
        WHERE (?1 IS NULL OR c.scope = ?1) AND (NOT ?2 OR c.replica IS NULL AND (e.ends_ms IS NULL OR e.ends_ms > ?3))
        ORDER BY c.scope, c.made_ms DESC, c.hash LIMIT \(Self.codesListedMax)
        """, [unit.map { .text($0) } ?? .null, .integer(onlyOpen ? 1 : 0), .integer(Int64(clamping: now))])
      return rows.map { row in
        let ends = row[3].integer.map { UInt64(max(0, $0)) }
        return EnrolmentCode(
          id: String((row[0].blob?.hex ?? "").prefix(8)), unit: row[1].text ?? "", madeMs: UInt64(max(0, row[2].integer ?? 0)),
          endsMs: ends, isCancelled: row[4].integer == 1, replica: row[5].blob?.hex, replaces: row[6].blob?.hex,
          isOpen: row[5].isNull && ends.map { $0 > now } ?? true)
      }
    }
  }

  /// Ends unused codes: those of the given units, or those whose names begin with the given ids.
  ///
  /// - Parameter endsMs: Hub time from which on nobody can use the codes; nil cancels them now.
  /// - Returns: How many codes there were.
  /// - Throws: `SyncError` `.badRequest` when an id names no open code, or more than one; nothing is changed then.
  public func endCodes(units: [String], ids: [String], endsMs: UInt64? = nil) async throws -> Int {
    let now = clock.nowMs()
    return try await store.write { session in
      let open = try session.rows(
        """
        SELECT c.hash, c.scope FROM hub_code c LEFT JOIN hub_code_end e ON e.hash = c.hash
        WHERE c.replica IS NULL AND (e.ends_ms IS NULL OR e.ends_ms > ?1)
        """, [.integer(Int64(clamping: now))])
      var chosen: Set<Data> = []
      for unit in units {
        let found = open.filter { $0[1].text == unit }.compactMap { $0[0].blob }
        guard !found.isEmpty else { throw Self.noCode(unit) }
        chosen.formUnion(found)
      }
      for id in ids {
        let found = open.compactMap { $0[0].blob }.filter { id.count >= 8 && $0.hex.hasPrefix(id.lowercased()) }
        guard found.count == 1 else { throw Self.noCode(id) }
        chosen.formUnion(found)
      }
      let ends = CodeEnds(session: session)
      for hash in chosen { try ends.set(hash, endsMs: endsMs ?? now, isCancelled: endsMs == nil) }
      return chosen.count
    }
  }

  private static func noCode(_ name: String) -> SyncError {
    SyncError(
      .badRequest, vi: "\(name) không chỉ mã nào còn dùng được; xem `hub codes`.",
      en: "\(name) names no code that can still be used; see `hub codes`.")
  }
}
