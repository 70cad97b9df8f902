internal import Foundation
internal import GRDB
internal import SyncCore

/// Compares each replicated row with the record that the engine wrote for it, and the kept sums with the rows.
package struct RowExamination {
  package let store: ExaminedStore
  package let examiner: Examiner

  package init(store: ExaminedStore, examiner: Examiner) {
    self.store = store
    self.examiner = examiner
  }

  /// Rows read between two reports of progress, and keys held in memory at a time.
  private static let stepRows = 500

  package func run() {
    let shapes = store.replicated
    var total = 0
    examiner.part {
      for shape in shapes { total += try Int.fetchOne(store.db, sql: "SELECT count(*) FROM \(quote(shape.metadataTable))") ?? 0 }
    }
    let rows = RowStore(session: store.session, shapes: store.shapes)
    var sums: [DigestTable.Place: DigestTable.Change] = [:]
    for shape in shapes {
      examiner.part {
        var last: [CellValue]?
        while true {
          let page = try rows.records(of: shape, after: last, limit: Self.stepRows)
          for row in page { try check(row, shape, rows, &sums) }
          examiner.result.rows += page.count
          examiner.progress(.rows, examiner.result.rows, total)
          guard page.count == Self.stepRows else { break }
          last = page.last
        }
        try checkUncaptured(shape)
      }
    }
    examiner.part { try compare(sums) }
  }

  private func check(
    _ row: [CellValue], _ shape: TableShape, _ rows: RowStore, _ sums: inout [DigestTable.Place: DigestTable.Change]
  ) throws {
    let (key, noted) = (row[0], row[3].blob)
    if let noted, let scope = row[1].text {
      let place = DigestTable.Place(scope: scope, table: shape.name)
      var sum = sums[place] ?? DigestTable.Change()
      sum.sum = sum.sum + RowDigest(noted)
      sum.rows += 1
      sums[place] = sum
    }
    let isAlive = (row[2].integer ?? 0) % 2 == 1
    let standing = try store.session.firstRow(
      "SELECT \(quote(shape.declaration.scopeColumn)) FROM \(quote(shape.name)) WHERE \(quote(shape.keyColumn)) = ?1", [key])
    // Looks for the row in the scope where it lives: two scopes may have had its key.
    let stands = standing.map { isAlive || shape.order == .byKey || $0[0] == row[1] } ?? false
    let state = isAlive && stands ? try rows.load(shape, key: key, in: row[1].text)?.state : nil
    let isRight = state.map { RowDigest($0, table: shape.name, key: key).bytes == noted } ?? (isAlive == stands && noted == nil)
    if isAlive, shape.order == .byScope, let scope = row[1].text, !shape.declaration.keyRule.allows(key, in: scope) {
      examiner.found(
        .foreignKey,
        vi:
          "Dòng \(key.logText) của bảng \(shape.name) là của đơn vị \(scope) nhưng mang khóa của đơn vị khác; trả khóa lại bằng `hub held free`.",
        en:
          "Row \(key.logText) of table \(shape.name) is unit \(scope)'s under a key that is another unit's; give the key back with `hub held free`."
      )
    }
    if isRight { return }
    if try isExplained(key, shape) { return }
    let (vi, en) =
      switch (isAlive, stands) {
      case (true, false): ("bị xóa", "deleted")
      case (false, true): ("được thêm lại", "inserted again")
      default: ("bị sửa", "altered")
      }
    examiner.found(
      .row,
      vi:
        "Dòng \(key.logText) của bảng \(shape.name) \(vi) ngoài SyncKit: không bản nào khác biết. Ghi lại giá trị đúng bằng chương trình, hoặc khôi phục từ bản sao.",
      en:
        "Row \(key.logText) of table \(shape.name) was \(en) behind SyncKit's back: no other replica knows. Write the right values anew with the program, or restore from a copy."
    )
  }

  /// Returns whether the difference is explained: the row was written and not sealed yet, or is a conflict decided here that waits
  /// for the hub's state.
  private func isExplained(_ key: CellValue, _ shape: TableShape) throws -> Bool {
    if try store.session.firstRow("SELECT 1 FROM sync_pending WHERE tbl = ?1 AND key = ?2 LIMIT 1", [.integer(Int64(shape.id)), key]) != nil
    {
      return true
    }
    guard shape.name == MetadataSchema.conflictTable.name else { return false }
    return try store.session.firstRow("SELECT 1 FROM sync_decision WHERE conflict = ?1 LIMIT 1", [key]) != nil
  }

  private func checkUncaptured(_ shape: TableShape) throws {
    let key = "t.\(quote(shape.keyColumn))"
    let isIts = shape.order == .byKey ? "" : "scope = t.\(quote(shape.declaration.scopeColumn)) AND "
    let found = try store.session.rows(
      """
      SELECT \(key) FROM \(quote(shape.name)) t WHERE NOT EXISTS (SELECT 1 FROM \(quote(shape.metadataTable)) WHERE \(isIts)key = \(key))
        AND NOT EXISTS (SELECT 1 FROM sync_pending WHERE tbl = ?1 AND key = \(key)) ORDER BY \(key) LIMIT \(Examination.findingsMax)
      """, [.integer(Int64(shape.id))])
    for row in found {
      examiner.found(
        .row,
        vi:
          "Dòng \(row[0].logText) của bảng \(shape.name) được thêm ngoài SyncKit và chưa gửi đi đâu; hãy xóa rồi nhập lại bằng chương trình.",
        en:
          "Row \(row[0].logText) of table \(shape.name) was inserted behind SyncKit's back and goes nowhere; delete it and enter it again with the program."
      )
    }
  }

  private func compare(_ sums: [DigestTable.Place: DigestTable.Change]) throws {
    var kept: Set<DigestTable.Place> = []
    func report(_ place: DigestTable.Place) {
      examiner.found(
        .digest, vi: "Tổng kiểm của bảng \(place.table), đơn vị \(place.scope) không khớp các dòng. \(Examiner.restore.vi)",
        en: "The sum kept of table \(place.table), unit \(place.scope), is not that of its rows. \(Examiner.restore.en)")
    }
    for row in try store.session.rows("SELECT scope, tbl, sum, live FROM sync_digest") {
      guard let scope = row[0].text, let table = row[1].text else { continue }
      let place = DigestTable.Place(scope: scope, table: table)
      kept.insert(place)
      // Skips tables that only newer programs know: they have records but no rows.
      if store.shapes[table] == nil { continue }
      let actual = sums[place] ?? DigestTable.Change()
      if row[2].blob != actual.sum.bytes || row[3].integer != Int64(actual.rows) { report(place) }
    }
    for place in sums.keys where !kept.contains(place) { report(place) }
  }
}
