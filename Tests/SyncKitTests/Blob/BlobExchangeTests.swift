import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

@Suite struct BlobExchangeTests {
  @Test(.long) func theTextGoesFirstAndThePicturesFollow() async throws {
    let world = try await Pictures.world()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    let contents = (1...3).map { noise(90_000 * $0, seed: UInt64($0)) }
    var ids: [BlobID] = []
    for (number, content) in contents.enumerated() { ids.append(try await a.addPicture("p\(number)", content)) }
    let link = CuttingTransport(world.hub)
    // The text's batch goes through, and the first piece of a picture does not.
    link.cut(after: 40_000)
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 1)
    await #expect(throws: SyncError.self) { try await a.sync(with: link, options: options) }
    #expect(link.cuts == 1)
    let rows = try await world.hub.read { try $0.integer("SELECT count(*) FROM picture") }
    #expect(rows == 3 && world.hub.blobs.ids().isEmpty)
    #expect(try await a.blobsToConfirm(limit: 10).count == 3)
    let summary = try await a.sync(with: link)
    #expect(summary.progress.blobsSent == 3 && summary.progress.blobsLeft == 0)
    #expect(Set(world.hub.blobs.ids()) == Set(ids))
    for (id, content) in zip(ids, contents) {
      #expect(try world.hub.blobs.read(id) == content)
      #expect(try await a.isBlobAtHub(id))
    }
    // Nothing is asked or sent again.
    let sent = link.sent
    #expect(try await a.sync(with: link).progress.blobsSent == 0)
    #expect(link.sent == sent)

    // Another device of the unit reads the rows, learns that the hub has the pictures, and fetches one on demand.
    _ = try await b.sync(with: world.transport)
    #expect(try await b.isBlobAtHub(ids[2]) && !b.blobs.has(ids[2]))
    #expect(try await b.fetchBlobs([ids[2], BlobID(of: Data([1]))], through: world.transport) == [BlobID(of: Data([1]))])
    #expect(try b.blobs.read(ids[2]) == contents[2])
  }

  /// Whoever has the bytes may bring them: the photo came to the other device of the commune by another way.
  @Test(.long) func anotherDeviceOfTheScopeSuppliesWhatIsMissing() async throws {
    let world = try await Pictures.world()
    let (a, b) = (try await world.device("a"), try await world.device("b"))
    let content = noise(70_000, seed: 9)
    try await a.execute("INSERT INTO picture (id, unit, blob) VALUES ('p', '07201', ?)", [BlobID(of: content).hex])
    _ = try await a.sync(with: world.transport)
    try b.blobs.keep(content)
    #expect(try await b.sync(with: world.transport).progress.blobsSent == 1)
    _ = try await a.sync(with: world.transport)
    #expect(try await a.isBlobAtHub(BlobID(of: content)))
  }

  @Test(.long) func onlyDevicesWhoseRowsReferToABlobMayPutOrGetIt() async throws {
    let world = try await Pictures.world()
    let (a, stranger) = (try await world.device("a"), try await world.device("s", unit: "07202"))
    let content = noise(1000, seed: 1)
    let id = try await a.addPicture("p", content)
    _ = try await a.sync(with: world.transport)
    #expect(try await stranger.fetchBlobs([id], through: world.transport) == [id])
    // The stranger's own row makes its copy of the same picture welcome.
    try await stranger.addPicture("q", content, unit: "07202")
    _ = try await stranger.sync(with: world.transport)
    #expect(try await stranger.isBlobAtHub(id))
    #expect(world.hub.blobs.ids() == [id])

    func call(_ method: String, _ target: String, _ body: Data = Data(), offset: Int = 0) async throws -> SyncError? {
      var request = HubRequest(method, target, headers: ["upload-offset": String(offset)], body: body)
      request.headers["authorization"] = try RequestSignature.header(
        for: request, hubTimeMs: world.clock.nowMs(), key: try a.secrets().signingKey)
      let response = await world.hub.answer(request)
      return response.status == 200 ? nil : SyncError(response)
    }
    let unknown = BlobID(of: Data("x".utf8)).hex
    #expect(try await call("PUT", "/v1/blobs/\(unknown)?size=1", Data("x".utf8))?.code == .noSuchBlob)
    #expect(try await call("GET", "/v1/blobs/\(unknown)?offset=0")?.code == .noSuchBlob)
    for name in ["..%2f..%2fetc%2fpasswd", unknown.uppercased(), "00", String(repeating: "z", count: 64)] {
      #expect(try await call("PUT", "/v1/blobs/\(name)?size=1", Data("x".utf8))?.code == .damaged, "\(name)")
      #expect(try await call("GET", "/v1/blobs/\(name)?offset=0")?.code == .damaged, "\(name)")
    }
    #expect(try await call("GET", "/v1/blobs/\(id.hex)?offset=-1")?.code == .damaged)
    #expect(try await call("POST", "/v1/blobs", Data(count: 33))?.code == .badRequest)
    #expect(try await call("POST", "/v1/blobs", Data(count: 32 * 501))?.code == .badRequest)
    #expect(try await call("POST", "/v1/blobs")?.code == .badRequest)
    let lies = BlobID(of: Data("other".utf8))
    try await a.execute("INSERT INTO picture (id, unit, blob) VALUES ('lies', '07201', ?)", [lies.hex])
    _ = try await a.sync(with: world.transport)
    #expect(try await call("PUT", "/v1/blobs/\(lies.hex)?size=4", Data("x".utf8)) == nil)
    #expect(try await call("PUT", "/v1/blobs/\(lies.hex)?size=4", Data("yyy".utf8), offset: 1)?.code == .damaged)
    #expect(try await call("PUT", "/v1/blobs/\(lies.hex)?size=999999999999", Data("x".utf8))?.code == .noRoom)
    #expect(try await call("PUT", "/v1/blobs/\(lies.hex)?size=-1", Data("x".utf8))?.code == .tooLarge)
    #expect(!world.hub.blobs.has(lies))
    let tooMuch = HubRequest("PUT", "/v1/blobs/\(lies.hex)?size=70000", body: Data(count: 70_000))
    #expect(try await world.transport.send(tooMuch, timeoutMs: 1000).status == 413)
    // Without a signature, or revoked: nothing.
    #expect(await world.hub.answer(HubRequest("GET", "/v1/blobs/\(id.hex)?offset=0")).status == 401)
    _ = try await world.hub.revoke(try a.secrets().signingKey.replica)
    #expect(try await call("GET", "/v1/blobs/\(id.hex)?offset=0")?.code == .revoked)
  }

  @Test func aHubShortOfRoomPutsPicturesOffAndTakesText() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    try await world.hub.setBlobBytesMax(150_000)
    let first = try await a.addPicture("p1", noise(100_000, seed: 1))
    _ = try await a.sync(with: world.transport)
    #expect(try await a.isBlobAtHub(first))
    let second = try await a.addPicture("p2", noise(100_000, seed: 2))
    let put = try await a.sync(with: world.transport)
    #expect(put.areBlobsDeferred && put.progress.blobsSent == 0 && put.progress.changesSent == 1)
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM picture") } == 2)
    #expect(try await a.status().isAtHead)
    try await world.hub.setBlobBytesMax(100_000)
    #expect(try await world.hub.blobUsage().isDeferred)
    #expect(try await a.sync(with: world.transport).areBlobsDeferred)
    try await world.hub.setBlobBytesMax(1_000_000)
    let later = try await a.sync(with: world.transport)
    #expect(!later.areBlobsDeferred && later.progress.blobsSent == 1)
    #expect(try await a.isBlobAtHub(second))
    #expect(try await world.hub.blobUsage().bytes == 200_000)
  }

  /// The disk was full when the file lay there already: the device sends its last piece once more.
  @Test func aPieceSentAgainIsNotedWhereOnlyItsRecordIsMissing() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    let id = try await a.addPicture("p", noise(1000, seed: 3))
    _ = try await a.sync(with: world.transport)
    try await world.hub.write { session in
      for gone in ["hub_blob", "hub_blob_scope", "sync_state WHERE name IN ('blobCount', 'blobBytes')"] {
        try session.execute("DELETE FROM \(gone)")
      }
    }
    let found = try await world.hub.device(try #require(try await a.identity()))
    let content = try #require(try a.blobs.read(id))
    #expect(try await world.hub.put(content.suffix(500), of: id, at: 500, size: 1000, from: try #require(found)) == 1000)
    #expect(try await world.hub.blobUsage().bytes == 1000)
    #expect(try await world.hub.read { try $0.rows("SELECT scope FROM hub_blob_scope") } == [[.text("07201")]])
  }

  @Test func oneDeviceCannotTakeAllTheRoom() async throws {
    var limits = BlobLimits()
    limits.bytesPerReplicaMax = 120_000
    let world = try await Pictures.world(limits)
    let (greedy, other) = (try await world.device("g"), try await world.device("o"))
    for number in 1...3 { try await greedy.addPicture("g\(number)", noise(50_000, seed: UInt64(number))) }
    let summary = try await greedy.sync(with: world.transport)
    #expect(summary.areBlobsDeferred && summary.progress.blobsSent == 2)
    try await other.addPicture("o", noise(50_000, seed: 9))
    #expect(try await other.sync(with: world.transport).progress.blobsSent >= 1)
  }

  @Test func aPictureLostOrDamagedAtTheHubComesAgain() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    let ids = [try await a.addPicture("p1", noise(80_000, seed: 1)), try await a.addPicture("p2", noise(80_000, seed: 2))]
    _ = try await a.sync(with: world.transport)
    let blobs = world.hub.blobs
    try FileManager.default.removeItem(atPath: blobs.path(ids[0]))
    let file = FileHandle(forWritingAtPath: blobs.path(ids[1]))
    try file?.seek(toOffset: 1000)
    try file?.write(contentsOf: Data(repeating: 7, count: 10))
    try file?.close()
    #expect(Set(try await world.hub.checkBlobs(readsAll: true)) == Set(ids))
    #expect(try await a.sync(with: world.transport).progress.blobsSent == 2)
    #expect(ids.allSatisfy { blobs.isSound($0) })
    #expect(try await world.hub.checkBlobs(readsAll: true) == [])
  }

  @Test(.long) func aBackupHoldsThePicturesAndARestoredHubAsksForTheRest() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    let first = try await a.addPicture("p1", noise(80_000, seed: 1))
    _ = try await a.sync(with: world.transport)
    let backup = try await world.hub.backUp(to: world.folder.path + "/backup")
    #expect(backup.blobs == 1 && backup.blobBytes == 80_000)
    let bare = try await world.hub.backUp(to: world.folder.path + "/bare", withBlobs: false, isDeclared: false)
    #expect(bare.blobs == nil && !FileManager.default.fileExists(atPath: bare.path + ".blobs"))
    let second = try await a.addPicture("p2", noise(80_000, seed: 2))
    _ = try await a.sync(with: world.transport)
    func restore(_ backup: HubBackup) async throws {
      try await world.reopenHub { path in
        for suffix in ["", "-wal", "-shm", ".blobs"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        try Hub.restore(backup.path, to: path, keys: try HubKeys.load(from: world.folder.path + "/keys"))
      }
    }
    try await restore(backup)
    #expect(world.hub.blobs.ids() == [first])
    #expect(try await a.sync(with: world.transport).progress.blobsSent == 1)
    #expect(try await world.hub.checkBlobs(readsAll: true) == [] && world.hub.blobs.has(second))
    // Without the photos beside it, all come again from the devices.
    try await restore(bare)
    #expect(world.hub.blobs.ids().isEmpty)
    #expect(try await world.hub.blobUsage().blobs == 0)
    _ = try await a.sync(with: world.transport)
    #expect(Set(world.hub.blobs.ids()) == [first, second])
    #expect(try await world.hub.blobUsage().blobs == 2)
  }

  @Test func aDeclarationThatCannotWorkIsRefused() throws {
    let folder = try TemporaryFolder()
    var schema = Pictures.schema
    schema.tables[1] = ReplicatedTable("picture", scopeColumn: "unit", blobs: ["nothing"])
    do {
      _ = try Replica.open(at: folder.path + "/a.sqlite", tables: schema.tables, migrator: schema.migrator)
      Issue.record("opened")
    } catch let error as SyncError {
      #expect(error.code == .badSchema && error.explanation.en.contains("declares blobs in nothing"))
    }
  }
}
