import Foundation

@testable import SyncKit

/// How the simulation learns what happened: from the outbox, the bytes that were delivered, and the positions a store says
/// it has reached.
extension Simulation {
  func observe(_ device: Device) async throws {
    guard let replica = device.replica else { return }
    let scope = device.scope
    let seen = Int64(device.seenBatches[scope] ?? 0)
    let names = device.readScopes
    let (batches, positions) = try await replica.engineRead { transaction in
      (
        try transaction.session.rows(
          "SELECT bytes FROM sync_outbox WHERE scope = ?1 AND number > ?2 ORDER BY number", [.text(scope), .integer(seen)]
        )
        .compactMap { $0[0].blob },
        try names.map { UInt64(clamping: try transaction.state.integer("position/" + $0)) }
      )
    }
    for bytes in batches {
      let content = try BatchCodec.reopen(SealedBatch(bytes: bytes))
      for number in try history.sealed(content, applied: device.applied) { device.applied.insert(number) }
      device.seenBatches[content.scope] = content.number
    }
    for answer in device.link.takeAnswers() { try await take(answer, by: device) }
    for (name, position) in zip(names, positions) {
      let before = device.position[name] ?? 0
      if position > before {
        for place in before + 1...position {
          guard let unit = device.told[name]?[place] else {
            throw Violation(check: "apply", message: "\(device.name) says it applied \(name)/\(place), which it was never told")
          }
          device.applied.insert(unit)
        }
      }
      device.position[name] = position
    }
  }

  private func take(_ answer: (request: HubRequest, response: HubResponse), by device: Device) async throws {
    guard answer.response.status == 200 else { return }
    let hubKey = hub.keys.signing.replica
    if answer.request.path == "/v1/feed" {
      let body = try WireSigned.parse(answer.response.body, named: LocalizedText("page")).body
      let asked = Data(base64URL: answer.request.query("cursor") ?? "") ?? Data()
      try noteDelivered(try PageCodec.content(of: body, hub: hubKey), asked: asked, to: device)
    } else if answer.request.path == "/v1/snapshot" {
      guard let key = VerifyingKey(rawRepresentation: hub.keys.signing.publicKey) else { throw ByteReader.short }
      let page = try SnapshotCodec.open(answer.response.body, hub: key)
      try await noteDelivered(page, asked: answer.request, to: device)
    } else if answer.request.method == "PUT", answer.request.path.hasPrefix("/v1/batches/") {
      let body = try WireSigned.parse(answer.response.body, named: LocalizedText("receipt")).body
      history.received.insert(try WireReceipt.parse(body, named: LocalizedText("receipt")).batch)
    }
  }

  func noteDelivered(_ page: PageContent, asked: Data, to device: Device) throws {
    if !page.scope.isEmpty && !device.readScopes.contains(page.scope) {
      throw Violation(check: "scope", message: "\(device.name) was sent rows of \(page.scope)")
    }
    for (position, unit) in try history.delivered(page, asked: asked) { device.told[page.scope, default: [:]][position] = unit }
  }

  /// The last page of a snapshot stands for everything in the feed when it began.
  func noteDelivered(_ page: SnapshotContent, asked request: HubRequest, to device: Device) async throws {
    if !device.readScopes.contains(page.scope) {
      throw Violation(check: "scope", message: "\(device.name) was sent rows of \(page.scope)")
    }
    guard page.next.isEmpty else { return }
    try await noteLog()
    note(.logCleared)
    let asked = Data(base64URL: request.query("cursor") ?? "") ?? Data()
    for (position, unit) in try history.fetched(scope: page.scope, upTo: page.position, cursor: page.cursor, asked: asked) {
      device.told[page.scope, default: [:]][position] = unit
    }
  }

  /// Notes what the hub's log says while its bytes are there.
  func noteLog() async throws {
    guard let store = hub.store else { return }
    let own = hub.keys.signing.replica
    let runs = try await store.read { session in
      try session.rows(
        """
        SELECT f.scope, f.position, f.units, f.first_unit, f.stamps, f.declined, b.bytes, b.hash FROM hub_feed f JOIN hub_batch b
          ON b.id = f.batch WHERE length(b.bytes) > 0 ORDER BY f.scope, f.position
        """)
    }
    for row in runs {
      guard let scope = row[0].text, let position = row[1].integer, let count = row[2].integer, let first = row[3].integer,
        let bytes = row[6].blob, let hash = row[7].blob
      else { throw ByteReader.short }
      let content = try BatchCodec.reopen(SealedBatch(bytes: bytes))
      let range = Int(first)..<Int(first + count)
      let stamps = try row[4].blob.map { try FeedReader.stamps($0, count: range.count) } ?? content.units[range].map(\.stamp)
      for (offset, index) in range.enumerated() {
        let unit = FeedUnit(
          position: UInt64(position) + UInt64(offset), author: content.replica, batchNumber: content.number, batchHash: hash, index: index,
          stamp: stamps[offset], changes: row[5].integer == 1 ? [] : content.units[index].changes, isDeclined: row[5].integer == 1)
        _ = try history.place(unit, scope: scope, hub: own, reader: unit.isDeclined ? unit.author : nil)
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

  // MARK: Healing

  /// Everything works again: exchanges go round until nobody learns anything new.
  func heal() async throws {
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
    for _ in 0..<3 {
      for device in devices where !device.isRevoked {
        try await exchange(device, actionsMax: Self.actionsMax, &dice)
        try await observe(device)
        try await Always.check(device)
      }
    }
  }
}
