internal import Foundation
internal import GRDB
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Examination of a hub's journal, batch by batch: name, author, chain and receipt, and that each unit is once in the feed or held.
struct JournalExamination {
  let store: ExaminedStore
  let examiner: Examiner
  let hub: SigningKey

  func run() {
    examiner.part {
      let places = try Row.fetchCursor(
        store.db,
        sql: """
          SELECT batch, first_unit AS unit, units FROM hub_feed WHERE batch > 0
          UNION ALL SELECT batch, unit, 1 FROM hub_held ORDER BY batch, unit
          """)
      var placed = try Placed(places.next())
      let total = Int(try store.session.integer("SELECT count(*) FROM hub_batch") ?? 0)
      let authors = try authors()
      let batches = try Row.fetchCursor(
        store.db, sql: "SELECT id, scope, replica, number, hash, state, bytes, changes, held_changes, receipt FROM hub_batch ORDER BY id")
      while let row = try batches.next() {
        let batch = Journalled(row.cells)
        while let orphan = placed, orphan.batch < batch.id {
          missing(orphan.batch)
          placed = try Placed(places.next())
          while let same = placed, same.batch == orphan.batch { placed = try Placed(places.next()) }
        }
        var units: [Range<Int64>] = []
        while let own = placed, own.batch == batch.id {
          units.append(own.units)
          placed = try Placed(places.next())
        }
        try check(batch, units: units, authors: authors)
        examiner.result.batches += 1
        examiner.progress(.batches, examiner.result.batches, total)
      }
      while let orphan = placed {
        missing(orphan.batch)
        while let same = placed, same.batch == orphan.batch { placed = try Placed(places.next()) }
      }
    }
    examiner.part {
      let lost = try store.session.rows(
        "SELECT DISTINCT batch FROM hub_feed WHERE batch <= 0 AND NOT EXISTS (SELECT 1 FROM hub_returned_batch WHERE id = -batch)")
      for row in lost { missing(row[0].integer ?? 0) }
    }
    examiner.part { try checkSums() }
    examiner.part { try checkDevices() }
  }

  private struct Journalled {
    var id: Int64
    var scope: String
    var replica: Data
    var number: UInt64
    var hash: Data
    var isMerged: Bool
    var bytes: Data
    var changes: Int64
    var heldChanges: Int64
    var receipt: Data?

    init(_ row: [CellValue]) {
      id = row[0].integer ?? 0
      scope = row[1].text ?? ""
      replica = row[2].blob ?? Data()
      number = UInt64(clamping: row[3].integer ?? 0)
      hash = row[4].blob ?? Data()
      isMerged = row[5].integer == BatchState.merged
      bytes = row[6].blob ?? Data()
      changes = row[7].integer ?? 0
      heldChanges = row[8].integer ?? 0
      receipt = row[9].blob
    }
  }

  /// Units of a batch that are in one run of the feed, or held.
  private struct Placed {
    var batch: Int64
    var units: Range<Int64>

    init?(_ row: Row?) {
      guard let row = row?.cells, let batch = row[0].integer, let first = row[1].integer, let count = row[2].integer else { return nil }
      self.batch = batch
      units = first..<max(first, first.addingReportingOverflow(count).partialValue)
    }
  }

  private func authors() throws -> [Data: VerifyingKey] {
    var keys: [Data: VerifyingKey] = [:]
    for row in try store.session.rows("SELECT replica, public_key FROM hub_device") {
      if let replica = row[0].blob, let key = row[1].blob.flatMap({ VerifyingKey(rawRepresentation: $0) }), key.replica.bytes == replica {
        keys[replica] = key
      }
    }
    keys[hub.replica.bytes] = VerifyingKey(rawRepresentation: hub.publicKey)
    return keys
  }

  private func missing(_ batch: Int64) {
    examiner.found(
      .feed, vi: "Nhật ký thiếu gói \(batch) mà bảng tin nhắc tới: thiết bị mới không nhận được nó. \(Examiner.restore.vi)",
      en: "The journal lacks batch \(batch), which the feed names: new devices cannot get it. \(Examiner.restore.en)")
  }

  private func check(_ batch: Journalled, units: [Range<Int64>], authors: [Data: VerifyingKey]) throws {
    let name = "\(batch.id) (\(ReplicaID(bytes: batch.replica)?.short ?? "?") \(batch.number), \(batch.scope))"
    if batch.bytes.isEmpty && batch.isMerged {
      examiner.result.cleared += 1
      if let receipt = batch.receipt, try !isReceipt(receipt, of: batch.hash) { wrongReceipt(name) }
      return
    }
    let sealed = SealedBatch(bytes: batch.bytes)
    guard sealed.hash == batch.hash else {
      return examiner.found(
        .batch, vi: "Gói \(name) trong nhật ký bị hỏng: không khớp tên của nó. \(Examiner.restore.vi)",
        en: "Batch \(name) in the journal is damaged: it does not match its name. \(Examiner.restore.en)")
    }
    guard let author = authors[batch.replica], let content = try? BatchCodec.open(sealed, author: author),
      content.scope == batch.scope, content.number == batch.number, Int64(content.changeCount) == batch.changes
    else {
      return examiner.found(
        .signature, vi: "Gói \(name) trong nhật ký không phải do thiết bị đó ký. \(Examiner.restore.vi)",
        en: "Batch \(name) in the journal is not what its device signed. \(Examiner.restore.en)")
    }
    try checkChain(content, batch, name)
    if let receipt = batch.receipt, try !isReceipt(receipt, of: batch.hash) { wrongReceipt(name) }
    // Requires each unit of a merged batch in one place. Exempts batches of which a restored hub had units from pages before the
    // batch itself.
    if try store.session.firstRow("SELECT 1 FROM hub_returned WHERE hash = ?1 LIMIT 1", [.blob(batch.hash)]) != nil { return }
    var next: Int64 = 0
    for range in units where range.lowerBound <= next { next = max(next, range.upperBound) }
    // Allows an author with restored units to have units in several places: see `AuthorOrder`.
    let isOnce =
      try units.reduce(0) { $0 + Int64($1.count) } == next
      || store.session.firstRow(
        "SELECT 1 FROM hub_returned_author WHERE scope = ?1 AND replica = ?2", [.text(batch.scope), .blob(batch.replica)]) != nil
    let isWhole = next == Int64(content.units.count) && isOnce
    if batch.isMerged ? !isWhole : !units.isEmpty {
      examiner.found(
        .feed, vi: "Các phần của gói \(name) không nằm mỗi phần đúng một chỗ trong bảng tin hoặc trong việc bị giữ. \(Examiner.restore.vi)",
        en: "The units of batch \(name) are not each in the feed or held, once. \(Examiner.restore.en)")
    }
  }

  private func wrongReceipt(_ name: String) {
    examiner.found(
      .receipt, vi: "Biên nhận lưu cùng gói \(name) không phải của gói đó. \(Examiner.restore.vi)",
      en: "The receipt kept with batch \(name) is not about it. \(Examiner.restore.en)")
  }

  private func checkChain(_ content: BatchContent, _ batch: Journalled, _ name: String) throws {
    // Skips waiting batches: the journal may not have the batch before, or may have a copied device's.
    guard content.number > 1, batch.isMerged else { return }
    let base = try store.session.firstRow(
      "SELECT number, hash FROM hub_succession WHERE replica = ?1 AND scope = ?2", [.blob(batch.replica), .text(batch.scope)])
    let previous: Data?
    if let base, base[0].integer == Int64(clamping: content.number - 1) {
      previous = base[1].blob
    } else {
      previous = try store.session.firstRow(
        "SELECT hash FROM hub_batch WHERE scope = ?1 AND replica = ?2 AND number = ?3",
        [.text(batch.scope), .blob(batch.replica), .integer(Int64(clamping: content.number - 1))])?[0].blob
    }
    // Accepts a previous batch that a restored hub knows only from pages that were given back.
    if previous == content.previous { return }
    let place: [CellValue] = [.text(batch.scope), .integer(Int64(clamping: content.number - 1)), .blob(content.previous)]
    if try store.session.firstRow("SELECT 1 FROM hub_known_batch WHERE scope = ?1 AND number = ?2 AND hash = ?3", place) != nil { return }
    examiner.found(
      .chain, vi: "Gói \(name) không nối tiếp gói trước nó trong nhật ký. \(Examiner.restore.vi)",
      en: "Batch \(name) does not continue the one before it in the journal. \(Examiner.restore.en)")
  }

  private func isReceipt(_ bytes: Data, of hash: Data) throws -> Bool {
    guard let hub = VerifyingKey(rawRepresentation: hub.publicKey), let body = try? hub.open(bytes, as: .receipt) else { return false }
    return (try? WireReceipt(serializedBytes: body))?.batch == hash
  }

  // MARK: Counts, devices

  private func checkSums() throws {
    if try store.session.firstRow("SELECT 1 FROM sync_pending LIMIT 1") != nil {
      examiner.found(
        .sum,
        vi: "Có điều được ghi vào kho của máy chủ mà chưa vào bảng tin: chương trình khác đã ghi. Khởi động lại hub serve để đưa vào.",
        en: "Something was written to the hub's store and is not in the feed: another program wrote. Restart hub serve to take it in.")
    }
    let unequal = try store.session.rows(
      """
      SELECT b.id FROM hub_batch b LEFT JOIN (SELECT batch, sum(changes) AS held FROM hub_held GROUP BY batch) h ON h.batch = b.id
      WHERE coalesce(h.held, 0) <> b.held_changes LIMIT \(Examination.findingsMax)
      """)
    for row in unequal {
      examiner.found(
        .sum, vi: "Số việc bị giữ của gói \(row[0].logText) không khớp danh sách. \(Examiner.restore.vi)",
        en: "The number of held changes of batch \(row[0].logText) is not that of the list. \(Examiner.restore.en)")
    }
    try checkPackets()
  }

  /// Checks that every settled packet is counted once, and that every released answer stands, or is counted as erased.
  private func checkPackets() throws {
    let counts = try DropLedger(session: store.session).all()
    let erased = try ErasureTable(session: store.session).byScope()
    examiner.result.erased = erased.values.reduce(0, +)
    let kept = try store.session.rows("SELECT scope, kept FROM hub_drop").reduce(into: [String: Int]()) { sums, row in
      if let scope = row[0].text { sums[scope] = Int(clamping: row[1].integer ?? 0) }
    }
    for (scope, count) in counts.sorted(by: { $0.key < $1.key }) {
      let standing = try store.anonymous.reduce(0) { sum, shape in
        sum
          + Int(
            clamping: try store.session.integer(
              "SELECT count(*) FROM \(quote(shape.name)) WHERE \(quote(shape.declaration.scopeColumn)) = ?1", [.text(scope)]) ?? 0)
      }
      examiner.result.packets += count.opened + count.pooled
      if kept[scope] ?? 0 == count.opened + count.pooled && count.standing == standing + (erased[scope] ?? 0) { continue }
      examiner.found(
        .packets,
        vi:
          "Đơn vị \(scope): đã mở \(count.standing) phiếu kín nhưng có \(standing) phiếu và \(erased[scope] ?? 0) đã xóa, hoặc các số không khớp. \(Examiner.restore.vi)",
        en:
          "Unit \(scope): \(count.standing) packets were released; \(standing) answers stand and \(erased[scope] ?? 0) were erased, or the counts do not add up. \(Examiner.restore.en)"
      )
    }
    let pooled = counts.values.reduce(0) { $0 + $1.pooled }
    if pooled != 0 {
      examiner.found(
        .packets, vi: "Số phiếu gộp của các xã và của các cấp trên chênh nhau \(pooled). \(Examiner.restore.vi)",
        en: "Answers pooled from communes and those of larger units differ by \(pooled). \(Examiner.restore.en)")
    }
  }

  private func checkDevices() throws {
    guard let hub = VerifyingKey(rawRepresentation: hub.publicKey) else { return }
    for row in try store.session.rows("SELECT label, public_key, certificate FROM hub_device ORDER BY replica") {
      let body = row[2].blob.flatMap { try? hub.open($0, as: .certificate) }
      if let key = body.flatMap({ try? WireCertificate(serializedBytes: $0) })?.publicKey, key == row[1].blob { continue }
      examiner.found(
        .signature, vi: "Chứng nhận của thiết bị \(row[0].logText) không do máy chủ này ký; ghi danh lại thiết bị đó.",
        en: "The certificate of device \(row[0].logText) is not signed by this hub; enrol that device anew.")
    }
  }
}
