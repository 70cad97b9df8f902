import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncBundle
@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// A courier with a network hands on what it carries, and brings the answers back.
@Suite struct CourierUploadTests {
  @Test(.long) func carriedParcelsAreUploadedAndTheirAnswersCarriedBack() async throws {
    let world = try await World()
    let (a, courier) = (try await world.device("a"), try await world.device("c", unit: "07202"))
    let newcomer = try world.replica("n")
    try await newcomer.requestEnrolment(code: try await world.hub.makeCode(scope: "07201", readScopes: ["24", "07201"]), label: "n")
    // More than fits into one call.
    for number in 0..<7 {
      try await a.execute(
        "INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)",
        ["\(number)", Data((0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 &* (number + 3) >> 3) })])
      try await a.seal()
    }
    let load = Courier(store: courier.path)
    for replica in [a, newcomer] {
      let name = replica === a ? "a" : "n"
      _ = try load.collect(try await replica.exportBundle(to: world.file(name + ".skb")).paths[0])
    }
    #expect(try load.items().count == 2)
    let done = try await courier.handOn(load, through: world.transport)
    #expect(done.delivered == 2 && done.returns >= 2)
    #expect(try await world.hubNotes().count == 7)
    #expect(try load.items().allSatisfy { $0.to != world.hub.replica })
    #expect(try await courier.handOn(load, through: world.transport) == HandingOn())
    let home = try await courier.exportBundle(to: world.file("home.skb"), courier: load)
    #expect(try await newcomer.importBundles(home.paths).isNewlyEnrolled)
    #expect(try await a.importBundles(home.paths).progress.batchesSent == 7)
    for replica in [a, newcomer] { try await world.journey(replica) }
    try await world.expectConverged([a, newcomer])
  }

  @Test(.long) func parcelsThatCannotBeUploadedAreStillCarried() async throws {
    let world = try await World()
    let (a, courier) = (try await world.device("a"), try await world.device("c"))
    try await a.insert("1", "x")
    let bundle = try await a.exportBundle(to: world.file("a.skb"))
    let load = Courier(store: courier.path)
    _ = try load.collect(bundle.paths[0])
    struct Away: Transport {
      let inner: LocalTransport
      func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
        guard !request.path.hasPrefix("/v1/bundles/") else { throw SyncError(.unreachable, vi: "mất", en: "lost") }
        return try await inner.send(request, timeoutMs: timeoutMs)
      }
    }
    await #expect(throws: SyncError.self) { _ = try await courier.handOn(load, through: Away(inner: world.transport)) }
    #expect(try load.items().count == 1)
    let folder = try FileManager.default.contentsOfDirectory(atPath: load.folder)
    #expect(folder.allSatisfy { $0.hasSuffix(".skb") && $0.count == 36 }, "\(folder)")
  }

  @Test func aCourierWaitsForABusyHub() async throws {
    let world = try await World()
    let (a, courier) = (try await world.device("a"), try await world.device("c"))
    try await a.insert("1", "x")
    let load = Courier(store: courier.path)
    _ = try load.collect(try await a.exportBundle(to: world.file("a.skb")).paths[0])
    final class Busy: Transport {
      let inner: LocalTransport
      let left = Mutex(2)
      init(inner: LocalTransport) { self.inner = inner }
      func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
        let isBusy = left.withLock { left -> Bool in
          guard request.path.hasPrefix("/v1/bundles/"), left > 0 else { return false }
          left -= 1
          return true
        }
        if isBusy { return SyncError(.busy, vi: "bận", en: "busy").response }
        return try await inner.send(request, timeoutMs: timeoutMs)
      }
    }
    let link = Busy(inner: world.transport)
    #expect(try await courier.handOn(load, through: link).delivered == 1)
    let left = link.left.withLock { $0 }
    #expect(left == 0)
  }

  /// Many bundles begun with little each, and then continued, stay within the bound of all.
  @Test func continuedBundlesAreBoundedAsBegunOnesAre() throws {
    let folder = try TemporaryFolder()
    let brought = BundleUploads(BlobStore(folder: folder.path + "/blobs"))
    let (turn, piece, size) = (TrimTurn(), Data(count: WireLimits.blobPieceBytesMax), BundleLimits.callBytesMax)
    let ids = (0..<100).map { BlobID(of: Data([UInt8($0)])) }
    for step in 0..<20 {
      for id in ids { _ = try? brought.put(piece, of: id, at: step * piece.count, size: size, turn: turn, freeBytes: nil) }
    }
    let part = brought.store.folder + "/part"
    let bytes = try FileManager.default.contentsOfDirectory(atPath: part).reduce(0) { sum, name in
      sum + (try FileManager.default.attributesOfItem(atPath: part + "/" + name)[.size] as? Int ?? 0)
    }
    #expect(bytes > 0 && bytes <= BundleUploads.bytesMax + TrimTurn.bytesBetween)
  }

  @Test func theBundleBeingBroughtIsNotTheOneThatIsDeleted() throws {
    let folder = try TemporaryFolder()
    let store = BlobStore(folder: folder.path + "/blobs")
    let (own, other) = (noise(2000, seed: 1), noise(2000, seed: 2))
    for content in [own, other] { try store.put(content.prefix(900), of: BlobID(of: content), at: 0, size: 2000) }
    store.trimParts(bytesMax: 900, sparing: BlobID(of: own))
    #expect(store.partCount(BlobID(of: own)) == 900 && store.partCount(BlobID(of: other)) == 0)
  }

  @Test func aNearlyFullDiskTakesNoBundles() throws {
    let folder = try TemporaryFolder()
    let brought = BundleUploads(BlobStore(folder: folder.path + "/blobs"))
    let content = Data("bundle".utf8)
    func put(freeBytes: Int?) throws -> Int {
      try brought.put(content, of: BlobID(of: content), at: 0, size: content.count, turn: TrimTurn(), freeBytes: freeBytes)
    }
    let error = #expect(throws: SyncError.self) { try put(freeBytes: BundleUploads.freeBytesMin) }
    #expect(error?.code == .noRoom)
    #expect(try put(freeBytes: BundleUploads.freeBytesMin + content.count) == content.count)
    #expect(try put(freeBytes: nil) == content.count)
  }

  @Test func theCallTakesNothingFromStrangersAndNoOtherFiles() async throws {
    let world = try await World()
    let a = try await world.device("a")
    try await a.insert("1", "x")
    let bundle = try Data(contentsOf: URL(fileURLWithPath: try await a.exportBundle(to: world.file("a.skb")).paths[0]))
    func call(_ body: Data, name: String? = nil, size: Int? = nil, offset: Int = 0, signed: Bool = true) async throws -> Int {
      let target = "/v1/bundles/\(name ?? BlobID(of: body).hex)?size=\(size ?? body.count)"
      var request = HubRequest("PUT", target, headers: ["upload-offset": String(offset)], body: body)
      if signed {
        request.headers["authorization"] = try RequestSignature.header(
          for: request, hubTimeMs: world.clock.nowMs(), key: try a.secrets().signingKey)
      }
      return await world.hub.answer(request).status
    }
    #expect(try await call(bundle, signed: false) == 401)
    #expect(try await call(Data("no bundle at all".utf8)) == 400)
    #expect(try await call(Data("x".utf8), name: BlobID(of: bundle).hex, size: 1) == 400, "not what its name says")
    #expect(try await call(bundle, name: "../../hub.sqlite") == 400)
    #expect(try await call(bundle, size: 0) == 413)
    #expect(try await call(bundle, size: .max) == 413)
    #expect(try await call(bundle, size: BundleLimits.callBytesMax + 1) == 413)
    #expect(try await call(bundle, offset: 1) == 413)
    #expect(try await call(bundle, size: bundle.count + 9, offset: 9) == 400, "what stands before is missing")
    let large = HubRequest("PUT", "/v1/bundles/\(BlobID(of: bundle).hex)?size=70000", body: Data(count: 70_000))
    #expect(try await world.transport.send(large, timeoutMs: 1000).status == 413)
    #expect(try await world.hubNotes().isEmpty)
    #expect(BundleUploads(world.hub.blobs).store.ids().isEmpty)
    #expect(try await call(bundle) == 200)
    #expect(try await world.hubNotes().count == 1)
  }

  /// What breaks off goes on where the hub is, also when the last answer got lost.
  @Test(.long) func aCutAtAnyByteCostsAtMostAPiece() async throws {
    let world = try await Pictures.world()
    let (a, courier) = (try await world.device("a"), try await world.device("c", unit: "07202"))
    var worst = 0
    let seeds = Pace.seeds(0..<60, fast: 6)
    for seed in seeds {
      var dice = Dice(UInt64(seed) + 3)
      let id = try await a.addPicture("p\(seed)", noise(Int.random(in: 1000...250_000, using: &dice), seed: UInt64(seed)))
      let load = Courier(store: courier.path)
      _ = try load.collect(try await a.exportBundle(to: world.file("a.skb")).paths[0])
      let size = try load.items().reduce(0) { $0 + $1.bytes }
      let link = CuttingTransport(world.hub, losesAnswers: seed % 2 == 0)
      link.cut(after: seed == 0 ? size : Int.random(in: 0...size, using: &dice))
      await #expect(throws: SyncError.self) { try await courier.handOn(load, through: link) }
      #expect(try load.items().count == 1)
      let done = try await courier.handOn(load, through: link)
      #expect(done.delivered == 1 && link.cuts == 1)
      worst = max(worst, link.sent - size)
      #expect(link.sent - size <= 64 << 10, "seed \(seed): \(link.sent - size) bytes again")
      #expect(world.hub.blobs.has(id))
      // Home at once, so that the next bundle has one picture.
      let home = try await courier.exportBundle(to: world.file("home.skb"), courier: load)
      #expect(try await a.importBundles(home.paths, courier: load).blobsIn == 1)
      try load.dropAll()
    }
    #expect(worst > 0, "no cut cost anything")
    // Of what was brought nothing stays but the answers.
    let brought = BundleUploads(world.hub.blobs)
    #expect(brought.store.ids().isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: brought.store.folder + "/part").isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: brought.store.folder + "/answers").count == seeds.count)
  }
}
