import Foundation
import GRDB
import SwiftProtobuf
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// To know the name of another unit's photo is not to have it.
@Suite struct BlobScopeTests {
  private func call(_ method: String, _ target: String, _ body: Data = Data(), offset: Int = 0, by replica: Replica, in world: World)
    async throws -> HubResponse
  {
    var request = HubRequest(method, target, headers: ["upload-offset": String(offset)], body: body)
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: world.clock.nowMs(), key: try replica.secrets().signingKey)
    return await world.hub.answer(request)
  }

  private func state(_ id: BlobID, by replica: Replica, in world: World) async throws -> String {
    let answer = try await call("POST", "/v1/blobs", id.bytes, by: replica, in: world)
    let states = try WireBlobStates(serializedBytes: try WireSigned(serializedBytes: answer.body).body)
    return "\(states.states[0].place) \(states.states[0].bytes)"
  }

  private func fetch(_ id: BlobID, by replica: Replica, in world: World) async throws -> String {
    let answer = try await call("GET", "/v1/blobs/\(id.hex)?offset=0", by: replica, in: world)
    return answer.status == 200 ? "given" : "\(SyncError(answer).code)"
  }

  private func name(_ id: BlobID, by replica: Replica, unit: String, in world: World) async throws {
    try await replica.execute("INSERT INTO picture (id, unit, blob) VALUES (?, ?, ?)", [unit + id.hex, unit, id.hex])
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 1)
    _ = try await replica.sync(with: world.transport, options: options)
  }

  @Test func aRowThatNamesAnothersPhotoGivesNothing() async throws {
    let world = try await Pictures.world()
    let (a, b) = (try await world.device("a", unit: "07204"), try await world.device("b"))
    let content = noise(100_000, seed: 4)
    let (id, absent) = (try await a.addPicture("p", content, unit: "07204"), BlobID(of: Data("absent".utf8)))
    _ = try await a.sync(with: world.transport)
    #expect(try await fetch(id, by: a, in: world) == "given")
    for each in [id, absent] {
      #expect(try await fetch(each, by: b, in: world) == "noSuchBlob")
      #expect(try await state(each, by: b, in: world) == "unreferred 0")
      try await name(each, by: b, unit: "07201", in: world)
      #expect(try await fetch(each, by: b, in: world) == "noSuchBlob")
      #expect(try await state(each, by: b, in: world) == "lacking 0")
      #expect(try await call("PUT", "/v1/blobs/\(each.hex)?size=100000", Data([1]), offset: 99_999, by: b, in: world).status == 400)
    }
    // Neither a beginning nor a guess of the rest is the whole, whatever is there of another's.
    let piece = content.prefix(WireLimits.blobPieceBytesMax)
    #expect(try await call("PUT", "/v1/blobs/\(id.hex)?size=100000", piece, by: b, in: world).status == 200)
    #expect(try await state(id, by: b, in: world) == "lacking \(piece.count)")
    #expect(try await fetch(id, by: b, in: world) == "noSuchBlob")
    var rest = Data(content.dropFirst(piece.count))
    rest[0] ^= 1
    let wrong = try await call("PUT", "/v1/blobs/\(id.hex)?size=100000", rest, offset: piece.count, by: b, in: world)
    #expect(SyncError(wrong).code == .damaged)
    #expect(try await state(id, by: b, in: world) == "lacking 0")
    #expect(try await fetch(id, by: a, in: world) == "given")
    // Who has every byte may bring them, and it is kept once.
    try b.blobs.keep(content)
    #expect(try await b.sync(with: world.transport).progress.blobsSent == 1)
    #expect(try await fetch(id, by: b, in: world) == "given")
    #expect(world.hub.blobs.ids() == [id])
    #expect(try FileManager.default.contentsOfDirectory(atPath: world.hub.blobs.folder + "/part") == [])
  }

  /// A beginning that one scope brought is nobody else's: its last byte could be guessed.
  @Test(.long) func beginningsOfTwoScopesAreNotJoined() async throws {
    let world = try await Pictures.world()
    let (a, b, colleague) = (
      try await world.device("a", unit: "07204"), try await world.device("b"), try await world.device("c", unit: "07204")
    )
    let content = noise(1000, seed: 5)
    let id = BlobID(of: content)
    try await name(id, by: a, unit: "07204", in: world)
    try await name(id, by: b, unit: "07201", in: world)
    #expect(try await call("PUT", "/v1/blobs/\(id.hex)?size=1000", content.prefix(999), by: a, in: world).status == 200)
    #expect(try await state(id, by: b, in: world) == "lacking 0")
    #expect(try await call("PUT", "/v1/blobs/\(id.hex)?size=1000", content.suffix(1), offset: 999, by: b, in: world).status == 400)
    #expect(try await state(id, by: colleague, in: world) == "lacking 999")
    #expect(try await call("PUT", "/v1/blobs/\(id.hex)?size=1000", content.suffix(1), offset: 999, by: colleague, in: world).status == 200)
    #expect(try await state(id, by: a, in: world) == "kept 1000")
    #expect(try await state(id, by: b, in: world) == "lacking 0")
  }

  /// What the province's rows refer to is read by all, and brought by the province's devices only.
  @Test func photosOfAScopeAboveAreReadNotBrought() async throws {
    let world = try await Pictures.world()
    let (province, a) = (try await world.device("p", unit: "24"), try await world.device("a"))
    let content = noise(1000, seed: 6)
    let id = BlobID(of: content)
    try await name(id, by: province, unit: "24", in: world)
    #expect(try await state(id, by: a, in: world) == "unreferred 0")
    #expect(SyncError(try await call("PUT", "/v1/blobs/\(id.hex)?size=1000", content, by: a, in: world)).code == .noSuchBlob)
    try province.blobs.keep(content)
    _ = try await province.sync(with: world.transport)
    #expect(try await state(id, by: a, in: world) == "kept 1000")
    #expect(try await fetch(id, by: a, in: world) == "given")
  }

  @Test(.long) func aStoreFromBeforeKeepsWhatItsRowsName() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    let id = try await a.addPicture("p", noise(1000, seed: 7))
    _ = try await a.sync(with: world.transport)
    try await world.reopenHub { path in
      try DatabaseQueue(path: path).write { db in
        try db.execute(sql: "DROP TABLE hub_blob_scope; DELETE FROM sync_state WHERE name = 'blobScopes'")
      }
    }
    #expect(try await fetch(id, by: a, in: world) == "given")
    try await world.hub.write { try $0.execute("INSERT INTO picture (id, unit, blob) VALUES ('q', '07204', ?1)", [.text(id.hex)]) }
    try await world.reopenHub { _ in }
    let b = try await world.device("b", unit: "07204")
    #expect(try await fetch(id, by: b, in: world) == "noSuchBlob", "it is filled once")
  }

  /// The hub stopped between a file and its record, or its store was put back without its folder: nobody need have the bytes any more.
  @Test(.long) func whatTheFolderKnowsIsFoundAgain() async throws {
    let world = try await Pictures.world()
    let (a, sibling, b) = (
      try await world.device("a"), try await world.device("s"), try await world.device("b", unit: "07204")
    )
    let id = try await a.addPicture("p", noise(1000, seed: 8))
    for each in [a, sibling] { _ = try await each.sync(with: world.transport) }
    try await name(id, by: b, unit: "07204", in: world)
    let backup = world.folder.path + "/copy.blobs"
    #expect(try world.hub.blobs.copy(to: BlobStore(folder: backup)) == (1, 1000))
    try await world.reopenHub { path in
      try DatabaseQueue(path: path).write { db in
        try db.execute(
          sql: "DELETE FROM hub_blob; DELETE FROM hub_blob_scope; DELETE FROM sync_state WHERE name IN ('blobCount', 'blobBytes')")
      }
      try FileManager.default.removeItem(atPath: path + ".blobs")
      try FileManager.default.moveItem(atPath: backup, toPath: path + ".blobs")
    }
    #expect(try await fetch(id, by: sibling, in: world) == "given")
    #expect(try await state(id, by: b, in: world) == "lacking 0")
    #expect(try await fetch(id, by: b, in: world) == "noSuchBlob")
    #expect(try await state(id, by: sibling, in: world) == "kept 1000")
    #expect(try await world.hub.blobUsage().bytes == 1000)
    #expect(try await world.hub.read { try $0.rows("SELECT scope FROM hub_blob_scope") } == [[.text("07201")]])
  }
}
