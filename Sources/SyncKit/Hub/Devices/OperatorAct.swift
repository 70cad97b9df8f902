internal import Foundation
internal import SyncCore
internal import SyncStore
internal import Synchronization

/// Act of an operator on a hub, as the hub records it. Rows are only added.
public struct OperatorAct: Sendable, Hashable, Codable {
  /// Identifier, the same for all rows of an act that took several transactions.
  public var id: String
  /// Hub time in milliseconds.
  public var atMs: UInt64
  /// Command, such as `devices revoke`.
  public var kind: String
  /// Subject of the act: a device, a unit, a form; empty for the hub.
  public var subject: String
  /// Name of the operator.
  public var by: String
  /// Reason; empty when none was given.
  public var reason: String
  /// State before and after the act, as JSON; nil for acts that change nothing in the store but this table.
  public var before: String?
  public var after: String?
}

/// Act that is about to be done.
public struct IntendedAct: Sendable {
  public var kind: String
  public var subject: String
  public var by: String
  public var reason: String
  /// Returns what the act is to change, as names and values. Called in the act's transaction, before and after. A transaction that
  /// changes none of them is not recorded. Nil: the act's first transaction is recorded.
  public var look: (@Sendable (any HubSession) throws -> [String: String])?

  /// Bytes kept of a name, of a reason, and of each state.
  public static let textBytesMax = 4096

  /// - Throws: `SyncError` `.badRequest` when no operator is named.
  public init(
    _ kind: String, subject: String = "", by who: String, reason: String = "",
    look: (@Sendable (any HubSession) throws -> [String: String])? = nil
  ) throws {
    guard !who.allSatisfy(\.isWhitespace) else {
      throw SyncError(.badRequest, vi: "Chưa ghi ai làm việc này; thêm --by TÊN.", en: "Nobody is named who does this; add --by NAME.")
    }
    (self.kind, self.subject, self.by, self.reason, self.look) = (kind, subject, who, reason, look)
  }
}

/// Recorder that writes an act into the transaction that does it.
final class ActRecorder: Sendable {
  /// Act that the present task is doing.
  @TaskLocal static var current: ActRecorder?

  let act: IntendedAct
  private let id = Data((0..<8).map { _ in UInt8.random(in: .min ... .max) })
  private let clock: any WallClock
  private let isNoted = NotedFlag()

  init(_ act: IntendedAct, clock: any WallClock) {
    self.act = act
    self.clock = clock
  }

  static let schema = [
    """
    CREATE TABLE IF NOT EXISTS operator_act (
      id INTEGER PRIMARY KEY, act BLOB NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, who TEXT NOT NULL,
      reason TEXT NOT NULL, before_json TEXT, after_json TEXT)
    """,
    """
    CREATE TRIGGER IF NOT EXISTS operator_act_stays BEFORE UPDATE ON operator_act
      BEGIN SELECT RAISE(ABORT, 'acts are only added'); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS operator_act_remains BEFORE DELETE ON operator_act
      BEGIN SELECT RAISE(ABORT, 'acts are only added'); END
    """,
    "CREATE INDEX IF NOT EXISTS operator_act_subject ON operator_act (subject, id, act)",
    "CREATE INDEX IF NOT EXISTS operator_act_act ON operator_act (act, id)",
  ]

  /// Runs `body` and adds the act to its transaction. A transaction that fails takes its row back with it.
  func recording<T>(in session: any HubSession, _ body: () throws -> T) throws -> T {
    let before = try act.look?(session)
    let result = try body()
    let after = try act.look?(session)
    guard before != nil ? before != after : !isNoted.isSet else { return result }
    try note(before: before, after: after, in: session)
    isNoted.set()
    return result
  }

  func note(before: [String: String]?, after: [String: String]?, in session: any SQLSession) throws {
    func text(_ value: String) -> CellValue { .text(String(value.prefix(IntendedAct.textBytesMax))) }
    func json(_ values: [String: String]?) throws -> CellValue {
      guard let values else { return .null }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return .text(String(decoding: try encoder.encode(values.mapValues { String($0.prefix(IntendedAct.textBytesMax)) }), as: UTF8.self))
    }
    try session.execute(
      """
      INSERT INTO operator_act (act, at_ms, kind, subject, who, reason, before_json, after_json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
      """,
      [
        .blob(id), .integer(Int64(clamping: clock.nowMs())), text(act.kind), text(act.subject), text(act.by), text(act.reason),
        try json(before), try json(after),
      ])
  }
}

/// Flag that is set once, from any task.
private final class NotedFlag: Sendable {
  private let value = Mutex(false)

  var isSet: Bool { value.withLock { $0 } }
  func set() { value.withLock { $0 = true } }
}

extension Hub {
  /// Runs `body` as an operator's act. Its changes in the store, and the record of who made them and why, are committed together.
  public func acting<T>(_ act: IntendedAct, _ body: () async throws -> T) async throws -> T {
    try await ActRecorder.$current.withValue(ActRecorder(act, clock: clock)) { try await body() }
  }

  /// Records an act that changes nothing in the store, such as one on the files of the keys.
  public func note(_ act: IntendedAct) async throws {
    let recorder = ActRecorder(act, clock: clock)
    try await store.write { try recorder.note(before: nil, after: nil, in: $0) }
  }

  /// Acts listed at once.
  public static let actsListedMax = 1000
  /// Rows of the newest acts that are looked through for each act that is listed: few acts take more than one transaction.
  private static let actRowsMax = 8

  /// Returns what operators did, newest first; an act of several transactions appears once. Costs rows of the acts listed, not of all.
  public func acts(limit: Int = 100, about subject: String? = nil) async throws -> [OperatorAct] {
    let limit = min(max(limit, 1), Self.actsListedMax)
    let rows = try await read { session in
      try session.rows(
        """
        SELECT act, at_ms, kind, subject, who, reason, before_json, after_json FROM operator_act WHERE act IN (
          SELECT act FROM (
            SELECT act, id FROM operator_act\(subject == nil ? "" : " WHERE subject = ?3") ORDER BY id DESC LIMIT ?2)
          GROUP BY act ORDER BY max(id) DESC LIMIT ?1)
        ORDER BY id DESC
        """, [.integer(Int64(limit)), .integer(Int64(limit * Self.actRowsMax))] + (subject.map { [.text($0)] } ?? []))
    }
    var acts: [OperatorAct] = []
    var places: [String: Int] = [:]
    for row in rows {
      let act = OperatorAct(
        id: row[0].blob?.hex ?? "", atMs: UInt64(max(0, row[1].integer ?? 0)), kind: row[2].text ?? "", subject: row[3].text ?? "",
        by: row[4].text ?? "", reason: row[5].text ?? "", before: row[6].text, after: row[7].text)
      if let place = places[act.id] {
        (acts[place].atMs, acts[place].before) = (act.atMs, act.before)
      } else {
        places[act.id] = acts.count
        acts.append(act)
      }
    }
    return acts
  }
}
