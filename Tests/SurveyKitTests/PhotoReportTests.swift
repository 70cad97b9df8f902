import Foundation
import GRDB
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// Photos of the daily report, from the device to the hub's board.
@Suite struct PhotoReportTests {
  private static let unit = "07201"
  private static let day = "2024-04-01"

  private func photo(_ seed: UInt8) throws -> NewPhoto { NewPhoto(try Photo(Picture.png(200, 100, seed: seed))) }

  private func file(_ field: SurveyField, _ photos: [NewPhoto], reason: String? = nil) async throws -> ReportSaving {
    let form = try #require(try await field.form(id: "report01"))
    let answers = try FieldWorld.answers(form, day: Self.day, unit: Self.unit, seed: 1)
    return try await field.saveReport(day: try #require(CalendarDay(Self.day)), answers: answers, reason: reason, photos: photos)
  }

  @Test(.long) func aReportArrivesWithItsPhotosAndEachSideCountsThem() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    let key = SurveySchema.reportKey(unit: Self.unit, day: Self.day)
    #expect(try await file(field, [photo(1), photo(2), photo(3)]) == .created)
    // The same photo again is the same row; a new one needs no reason, for the report stays as it is.
    #expect(try await file(field, [photo(3)]) == .unchanged)
    #expect(try await field.arrivals()[key] == RecordArrival(isTextIn: false, photos: 3, photosIn: 0))

    // One of three pictures is not on the device any more: the text and two come.
    let kept = try await field.photos(day: try #require(CalendarDay(Self.day)))
    let gone = try #require(BlobID(hex: kept[0].blob))
    let blobs = field.replica.blobs
    let path = "\(blobs.folder)/\(gone.hex.prefix(2))/\(gone.hex.dropFirst(2).prefix(2))/\(gone.hex)"
    let content = try #require(try blobs.read(gone))
    try FileManager.default.removeItem(atPath: path)
    try await world.sync(field)
    #expect(try await field.arrivals()[key] == RecordArrival(isTextIn: true, photos: 3, photosIn: 2))
    var row = try await world.row(Self.unit)
    #expect(row.counts.photos == 3 && row.counts.photosIn == 2 && row.counts.photosOverdue == 0)
    #expect(row.report == .onTime)
    #expect(try await world.survey.photos(missingOnly: true).map(\.blob) == [gone.hex])
    #expect(try await world.survey.photos(unit: UnitCode("07204")).isEmpty)

    world.clock.advance(24 * HubWorld.hourMs)
    row = try await world.row(Self.unit)
    #expect(row.counts.photosOverdue == 1)
    let missing = try #require(try await world.survey.photos(missingOnly: true).first)
    #expect(missing.isOverdue && missing.record == key && missing.namedMs == Int64(HubWorld.morningMs))

    try blobs.keep(content)
    try await world.sync(field)
    #expect(try await field.arrivals()[key] == RecordArrival(isTextIn: true, photos: 3, photosIn: 3))
    #expect(try await world.survey.photos(missingOnly: true).isEmpty)
    #expect(try await world.survey.photos().allSatisfy(\.isIn))

    // A colleague's device shows the same and fetches the pictures when somebody wants to see them.
    let other = try await world.device("b", unit: Self.unit)
    #expect(try await other.arrivals()[key]?.photosIn == 3)
    let shown = try await other.photos(day: try #require(CalendarDay(Self.day)))
    #expect(shown.count == 3 && shown.allSatisfy { !$0.isHere && $0.isAtHub })
    #expect(try await other.fetchPhotos(day: try #require(CalendarDay(Self.day)), through: world.transport).isEmpty)
    #expect(try await other.photos(day: try #require(CalendarDay(Self.day))).allSatisfy(\.isHere))
  }

  /// Another program's photo, with a position in it, or a file that is none: the text comes, the file does not.
  @Test(.long) func theHubKeepsBarePicturesOnly() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    let jpeg = try Photo(Picture.png(200, 100)).jpeg
    try await world.report(field, unit: Self.unit, day: "2024-04-01")
    for (number, content) in [Picture.phone(jpeg), Data("#!/bin/sh".utf8), jpeg].enumerated() {
      let blob = try field.replica.blobs.keep(content)
      try await field.replica.execute(
        "INSERT INTO attachment (id, unit, tbl, record, blob) VALUES (?, ?, 'report', '07201/2024-04-01', ?)",
        ["x\(number)", Self.unit, blob.hex])
    }
    try await world.sync(field)
    // It is told once, with the reason; the bytes stay.
    #expect(try await field.replica.status().notices.map(\.kind) == [.blobUnfit, .blobUnfit])
    #expect(try await field.replica.unfitBlobs().keys.allSatisfy { field.replica.blobs.has($0) })
    #expect(try await field.photosToSend().count == 0)
    try await world.sync(field)
    #expect(try await field.replica.status().notices.count == 2)
    let photos = try await world.survey.photos()
    #expect(photos.count == 3 && photos.filter(\.isIn).map(\.blob) == [BlobID(of: jpeg).hex])
    #expect(world.survey.hub.blobs.ids() == [BlobID(of: jpeg)])
  }

  @Test(.long) func aReportHasSoManyPhotosAndNoMore() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    let many = try (0..<Photo.photosPerReportMax).map { try photo(UInt8($0)) }
    #expect(try await file(field, many) == .created)
    await #expect(throws: SurveyFieldError.tooManyPhotos) { try await self.file(field, [try self.photo(200)]) }
    #expect(try await field.photos(day: try #require(CalendarDay(Self.day))).count == Photo.photosPerReportMax)
  }

  @Test(.long) func theBoardSaysWhenPhotosArePutOff() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    #expect(try await world.survey.board()?.photosDeferred == nil)
    try await world.survey.hub.setBlobBytesMax(0)
    _ = try await file(field, [try photo(1)])
    let summary = try await field.replica.sync(with: world.transport)
    #expect(summary.areBlobsDeferred && summary.progress.changesSent == 2)
    #expect(try await world.survey.board()?.photosDeferred?.bytesMax == 0)
    #expect(try await world.row(Self.unit).report == .onTime)
  }

  @Test(.long) func aPictureThatIsWithdrawnBeforeItLeftLeavesTheDeviceAndOneThatOthersReferToStays() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    let blobs = field.replica.blobs
    let day = try #require(CalendarDay(Self.day))
    // A post, a photo of a report and a whole report.
    let post = try await field.post("tin", photos: [photo(1), photo(2)])
    _ = try await file(field, [photo(2), photo(3), photo(4)])
    #expect(blobs.ids().count == 4)
    try await field.withdrawPost(post, reason: nil)
    #expect(blobs.ids().count == 3, "the report has the second one too")
    // By the name that lists show: the beginning of the picture's.
    let shown = try #require(try await field.photos(day: day).first { $0.blob == blobs.ids().last?.hex })
    let found = try await field.withdrawable(idPrefix: String(shown.blob.prefix(8)))
    #expect(found.photos == [shown.id] && found.posts.isEmpty)
    try await field.withdrawPhoto(shown.id, reason: nil)
    #expect(blobs.ids().count == 2)
    try await field.withdrawReport(day: day, reason: nil)
    #expect(blobs.ids().isEmpty)
    // Filed again, it is kept again; once it has left it stays where it is.
    _ = try await file(field, [photo(3)])
    try await world.sync(field)
    #expect(try await world.survey.photos().map(\.isIn) == [true])
    try await field.withdrawReport(day: day, reason: "filed twice")
    #expect(blobs.ids().count == 1)
    let status = try await field.replica.status()
    #expect(status.addsUp)
  }
}
