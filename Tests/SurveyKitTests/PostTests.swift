import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

/// News of a day, from the device to the hub's operators and back when one is hidden.
@Suite struct PostTests {
  private static let unit = "07201"

  @Test(.long) func aPostArrivesWithItsPhotosAndIsHiddenWithAReason() async throws {
    let world = try await HubWorld()
    let (field, colleague) = (try await world.device("a", unit: Self.unit), try await world.device("b", unit: Self.unit))
    let photos = try (1...2).map { NewPhoto(try Photo(Picture.png(200, 100, seed: UInt8($0)))) }
    let id = try await field.post("  Loa phường\r\nphát lịch khảo sát \u{0} ", photos: photos)
    let other = try await field.post("Họp tổ", photos: [photos[0]])
    let kept = try #require(try await field.posts().first { $0.id == id })
    #expect(kept.words == "Loa phường\nphát lịch khảo sát" && kept.photos.count == 2)
    #expect(kept.arrival == RecordArrival(isTextIn: false, photos: 2, photosIn: 0))
    #expect(try await world.survey.posts().isEmpty)
    try await world.sync(field)
    #expect(try await field.posts().first { $0.id == id }?.arrival == RecordArrival(isTextIn: true, photos: 2, photosIn: 2))
    let arrived = try #require(try await world.survey.posts().first { $0.id == id })
    #expect(arrived.words == kept.words && arrived.photos.count == 2 && arrived.photos.allSatisfy(\.isIn))
    #expect(arrived.name.contains("Thọ Xương") && arrived.photos[0].width == 200)
    #expect(try await world.survey.posts(of: [UnitCode("07204")]).isEmpty)
    #expect(try await world.survey.posts(of: try await world.survey.communes(of: "213")).count == 2)
    await #expect(throws: SyncError.self) { try await world.survey.communes(of: "99999") }
    // Counted with the commune's photos; the picture is on the disk once.
    #expect(try await world.row(Self.unit).counts.photosIn == 3)
    #expect(world.survey.hub.blobs.ids().count == 2)

    let shown = try #require(arrived.photos.map(\.blob).first { $0 != photos[0].address })
    #expect(try await world.survey.postPicture(shown) != nil)
    _ = try await world.survey.hidePost(String(id.prefix(10)), reason: " names a\nrespondent ")
    #expect(try await world.survey.posts().map(\.id) == [other])
    #expect(try await world.survey.posts(withHidden: true).count == 2)
    // Its own picture is not given away any more, that of the other post is.
    #expect(try await world.survey.postPicture(shown) == nil)
    #expect(try await world.survey.postPicture(photos[0].address) != nil)
    for name in ["", "..", String(repeating: "a", count: 64), shown.uppercased()] {
      #expect(try await world.survey.postPicture(name) == nil)
    }
    for each in [field, colleague] {
      try await world.sync(each)
      #expect(try await each.posts().first { $0.id == id }?.hidden == "names a respondent")
      #expect(try await each.replica.status().openConflicts == 0)
    }
    _ = try await world.survey.hidePost(id, reason: nil)
    #expect(try await world.survey.posts().count == 2)
    for (name, reason) in [("zzz", "x"), ("", "x"), (id, "  "), (id, String(repeating: "a", count: 5000))] {
      await #expect(throws: SyncError.self) { try await world.survey.hidePost(name, reason: reason) }
    }
  }

  /// However many newer ones there are.
  @Test func anOldPostCanBeHidden() async throws {
    let world = try await HubWorld()
    try await world.survey.hub.write { session in
      for number in 0...SurveyHub.postsListedMax {
        try session.execute(
          "INSERT INTO post (id, unit, day, words) VALUES (?1, '07201', ?2, 'x')",
          [.text(String(10_000 + number)), .text(number == 0 ? "2024-03-01" : "2024-04-01")])
      }
    }
    #expect(try await !world.survey.posts(withHidden: true).contains { $0.id == "10000" })
    #expect(try await world.survey.hidePost("10000", reason: "old").hidden == "old")
  }

  @Test(.long) func whatSaysNothingOrTooMuchIsRefused() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: Self.unit)
    await #expect(throws: SurveyFieldError.emptyPost) { try await field.post(" \n\u{7} ") }
    await #expect(throws: SurveyFieldError.postTooLong) { try await field.post(String(repeating: "ạ", count: 2000)) }
    let many = try (0...Photo.photosPerReportMax).map { NewPhoto(try Photo(Picture.png(20, 10, seed: UInt8($0)))) }
    await #expect(throws: SurveyFieldError.tooManyPhotos) { try await field.post("x", photos: many) }
    #expect(try await field.posts().isEmpty && field.replica.blobs.ids().isEmpty)
  }
}

extension NewPhoto {
  fileprivate var address: String { BlobID(of: photo.jpeg).hex }
}
