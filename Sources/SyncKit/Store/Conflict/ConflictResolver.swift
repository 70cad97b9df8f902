internal import Foundation
package import SyncCore

/// Carries out decisions about conflicts in one transaction of a store: writes the cell again with a decision's force, and the
/// decision's row with who and why. The same on a device, which may be offline, and on the hub.
package struct ConflictResolver {
  package let session: any SQLSession
  package let shapes: [String: TableShape]
  /// Hub time in milliseconds, as well as this store knows it.
  package let nowMs: UInt64
  /// True at the hub, whose state of a conflict replicates. A device records the state for itself only, until the hub's arrives.
  package let isHub: Bool
  /// Runs its body with capture off.
  let withoutCapture: (() throws -> Void) throws -> Void

  package init(
    session: any SQLSession, shapes: [String: TableShape], nowMs: UInt64, isHub: Bool,
    withoutCapture: @escaping (() throws -> Void) throws -> Void
  ) {
    self.session = session
    self.shapes = shapes
    self.nowMs = nowMs
    self.isHub = isHub
    self.withoutCapture = withoutCapture
  }

  /// Bytes of UTF-8 of the name and of the reason.
  static let wordsBytesMax = 2000

  package func resolve(_ conflict: Conflict, as resolution: Resolution, by who: String, because reason: String) throws {
    try check(who, reason)
    if resolution == .undo {
      guard conflict.resolution != nil, conflict.resolution != "undone" else {
        throw SyncError(.badRequest, vi: "Xung đột này chưa ai quyết định.", en: "Nobody has decided about this conflict.")
      }
    } else if !conflict.isOpen {
      throw SyncError(
        .badRequest, vi: "Xung đột này đã xong; nếu quyết định sai, dùng --undo.",
        en: "This conflict is settled; if the decision was wrong, use --undo.")
    }
    guard let shape = shapes[conflict.table] else {
      throw SyncError(
        .badRequest, vi: "Bản này không biết bảng \(conflict.table); hãy nâng cấp.",
        en: "This version does not know table \(conflict.table); upgrade.")
    }
    let before =
      switch conflict.rule {
      case .duplicate: try mergeDuplicates(conflict, shape, resolution)
      case .orphan: try settleOrphan(conflict, shape, resolution)
      case .lastWriterWins, .review, .life, .declined: try settleCell(conflict, shape, resolution)
      }
    let place = Place(table: conflict.table, key: conflict.key, name: CellName(conflict.column, conflict.part))
    // Treats a row of another scope under the same key as missing.
    let standing = try RowImage(shape, key: conflict.key, in: session)
    let isOwn = standing?.values[shape.declaration.scopeColumn] == .text(conflict.scope)
    let after = standing.flatMap { isOwn ? value(of: place.name, in: $0) : nil } ?? .null
    try record(
      place, scope: conflict.scope, conflict: conflict.id, choice: resolution.word, before: before, after: after, who: who, reason: reason,
      atMs: max(Int64(clamping: nowMs), conflict.decidedMs + 1))
    let state = CellValue.text(resolution == .undo ? "open" : "closed")
    let note = { try session.execute("UPDATE sync_conflict SET state = ?2 WHERE id = ?1", [.text(conflict.id), state]) }
    if isHub { try note() } else { try withoutCapture(note) }
  }

  /// Writes a cell against its column's rule, and records who did and why.
  package func correct(
    table: String, key: CellValue, column name: String, member: String?, to value: CellValue, by who: String, because reason: String
  ) throws {
    try check(who, reason)
    let cell = CellName(name, member.map { .member($0.nfc) } ?? .whole)
    guard let shape = shapes[table], shape.declaration.kind == .replicated, let column = shape.column(named: name),
      name != shape.declaration.scopeColumn, shape.policy(of: column) != .counter
    else {
      throw SyncError(
        .badRequest, vi: "Không sửa được cột \(name) của bảng \(table) bằng cách này.",
        en: "Column \(name) of table \(table) cannot be corrected so.")
    }
    guard let standing = try RowImage(shape, key: key, in: session), let scope = standing.values[shape.declaration.scopeColumn]?.text else {
      throw SyncError(.badRequest, vi: "Không có dòng \(key.logText) trong bảng \(table).", en: "Table \(table) has no row \(key.logText).")
    }
    try write(cell, value, over: standing, shape: shape, key: key, column: column)
    try record(
      Place(table: table, key: key, name: cell), scope: scope, conflict: nil, choice: "write", before: self.value(of: cell, in: standing),
      after: value, who: who, reason: reason, atMs: Int64(clamping: nowMs))
  }

  private struct Place {
    var table: String
    var key: CellValue
    var name: CellName
  }

  private func check(_ who: String, _ reason: String) throws {
    guard !who.isEmpty, who.utf8.count <= Self.wordsBytesMax, reason.utf8.count <= Self.wordsBytesMax else {
      throw SyncError(
        .badRequest, vi: "Cần tên người quyết định và lý do, mỗi thứ không quá \(Self.wordsBytesMax) byte.",
        en: "A decision needs who made it and why, at most \(Self.wordsBytesMax) bytes each.")
    }
  }

  private func record(
    _ place: Place, scope: String, conflict: String?, choice: String, before: CellValue, after: CellValue, who: String, reason: String,
    atMs: Int64
  ) throws {
    try session.execute(
      """
      INSERT INTO sync_decision (id, scope, conflict, tbl, row_key, col, member, choice, before_value, after_value, decided_by, reason,
        decided_ms) VALUES (lower(hex(randomblob(16))), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
      """,
      [
        .text(scope), conflict.map { .text($0) } ?? .null, .text(place.table), place.key, .text(place.name.column),
        place.name.part.name.map { .text($0) } ?? .null, .text(choice), before, after, .text(who.nfc), .text(reason.nfc), .integer(atMs),
      ])
  }

  // MARK: One cell

  /// Writes the cell that a conflict is about.
  ///
  /// - Returns: The value before.
  private func settleCell(_ conflict: Conflict, _ shape: TableShape, _ resolution: Resolution) throws -> CellValue {
    guard let column = shape.column(named: conflict.column) else {
      throw SyncError(
        .badRequest, vi: "Bản này không biết cột \(conflict.column); hãy nâng cấp.",
        en: "This version does not know column \(conflict.column); upgrade.")
    }
    guard let standing = try RowImage(shape, key: conflict.key, in: session) else {
      if resolution == .takeLoser {
        // Checks the value first: the change may have been declined because the column does not accept it.
        try check(CellChange(column.name, conflict.losing.value, part: conflict.part), in: shape)
        try bringBack(conflict, shape)
      }
      return .null
    }
    guard standing.values[shape.declaration.scopeColumn] == .text(conflict.scope) else {
      // Refuses to write: the key belongs to another scope's row, which is why the change was declined.
      if resolution == .keepWinner || resolution == .undo { return .null }
      throw SyncError(
        .badRequest, vi: "Khóa \(conflict.key.logText) là dòng của đơn vị khác; hãy nhập lại với khóa mới.",
        en: "Key \(conflict.key.logText) is another unit's row; enter it again under a new key.")
    }
    let name = CellName(conflict.column, conflict.part)
    let before = value(of: name, in: standing)
    let value: CellValue =
      switch resolution {
      case .keepWinner: before
      case .takeLoser: conflict.losing.value
      case .write(let value): value
      // Keeps a value that somebody wrote after the decision.
      case .undo where before != conflict.decidedValue: before
      // Writes the column's default where NULL is not allowed: before the decision inserted the row, there was no value.
      case .undo: conflict.undoValue.isNull && !column.acceptsNull ? column.defaultValue ?? .null : conflict.undoValue
      }
    if case .increment = name.part {
      // Adds a lost increment once more; an increment that stays lost needs no write.
      if resolution == .takeLoser {
        try session.execute(
          "UPDATE \(quote(shape.name)) SET \(quote(column.name)) = coalesce(\(quote(column.name)), 0) + ?2 WHERE \(quote(shape.keyColumn)) = ?1",
          [conflict.key, value])
      }
      return before
    }
    try write(name, value, over: standing, shape: shape, key: conflict.key, column: column)
    return before
  }

  private func value(of name: CellName, in image: RowImage) -> CellValue {
    let whole = image.values[name.column] ?? .null
    guard case .member(let member) = name.part else { return whole }
    return CellParts.members(of: whole)?[member] ?? .null
  }

  /// Writes a cell with a decision's force: also when the value stays, and when the column's rule would undo the write.
  private func write(
    _ name: CellName, _ value: CellValue, over standing: RowImage, shape: TableShape, key: CellValue, column: TableShape.Column
  ) throws {
    if case .member = name.part, !value.isNull, CellParts.isJSON(value) == false {
      throw SyncError(
        .badRequest, vi: "Giá trị phải là JSON, chữ thì trong ngoặc kép.", en: "The value must be JSON: a text in double quotes.")
    }
    try check(CellChange(column.name, value, part: name.part), in: shape)
    var image = standing
    image.set(name, value)
    try withoutCapture {
      try session.execute(
        "UPDATE \(quote(shape.name)) SET \(quote(column.name)) = ?2 WHERE \(quote(shape.keyColumn)) = ?1",
        [key, image.values[column.name] ?? .null])
    }
    var extra = PendingExtra()
    if case .member = name.part { extra.members[column.id] = [name.part] }
    try session.execute(
      """
      INSERT INTO sync_pending (txn, tbl, op, key, scope, mask, extra)
        SELECT synckit_txn(), ?1, \(CaptureOperation.resolve.rawValue), ?2, \(quote(shape.declaration.scopeColumn)), ?3, ?4
        FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?2
      """,
      [.integer(Int64(shape.id)), key, .integer(1 << Int64(column.id)), extra.isEmpty ? .null : .blob(extra.data)])
  }

  private func check(_ cell: CellChange, in shape: TableShape) throws {
    guard shape.accepts(cell) else {
      throw SyncError(.badRequest, vi: "Cột \(cell.column) không nhận giá trị này.", en: "Column \(cell.column) does not take this value.")
    }
  }

  /// Inserts a deleted row again as it was, with every edit that its deleter had not seen. After a declined change only this value
  /// is added, because the others may be the reason of the refusal.
  private func bringBack(_ conflict: Conflict, _ shape: TableShape) throws {
    var image = conflict.image.flatMap(RowImage.init(json:)) ?? RowImage([shape.declaration.scopeColumn: .text(conflict.scope)])
    let others = try Conflict.list(
      where: "c.tbl = ?1 AND c.row_key = ?2 AND (c.rule = 'life' OR c.id = ?3) AND c.state = 'open'",
      [.text(conflict.table), conflict.key, .text(conflict.id)], in: session)
    for other in others.sorted(by: { $0.losing.ms < $1.losing.ms }) where other.life == conflict.life {
      image.set(CellName(other.column, other.part), other.losing.value)
    }
    try image.insert(shape, key: conflict.key, in: session)
  }

  // MARK: Several rows

  /// Merges rows that share a soft key: the row with the smallest key stays, whoever merges. Two people who merge offline then do
  /// not delete each other's row (counterexample 14).
  private func mergeDuplicates(_ conflict: Conflict, _ shape: TableShape, _ resolution: Resolution) throws -> CellValue {
    switch resolution {
    case .keepWinner: return .null  // They are different things of one name.
    case .undo:
      throw SyncError(
        .badRequest, vi: "Không hoàn tác được việc gộp dòng; khôi phục từng dòng đã xóa.",
        en: "Merging rows cannot be undone; restore the deleted rows one by one.")
    case .takeLoser, .write: break
    }
    let keys = DuplicateKeys.keys(in: conflict.losing.value)
    for key in keys.dropFirst() {
      try session.execute("DELETE FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?1", [key])
    }
    return .null
  }

  private func settleOrphan(_ conflict: Conflict, _ shape: TableShape, _ resolution: Resolution) throws -> CellValue {
    switch resolution {
    case .keepWinner, .undo: return .null
    case .takeLoser:
      // Drops the reference; the row stays.
      try session.execute(
        "UPDATE \(quote(shape.name)) SET \(quote(conflict.column)) = NULL WHERE \(quote(shape.keyColumn)) = ?1", [conflict.key])
    case .write(let parent):
      try session.execute(
        "UPDATE \(quote(shape.name)) SET \(quote(conflict.column)) = ?2 WHERE \(quote(shape.keyColumn)) = ?1", [conflict.key, parent])
    }
    return conflict.losing.value
  }
}

/// Keys of the rows in a duplicate conflict: a JSON array, the smallest key first, each with a letter for its kind.
package enum DuplicateKeys {
  package static func value(_ keys: [CellValue]) -> CellValue {
    let names = keys.sorted { $0.order(to: $1) == .less }.map { key in
      switch key {
      case .text(let text): "t" + text
      case .integer(let number): "i" + String(number)
      case .blob(let bytes): "x" + bytes.hex
      case .null, .real: ""
      }
    }
    return .text(CanonicalJSON.array(names.map { .string($0) }).text)
  }

  static func keys(in value: CellValue) -> [CellValue] {
    guard let text = value.text, case .array(let names)? = CanonicalJSON.parse(Data(text.utf8), depthMax: 1) else { return [] }
    return names.compactMap { name in
      guard case .string(let line) = name else { return nil }
      let rest = String(line.dropFirst())
      return switch line.first {
      case "t": .text(rest)
      case "i": Int64(rest).map { .integer($0) }
      case "x": Data(hex: rest).map { .blob($0) }
      default: nil
      }
    }
  }
}
