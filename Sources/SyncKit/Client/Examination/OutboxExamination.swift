internal import Foundation
internal import GRDB
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Examination of what a device sealed: each batch's name, chain, author and receipt, and the counts of promise 2.
struct OutboxExamination {
  let store: ExaminedStore
  let examiner: Examiner
  private var state: StateStore { StateStore(session: store.session) }

  func run(keyStore: any KeyStore) {
    examiner.part { try checkCounts() }
    examiner.part {
      guard try !state.value("hub").isNull else { return }
      try checkIdentity(keyStore)
    }
  }

  private func checkIdentity(_ keyStore: any KeyStore) throws {
    guard let certificate = try state.value("certificate").blob, let own = try? certificateKey(certificate) else {
      return examiner.found(
        .signature, vi: "Chứng nhận của thiết bị này không do máy chủ đã ghi danh ký. \(Examiner.restore.vi)",
        en: "This device's certificate is not signed by the hub it is enrolled with. \(Examiner.restore.en)")
    }
    examiner.part { try check(keyStore, own) }
    examiner.part { try checkBatches(own) }
  }

  private var hub: VerifyingKey? {
    get throws { try state.value("hubKey").blob.flatMap { VerifyingKey(rawRepresentation: $0) } }
  }

  private func certificateKey(_ certificate: Data) throws -> VerifyingKey {
    guard let hub = try hub else { throw ByteReader.short }
    let body = try hub.open(certificate, as: .certificate)
    let wire = try WireCertificate.parse(body, named: LocalizedText(vi: "chứng nhận", en: "certificate"))
    guard let key = VerifyingKey(rawRepresentation: wire.publicKey) else { throw ByteReader.short }
    return key
  }

  private func check(_ keyStore: any KeyStore, _ own: VerifyingKey) throws {
    let secrets = try keyStore.load()
    let known = secrets.map { [$0.signingKey] + [$0.nextKey].compactMap { $0 } + $0.earlierKeys } ?? []
    if known.contains(where: { $0.publicKey == own.rawRepresentation }) { return }
    let (vi, en) = secrets == nil ? ("bị thiếu", "is missing") : ("là của thiết bị khác", "is another device's")
    examiner.found(
      .key,
      vi:
        "Tệp khóa \(vi): thiết bị không gửi được gì. Khôi phục tệp đó từ bản sao; đừng xóa cơ sở dữ liệu. \(KeyTrouble.withoutCopy.vi)",
      en:
        "The key file \(en): nothing can be sent. Restore that file from a copy; do not delete the database. \(KeyTrouble.withoutCopy.en)")
  }

  private func checkCounts() throws {
    let status = try ReplicaStatus(in: store.session)
    examiner.result.packets = status.packetsMade
    if !status.addsUp {
      examiner.found(
        .sum, vi: "Các số không khớp (xem field status): có thể đã mất dữ liệu. Giữ nguyên máy và báo ngay cho tỉnh.",
        en: "The numbers do not add up (see field status): something may be lost. Keep the device as it is and tell the province now.")
    }
    if case .differs(let tables) = status.agreement {
      examiner.found(
        .agreement,
        vi: "Lần so gần nhất, tỉnh giữ dữ liệu khác ở \(tables.joined(separator: ", ")). Đồng bộ lại; vẫn khác thì báo cho tỉnh.",
        en:
          "When last compared, the hub held other data in \(tables.joined(separator: ", ")). Sync again; if it still differs, tell the province."
      )
    }
    for shape in store.anonymous where try store.session.firstRow("SELECT 1 FROM \(quote(shape.name)) LIMIT 1") != nil {
      examiner.found(
        .packets,
        vi:
          "Bảng \(shape.name) có phiếu đọc được, được ghi ngoài SyncKit; chúng không được gửi đi. Xóa chúng và thu lại bằng chương trình.",
        en:
          "Table \(shape.name) holds readable answers, written behind SyncKit's back; they are not sent. Delete them and collect them again with the program."
      )
    }
  }

  // MARK: Batches

  private func checkBatches(_ own: VerifyingKey) throws {
    let lineage = try IdentityHistory.load(current: own.replica, in: store.session)
    var keys = [own.replica: own]
    for past in lineage.past {
      if let key = try? certificateKey(past.certificate) { keys[past.replica] = key }
    }
    let total = Int(try store.session.integer("SELECT count(*) FROM sync_outbox") ?? 0)
    let cursor = try Row.fetchCursor(
      store.db, sql: "SELECT scope, number, hash, bytes, units, changes, receipt, received FROM sync_outbox ORDER BY scope, number")
    var last: (scope: String, number: UInt64, hash: Data)?
    while let row = try cursor.next() {
      let entry = row.cells
      guard let scope = entry[0].text, let number = entry[1].integer.map({ UInt64(clamping: $0) }), let hash = entry[2].blob else {
        continue
      }
      let before = last?.scope == scope ? last : nil
      if number != (before?.number ?? 0) + 1 {
        examiner.found(
          .chain, vi: "Thiếu gói số \((before?.number ?? 0) + 1) của đơn vị \(scope) trong hộp gửi. \(Examiner.restore.vi)",
          en: "Batch \((before?.number ?? 0) + 1) of unit \(scope) is missing from the outbox. \(Examiner.restore.en)")
      }
      last = (scope, number, hash)
      let bytes = entry[3].blob
      // Skips batches without bytes: the hub has backed them up.
      if bytes?.isEmpty != true {
        let author = keys[lineage.author(scope: scope, number: number)]
        let isNext = before.map { $0.number + 1 == number } ?? (number == 1)
        try check(
          bytes ?? Data(),
          Outboxed(scope: scope, number: number, hash: hash, previous: isNext ? before?.hash ?? Data() : nil, author: author),
          units: entry[4].integer, changes: entry[5].integer)
      }
      if let receipt = entry[6].blob { try check(receipt, of: hash, number: number) }
      examiner.result.batches += 1
      examiner.progress(.batches, examiner.result.batches, total)
    }
  }

  private struct Outboxed {
    var scope: String
    var number: UInt64
    var hash: Data
    /// Hash of the batch before; nil when that batch is not there to compare with.
    var previous: Data?
    var author: VerifyingKey?
  }

  private func check(_ bytes: Data, _ entry: Outboxed, units: Int64?, changes: Int64?) throws {
    let (number, sealed) = (entry.number, SealedBatch(bytes: bytes))
    guard sealed.hash == entry.hash else {
      return examiner.found(
        .batch, vi: "Gói số \(number) trong hộp gửi bị hỏng: không khớp tên của nó. \(Examiner.restore.vi)",
        en: "Batch \(number) in the outbox is damaged: it does not match its name. \(Examiner.restore.en)")
    }
    guard let author = entry.author, let content = try? BatchCodec.open(sealed, author: author), content.scope == entry.scope,
      content.number == number, Int64(content.units.count) == units, Int64(content.changeCount) == changes
    else {
      return examiner.found(
        .signature, vi: "Gói số \(number) trong hộp gửi không phải do thiết bị này ký. \(Examiner.restore.vi)",
        en: "Batch \(number) in the outbox is not what this device signed. \(Examiner.restore.en)")
    }
    if let previous = entry.previous, content.previous != previous {
      examiner.found(
        .chain, vi: "Gói số \(number) không nối tiếp gói trước nó. \(Examiner.restore.vi)",
        en: "Batch \(number) does not continue the one before it. \(Examiner.restore.en)")
    }
  }

  private func check(_ receipt: Data, of hash: Data, number: UInt64) throws {
    let body = try hub.flatMap { try? $0.open(receipt, as: .receipt) }
    if body.flatMap({ try? WireReceipt(serializedBytes: $0) })?.batch == hash { return }
    examiner.found(
      .receipt, vi: "Biên nhận của gói số \(number) không phải của gói đó hoặc không do máy chủ ký; đồng bộ lại để xin biên nhận mới.",
      en: "The receipt of batch \(number) is not about it, or not signed by the hub; sync again to get a new one.")
  }
}
