import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncBundle
@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// Attachments travel in bundles like everything else: in any order, as often as anybody likes, and each is there once.
@Suite struct BundleBlobTests {
  private func counts(_ report: BundleReport) -> [[Int]] {
    report.devices.map { [$0.blobs, $0.blobsDuplicate, $0.blobsWaiting, $0.refused] }
  }

  @Test(.long) func picturesTravelAfterTheTextAndTheAnswerNamesThoseThatArrived() async throws {
    let world = try await Pictures.world()
    let a = try await world.deviceByFile("a")
    let contents = [noise(1000, seed: 1), noise(200_000, seed: 2), noise(300_000, seed: 3)]
    var ids: [BlobID] = []
    for (number, content) in contents.enumerated() { ids.append(try await a.addPicture("p\(number)", content)) }
    var small = BundleExportOptions()
    small.withoutBlobs = true
    let text = try await a.exportBundle(to: world.file("text.skb"), options: small)
    #expect(text.blobs == 0 && text.blobsLeft == 3 && text.bytes < 5000)
    let export = try await a.exportBundle(to: world.file("a.skb"))
    #expect(export.blobs == 3 && export.blobBytes == 501_000 && export.blobsLeft == 0)
    let (report, paths) = try await world.hubImports(export.paths, return: "r.skb")
    #expect(report.isWhole && counts(report) == [[3, 0, 0, 0]] && report.devices.map(\.new) == [1])
    for (id, content) in zip(ids, contents) { #expect(try world.hub.blobs.read(id) == content) }
    #expect(try await a.blobsToConfirm(limit: 10).count == 3, "nothing is known before the return is here")
    let (again, later) = try await world.hubImports(export.paths + text.paths + export.paths, return: "r2.skb")
    #expect(counts(again) == [[0, 3, 0, 0]])
    for path in [paths, later, paths] { _ = try await a.importBundles(path) }
    #expect(try await a.blobsToConfirm(limit: 10).isEmpty)
    #expect(try await a.exportBundle(to: world.file("a2.skb")).blobs == 0)
    #expect(try await world.hub.blobUsage().blobs == 3)

    // A colleague who has the rows and not the pictures is told, too.
    let b = try await world.deviceByFile("b")
    #expect(try await b.blobsToConfirm(limit: 10).count == 3)
    #expect(try await world.journey(b).1.blobsIn == 3)
    #expect(try await b.blobsToConfirm(limit: 10).isEmpty && b.blobs.ids().isEmpty)
  }

  @Test(.long, arguments: Pace.seeds(1...5, fast: 1)) func partsMayComeInAnyOrder(_ seed: Int) async throws {
    var chance = SeededGenerator(seed: UInt64(seed))
    let world = try await Pictures.world()
    let a = try await world.device("a")
    var ids: Set<BlobID> = []
    for number in 0..<6 {
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["n\(number)", noise(20_000, seed: UInt64(number))])
      ids.insert(try await a.addPicture("p\(number)", noise(Int.random(in: 1000...200_000, using: &chance), seed: UInt64(100 + number))))
      try await a.seal()
    }
    var options = BundleExportOptions()
    options.partBytesMax = 64 << 10
    let export = try await a.exportBundle(to: world.file("split.skb"), options: options)
    #expect(export.paths.count > 4 && export.blobs == 6)
    var returns: [String] = []
    let order = seed == 1 ? Array(export.paths.reversed()) : export.paths.shuffled(using: &chance)
    for (number, path) in order.enumerated() {
      #expect(StoreFile.size(path) <= 64 << 10)
      #expect(try World.sections(path).damage.isEmpty)
      let (report, paths) = try await world.hubImports([path], return: "r\(number).skb")
      #expect(report.isWhole, "seed \(seed): \(report.devices.flatMap(\.problems))")
      returns += paths
    }
    #expect(Set(world.hub.blobs.ids()) == ids, "seed \(seed)")
    #expect(try await world.hub.blobUsage().blobs == 6)
    #expect(try FileManager.default.contentsOfDirectory(atPath: world.hub.blobs.folder + "/part").isEmpty)
    _ = try await a.importBundles(returns.shuffled(using: &chance))
    try await world.journey(a)
    #expect(try await a.blobsToConfirm(limit: 10).isEmpty)
    #expect(try await world.hub.checkBlobs(readsAll: true).isEmpty)
    #expect(try await a.status().agreement == .proved)
  }

  /// The text went by network after the pictures had come by file.
  @Test(.long) func picturesThatArriveFirstWaitForTheirText() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    let id = try await a.addPicture("p", noise(100_000, seed: 1))
    let path = try await a.exportBundle(to: world.file("a.skb")).paths[0]
    let pieces = try World.pieces(path)
    let alone = try world.write(
      pieces.filter { SectionHead(Data($0.prefix(SectionHead.byteCount)))?.kind != SectionKind.batch.rawValue }, to: "alone.skb")
    let (early, _) = try await world.hubImports([alone], return: "r1.skb")
    #expect(counts(early) == [[0, 0, 1, 0]] && world.hub.blobs.ids().isEmpty)
    var once = SyncOptions()
    once.bytesMax = 20_000
    _ = try await a.sync(with: world.transport, options: once)
    #expect(!world.hub.blobs.has(id))
    // Whatever bundle comes next: what is there is put together.
    let b = try await world.device("b", unit: "07202")
    try await world.journey(b)
    #expect(world.hub.blobs.ids() == [id])
    #expect(try await world.hub.blobUsage().blobs == 1)
    #expect(world.hub.blobs.earlyPieces().isEmpty)
  }

  @Test func blobsRefusedByTheirContentDoNotStopTheRest() async throws {
    var limits = BlobLimits()
    limits.freeBytesMin = 1 << 20
    var options = Hub.Options()
    options.blobs = limits
    options.judgeBlob = { $0.starts(with: Data("MZ".utf8)) ? LocalizedText(vi: "là chương trình.", en: "it is a program.") : nil }
    let world = try await World(options: options, schema: Pictures.schema)
    let a = try await world.device("a")
    let good = try await a.addPicture("good", noise(90_000, seed: 1))
    let bad = try await a.addPicture("bad", Data("MZ".utf8) + noise(90_000, seed: 2))
    let flipped = try await a.addPicture("flipped", noise(90_000, seed: 3))
    var content = try #require(try a.blobs.read(flipped))
    content[40_000] ^= 1
    try content.write(to: URL(fileURLWithPath: a.blobs.path(flipped)))
    let (report, outcome) = try await world.journey(a)
    #expect(counts(report) == [[1, 0, 2, 2]] && report.devices[0].new == 1)
    let problems = report.devices[0].problems.map(\.en)
    #expect(problems.contains { $0.hasSuffix("it is a program.") } && problems.contains { $0.contains("does not match its name") })
    #expect(outcome.blobsIn == 1 && !outcome.isWhole && outcome.refused.count == 2)
    #expect(world.hub.blobs.ids() == [good])
    #expect(try await a.blobsToConfirm(limit: 10) == [flipped])
    #expect(try await a.unfitBlobs().mapValues(\.en) == [bad: "it is a program."])
    #expect(try await a.status().notices.map(\.kind) == [.blobUnfit])
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM picture") } == 3)
    // The same by network.
    await #expect { _ = try await a.sync(with: world.transport) } throws: { ($0 as? SyncError)?.code == .damaged }
    #expect(world.hub.blobs.ids() == [good])
  }

  @Test(.long) func aHubShortOfRoomTakesTheTextAndSaysSo() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    try await world.hub.setBlobBytesMax(150_000)
    for number in 1...2 { try await a.addPicture("p\(number)", noise(100_000, seed: UInt64(number))) }
    let (report, outcome) = try await world.journey(a)
    #expect(report.devices.map(\.new) == [1] && report.devices.map(\.blobs) == [1] && outcome.areBlobsDeferred && outcome.blobsIn == 1)
    try await world.hub.setBlobBytesMax(1_000_000)
    let later = try await world.journey(a)
    #expect(counts(later.0) == [[1, 0, 0, 0]] && later.1.blobsIn == 1 && !later.1.areBlobsDeferred)
    #expect(try await a.blobsToConfirm(limit: 1).isEmpty)
  }

  @Test func picturesThatTheHubLostAreSentAgain() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    let id = try await a.addPicture("p", noise(100_000, seed: 1))
    let first = try await a.exportBundle(to: world.file("a.skb")).paths
    let (_, old) = try await world.hubImports(first, return: "r1.skb")
    _ = try await a.importBundles(old)
    try FileManager.default.removeItem(atPath: world.hub.blobs.path(id))
    #expect(try await world.hub.checkBlobs(readsAll: false) == [id])
    // The first journey tells of the loss, the second brings the picture; a return from before makes nobody believe it is there.
    try await world.journey(a)
    #expect(try await a.blobsToConfirm(limit: 1) == [id])
    _ = try await a.importBundles(old)
    #expect(try await a.blobsToConfirm(limit: 1) == [id])
    #expect(try await world.journey(a).1.blobsIn == 1)
    #expect(world.hub.blobs.has(id))
  }

  /// A stranger's pieces: refused each for itself, within bounds.
  @Test func hostilePiecesCostTheHubNothing() async throws {
    var limits = BlobLimits()
    limits.partBytesMax = 300_000
    let world = try await Pictures.world(limits)
    let (a, revoked) = (try await world.device("a"), try await world.device("r", unit: "07202"))
    let good = try await a.addPicture("p", noise(50_000, seed: 1))
    try await world.sync(a)
    _ = try await world.hub.revoke(try revoked.identity)
    let key = try BundleKey.hubPublic(try HubKeys.load(from: world.folder.path + "/keys"))
    func bundle(_ name: String, from: ReplicaID, _ blobs: [WireBundleBlob]) throws -> String {
      let writer = try BundleWriter(world.file(name))
      let hub = world.hub.replica.bytes
      writer.begin(try Parcel.begin(hub: hub, from: from.bytes, to: hub, recipient: key, writtenMs: 0))
      for blob in blobs { try writer.add(.blob, try blob.serializedData()) }
      return try writer.finish()[0]
    }
    func blob(_ id: Data, size: UInt64, offset: UInt64, _ piece: Data) -> WireBundleBlob {
      var wire = WireBundleBlob()
      (wire.id, wire.size, wire.offset, wire.piece) = (id, size, offset, piece)
      return wire
    }
    let unknown = BlobID(of: Data([9])).bytes
    let bad = [
      blob(Data("../../etc/passwd".utf8), size: 1, offset: 0, Data([1])), blob(unknown, size: 0, offset: 0, Data()),
      blob(unknown, size: .max, offset: 0, Data([1])), blob(unknown, size: 10, offset: .max, Data([1])),
      blob(unknown, size: 10, offset: 10, Data([1])), blob(unknown, size: 10, offset: 5, Data(count: 6)),
      blob(unknown, size: 9 << 20, offset: 0, Data([1])), blob(unknown, size: 10, offset: 0, Data()),
    ]
    let report = try await world.hub.importBundles([try bundle("bad.skb", from: try a.identity, bad)])
    #expect(counts(report) == [[0, 0, 0, bad.count]])
    for (name, from) in [("revoked", try revoked.identity), ("nobody", SigningKey().replica)] {
      let one = try bundle(name, from: from, [blob(unknown, size: 1, offset: 0, Data([9]))])
      #expect(try await world.hub.importBundles([one]).devices.map(\.refused) == [1], "\(name)")
    }
    // Pieces that no row ever asks for are bounded, the oldest go first.
    let many = (0..<20).map { number in blob(BlobID(of: Data([UInt8(number)])).bytes, size: 60_000, offset: 10_000, noise(50_000, seed: 4))
    }
    let flood = try await world.hub.importBundles([try bundle("flood.skb", from: try a.identity, many)])
    #expect(flood.devices.map(\.blobsWaiting) == [20])
    let kept = world.hub.blobs.earlyPieces().count
    #expect(kept >= 1 && kept <= 7, "\(kept)")
    #expect(world.hub.blobs.ids() == [good])
    #expect(try FileManager.default.contentsOfDirectory(atPath: world.folder.path).allSatisfy { !$0.contains("passwd") })
  }

  /// A courier's whole disk, searched, holds nothing of the picture it carried, nor does what it passes on.
  @Test(.long) func aCourierCarriesPicturesUnread() async throws {
    let world = try await Pictures.world()
    let (a, courier) = (try await world.device("a"), try await world.device("c", unit: "07202"))
    let secret = Data("bien-ban-hop-\(UUID().uuidString)".utf8)
    let id = try await a.addPicture("p", noise(70_000, seed: 1) + secret + noise(70_000, seed: 2))
    var options = BundleExportOptions()
    options.partBytesMax = 64 << 10
    let export = try await a.exportBundle(to: world.file("a.skb"), options: options)
    let load = Courier(store: courier.path)
    for path in export.paths { _ = try load.collect(path) }
    try await courier.insert("own", "x", unit: "07202")
    let out = try await courier.exportBundle(to: world.file("c.skb"), options: options, courier: load)
    let (report, paths) = try await world.hubImports(out.paths.reversed(), return: "r.skb")
    #expect(report.isWhole && report.devices.map(\.blobs) == [1, 0] && world.hub.blobs.has(id))
    for path in paths { _ = try load.collect(path, except: [try courier.identity]) }
    #expect(try await courier.importBundles(paths, courier: load).delivered > 0)
    let disk =
      try FileManager.default.subpathsOfDirectory(atPath: load.folder).map { load.folder + "/" + $0 }
      + ["", "-wal", "-shm", ".key"].map { courier.path + $0 } + export.paths + out.paths + paths
    for path in disk {
      let bytes = FileManager.default.contents(atPath: path) ?? Data()
      for plain in [secret, Data(id.hex.utf8), id.bytes] { #expect(bytes.range(of: plain) == nil, "\(path)") }
    }
    #expect(courier.blobs.ids().isEmpty)
    _ = try await a.importBundles(paths)
    #expect(try await a.isBlobAtHub(id))
  }

  @Test(.long) func aCourierWithANetworkUploadsPictures() async throws {
    let world = try await Pictures.world()
    let (a, courier) = (try await world.device("a"), try await world.device("c", unit: "07202"))
    var ids: Set<BlobID> = []
    // More than one call takes.
    for number in 0..<22 { ids.insert(try await a.addPicture("p\(number)", noise(290_000, seed: UInt64(number)))) }
    let export = try await a.exportBundle(to: world.file("a.skb"))
    #expect(export.bytes > 5 << 20)
    let load = Courier(store: courier.path)
    _ = try load.collect(export.paths[0])
    let done = try await courier.handOn(load, through: world.transport)
    #expect(done.delivered == 1 && Set(world.hub.blobs.ids()) == ids)
    #expect(try await world.hub.blobUsage().blobs == 22)
    _ = try await a.sync(with: world.transport)
    #expect(try await a.blobsToConfirm(limit: 1).isEmpty)
  }
}
