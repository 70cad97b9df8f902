import Foundation

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// How the simulation learns what happened: from the outbox, the bytes that were delivered, and the positions a store says
/// it has reached.
extension Simulation {
  func observe(_ device: Device) async throws {
    guard isObserved, let replica = device.replica else { return }
    let scope = device.scope
    let names = device.readScopes
    var known = device.known
    func batches(from number: UInt64) async throws -> [(number: UInt64, hash: Data, bytes: Data)] {
      try await replica.engineRead {
        try $0.session.rows(
          "SELECT number, hash, bytes FROM sync_outbox WHERE scope = ?1 AND number >= ?2 ORDER BY number",
          [.text(scope), .integer(Int64(clamping: number))]
        ).compactMap { row in
          guard let number = row[0].integer, let hash = row[1].blob, let bytes = row[2].blob else { return nil }
          return (UInt64(number), hash, bytes)
        }
      }
    }
    let (positions, lives) = try await replica.engineRead { transaction in
      (
        try names.map { UInt64(clamping: try transaction.state.integer("position/" + $0)) },
        try names.map { try transaction.state.value("life/" + $0).blob ?? Data() }
      )
    }
    var sealed = try await batches(from: known.batches)
    if known.batches > 0 && sealed.first?.hash != known.lastHash {
      // Sealed anew, under another identity.
      sealed = try await batches(from: 1)
    } else if known.batches > 0 {
      sealed.removeFirst()
    }
    // What a page made a device say again has seen that page.
    var late: [SealedBatch] = []
    for batch in sealed {
      let bytes = SealedBatch(bytes: batch.bytes)
      if try !batch.bytes.isEmpty && BatchCodec.reopen(bytes).recovery != nil {
        late.append(bytes)
      } else if !batch.bytes.isEmpty {
        try history.sealed(bytes, by: &known)
      }
      (known.batches, known.lastHash) = (batch.number, batch.hash)
    }
    device.known = known
    for answer in device.link.takeAnswers() { try await take(answer, by: device) }
    for (name, (position, life)) in zip(names, zip(positions, lives)) {
      let isSame = device.known.life[name] == life || device.known.life[name] == nil
      // In another life of the hub the same positions may be other units.
      let before = isSame ? min(device.known.position[name] ?? 0, position) : 0
      if position > before {
        for place in before + 1...position {
          guard let unit = device.known.told[name]?[place]?.unit else {
            throw Violation(check: "apply", message: "\(device.name) says it applied \(name)/\(place), which it was never told")
          }
          device.known.applied.insert(unit)
        }
      }
      device.known.position[name] = position
      if !life.isEmpty { device.known.life[name] = life }
    }
    let asked = try await replica.engineRead {
      try $0.session.rows("SELECT bytes FROM sync_outbox WHERE scope <> ?1 ORDER BY seq", [.text(scope)]).compactMap { $0[0].blob }
    }
    late += asked.filter { !$0.isEmpty }.map { SealedBatch(bytes: $0) }.filter { device.known.asked.insert($0.hash).inserted }
    for batch in late { try history.sealed(batch, by: &device.known) }
  }

  private func take(_ answer: Link.Answer, by device: Device) async throws {
    guard answer.response.status == 200 else { return }
    let hubKey = hub.keys.signing.replica
    if answer.request.path == "/v1/feed" {
      let body = try WireSigned.parse(answer.response.body, named: LocalizedText("page")).body
      let asked = Data(base64URL: answer.request.query("cursor") ?? "") ?? Data()
      try noteDelivered(try PageCodec.content(of: body, hub: hubKey), asked: asked, to: device, epoch: answer.epoch)
    } else if answer.request.path == "/v1/snapshot" {
      guard let key = VerifyingKey(rawRepresentation: hub.keys.signing.publicKey) else { throw ByteReader.short }
      let page = try SnapshotCodec.open(answer.response.body, hub: key)
      try await noteDelivered(page, asked: answer.request, to: device, epoch: answer.epoch)
    } else {
      try noteReceipt(answer)
    }
  }

  /// What the store that the hub has now gave a receipt for.
  func noteReceipt(_ answer: Link.Answer) throws {
    // A piece of a batch is answered with how much is there.
    guard answer.response.status == 200, answer.request.method == "PUT", answer.request.path.hasPrefix("/v1/batches/"),
      answer.request.headers["upload-part"] == nil
    else { return }
    let body = try WireSigned.parse(answer.response.body, named: LocalizedText("receipt")).body
    let receipt = try WireReceipt.parse(body, named: LocalizedText("receipt"))
    if answer.epoch == hub.port.epoch { history.received.insert(receipt.batch) }
  }

  func noteDelivered(_ page: PageContent, asked: Data, to device: Device, epoch: Int) throws {
    if !page.scope.isEmpty && !device.readScopes.contains(page.scope) {
      throw Violation(check: "scope", message: "\(device.name) was sent rows of \(page.scope)")
    }
    // Where a restored hub was given everything back its feed is the one it was, and is not read again.
    let before = (device.known.told[page.scope] ?? [:]).filter { $0.key < page.units.first?.position ?? 0 }
    for (position, place) in try history.delivered(page, after: before, asked: asked, epoch: epoch, isStrict: isStrict) {
      device.known.told[page.scope, default: [:]][position] = place
    }
  }

  /// The last page of a snapshot stands for everything in the feed when it began.
  func noteDelivered(_ page: SnapshotContent, asked request: HubRequest, to device: Device, epoch: Int) async throws {
    if !device.readScopes.contains(page.scope) {
      throw Violation(check: "scope", message: "\(device.name) was sent rows of \(page.scope)")
    }
    guard page.next.isEmpty else { return }
    try await noteLog()
    note(.logCleared)
    let asked = Data(base64URL: request.query("cursor") ?? "") ?? Data()
    let told = try history.fetched(scope: page.scope, upTo: page.position, cursor: page.cursor, asked: asked, epoch: epoch)
    for (position, place) in told { device.known.told[page.scope, default: [:]][position] = place }
  }

  /// Notes what the hub's log says while its bytes are there.
  func noteLog() async throws {
    guard let store = hub.store else { return }
    let own = hub.keys.signing.replica
    let runs = try await store.read { session in
      try session.rows(
        """
        SELECT f.scope, f.position, f.units, f.first_unit - coalesce(r.first_unit, 0), f.stamps, f.declined, coalesce(b.bytes, r.bytes),
          coalesce(b.hash, r.hash), coalesce(r.first_unit, 0)
        FROM hub_feed f LEFT JOIN hub_batch b ON b.id = f.batch LEFT JOIN hub_returned_batch r ON r.id = -f.batch
        WHERE length(coalesce(b.bytes, r.bytes)) > 0 ORDER BY f.scope, f.position
        """)
    }
    for row in runs {
      guard let scope = row[0].text, let position = row[1].integer, let count = row[2].integer, let first = row[3].integer,
        let bytes = row[6].blob, let hash = row[7].blob, let offset = row[8].integer
      else { throw ByteReader.short }
      let content = try BatchCodec.reopen(SealedBatch(bytes: bytes))
      let range = Int(first)..<Int(first + count)
      let stamps = try row[4].blob.map { try PackedStamps.read($0, count: range.count) } ?? content.units[range].map(\.stamp)
      for (count, index) in range.enumerated() {
        let unit = FeedUnit(
          position: UInt64(position) + UInt64(count), author: content.replica, batchNumber: content.number, batchHash: hash,
          index: index + Int(offset),
          stamp: stamps[count], changes: row[5].integer == 1 ? [] : content.units[index].changes, isDeclined: row[5].integer == 1)
        _ = try history.place(
          unit, scope: scope, hub: own, reader: unit.isDeclined ? unit.author : nil, epoch: hub.port.epoch, isStrict: isStrict)
      }
    }
  }

  /// The hub clears its journal: who has not been there since fetches in bulk.
  func clearLog() async throws {
    guard let open = hub.port.hub else { return }
    try await noteLog()
    do {
      _ = try await open.clearLog(leaseMs: 0, isBackedUp: false)
    } catch let error as SyncError where error.code == .diskFull && hub.isDiskFull {}
  }
  /// Whether nothing happened that gives one unit two names or two places.
  var isStrict: Bool { [Fault.clone, .deviceRestored, .hubRestored].allSatisfy { faults[$0] == nil } }

  // MARK: Healing

  /// Rounds of exchanges after which everybody must know everything.
  static let roundsMax = 8

  /// Everything works again.
  func mendEverything() async throws {
    try hub.close()
    _ = try await hub.open()
    try await upgradeHub()
    hub.clock.set(errorMs: 0)
    for device in devices {
      device.link.isDown = false
      device.link.forgetLate()
      device.link.weather(Dice(seed: 0), badLuck: 0, faults: [])
      device.clock.set(errorMs: 0)
      try device.close()
      time.advance(1)
      try upgrade(device)
      _ = try device.open()
    }
    var dice = Dice(seed: derive(scenario.seed, 4))
    while !carried.isEmpty { try await courierBrings(through: devices.first { !$0.isRevoked } ?? devices[0], &dice) }
    try await emptyStick()
  }

  /// Everything works again: exchanges go round until nobody learns anything new.
  func heal() async throws {
    try await mendEverything()
    var dice = Dice(seed: derive(scenario.seed, 9))
    for round in 0..<Self.roundsMax {
      var isQuiet = true
      for device in devices where !device.isRevoked {
        let before = (device.known.position, device.known.batches, device.known.lastHash)
        try await exchange(device, actionsMax: Self.actionsMax, &dice)
        try await observe(device)
        try await Always.check(device)
        let after = (device.known.position, device.known.batches, device.known.lastHash)
        isQuiet = isQuiet && before == after
      }
      if try await declineAllHeld(&dice) { isQuiet = false }
      if isQuiet && round > 0 { break }
    }
  }
}
