import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncBundle
@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A bundle from anybody's stick: what is good of it is taken, the rest is refused with its reason, and nothing is taken by halves.
@Suite struct BundleAttackTests {
  /// Two devices of two units, and one bundle with the parcels of both.
  private func twoDevices(plain: Bool = false) async throws -> (world: World, a: Replica, b: Replica, path: String) {
    let world = try await World()
    let (a, b) = (try await world.device("a"), try await world.device("b", unit: "07202"))
    for (replica, unit) in [(a, "07201"), (b, "07202")] {
      for number in 0..<2 {
        try await replica.insert("\(unit)-\(number)", "x", unit: unit)
        try await replica.seal()
      }
      try await replica.execute("INSERT INTO answer (id, unit, day, words) VALUES (?, ?, 'd', 'w')", ["p", unit])
    }
    var options = BundleExportOptions()
    options.isPlain = plain
    let first = try await a.exportBundle(to: world.file("a.skb"), options: options)
    let courier = Courier(store: b.path)
    _ = try courier.collect(first.paths[0])
    let both = try await b.exportBundle(to: world.file("both.skb"), options: options, courier: courier)
    #expect(both.carried == 1)
    return (world, a, b, both.paths[0])
  }

  @Test(.long) func aCutAnywhereLeavesWholeSectionsOnly() async throws {
    let (world, _, _, path) = try await twoDevices()
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let whole = try World.sections(path)
    #expect(whole.damage.isEmpty)
    for cut in 0..<data.count {
      let short = try world.write([data.prefix(cut)], to: "cut.skb")
      if cut < BundleMagic.byteCount {
        #expect(throws: SyncError.self) { try World.sections(short) }
        continue
      }
      let found = try World.sections(short)
      #expect(found.bodies == Array(whole.bodies.prefix(found.bodies.count)) && !found.damage.isEmpty, "\(cut)")
    }
  }

  @Test(.long) func aFlippedByteCostsOneSection() async throws {
    let (world, _, _, path) = try await twoDevices()
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let whole = try World.sections(path).bodies
    for place in BundleMagic.byteCount..<data.count {
      var bad = data
      bad[place] ^= UInt8(1 << (place % 8))
      let found = try World.sections(try world.write([bad], to: "bad.skb"))
      #expect(!found.damage.isEmpty && found.bodies.allSatisfy(whole.contains), "\(place)")
      // A parcel's own section takes its others with it; any other only itself.
      #expect(found.bodies.count >= whole.count / 2 - 1, "\(place)")
    }
  }

  @Test func damageIsReportedForTheDeviceItHit() async throws {
    let (world, a, b, path) = try await twoDevices()
    var pieces = try World.pieces(path)
    // A byte of the body of each section but the parcels' own, of one device.
    var hit = 0
    for (number, piece) in pieces.enumerated().dropFirst().dropLast() {
      let head = try #require(SectionHead(Data(piece.prefix(SectionHead.byteCount))))
      guard head.kind == SectionKind.batch.rawValue, hit < 1 else { continue }
      pieces[number] = piece.dropLast() + [piece[piece.endIndex - 1] ^ 1]
      hit += 1
    }
    let report = try await world.hub.importBundles([try world.write(pieces, to: "bad.skb")])
    let (own, other) = (try b.identity, try a.identity)
    #expect(hit == 1 && report.devices.count == 2 && !report.isWhole)
    #expect(report.devices.first { $0.replica == own }?.damaged == 1)
    #expect(report.devices.first { $0.replica == other }?.damaged == 0)
  }

  @Test(.long) func readableSectionsOfADamagedBundleAreImported() async throws {
    for seed in Pace.seeds(UInt64(1)...12, fast: 3) {
      var chance = SeededGenerator(seed: seed)
      let (world, a, b, path) = try await twoDevices(plain: seed % 2 == 0)
      var data = try Data(contentsOf: URL(fileURLWithPath: path))
      if seed % 3 == 0 {
        data = data.prefix(Int.random(in: 100..<data.count, using: &chance))
      } else {
        for _ in 0..<3 { data[Int.random(in: 8..<data.count, using: &chance)] ^= UInt8.random(in: 1...255, using: &chance) }
      }
      let (report, _) = try await world.hubImports([try world.write([data], to: "bad.skb")], return: "r.skb")
      #expect(!report.isWhole, "seed \(seed)")
      for replica in [a, b] { for _ in 0..<2 { try await world.journey(replica) } }
      #expect(try await world.hubNotes().count == 4, "seed \(seed)")
      let packets = try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_packet") }
      #expect(packets == 2, "seed \(seed)")
      for replica in [a, b] { #expect(try await replica.status().agreement == .proved, "seed \(seed)") }
    }
  }

  @Test(.long) func otherOrdersAndRepeatsAreNoticedAndHarmless() async throws {
    let (world, a, b, path) = try await twoDevices()
    let pieces = try World.pieces(path)
    for seed in UInt64(1)...4 {
      var chance = SeededGenerator(seed: seed)
      let body = Array(pieces.dropFirst().dropLast())
      let mixed = [pieces[0]] + (body + body).shuffled(using: &chance) + [pieces[pieces.count - 1]]
      let (report, _) = try await world.hubImports([try world.write(mixed, to: "mixed.skb")], return: "r.skb")
      #expect(!report.isWhole)
    }
    let missing = try world.write(pieces.prefix(3) + pieces.dropFirst(4), to: "missing.skb")
    let (report, _) = try await world.hubImports([missing], return: "r.skb")
    #expect(report.files[0].damage.map(\.en) == ["Sections are missing, or in another order than they were written."])
    for replica in [a, b] { try await world.journey(replica) }
    for replica in [a, b] { #expect(try await replica.status().agreement == .proved) }
    #expect(try await world.hubNotes().count == 4)
  }

  @Test func aFileThatIsNoBundleIsRefusedWithItsReason() async throws {
    let (world, a, _, path) = try await twoDevices()
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var newer = data
    newer[7] = 2
    var oversize = SectionHead(.batch, tag: Data(count: 8), index: 1, body: Data())
    oversize.bodyBytes = .max
    let cases: [(Data?, String)] = [
      (Data(), "is empty; copy it again."), (Data("PK\u{3}\u{4} some other file".utf8), "is not a bundle (.skb)."),
      (Data(data.prefix(5)), "is not a bundle (.skb)."), (newer, "was made by a newer version; upgrade this program."),
      (data.prefix(8) + oversize.bytes, "Damaged from byte 8 on."), (nil, "There is no file"),
    ]
    for (contents, reason) in cases {
      let bad = world.file("bad-\(UUID().uuidString).skb")
      if let contents { try contents.write(to: URL(fileURLWithPath: bad)) }
      let report = try await world.hub.importBundles([bad])
      #expect(report.files[0].damage.contains { $0.en.contains(reason) }, "\(reason): \(report.files[0].damage)")
      await #expect(throws: SyncError.self) { _ = try await a.importBundles([bad]) }
    }
    let folder = try await world.hub.importBundles([world.folder.path])
    #expect(folder.files[0].damage[0].en.contains("is a folder"))
    #expect(try await world.hubNotes().isEmpty)
    // The good file beside bad ones is taken.
    let mixed = try await world.hub.importBundles([world.folder.path, path])
    #expect(mixed.devices.map(\.new) == [2, 2] && !mixed.isWhole)
  }

  @Test(.long) func aBundleForAnotherHubIsNotTaken() async throws {
    let (world, a, _, path) = try await twoDevices()
    let other = try await World()
    let report = try await other.hub.importBundles([path])
    #expect(report.devices.isEmpty && report.files[0].others == 2 && report.files[0].damage[0].en.contains("another hub"))
    // The same name on it, encrypted to the other key all the same.
    let pieces = try World.pieces(path)
    var wire = try Parcel.read(Data(pieces[1].dropFirst(SectionHead.byteCount))).wire
    (wire.hub, wire.to) = (other.hub.replica.bytes, other.hub.replica.bytes)
    let body = try wire.serializedData()
    let head = SectionHead(.parcel, tag: body.sha256.prefix(8), index: 0, body: body)
    let forged = try other.write([pieces[0], head.bytes + body], to: "forged.skb")
    _ = try await other.hub.importBundles([forged])
    #expect(try await other.hub.read { try $0.integer("SELECT count(*) FROM hub_batch") } == 0)
    // A return of another hub's.
    let (_, paths) = try await world.hubImports([path], return: "r.skb")
    let stranger = try await other.device("stranger")
    await #expect { _ = try await stranger.importBundles(paths) } throws: { ($0 as? SyncError)?.code == .badRequest }
    #expect(try await a.importBundles(paths).isWhole)
  }

  /// Somebody writes a bundle of their own, with what they could get hold of.
  private func forge(_ world: World, _ name: String, from: ReplicaID, _ sections: [(SectionKind, Data)]) throws -> String {
    let writer = try BundleWriter(world.file(name))
    let hub = world.hub.replica.bytes
    let key = try BundleKey.hubPublic(try HubKeys.load(from: world.folder.path + "/keys"))
    writer.begin(try Parcel.begin(hub: hub, from: from.bytes, to: hub, recipient: key, writtenMs: 0))
    for (kind, body) in sections { try writer.add(kind, body) }
    return try writer.finish()[0]
  }

  @Test func forgedSectionsAreRefusedOneByOne() async throws {
    let world = try await World()
    let (a, thief) = (try await world.device("a"), SigningKey())
    try await a.insert("good", "x")
    try await a.seal()
    let entry = try #require(try await a.engineRead { try $0.outbox.toSend() }.first)
    let good = try #require(try await a.engineRead { try $0.outbox.bytes(of: entry) })
    var content = try BatchCodec.reopen(SealedBatch(bytes: good))
    content.units[0].changes[0].key = .text("forged")
    let forged = try BatchCodec.seal(content, with: thief).bytes
    var state = WireDeviceState()
    (state.format, state.publicKey) = (1, try a.secrets().signingKey.publicKey)
    state.returnKey = try BundleKey.devicePublic(thief)
    let stolenState = try thief.sealed(try state.serializedData(), as: .device)
    let page = try await world.hub.page(for: try #require(try await world.hub.device(try a.identity)), cursor: Data())
    let forgedPage = try thief.sealed(try WireSigned(serializedBytes: page).body, as: .page)
    var packets = WireBundlePackets()
    packets.scope = "07201"
    packets.requests = [Data(repeating: 7, count: 100)]
    let bundle = try forge(
      world, "forged.skb", from: try a.identity,
      [
        (.state, stolenState), (.batch, forged), (.page, forgedPage), (.certificate, forgedPage), (.packets, try packets.serializedData()),
        (.succession, good), (.enrolment, Data([1, 2, 3])), (.batch, good),
      ])
    let (report, paths) = try await world.hubImports([bundle], return: "r.skb")
    #expect(report.devices.map(\.new) == [1] && report.devices.map(\.label) == ["a"] && report.devices[0].refused >= 5)
    #expect(try await world.hubNotes() == ["good x - none"])
    // Nobody's state was believed: there is nobody to answer, and nothing for the thief.
    for path in paths { #expect(try Data(contentsOf: URL(fileURLWithPath: path)).range(of: Data("good".utf8)) == nil) }
    #expect(report.devices.allSatisfy { !$0.isAnswered })
  }

  @Test(.long) func aBombIsRefusedBeforeItCostsMemory() async throws {
    let world = try await World()
    let a = try await world.device("a")
    var column = WireColumn()
    column.encoding = .blobs
    column.inflated = UInt32(1 << 30)
    column.data = try Zlib.compress(Data(count: 60 << 20))
    var table = WireTableChanges()
    (table.table, table.rows) = ("note", 1)
    (table.unit, table.life, table.key) = (column, column, column)
    var batch = WireBatch()
    (batch.format, batch.replica, batch.scope, batch.number, batch.unitStamps) = (1, try a.identity.bytes, "07201", 1, [1])
    batch.tables = [table]
    let bomb = try a.secrets().signingKey.sealed(try batch.serializedData(), as: .batch)
    try await a.insert("good", "x")
    try await a.seal()
    let entry = try #require(try await a.engineRead { try $0.outbox.toSend() }.first)
    let good = try #require(try await a.engineRead { try $0.outbox.bytes(of: entry) })
    let report = try await world.hub.importBundles([try forge(world, "bomb.skb", from: try a.identity, [(.batch, bomb), (.batch, good)])])
    #expect(report.devices.map(\.new) == [1] && report.devices.map(\.refused) == [1])
    #expect(try await world.hubNotes() == ["good x - none"])
  }

  @Test(.long) func aForgedReturnChangesNothing() async throws {
    let (world, a, _, path) = try await twoDevices()
    let (_, paths) = try await world.hubImports([path], return: "r.skb")
    let thief = SigningKey()
    let own = try a.identity
    let entry = try #require(try await a.engineRead { try $0.outbox.toSend() }.first)
    func answer(_ about: Data, _ body: Data, status: UInt32 = 200) throws -> Data {
      var wire = WireBundleAnswer()
      (wire.about, wire.status, wire.body) = (about, status, body)
      return try wire.serializedData()
    }
    var receipt = WireReceipt()
    (receipt.batch, receipt.scope, receipt.number, receipt.state) = (entry.hash, entry.scope, entry.number, .merged)
    var delivery = WireBundleDelivery()
    (delivery.hub, delivery.marks) = (world.hub.replica.bytes, [Data(count: 32)])
    let info = try await world.hub.info()
    let writer = try BundleWriter(world.file("forged.skb"))
    let (hub, key) = (world.hub.replica.bytes, try BundleKey.devicePublic(try a.secrets().signingKey))
    writer.begin(try Parcel.begin(hub: hub, from: hub, to: own.bytes, recipient: key, writtenMs: .max))
    try writer.add(.hubAnswer, try answer(Data(), info))
    try writer.add(.receiptAnswer, try answer(entry.hash, try thief.sealed(try receipt.serializedData(), as: .receipt)))
    try writer.add(.feedAnswer, try answer(Data(), try thief.sealed(Data(), as: .page)))
    writer.begin(try Parcel.begin(hub: hub, from: hub, to: Data(), recipient: nil, writtenMs: 0))
    try writer.add(.delivery, try thief.sealed(try delivery.serializedData(), as: .delivery))
    let forged = try writer.finish()
    let before = try await a.status()
    do { _ = try await a.importBundles(forged) } catch let error as SyncError {
      #expect(error.code == .badSignature || error.code == .damaged)
    }
    #expect(try await a.status().sealedChanges == before.sealedChanges)
    #expect(try await a.importBundles(paths).progress.batchesSent == 2)
    #expect(try await a.status().agreement == .proved)
  }

  /// Nothing in what a courier carries, or on its whole disk, can be read.
  @Test(.long) func aCourierHoldsNoPlaintext() async throws {
    let world = try await World()
    let (a, courier) = (try await world.device("a"), try await world.device("c", unit: "07202"))
    let secret = "quyền-dân-chủ-\(UUID().uuidString)"
    try await a.insert("id-\(secret)", "value-\(secret)")
    try await a.execute("INSERT INTO answer (id, unit, day, words) VALUES ('k', '07201', 'd', ?)", ["words-\(secret)"])
    let bundle = try await a.exportBundle(to: world.file("a.skb"))
    let load = Courier(store: courier.path)
    #expect(try load.collect(bundle.paths[0]).parcels == 1)
    #expect(try load.collect(bundle.paths[0]).known == 1)
    let out = try await courier.exportBundle(to: world.file("c.skb"), courier: load)
    let (report, paths) = try await world.hubImports(out.paths, return: "r.skb")
    #expect(report.devices.map(\.new).reduce(0, +) == 1)
    // On the way back the courier collects the return, and its own part of it is read.
    _ = try load.collect(paths[0], except: [try courier.identity])
    let outcome = try await courier.importBundles(paths, courier: load)
    #expect(outcome.delivered == 1 && outcome.others > 0)
    let places =
      try FileManager.default.subpathsOfDirectory(atPath: load.folder).map { load.folder + "/" + $0 }
      + ["", "-wal", "-shm", ".key"].map { courier.path + $0 } + out.paths + paths
    for path in places {
      guard let data = FileManager.default.contents(atPath: path) else { continue }
      for text in [secret, "id-\(secret)", "07201-"] { #expect(data.range(of: Data(text.utf8)) == nil, "\(path)") }
    }
    // The carried return reaches its device.
    #expect(Set(try load.items().map(\.to)) == [try a.identity])
    let home = try await courier.exportBundle(to: world.file("home.skb"), courier: load)
    #expect(try await a.importBundles(home.paths).progress.batchesSent == 1)
    #expect(try await a.status().agreement == .proved)
  }

  @Test func aCourierTakesNoMoreThanItsQuota() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.insert("1", "x")
    let bundle = try await a.exportBundle(to: world.file("a.skb"))
    let small = Courier(store: world.file("c.sqlite"), quotaBytes: 100)
    #expect { try small.collect(bundle.paths[0]) } throws: { ($0 as? SyncError)?.code == .tooLarge }
    #expect(try small.items().isEmpty)
  }

  @Test func anotherFileIsNeverReplaced() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.insert("1", "x")
    let path = try world.write([Data("my notes".utf8)], to: "notes.txt")
    await #expect(throws: SyncError.self) { _ = try await a.exportBundle(to: path) }
    await #expect(throws: SyncError.self) { _ = try await a.exportBundle(to: world.folder.path) }
    await #expect(throws: SyncError.self) { _ = try await a.exportBundle(to: world.file("none/x.skb")) }
    #expect(FileManager.default.contents(atPath: path) == Data("my notes".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: world.folder.path).allSatisfy { !$0.hasSuffix(".new") })
  }
}
