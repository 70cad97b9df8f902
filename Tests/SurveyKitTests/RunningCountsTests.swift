import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub
@testable import SyncHub

/// Running counts follow what they count, whoever changes it, and a store of an earlier program is counted once.
@Suite struct RunningCountsTests {
  private static let unit = "07201"

  /// Counted as it was before there were running counts, unit by unit.
  private static let recounted = [
    """
    SELECT scope, count(DISTINCT CASE rule WHEN 'declined' THEN scope || losing_stamp || hex(losing_replica) ELSE id END)
    FROM sync_conflict WHERE state = 'open' GROUP BY scope
    """,
    """
    SELECT a.unit, count(*), count(b.blob) FROM attachment a LEFT JOIN hub_blob_scope b ON b.blob = a.blob AND b.scope = a.unit GROUP BY a.unit
    """,
  ]
  private static let kept = [
    "SELECT unit, things FROM conflict_count WHERE things <> 0 ORDER BY unit",
    "SELECT unit, photos, photos_in FROM photo_count WHERE photos <> 0 OR photos_in <> 0 ORDER BY unit",
  ]

  /// - Returns: What is kept of conflicts and photos, once it is what there is.
  private func counts(_ world: HubWorld) async throws -> [[String]] {
    var all: [[String]] = []
    for (kept, recounted) in zip(Self.kept, Self.recounted) {
      all.append(try await world.rows(kept))
      #expect(all.last == (try await world.rows(recounted)))
    }
    return all
  }

  @Test(.long) func conflictsAreCountedAsTheyOpenAndClose() async throws {
    let world = try await HubWorld()
    let (a, b) = (try await world.device("a", unit: Self.unit), try await world.device("b", unit: Self.unit))
    for (device, seed) in [(a, UInt64(1)), (b, 2), (a, 1)] {
      let form = try #require(try await device.form(id: "report01"))
      let answers = try FieldWorld.answers(form, day: "2024-04-01", unit: Self.unit, seed: seed)
      _ = try await device.saveReport(day: try #require(CalendarDay("2024-04-01")), answers: answers, reason: "test")
      world.clock.advance(60_000)
    }
    for device in [a, b, a] { try await world.sync(device) }
    let open = try await world.survey.hub.conflicts().filter(\.isOpen)
    try #require(open.count > 1)
    #expect(try await counts(world)[0] == ["07201 \(open.count)"])
    #expect(try await world.row(Self.unit).counts.conflicts == open.count)
    #expect(try await world.survey.gauges().conflictsOpen == open.count)
    // One is decided at the hub, one on a device, and one of them is taken back.
    _ = try await world.survey.hub.resolve(open[0].id, as: .keepWinner, by: "operator", because: "seen")
    #expect(try await counts(world)[0] == (open.count == 1 ? [] : ["07201 \(open.count - 1)"]))
    _ = try await a.replica.resolve(open[1].id, as: .keepWinner, by: "chair", because: "seen")
    try await world.sync(a)
    #expect(try await counts(world)[0] == (open.count == 2 ? [] : ["07201 \(open.count - 2)"]))
    _ = try await world.survey.hub.resolve(open[0].id, as: .undo, by: "operator", because: "not so")
    #expect(try await counts(world)[0] == ["07201 \(open.count - 1)"])
  }

  @Test(.long) func photosAreCountedAsTheyAreNamedComeAndAreLost() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    func photo(_ seed: UInt8) throws -> NewPhoto { NewPhoto(try Photo(Picture.png(200, 100, seed: seed))) }
    try await world.survey.hub.setBlobBytesMax(0)
    _ = try await field.post("two", photos: [photo(1), photo(2)])
    try await world.sync(field)
    #expect(try await counts(world)[1] == ["07201 2 0"])
    world.clock.advance(25 * HubWorld.hourMs)
    #expect(try await world.row(Self.unit).counts.photosOverdue == 2)
    try await world.survey.hub.setBlobBytesMax(1 << 20)
    try await world.sync(field)
    #expect(try await counts(world)[1] == ["07201 2 2"])
    #expect(try await world.row(Self.unit).counts.photosOverdue == 0)
    // One more, of another record, is the same picture.
    _ = try await field.post("again", photos: [photo(1)])
    try await world.sync(field)
    #expect(try await counts(world)[1] == ["07201 3 3"])
    let lost = try #require(world.survey.hub.blobs.ids().first)
    world.survey.hub.blobs.setAside(lost)
    #expect(try await world.survey.hub.checkBlobs(readsAll: false) == [lost])
    let left = try #require(try await counts(world)[1].first)
    #expect(left == "07201 3 2" || left == "07201 3 1")
    let usage = try await world.survey.hub.blobUsage()
    #expect(usage.blobs == 1 && usage.bytes > 0)
    try await world.sync(field)
    #expect(try await counts(world)[1] == ["07201 3 3"])
    #expect(try await world.survey.hub.blobUsage().blobs == 2)
  }

  @Test func aStoreOfAnEarlierProgramIsCountedWhenItIsOpened() async throws {
    let world = try await HubWorld()
    try await world.survey.hub.store.write { session in
      try session.withoutCapture {
        // Two of a unit that was declined are one thing.
        for (id, rule, stamp) in [("1", "later", 1), ("2", "declined", 2), ("3", "declined", 2), ("4", "declined", 3)] {
          try session.execute(
            "INSERT INTO sync_conflict (id, scope, tbl, rule, losing_stamp, losing_replica) VALUES (?1, '07201', 'report', ?2, ?3, x'00')",
            [.text(id), .text(rule), .integer(Int64(stamp))])
        }
        for (id, blob) in [("1", "aa"), ("2", "aa"), ("3", "bb")] {
          try session.execute(
            "INSERT INTO attachment (id, unit, tbl, record, blob) VALUES (?1, '07201', 'post', 'x', ?2)", [.text(id), .text(blob)])
        }
        try session.execute("INSERT INTO hub_blob_scope (scope, blob) VALUES ('07201', 'aa')", [])
        try session.execute("DELETE FROM counted_all", [])
      }
    }
    try world.survey.close()
    let again = try await SurveyHub.open(at: world.folder.path + "/hub", clock: world.clock)
    let row = try #require(try await again.board()?.rows.first { $0.unit == "07201" })
    #expect(row.counts.conflicts == 3 && row.counts.photos == 3 && row.counts.photosIn == 2)
    try again.close()
  }
}
