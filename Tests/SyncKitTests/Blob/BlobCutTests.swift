import Foundation
import GRDB
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// A link that breaks anywhere: nothing is sent again beyond a piece, and nothing is there twice.
@Suite(.serialized) struct BlobCutTests {
  static let cutPoints = 1000
  /// Cut points on one device.
  private static let cutPointsPerDevice = 100
  /// What one broken connection may make a device send again, in bytes.
  static let againBytesMax = 64 << 10

  /// For each seed a row of text that fills a batch of more than one piece, or a picture: the upload is cut at one of its bytes, and
  /// the device goes on, in half of the cases within the same exchange.
  @Test(.long, arguments: Array(stride(from: 0, to: cutPoints, by: cutPointsPerDevice)))
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
      var (id, picture) = (BlobID?.none, 0)
      if seed % 4 < 2 {
        let text = noise(Int.random(in: 60_000...75_000, using: &dice), seed: UInt64(seed))
        try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["n\(seed)", text])
      } else {
        picture = Int.random(in: 100...100_000, using: &dice)
        id = try await a.addPicture("p\(seed)", noise(picture, seed: UInt64(seed) + 5_000_000))
      }
      try await a.seal()
      let batch = Int(
        try #require(try await a.engineRead { try $0.session.integer("SELECT length(bytes) FROM sync_outbox ORDER BY seq DESC LIMIT 1") }))
      let link = CuttingTransport(world.hub, losesAnswers: seed % 3 == 0)
      link.cut(after: Int.random(in: 0...batch + picture, using: &dice))
      if seed % 2 == 0 {
        _ = try await a.sync(with: link, options: patient)
      } else {
        await #expect(throws: SyncError.self) { try await a.sync(with: link, options: once) }
        _ = try await a.sync(with: link, options: once)
      }
      #expect(link.cuts == 1)
      // The question about the picture takes 32 bytes, twice where it had to be asked again.
      let again = link.sent - batch - picture - 64
      worst = max(worst, again)
      #expect(again <= Self.againBytesMax, "seed \(seed): \(again) bytes again")
      if let id { #expect(try await a.isBlobAtHub(id), "seed \(seed)") }
    }
    #expect(worst > 0, "no cut cost anything: the test cuts nothing")
    let status = try await a.status()
    #expect(status.addsUp && status.mergedChanges == Self.cutPointsPerDevice && status.sealedChanges == 0)
    let rows = try await world.hub.read { session in
      [try session.integer("SELECT count(*) FROM note"), try session.integer("SELECT count(*) FROM hub_blob")]
    }
    #expect(rows == [Int64(Self.cutPointsPerDevice / 2), Int64(Self.cutPointsPerDevice / 2)])
    #expect(try await world.hub.checkBlobs(readsAll: true) == [])
    #expect(try await world.hub.read { try $0.integer("SELECT count(*) FROM hub_upload") } == 0)
  }

  private static let endingAtOnce = 8

  /// Fifty copies of one device send the same 200 records and pictures at once, each over a link that breaks at random.
  @Test(.long) func fiftyAtOnceLeaveEachRecordAndPictureOnce() async throws {
    let world = try await Pictures.world()
    let a = try await world.device("a")
    for number in 0..<200 {
      try await a.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", ["n\(number)", noise(600, seed: UInt64(number))])
      // Every tenth takes more than one call.
      let bytes = number % 10 == 0 ? 66_000 + 100 * number : 500 + 20 * number
      try await a.addPicture("p\(number)", noise(bytes, seed: UInt64(number) + 1000))
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
          for _ in 0..<4 {
            link.cut(after: Int.random(in: 0...60_000, using: &dice))
            _ = try? await copy.sync(with: link, options: options)
          }
          // Some come to their end at the same time, too.
          if number < Self.endingAtOnce {
            link.cut(after: nil)
            _ = try await copy.sync(with: link)
          }
          return link.cuts
        }
      }
      return try await group.reduce(0, +)
    }
    for copy in copies[Self.endingAtOnce...] { _ = try await copy.sync(with: world.transport) }
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
