import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncKit

/// A link that breaks anywhere: nothing is sent again beyond a piece, and nothing is there twice.
@Suite(.serialized) struct BlobCutTests {
  static let cutPoints = 1000
  /// Cut points on one device.
  private static let cutPointsPerDevice = 100
  /// What one broken connection may make a device send again, in bytes.
  static let againBytesMax = 64 << 10

  /// For each seed a row of text that fills a batch of its own and a picture, cut at one byte of the two uploads; then the device goes
  /// on, in half of the cases within the same exchange.
  @Test(arguments: Array(stride(from: 0, to: cutPoints, by: cutPointsPerDevice)))
  func aCutAtAnyByteOfAnUploadSendsAtMostAPieceAgain(_ first: Int) async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    _ = try await a.sync(with: world.transport)
    var once = SyncOptions()
    once.retry = RetryPolicy(attemptsMax: 1)
    var patient = SyncOptions()
    patient.retry = RetryPolicy(attemptsMax: 5, delayFirstMs: 0)
    var worst = 0
    for seed in first..<first + Self.cutPointsPerDevice {
      var dice = Dice(UInt64(seed) + 77)
      let (text, picture) = (
        noise(70_000, seed: UInt64(seed)), noise(Int.random(in: 1000...140_000, using: &dice), seed: UInt64(seed) + 5_000_000)
      )
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["n\(seed)", text])
      let id = try await a.addPicture("p\(seed)", picture)
      try await a.seal()
      let batch = try #require(try await a.outboxBatches().last).bytes.count
      let link = CuttingTransport(world.hub, losesAnswers: seed % 3 == 0)
      link.cut(after: Int.random(in: 0...batch + picture.count, using: &dice))
      if seed % 2 == 0 {
        _ = try await a.sync(with: link, options: patient)
      } else {
        await #expect(throws: SyncError.self) { try await a.sync(with: link, options: once) }
        _ = try await a.sync(with: link, options: once)
      }
      #expect(link.cuts == 1)
      // The question about the picture takes 32 bytes, twice where it had to be asked again.
      let again = link.sent - batch - picture.count - 64
      worst = max(worst, again)
      #expect(again <= Self.againBytesMax, "seed \(seed): \(again) bytes again")
      #expect(try await a.isBlobAtHub(id), "seed \(seed)")
    }
    #expect(worst > 0, "no cut cost anything: the test cuts nothing")
    let status = try await a.status()
    #expect(status.addsUp && status.mergedChanges == 2 * Self.cutPointsPerDevice && status.sealedChanges == 0)
    let rows = try await world.hub.read { session in
      [try session.integer("SELECT count(*) FROM note"), try session.integer("SELECT count(*) FROM hub_blob")]
    }
    #expect(rows == [Int64(Self.cutPointsPerDevice), Int64(Self.cutPointsPerDevice)])
    #expect(try await world.hub.checkBlobs(readsAll: true) == [])
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_upload") } == 0)
  }

  /// Fifty copies of one device send the same 200 records and pictures at once, each over a link that breaks at random.
  @Test func fiftyAtOnceLeaveEachRecordAndPictureOnce() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    for number in 0..<200 {
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["n\(number)", noise(600, seed: UInt64(number))])
      var dice = Dice(UInt64(number))
      try await a.addPicture("p\(number)", noise(Int.random(in: 1000...90_000, using: &dice), seed: UInt64(number) + 1000))
    }
    try await a.seal()
    try await a.checkpoint("TRUNCATE")
    try a.close()
    let path = world.folder.path + "/a.sqlite"
    var copies: [Replica] = []
    for number in 0..<50 {
      for suffix in ["", ".key", ".blobs"] {
        try FileManager.default.copyItem(atPath: path + suffix, toPath: world.folder.path + "/c\(number).sqlite" + suffix)
      }
      copies.append(try world.replica("c\(number)"))
    }
    let hub = world.hub
    let cuts = try await withThrowingTaskGroup(of: Int.self) { group in
      for (number, copy) in copies.enumerated() {
        group.addTask {
          var dice = Dice(UInt64(number) + 99)
          let link = CuttingTransport(hub)
          var options = SyncOptions()
          options.retry = RetryPolicy(attemptsMax: 2, delayFirstMs: 1)
          for _ in 0..<8 {
            link.cut(after: Int.random(in: 0...400_000, using: &dice))
            _ = try? await copy.sync(with: link, options: options)
          }
          link.cut(after: nil)
          _ = try await copy.sync(with: link)
          return link.cuts
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(cuts >= 50, "only \(cuts) cuts")
    let counts = try await world.hub.read { session in
      try ["note", "picture", "hub_blob", "hub_batch WHERE state = 1", "sync_conflict", "hub_held"].map {
        try session.integer("SELECT count(*) FROM \($0)") ?? -1
      }
    }
    #expect(counts == [200, 200, 200, 1, 0, 0])
    #expect(world.hub.blobs.ids().count == 200)
    #expect(try await world.hub.checkBlobs(readsAll: true) == [])
    #expect((try FileManager.default.contentsOfDirectory(atPath: world.hub.blobs.folder + "/part")).isEmpty)
    for copy in copies { #expect(try await copy.blobsToConfirm(limit: 1).isEmpty) }
  }
}
