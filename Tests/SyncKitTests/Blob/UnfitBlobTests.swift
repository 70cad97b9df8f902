import Foundation
import GRDB
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit
@testable import SyncStore

/// What the hub will never keep is refused with its first bytes where they show it, told once and signed, and sent no more.
@Suite struct UnfitBlobTests {
  private static func options() -> Hub.Options {
    var options = Hub.Options()
    options.blobs.freeBytesMin = 1 << 20
    options.judgeBlobStart = {
      $0.starts(with: Data("JP".utf8).prefix($0.count)) ? nil : LocalizedText(vi: "không phải ảnh.", en: "it is no picture.")
    }
    options.judgeBlob = { $0.last == 0xD9 ? nil : LocalizedText(vi: "thiếu phần cuối.", en: "it is cut short.") }
    return options
  }

  private func picture(_ bytes: Int, seed: UInt64) -> Data { Data("JP".utf8) + noise(bytes, seed: seed) + [0xD9] }

  /// Counts the pieces of attachments that leave a device.
  private final class Pieces: Transport {
    let inner: LocalTransport
    let sent = Mutex<[String: Int]>([:])
    init(_ hub: Hub) { inner = LocalTransport(hub: hub) }
    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      if request.method == "PUT" && request.path.hasPrefix("/v1/blobs/") { sent.withLock { $0[request.path, default: 0] += 1 } }
      return try await inner.send(request, timeoutMs: timeoutMs)
    }
    func count(_ id: BlobID) -> Int { sent.withLock { $0["/v1/blobs/\(id.hex)"] ?? 0 } }
  }

  @Test func aWrongBeginningIsRefusedWithTheFirstPieceAndAWrongEndWithTheLast() async throws {
    let world = try await World(options: Self.options(), schema: Pictures.schema)
    let a = try await world.device("a")
    let program = try await a.addPicture("program", Data("MZ".utf8) + noise(300_000, seed: 1))
    let short = try await a.addPicture("short", Data("JP".utf8) + noise(150_000, seed: 2) + [0])
    let good = try await a.addPicture("good", picture(150_000, seed: 3))
    let pieces = Pieces(world.hub)
    let summary = try await a.sync(with: pieces)
    #expect(pieces.count(program) == 1 && pieces.count(short) == 3 && pieces.count(good) == 3)
    #expect(summary.notices.map(\.kind) == [.blobUnfit, .blobUnfit] && summary.progress.blobsSent == 1 && summary.progress.blobsLeft == 0)
    let told = summary.notices.map(\.explanation.en).joined()
    #expect(told.contains("it is no picture.") && told.contains("it is cut short."))
    #expect(world.hub.blobs.ids() == [good])
    // Never again, and the bytes stay where they are.
    for _ in 0..<2 { #expect(try await a.sync(with: pieces).notices.isEmpty) }
    #expect(pieces.count(program) == 1 && pieces.count(short) == 3)
    #expect(a.blobs.has(program) && a.blobs.has(short))
    #expect(try await a.status().notices.count == 2)
  }

  /// The error of the call has a code of its own, and the state that proves it is signed.
  @Test func aClientIsToldByAnErrorAndBySignedState() async throws {
    let world = try await World(options: Self.options(), schema: Pictures.schema)
    let a = try await world.device("a")
    let id = try await a.addPicture("p", Data("MZ-program".utf8))
    try FileManager.default.removeItem(atPath: a.blobs.path(id))
    _ = try await a.sync(with: world.transport)
    func call(_ request: HubRequest, offset: Int = 0) async throws -> HubResponse {
      var request = request
      if request.method == "PUT" { request.headers["upload-offset"] = String(offset) }
      request.headers["authorization"] = try RequestSignature.header(
        for: request, hubTimeMs: world.clock.nowMs(), key: try a.secrets().signingKey)
      return await world.hub.answer(request)
    }
    for piece in ["M", "MZ-program"] {
      let refused = try await call(HubRequest("PUT", "/v1/blobs/\(id.hex)?size=10", body: Data(piece.utf8)))
      #expect(refused.status == 422 && SyncError(refused).code == .blobUnfit && !SyncError(refused).isRetryable)
    }
    let answer = try await call(HubRequest("POST", "/v1/blobs", body: id.bytes))
    let states = try WireBlobStates(serializedBytes: try await a.hubKey().open(answer.body, as: .blobStates))
    #expect(states.states[0].place == .unfit && states.states[0].en == "it is no picture." && !states.states[0].vi.isEmpty)
    #expect(world.hub.blobs.partCount(id) == 0)
  }

  /// A beginning that comes byte by byte is judged as it grows.
  @Test func aBeginningInSmallPiecesIsJudgedAsItGrows() throws {
    let folder = try TemporaryFolder()
    let store = BlobStore(folder: folder.path)
    let content = Data("JXabc".utf8)
    let id = BlobID(of: content)
    let judge = Self.options().judgeBlobStart
    #expect(try store.put(content.prefix(1), of: id, at: 0, size: 5, from: nil, judge: nil, judgeStart: judge) == 1)
    #expect(throws: BlobStore.Unfit.self) {
      try store.put(content[1..<2], of: id, at: 1, size: 5, from: nil, judge: nil, judgeStart: judge)
    }
    #expect(store.partCount(id) == 0)
  }

  /// Nobody knows whether a beginning is what its name says: one device must not keep another's picture out.
  @Test func aForgedBeginningKeepsOutItsSenderAlone() async throws {
    let world = try await World(options: Self.options(), schema: Pictures.schema)
    let (forger, honest) = (try await world.device("forger"), try await world.device("honest"))
    let content = picture(1000, seed: 4)
    let id = try await honest.addPicture("p", content)
    try await forger.execute("INSERT INTO picture (id, unit, blob) VALUES ('q', '07201', ?)", [id.hex])
    _ = try await forger.sync(with: world.transport)
    var request = HubRequest("PUT", "/v1/blobs/\(id.hex)?size=\(content.count)", body: Data("MZ".utf8))
    request.headers["authorization"] = try RequestSignature.header(
      for: request, hubTimeMs: world.clock.nowMs(), key: try forger.secrets().signingKey)
    #expect(SyncError(await world.hub.answer(request)).code == .blobUnfit)
    #expect(try await honest.sync(with: world.transport).progress.blobsSent == 1)
    #expect(world.hub.blobs.ids() == [id])
  }

  /// A hub that was put back, or has lost attachments, is asked about all of them anew.
  @Test func whatWasRefusedIsOfferedAgainAfterALoss() async throws {
    let world = try await World(options: Self.options(), schema: Pictures.schema)
    let a = try await world.device("a")
    let id = try await a.addPicture("p", Data("MZ".utf8))
    _ = try await a.sync(with: world.transport)
    #expect(try await a.unfitBlobs().keys.contains(id))
    try await world.hub.store.write { session in
      try session.execute("DELETE FROM hub_blob_unfit")
      try StateStore(session: session).add("blobsLost", 1)
    }
    let pieces = Pieces(world.hub)
    _ = try await a.sync(with: pieces)
    #expect(pieces.count(id) == 1)
  }

  @Test func atMostSoManyAreRemembered() async throws {
    let world = try await Pictures.world()
    let replica = world.hub.replica
    let count = try await world.hub.store.write { session in
      let unfit = UnfitBlobs(session: session)
      for number in 0...UnfitBlobs.rememberedMax {
        try unfit.note(
          BlobID(of: Data(String(number).utf8)), BlobStore.Unfit(reason: LocalizedText("x"), isWhole: true), from: replica,
          nowMs: UInt64(number))
      }
      #expect(try unfit.reason(BlobID(of: Data("0".utf8)), from: replica) == nil, "the oldest goes")
      return try session.integer("SELECT count(*) FROM hub_blob_unfit")
    }
    #expect(count == Int64(UnfitBlobs.rememberedMax))
  }
}
