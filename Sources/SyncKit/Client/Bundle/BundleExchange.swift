internal import Foundation
internal import SwiftProtobuf
internal import SyncBundle
internal import SyncCore
internal import SyncStore

/// Exchange by file: the driver takes the same steps as over HTTP, as far as return bundles answer them.
final class BundleExchange {
  private let replica: Replica
  private let answers: BundleAnswers
  private var driver: SyncDriver
  private var outcome: BundleImport
  /// Hub's incarnation, by the newest answer.
  private var incarnation = Data()
  private var blobsLost: UInt64 = 0

  init(replica: Replica, answers: BundleAnswers, outcome: BundleImport) {
    self.replica = replica
    self.answers = answers
    self.outcome = outcome
    driver = SyncDriver(replica: replica, transport: BundleTransport(answers: answers), options: SyncOptions())
  }

  func run() async throws -> BundleImport {
    try await exchange()
    var progress = driver.summary.progress
    progress.packetsSent += outcome.progress.packetsSent
    progress.blobsSent += outcome.progress.blobsSent
    outcome.progress = progress
    outcome.notices = driver.summary.notices
    return outcome
  }

  private func exchange() async throws {
    let isSameLife = try await greet()
    if !isSameLife {
      guard try await rejoin() else { return }
    } else if try await isToProve() {
      guard try await prove() else { return }
    }
    guard try await receipts() else { return }
    try await packets()
    try await blobs()
    try await agree()
    try await pull()
  }

  /// Takes one step; nil when no file answers it.
  private func perform(_ action: SyncSession.Action) async throws -> SyncSession.Event? {
    try Task.checkCancellation()
    do { return try await driver.perform(action) } catch let error as SyncError {
      if error.code == .notAnswered { return nil }
      if let turn = SyncDriver.turn(error, during: action) { return turn }
      throw error
    }
  }

  // MARK: Greeting

  /// Reads the hub's information.
  ///
  /// - Returns: Whether the hub is in the incarnation that this device knows.
  private func greet() async throws -> Bool {
    guard let response = try answers.answer(.hubAnswer) else { throw BundleTransport.notAnswered }
    let name = LocalizedText(vi: "thông tin máy chủ", en: "hub information")
    let hub = try await replica.hubKey()
    let info = try WireHubInfo.parse(try hub.open(response.body, as: .hubInfo), named: name)
    (driver.hubTimeMs, incarnation, blobsLost) = (info.hubTimeMs, info.incarnation, info.blobsLost)
    // Uses the hub's time only against a clock that is behind it: nobody knows how old the file is.
    let measured = Int64(clamping: info.hubTimeMs).subtractingReportingOverflow(Int64(clamping: replica.clock.nowMs())).partialValue
    let isSameLife = try await replica.engineWrite { transaction in
      let state = transaction.state
      let known = try state.value("incarnation").blob
      guard known == nil || info.lives.contains(where: { $0.incarnation == known }) else {
        throw SyncError(
          .badRequest, vi: "Bọc trả lời này cũ hơn những gì máy đã biết về máy chủ; không cần nhập.",
          en: "This return is older than what this device knows of its hub; it is not needed.")
      }
      if measured > (try state.integer("offsetMs")) { try state.set("offsetMs", .integer(measured)) }
      let contact = Int64(clamping: info.hubTimeMs)
      guard contact >= (try state.integer("lastContactMs")) else { return known == info.incarnation }
      try state.set("lastContactMs", .integer(contact))
      try DropKeys.remember(info, in: state)
      if info.bundleKey.count == 32 { try state.set("bundleKey", .blob(info.bundleKey)) }
      try BlobTable(session: transaction.session).note(lost: info.blobsLost)
      if known == nil { try state.set("incarnation", .blob(info.incarnation)) }
      guard known == nil || known == info.incarnation else { return false }
      try BackedUpPackets(session: transaction.session).drop(backupsDone: info.backupsDone)
      return true
    }
    try replica.loadDropKeys()
    return isSameLife
  }

  // MARK: A restored hub

  /// Joins the hub's present incarnation.
  ///
  /// - Returns: Whether this device is in that incarnation now.
  private func rejoin() async throws -> Bool {
    let heard = try await replica.engineRead { try $0.state.value("bundleLife").blob }
    if let heard, try WireLife(serializedBytes: try WireSigned(serializedBytes: heard).body).incarnation == incarnation {
      let hubTimeMs = driver.hubTimeMs
      driver = SyncDriver(replica: replica, transport: BundleTransport(answers: answers, life: heard), options: SyncOptions())
      driver.hubTimeMs = hubTimeMs
    }
    if try await perform(.rejoin) != nil {
      try await forget("bundleLife", "bundleProve")
      return true
    }
    // Prepares to give back what the hub lost with the next bundle, or with the one after, when no file tells what was lost.
    let cursor = try await replica.engineRead { try $0.state.value("cursor").blob ?? Data() }
    if let response = try answers.answer(.lifeAnswer, cursor), response.status == 200 {
      _ = try await replica.hubKey().open(response.body, as: .life)
      try await replica.engineWrite { try $0.state.set("bundleLife", .blob(response.body)) }
    }
    outcome.needsAnother = true
    return false
  }

  private func isToProve() async throws -> Bool {
    try await replica.engineRead { try $0.state.integer("bundleProve") == 1 || $0.state.value("placeForgotten") != .null }
  }

  /// Looks whether the hub knows the cursor.
  ///
  /// - Returns: Whether the feed can continue.
  private func prove() async throws -> Bool {
    let wasUnknown = try await replica.engineRead { try $0.state.integer("bundleProve") == 1 }
    guard let event = try await perform(.prove) else {
      outcome.needsAnother = true
      return false
    }
    if case .proved(newLife: true) = event { return try await rejoin() }
    try await forget("bundleProve")
    guard wasUnknown else { return true }
    // Requests the whole feed again, because nobody knows the cursor.
    _ = try await perform(.beginAnew)
    outcome.needsAnother = true
    return false
  }

  private func forget(_ names: String...) async throws {
    try await replica.engineWrite { transaction in
      for name in names { try transaction.session.execute("DELETE FROM sync_state WHERE name = ?1", [.text(name)]) }
    }
  }

  // MARK: Batches

  /// Stores receipts.
  ///
  /// - Returns: Whether this device is still the identity to which the files answer.
  private func receipts() async throws -> Bool {
    if let fork = try await replica.engineRead({ try BundleFork(stored: $0.state.value("bundleFork").text) }) {
      guard try await takeIdentity(fork) else { return true }
      return false
    }
    let entries = try await replica.engineRead { try $0.outbox.unreceived() }
    for entry in entries where answers.has(.receiptAnswer, entry.hash) {
      do {
        switch try await perform(.push(entry, offset: 0)) {
        case .forked(let scope, let number)?:
          guard try await takeIdentity(BundleFork(scope: scope, number: number)) else { return true }
          return false
        case .resealed?:
          // Waits for the next bundle, which carries what was sealed again.
          outcome.needsAnother = true
          return true
        default: break
        }
      } catch let error as SyncError where error.concernsOneBatch {
        refuse(error)
      }
    }
    return true
  }

  /// Takes a new identity after a fork.
  ///
  /// - Returns: Whether this device has another identity now: the files answer to the old one.
  private func takeIdentity(_ fork: BundleFork) async throws -> Bool {
    var fork = fork
    do {
      if try await perform(.takeIdentity(scope: fork.scope, number: fork.number)) != nil {
        try await forget("bundleFork")
        outcome.needsAnother = true
        return true
      }
    } catch let error as SyncError where error.code == .fork {
      fork.number = min(fork.number, error.expected ?? fork.number)
    } catch let error as SyncError where error.code == .badRequest {
      // Keeps the identity, because the hub knows of no fork: the error that reported one was not signed.
      try await forget("bundleFork")
      throw error
    }
    let stored = fork.stored
    try await replica.engineWrite { try $0.state.set("bundleFork", .text(stored)) }
    outcome.needsAnother = true
    return false
  }

  // MARK: Packets

  private func packets() async throws {
    let hub = try await replica.hubKey()
    var last = Data()
    while true {
      let rows = try await replica.engineRead { [last] in
        try $0.session.rows(
          "SELECT id, scope, bytes FROM sync_packet WHERE kept = 0 AND id > ?1 ORDER BY id LIMIT \(BundlePackets.perSection)", [.blob(last)]
        )
      }
      guard let end = rows.last?[0].blob else { return }
      last = end
      var kept: [(id: CellValue, backupsBegun: UInt64)] = []
      for row in rows {
        guard let scope = row[1].text, let bytes = row[2].blob else { continue }
        let request = try BundlePackets.request(bytes).sha256
        guard let response = try answers.answer(.dropAnswer, request), response.status == 200 else { continue }
        let answer = try WireDropResponse.parse(
          try hub.open(response.body, as: .drop), named: LocalizedText(vi: "trả lời nhận phiếu", en: "drop answer"))
        guard answer.request == request, answer.scope == scope, answer.kept == 1 else { continue }
        kept.append((row[0], answer.backupsBegun))
      }
      let taken = kept
      guard !taken.isEmpty else { continue }
      outcome.progress.packetsSent += try await replica.engineWrite { transaction in
        let count = try taken.count {
          try !transaction.session.rows("UPDATE sync_packet SET kept = 1 WHERE id = ?1 AND kept = 0 RETURNING 1", [$0.id]).isEmpty
        }
        try transaction.state.add("packetsKept", count)
        // Takes the newest number: files are read in any order, and all packets are judged by it.
        let newest = max(taken.map(\.backupsBegun).max() ?? 0, UInt64(max(0, try transaction.state.integer("packetsSentAt"))))
        try BackedUpPackets(session: transaction.session).note(backupsBegun: newest)
        return count
      }
    }
  }

  // MARK: Attachments

  private func blobs() async throws {
    // Ignores an older answer: the hub may have lost blobs since.
    guard try await replica.engineRead({ try $0.state.integer("blobsLost") }) == Int64(clamping: blobsLost) else { return }
    let hub = try await replica.hubKey()
    let name = LocalizedText(vi: "tình trạng tệp đính kèm", en: "state of attachments")
    var after: BlobID?
    while true {
      let ids = try await replica.blobsToConfirm(after: after, limit: WireLimits.blobsPerQuestionMax)
      guard let last = ids.last else { return }
      after = last
      var kept: [BlobID] = []
      var unfit: [(BlobID, LocalizedText)] = []
      for id in ids where answers.isOfNewest(.blobAnswer, id.bytes) {
        guard let response = try answers.answer(.blobAnswer, id.bytes) else { continue }
        guard response.status == 200 else {
          let error = SyncError(response)
          if error.code == .noRoom { outcome.areBlobsDeferred = true } else { refuse(error) }
          continue
        }
        let states = try WireBlobStates.parse(try hub.open(response.body, as: .blobStates), named: name)
        guard states.hub == hub.replica.bytes, states.request == id.bytes.sha256, states.states.count == 1 else { continue }
        if states.isDeferred { outcome.areBlobsDeferred = true }
        let state = states.states[0]
        if state.place == .kept { kept.append(id) }
        if state.place == .unfit {
          let reason = LocalizedText(vi: state.vi, en: state.en)
          unfit.append((id, reason))
          refuse(SyncError.blobUnfit(id, reason))
        }
      }
      let (confirmed, never, now) = (kept, unfit, driver.hubTimeMs)
      outcome.notices += try await replica.engineWrite { transaction in
        let book = BlobTable(session: transaction.session)
        for id in confirmed { try book.noteKept(id) }
        return try never.compactMap { try book.noteUnfit($0, $1, hubTimeMs: now) }
      }
      outcome.progress.blobsSent += kept.count
    }
  }

  private func refuse(_ error: SyncError) {
    guard !outcome.refused.contains(error.explanation), outcome.refused.count < BundleReport.damageListedMax else { return }
    outcome.refused.append(error.explanation)
  }

  // MARK: Comparison

  /// Takes the hub's answer to the last comparison. Runs before the feed, which brings another comparison.
  private func agree() async throws {
    guard let report = try await replica.agreementToSay(),
      let response = try answers.answer(.agreementAnswer, report.sha256), response.status == 200
    else { return }
    if try await replica.noteSaid(report, answer: response.body) { outcome.needsAnother = true }
  }

  // MARK: The feed

  private func pull() async throws {
    while true {
      let cursor = try await replica.engineRead { try $0.state.value("cursor").blob ?? Data() }
      guard answers.has(.feedAnswer, cursor) else { return }
      switch try await perform(.pull) {
      case .pulled(let head, let sealedMore):
        if sealedMore { outcome.needsAnother = true }
        if head { return }
        // Stops at a page that does not move the cursor: nothing follows.
        guard try await replica.engineRead({ try $0.state.value("cursor").blob ?? Data() }) != cursor else { return }
      case .rebase(let scope):
        guard try await fetch(scope) else {
          outcome.needsAnother = true
          return
        }
      case .cursorUnknown:
        try await replica.engineWrite { try $0.state.set("bundleProve", .integer(1)) }
        outcome.needsAnother = true
        return
      case .forked(let scope, let number):
        _ = try await takeIdentity(BundleFork(scope: scope, number: number))
        return
      default:
        outcome.needsAnother = true
        return
      }
    }
  }

  /// Fetches a scope as a snapshot.
  ///
  /// - Returns: Whether the snapshot is complete.
  private func fetch(_ scope: String) async throws -> Bool {
    for _ in 0..<BundleAnswers.answersMax {
      guard case .fetched(let isLast, _)? = try await perform(.fetch(scope: scope)) else { return false }
      if isLast { return true }
    }
    return false
  }
}

extension Outbox {
  /// Returns every batch without a receipt that says it is merged, oldest first.
  fileprivate func unreceived() throws -> [OutboxEntry] {
    try session.rows(
      "SELECT scope, number, hash, length(bytes) FROM sync_outbox WHERE received <> 1 AND length(bytes) > 0 ORDER BY seq"
    ).compactMap { row in
      guard let scope = row[0].text, let number = row[1].integer, let hash = row[2].blob, let size = row[3].integer else { return nil }
      return OutboxEntry(scope: scope, number: UInt64(number), hash: hash, byteCount: Int(size))
    }
  }
}
