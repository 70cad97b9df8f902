internal import Foundation
public import SurveyKit
public import SyncCore
public import SyncStore

/// Conflict as both tools show it, for decisions.
public struct ConflictLine: Encodable, Sendable {
  public var id: String
  public var scope: String
  public var table: String
  public var row: String
  public var column: String
  public var member: String?
  public var rule: Conflict.Rule
  public var losing: String
  public var winning: String
  public var isOpen: Bool
  public var resolution: String?
  public var resolvedBy: String?
  public var reason: String?
  /// Other values of the same declined unit: they are decided together.
  public var together: [Cell]?

  /// Value of a declined unit.
  public struct Cell: Encodable, Sendable {
    public var id: String
    public var table: String
    public var row: String
    public var column: String
    public var member: String?
    public var losing: String
    public var winning: String
  }

  /// Returns a line for each decision: values of one declined unit that are open or settled alike are one line.
  public static func grouped(_ conflicts: [Conflict]) -> [ConflictLine] {
    var lines: [ConflictLine] = []
    var places: [String: Int] = [:]
    for conflict in conflicts {
      let line = ConflictLine(conflict)
      guard let unit = conflict.declinedUnit.map({ "\($0) \(conflict.isOpen)" }) else {
        lines.append(line)
        continue
      }
      if let place = places[unit] {
        let cell = Cell(
          id: line.id, table: line.table, row: line.row, column: line.column, member: line.member, losing: line.losing,
          winning: line.winning)
        lines[place].together = (lines[place].together ?? []) + [cell]
      } else {
        places[unit] = lines.count
        lines.append(line)
      }
    }
    return lines
  }

  public init(_ conflict: Conflict) {
    id = conflict.id
    scope = conflict.scope
    table = conflict.table
    row = conflict.key.shownText
    column = conflict.column
    member = conflict.member
    rule = conflict.rule
    losing = conflict.losing.value.shownText
    winning = conflict.winning.value.shownText
    isOpen = conflict.isOpen
    resolution = conflict.resolution
    resolvedBy = conflict.resolvedBy
    reason = conflict.reason
  }
}

extension CellValue {
  /// Value on a line of a terminal: an empty cell as nothing, bytes in hexadecimal, no line breaks.
  public var shownText: String {
    switch self {
    case .null: ""
    case .integer(let number): String(number)
    case .real(let number): String(number)
    case .text(let text): text.split(whereSeparator: \.isNewline).joined(separator: " ")
    case .blob(let bytes): bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
  }
}

extension Conflict.Rule {
  public var words: LocalizedText {
    switch self {
    case .lastWriterWins: LocalizedText(vi: "hai người cùng ghi", en: "two writes")
    case .review: LocalizedText(vi: "hai người cùng ghi, cần quyết định", en: "two writes, to be decided")
    case .life: LocalizedText(vi: "dòng đã bị xóa", en: "the row was deleted")
    case .duplicate: LocalizedText(vi: "trùng nhau", en: "duplicates")
    case .orphan: LocalizedText(vi: "dòng được nhắc tới đã bị xóa", en: "what it refers to was deleted")
    case .declined: LocalizedText(vi: "bị từ chối", en: "declined")
    }
  }
}

extension Console {
  /// Prints the conflicts as a table, values cut to fit a line.
  public func conflicts(_ lines: [ConflictLine]) {
    func cut(_ text: String) -> String { text.count > 40 ? text.prefix(39) + "…" : text }
    let heading = [
      words.text("Mã", "Id"), words.text("Dòng", "Row"), words.text("Cột", "Column"), words.text("Đang giữ", "Stands"),
      words.text("Bị thay", "Overridden"), words.text("Vì", "Why"),
    ]
    table(
      [heading]
        + lines.map { line in
          [
            String(line.id.prefix(8)), "\(line.table) \(line.row)",
            ([line.column] + [line.member].compactMap(\.self)).joined(separator: ".")
              + (line.together.map { " +\($0.count)" } ?? ""),
            cut(line.winning), cut(line.losing), line.rule.words(language),
          ]
        })
  }

  /// Prints the result of a decision: each conflict, and what contradicts its form because of it.
  public func decided(_ decided: Decided) throws {
    let lines = decided.conflicts.map(ConflictLine.init)
    if let first = lines.first { try result(DecidedLine(line: first, invalid: decided.invalid)) }
    for line in lines {
      let (id, who) = (line.id.prefix(8), line.resolvedBy ?? "")
      if line.isOpen {
        say("Xung đột \(id) mở lại (\(who)).", "Conflict \(id) is open again (\(who)).")
      } else {
        say("Xung đột \(id) đã quyết định (\(who)).", "Conflict \(id) is settled (\(who)).")
      }
    }
    if let invalid = decided.invalid { warn(invalid.explanation) }
  }
}

/// Result of a decision as JSON: the conflict, and the report that contradicts its form now.
private struct DecidedLine: Encodable {
  var line: ConflictLine
  var invalid: InvalidReport?

  private enum Key: CodingKey { case invalid }

  func encode(to encoder: any Encoder) throws {
    try line.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encodeIfPresent(invalid, forKey: .invalid)
  }
}
