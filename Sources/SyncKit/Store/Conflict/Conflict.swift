internal import Foundation
public import SyncCore

/// Two writes that did not know of one another, and the decision about them. Data, never an error (L6).
public struct Conflict: Sendable, Hashable {
  public struct Side: Sendable, Hashable {
    /// Value; NULL on the winning side when the row was deleted.
    public var value: CellValue
    /// Hub time in milliseconds when the value was written.
    public var ms: UInt64
    public var replica: ReplicaID?
  }

  /// Reason why the winner stands, or fault of the rows.
  public enum Rule: String, Sendable, Hashable, Codable {
    /// The winner is the later of two writes.
    case lastWriterWins = "lww"
    /// The winner is the later of two writes, in a column that asks for a person's decision.
    case review
    /// The row was deleted, or deleted and born again, by somebody who had not seen the losing value.
    case life
    /// Several rows share the value of a soft key. `losing.value` lists their keys, one a line.
    case duplicate
    /// The row refers to a deleted row.
    case orphan
    /// An operator declined the change.
    case declined
  }

  public var id: String
  public var scope: String
  public var table: String
  public var key: CellValue
  public var column: String
  /// Member of a `perKey` column; nil for whole cells.
  public var member: String?
  public var life: UInt32
  public var rule: Rule
  public var losing: Side
  public var winning: Side
  /// True while the conflict waits for a decision.
  public var isOpen: Bool
  /// Decision: `keep`, `take`, `write`, `undone`; nil when nobody decided by name.
  public var resolution: String?
  public var resolvedBy: String?
  public var reason: String?
  /// Name shared by all conflicts of one declined unit; nil unless the rule is `declined`.
  public var declinedUnit: String?
  /// Values of the row when it was deleted, as JSON by column; nil unless the rule is `life`.
  public var image: String?
  /// Value before the decision, for undoing it.
  var undoValue: CellValue
  /// Value that the latest decision left; NULL without one.
  var decidedValue: CellValue
  /// Milliseconds of hub time of the latest decision; 0 without one.
  var decidedMs: Int64
  var part: CellPart
}

extension Conflict {
  private static let columns = """
    c.id, c.scope, c.tbl, c.row_key, c.col, c.member, c.life, c.rule, c.losing_value, c.losing_stamp, c.losing_replica, c.winning_value,
    c.winning_stamp, c.winning_replica, c.state, d.choice, d.decided_by, d.reason, c.image, d.before_value, d.decided_ms,
    d.after_value
    """
  private static let source = """
    sync_conflict c LEFT JOIN sync_decision d
      ON d.id = (SELECT id FROM sync_decision WHERE conflict = c.id AND scope = c.scope ORDER BY decided_ms DESC, id DESC LIMIT 1)
    """
  package static let isOpenSQL = "c.state = 'open'"

  package static func openCount(in session: any SQLSession) throws -> Int {
    Int(try session.integer("SELECT count(*) FROM sync_conflict c WHERE \(isOpenSQL)") ?? 0)
  }

  init?(_ row: [CellValue]) {
    guard row.count == 22, let id = row[0].text, let scope = row[1].text, let table = row[2].text, let column = row[4].text,
      let life = row[6].integer, let rule = row[7].text.flatMap(Rule.init(rawValue:))
    else { return nil }
    func side(_ at: Int) -> Side {
      let stamp = HybridTimestamp(rawValue: UInt64(bitPattern: row[at + 1].integer ?? 0))
      return Side(value: row[at], ms: stamp.wallMs, replica: row[at + 2].blob.flatMap(ReplicaID.init(bytes:)))
    }
    self.id = id
    self.scope = scope
    self.table = table
    key = row[3]
    self.column = column
    self.life = UInt32(clamping: life)
    self.rule = rule
    losing = side(8)
    winning = side(11)
    resolution = row[15].text
    resolvedBy = row[16].text
    reason = row[17].text
    image = row[18].text
    undoValue = row[19]
    decidedMs = row[20].integer ?? 0
    decidedValue = row[21]
    isOpen = row[14].text == "open"
    part = row[5].text.map(CellPart.init(name:)) ?? .whole
    declinedUnit =
      self.rule == .declined ? "\(scope) \(String(UInt64(bitPattern: row[9].integer ?? 0), radix: 16)) \(row[10].blob?.hex ?? "")" : nil
    if case .member(let name) = part { member = name } else { member = nil }
  }

  /// Returns conflicts, the latest winner first.
  ///
  /// - Parameter condition: SQL over `sync_conflict c` and its latest `sync_decision d`.
  package static func list(where condition: String, _ arguments: [CellValue] = [], in session: any SQLSession) throws -> [Conflict] {
    try session.rows("SELECT \(columns) FROM \(source) WHERE \(condition) ORDER BY c.winning_stamp DESC, c.id", arguments)
      .compactMap(Conflict.init)
  }

  /// Returns the conflict whose id begins with `prefix`.
  ///
  /// - Throws: `SyncError` `.badRequest` when no conflict, or more than one, has such an id.
  package static func find(_ prefix: String, in session: any SQLSession) throws -> Conflict {
    let digits = prefix.lowercased()
    let isID = !digits.isEmpty && digits.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    let found = isID ? try list(where: "substr(c.id, 1, ?1) = ?2", [.integer(Int64(digits.utf8.count)), .text(digits)], in: session) : []
    guard let conflict = found.first else {
      throw SyncError(.badRequest, vi: "Không có xung đột nào mang mã \(prefix).", en: "There is no conflict \(prefix).")
    }
    guard found.count == 1 else {
      throw SyncError(
        .badRequest, vi: "Có \(found.count) xung đột bắt đầu bằng \(prefix); ghi dài hơn.",
        en: "\(found.count) conflicts begin with \(prefix); give more digits.")
    }
    return conflict
  }
}

extension Conflict {
  /// Converts a typed text into a value: for a member, JSON or else a text; otherwise a value of the kind that the two sides have.
  public func value(typed text: String) -> CellValue {
    if member != nil {
      let json = CanonicalJSON.parse(Data(text.utf8), depthMax: CellParts.jsonDepthMax) ?? .string(text.nfc)
      return .text(json.text)
    }
    return CellValue(typed: text, like: [losing.value, winning.value])
  }
}

extension CellValue {
  /// Converts a typed text into a value of the kind of `known`.
  public init(typed text: String, like known: [CellValue]) {
    let kinds = known.filter { !$0.isNull }
    if let number = Int64(text), kinds.contains(where: { $0.integer != nil }) {
      self = .integer(number)
    } else if let number = Double(text), kinds.contains(where: { if case .real = $0 { true } else { false } }) {
      self = .real(number)
    } else {
      self = .text(text.nfc)
    }
  }
}

extension CellPart {
  /// Inverts `name`. A member whose own name begins with `+` and hexadecimal digits reads as an increment only in a `counter`
  /// column, where there are no members.
  init(name: String) {
    if name.first == "+", let id = UInt64(name.dropFirst(), radix: 16) { self = .increment(id) } else { self = .member(name) }
  }
}

/// Decision about a conflict.
public enum Resolution: Sendable, Hashable {
  /// Keeps the present value. The value is written again all the same, so that it wins over a decision made elsewhere without
  /// knowing this one.
  case keepWinner
  /// Restores the losing value. A deleted row is inserted again as it was with the edit.
  case takeLoser
  /// Writes another value: for a member of a `perKey` column, canonical JSON as text.
  case write(CellValue)
  /// Takes the last decision back: writes the value before it again, and opens the conflict again.
  case undo

  package static let words: Set = ["keep", "take", "write", "undone"]

  package var word: String {
    switch self {
    case .keepWinner: "keep"
    case .takeLoser: "take"
    case .write: "write"
    case .undo: "undone"
    }
  }
}
