import Foundation
import GRDB
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import RehearsalTool

/// Real connections to a real `hub serve`, broken at chosen bytes.
@Suite(.serialized, .long) struct CutLinkTests {
  static let cutPoints = 60
  /// What one broken connection may make a device send again, in bytes.
  private static let againBytesMax = 64 << 10

  /// For each seed a report of some size and two photos, cut at one byte of everything the device sends.
  /// A report with what the hub asks of one: its campaign and form are the device's.
  static let insertReport = """
    INSERT INTO report (id, unit, day, answers, campaign, form)
    SELECT ?1, '07201', substr(?1, 7), ?2, (SELECT id FROM campaign), (SELECT id FROM form WHERE form = 'report01')
    """

  /// Of another day for each number.
  static func reportKey(_ number: Int) -> String { "07201/\(2100 + number)-01-01" }

  @Test func aCutConnectionSendsAtMostAPieceAgain() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let hub = try await ServedHub(dir, folder)
    let made = try await HubTool.run(["enroll", "07201", "--dir", dir, "--json"])
    let codes = try #require(try JSONSerialization.jsonObject(with: Data(made.output.utf8)) as? [[String: Any]])
    let link = try PoorLink(target: hub.hubPort, seed: 1, isObedient: true)
    let transport = try HTTPTransport(hub: "http://127.0.0.1:\(link.port)")
    let field = try SurveyField.open(at: folder.path + "/f.sqlite", create: true)
    try await field.enroll(code: try #require(codes.first?["code"] as? String), label: "one", through: transport)
    _ = try await field.replica.sync(with: transport)
    let replica = field.replica
    var options = SyncOptions()
    // As devices have it: asked at once, a hub has not kept yet what came last.
    options.retry = RetryPolicy(attemptsMax: 4, delayFirstMs: 300)
    // From 5 to 120 KB.
    let pictures = try [70, 150, 220, 270, 310, 350].map { try Photo(Picture.noise(side: $0, seed: UInt64($0))).jpeg }
    // What headers and questions add where nothing is cut; of two exchanges it is twice that.
    var (worst, overhead) = (0, 0)
    for seed in 0...Self.cutPoints {
      var dice = SeededGenerator(seed: UInt64(seed) + 5)
      func noise(_ count: Int) -> Data { Data((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &dice) }) }
      // As text, so that it is a report; hardly anything of it compresses away.
      let text = #"{"words":"\#(noise(90_000).base64EncodedString())"}"#
      let blobs = try (0..<2).map { number in
        try replica.blobs.keep(Picture.variant(of: pictures[Int.random(in: 0..<pictures.count, using: &dice)], 2 * seed + number))
      }
      try await replica.database.write { db in
        try db.execute(
          sql: Self.insertReport, arguments: [Self.reportKey(seed), text])
        for blob in blobs {
          try db.execute(
            sql: "INSERT INTO attachment (id, unit, tbl, record, blob) VALUES (?, '07201', 'report', ?, ?)",
            arguments: [blob.hex, Self.reportKey(seed), blob.hex])
        }
      }
      try await replica.seal()
      let batch = try await replica.database.read { db in
        try Int.fetchOne(db, sql: "SELECT length(bytes) FROM sync_outbox ORDER BY seq DESC LIMIT 1") ?? 0
      }
      let once = batch + blobs.reduce(0) { $0 + (replica.blobs.byteCount($1) ?? 0) }
      let before = (link.upstreamBytes, link.cuts)
      if seed > 0 { link.cut(after: Int.random(in: 0..<once, using: &dice)) }
      _ = try? await replica.sync(with: transport, options: options)
      link.cut(after: nil)
      _ = try await replica.sync(with: transport)
      let again = link.upstreamBytes - before.0 - once
      if seed == 0 {
        overhead = again
        #expect(overhead < Self.againBytesMax / 4, "\(overhead) bytes of headers")
        continue
      }
      #expect(link.cuts == before.1 + 1, "seed \(seed) was not cut")
      worst = max(worst, again)
      #expect(again <= Self.againBytesMax + 2 * overhead, "seed \(seed): \(again) bytes more than once, \(overhead) of headers")
      for blob in blobs { #expect(try await replica.isBlobAtHub(blob)) }
    }
    #expect(worst > 2 * overhead, "no cut cost anything")
    #expect(try await replica.status().addsUp)
    let at = BlobStore(folder: dir + "/hub.sqlite.blobs")
    #expect(at.ids().count == 2 * (Self.cutPoints + 1) && at.ids().allSatisfy { at.isSound($0) })
    let status = try await HubTool.run(["status", "--dir", dir, "--json"])
    #expect(status.status == 0 && status.output.contains("\"reports\" : \(Self.cutPoints + 1)"))
    #expect(await hub.stop() == 0)
  }
}
