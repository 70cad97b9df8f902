import Foundation
import SwiftProtobuf

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

// MARK: What is refused, and what is lost for good

extension CrashStory {
  static let refusals = [
    CrashStory(
      name: "a batch that is never taken", machine: .device, hasOracle: false, prepare: { try await $0.sealWrongly() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "a batch that is never taken", machine: .hub, hasOracle: false,
      prepare: { simulation in
        try await simulation.sealWrongly()
        try await simulation.fillRefused(of: simulation.devices[0])
      }, work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "a picture that is none", machine: .device, program: .pictures, hasOracle: false, prepare: { try await $0.addNoPicture() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "a picture that is none", machine: .hub, program: .pictures, hasOracle: false,
      prepare: { simulation in
        try await simulation.addNoPicture()
        try await simulation.fillUnfit()
      }, work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "packets that nobody can read", machine: .hub, hasOracle: false, prepare: { try await $0.spoilPackets() },
      work: { simulation in _ = try await simulation.hub.port.hub?.retrySpoiled() }),
    CrashStory(
      name: "batches that are gone", machine: .hub, hasOracle: false, prepare: { try await $0.losesBatches() },
      work: { simulation in for device in simulation.devices { try await simulation.sync(device) } }),
    CrashStory(
      name: "batches that are gone", machine: .device, hasOracle: false, prepare: { try await $0.losesBatches() },
      work: { try await $0.sync($0.devices[0]) }),
    CrashStory(
      name: "a colleague's rows", machine: .hub, deviceCount: 3, hasOracle: false, prepare: { try await $0.loseAuthor() },
      work: { try await $0.askForRows() }),
    CrashStory(
      name: "a colleague's rows", machine: .device, deviceCount: 3, hasOracle: false, prepare: { try await $0.loseAuthor() },
      work: { try await $0.askForRows() }),
  ]
}

extension Simulation {
  /// Seals three batches on the first device, the second of them with a table of too many rows; the third has arrived, and waits.
  fileprivate func sealWrongly() async throws {
    let device = devices[0]
    let replica = try device.open()
    for id in ["n1", "n2", "n3"] {
      try await run("INSERT INTO note (id, unit, a) VALUES ('\(id)', '07201', 'x')", on: device, isSent: false)
      try await replica.seal()
    }
    let key = try replica.secrets().signingKey
    let sealed = try await replica.engineRead {
      try $0.session.rows("SELECT bytes FROM sync_outbox ORDER BY number").compactMap { $0[0].blob }
    }
    var spoiled = [SealedBatch(bytes: sealed[0])]
    for (index, bytes) in sealed.enumerated().dropFirst() {
      var content = try WireBatch(serializedBytes: try WireSigned(serializedBytes: bytes).body)
      if index == 1 { content.tables[0].rows = 7 }
      content.previous = spoiled[index - 1].hash
      spoiled.append(SealedBatch(bytes: try key.sealed(try content.serializedData(), as: .batch)))
    }
    try await replica.engineWrite { [spoiled] transaction in
      for (index, batch) in spoiled.enumerated() {
        try transaction.session.execute(
          "UPDATE sync_outbox SET hash = ?2, bytes = ?3 WHERE number = ?1",
          [.integer(Int64(index + 1)), .blob(batch.hash), .blob(batch.bytes)])
      }
    }
    _ = try await hub.open().ingest(spoiled[2])
  }

  /// Fills the hub's list of one device's refused batches, and the bytes that are kept of them, to the bound.
  fileprivate func fillRefused(of device: Device) async throws {
    let replica = try device.open().secrets().signingKey.replica
    try await hub.open().store.write { session in
      try session.execute(
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(RefusedBatches.perReplicaMax))
        INSERT INTO hub_refused (hash, scope, replica, number, reason, detail, received_ms, size, bytes)
        SELECT randomblob(32), '07201', ?1, 1000 + i, 'form', '', i, 1,
          CASE i WHEN \(RefusedBatches.perReplicaMax) THEN zeroblob(\(RefusedBatches.bytesPerReplicaMax)) ELSE x'00' END FROM n
        """, [.blob(replica.bytes)])
    }
  }

  /// A row of the first device with a file that the hub does not take.
  fileprivate func addNoPicture() async throws {
    try hub.close()
    hub.judgeBlob = { _ in LocalizedText(vi: "không phải ảnh.", en: "it is no picture.") }
    _ = try await hub.open()
    let id = try devices[0].open().blobs.keep(Data(repeating: 7, count: 1000))
    try await run("INSERT INTO picture (id, unit, blob) VALUES ('p', '07201', '\(id.hex)')", on: devices[0], isSent: false)
  }

  /// Packets of a commune that name no anonymous table: enough of them that a step counts them.
  fileprivate func spoilPackets() async throws {
    let (scope, keys) = (devices[0].scope, hub.keys)
    for number in 0..<7 {
      let cells: [(column: String, value: CellValue)] = [("id", .text("n\(number)")), ("unit", .text(scope))]
      let packet = try SyncKit.Packets.make(
        table: "note", cells: cells, scope: scope, dropKey: keys.dropKey, unitKey: keys.unitKey(scope: scope))
      _ = try await hub.open().keep(try WireDropRequest.with { $0.packets = [packet] }.serializedData(), scope: scope)
    }
    try await hub.open().flushPackets()
  }

  /// Fills the hub's list of refused pictures to the bound.
  fileprivate func fillUnfit() async throws {
    try await hub.open().store.write { session in
      try session.execute(
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(UnfitBlobs.rememberedMax))
        INSERT INTO hub_blob_unfit (id, replica, vi, en, at_ms) SELECT printf('%064x', i), x'', '-', '-', i FROM n
        """)
    }
  }

  /// Puts the hub back to before batches of the first device whose bytes the device has let go of; a later one waits for them.
  fileprivate func losesBatches() async throws {
    let image = hub.disk.path + ".empty"
    try hub.disk.save(as: image)
    for id in ["n", "m"] { try await run("INSERT INTO note (id, unit, a) VALUES ('\(id)', '07201', 'x1')", on: devices[0]) }
    try await letGo()
    // The backups are declared with the next receipt.
    try await run("UPDATE note SET b = 'x2' WHERE id = 'n'", on: devices[0])
    try await run("INSERT INTO note (id, unit, a) VALUES ('o', '07201', 'x3')", on: devices[0], isSent: false)
    try await putBack(image)
  }

  /// Puts the hub back to before rows of the first device, which is lost, while the second holds them.
  fileprivate func loseAuthor() async throws {
    // The machine whose steps are cut off is the first: the second writes and is lost.
    let (holder, author) = (devices[0], devices[1])
    try await run("INSERT INTO note (id, unit, a) VALUES ('own', '07201', 'x1')", on: holder)
    let image = hub.disk.path + ".first"
    try hub.disk.save(as: image)
    try await run("INSERT INTO note (id, unit, a) VALUES ('post', '07201', 'x2')", on: author)
    try await letGo()
    try await putBack(image)
    author.isRevoked = true
    // A device that is asked seals rows of another's.
    holder.isCounted = false
  }

  /// Backs up until devices let go of what is older.
  private func letGo() async throws {
    for device in devices { try await sync(device) }
    for _ in 0..<2 { try await backUp() }
    for device in devices { try await sync(device) }
  }

  fileprivate func askForRows() async throws {
    try await sync(devices[0])
    do { _ = try await hub.port.hub?.askForRecovery() } catch let error as SyncError where error.code == .badRequest {}
    for _ in 0..<2 { try await sync(devices[0]) }
  }
}
