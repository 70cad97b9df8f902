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
    for answer in device.link.takeAnswers() { try take(answer, by: device) }
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

  private func take(_ answer: (request: HubRequest, response: HubResponse), by device: Device) throws {
    guard answer.response.status == 200 else { return }
    if answer.request.path == "/v1/feed" {
      let hubKey = hub.keys.signing.replica
      let body = try WireSigned.parse(answer.response.body, named: LocalizedText("page")).body
      let asked = Data(base64URL: answer.request.query("cursor") ?? "") ?? Data()
      try noteDelivered(try PageCodec.content(of: body, hub: hubKey), asked: asked, to: device)
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
