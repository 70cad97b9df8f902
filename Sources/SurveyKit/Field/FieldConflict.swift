internal import Foundation
internal import GRDB
public import SurveyKit
internal import SyncKit

/// Conflict: two people wrote a value without seeing each other's. The losing value is kept here until somebody decides.
public struct FieldConflict: Sendable, Hashable {
  public var id: String
  public var table: String
  /// Key of the row, such as `07201/2024-04-01`.
  public var row: String
  public var column: String
  /// Question, when the conflict is about one question of a report.
  public var member: String?
  public var losingValue: String?
  public var winningValue: String?
  /// Hub time in milliseconds when each was written.
  public var losingMs: Int64
  public var winningMs: Int64
  /// Devices that wrote them: eight digits of their identities.
  public var losingDevice: String
  public var winningDevice: String
  public var isOpen: Bool

  /// Day of the report that it is about; nil for other rows.
  public var reportDay: CalendarDay? {
    guard table == "report", let slash = row.lastIndex(of: "/") else { return nil }
    return CalendarDay(String(row[row.index(after: slash)...]))
  }

  /// Questions on which the two differ, when both are answers; nil when they are not.
  public var differingAnswers: [(question: String, losing: AnswerValue?, winning: AnswerValue?)]? {
    if column == "by_question", let member {
      func answer(_ json: String?) -> AnswerValue? { (try? StoredReport.answer(json, to: member)) ?? nil }
      return [(member, answer(losingValue), answer(winningValue))]
    }
    guard column == "answers", let losing = try? AnswerValue.answers(stored: losingValue ?? "{}", table: table, id: row),
      let winning = try? AnswerValue.answers(stored: winningValue ?? "{}", table: table, id: row)
    else { return nil }
    return Set(losing.keys).union(winning.keys).sorted().filter { losing[$0] != winning[$0] }.map { ($0, losing[$0], winning[$0]) }
  }
}

extension SurveyField {
  /// Returns the open conflicts of the scopes that this device reads, the newest first.
  public func openConflicts() async throws -> [FieldConflict] {
    try await conflicts(where: "state = 'open'", [])
  }

  /// Returns the conflicts whose id begins with a prefix, open or closed.
  public func conflicts(idPrefix: String) async throws -> [FieldConflict] {
    guard !idPrefix.isEmpty, idPrefix.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return [] }
    return try await conflicts(where: "substr(id, 1, ?) = ?", [idPrefix.utf8.count, idPrefix])
  }

  private func conflicts(where condition: String, _ arguments: StatementArguments) async throws -> [FieldConflict] {
    try await read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT id, tbl, CAST(row_key AS TEXT) AS row_text, col, member, CAST(losing_value AS TEXT) AS losing,
            CAST(winning_value AS TEXT) AS winning, losing_stamp, winning_stamp,
            losing_replica, winning_replica, state
          FROM sync_conflict WHERE \(condition) ORDER BY winning_stamp DESC, id
          """, arguments: arguments
      ).map { row in
        func ms(_ stamp: Int64?) -> Int64 { Int64(clamping: HybridTimestamp(rawValue: UInt64(bitPattern: stamp ?? 0)).wallMs) }
        func device(_ bytes: Data?) -> String { bytes.flatMap { ReplicaID(bytes: $0) }?.short ?? "" }
        return FieldConflict(
          id: row.text("id") ?? "", table: row.text("tbl") ?? "", row: row.text("row_text") ?? "", column: row.text("col") ?? "",
          member: row.text("member"),
          losingValue: row.text("losing"), winningValue: row.text("winning"), losingMs: ms(row.integer("losing_stamp")),
          winningMs: ms(row.integer("winning_stamp")), losingDevice: device(row.bytes("losing_replica")),
          winningDevice: device(row.bytes("winning_replica")), isOpen: row.text("state") == "open")
      }
    }
  }
}
