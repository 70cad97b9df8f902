import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitHub

@Suite struct PhotoTests {
  private static func fault(_ source: Data) -> PhotoFault? {
    do throws(PhotoFault) {
      _ = try Photo(source)
      return nil
    } catch { return error }
  }

  @Test(.long) func aPhonesPictureIsReducedUprightAndBare() throws {
    let plain = try Photo(Picture.png(1000, 600)).jpeg
    for (orientation, size) in [(1, [1000, 600]), (3, [1000, 600]), (6, [600, 1000]), (8, [600, 1000])] {
      let phone = Picture.phone(plain, orientation: UInt8(orientation))
      #expect(phone.range(of: Data("SECRETPHONE".utf8)) != nil)
      let photo = try Photo(phone)
      #expect(photo.width == size[0] && photo.height == size[1], "orientation \(orientation)")
      for secret in ["SECRET", "Exif", "GPS", "2024", "xmp", "II*"] {
        #expect(photo.jpeg.range(of: Data(secret.utf8)) == nil, "\(secret) is still there")
      }
      // Size, tables, the picture: no application's segment, no comment.
      #expect(Set(Picture.segments(of: photo.jpeg)).isSubset(of: [0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDD]))
    }
    #expect(try Photo(Picture.phone(plain, orientation: 6)).jpeg != Photo(Picture.phone(plain, orientation: 8)).jpeg)
  }

  @Test(.long) func theLongSideIsBounded() throws {
    let wide = try Photo(Picture.png(3000, 1000))
    #expect(wide.width == 1280 && (426...427).contains(wide.height))
    let tall = try Photo(Picture.png(900, 2700, seed: 3))
    #expect(tall.height == 1280 && (426...427).contains(tall.width))
    #expect(wide.jpeg.count < 400_000)
    // A small one stays as large as it is; a form may ask for less.
    let small = try Photo(Picture.png(40, 20))
    #expect(small.width == 40 && small.height == 20)
    #expect(try Photo(Picture.png(3000, 1000), sideMax: 600).width == 600)
    #expect(try Photo(Picture.png(2000, 10), sideMax: 99_999).width == 1280)
  }

  @Test func whatIsNoPictureIsRefusedByWhatIsInIt() throws {
    let others: [(String, Data)] = [
      ("text", Data("photo.jpg".utf8)), ("page", Data("<html><body>Log in</body></html>".utf8)), ("zeros", Data(count: 5000)),
      ("vector", Data("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><image href=\"/etc/passwd\"/></svg>".utf8)),
      ("pdf", Data("%PDF-1.4\n1 0 obj\n<<>>\nendobj\n".utf8)), ("gif", Data("GIF89a\u{1}\0\u{1}\0\0\0\0;".utf8)),
      ("script", Data("push graphic-context\nimage over 0,0 0,0 'https://example/x'\n".utf8)),
      ("bitmap", Data("P6 9 9 255\n".utf8) + Data(count: 243)), ("tiff", Data("II*\0\u{8}\0\0\0\0\0".utf8)), ("mark", Data([0xFF, 0xD8])),
    ]
    for (name, bytes) in others {
      let fault = Self.fault(bytes)
      #expect(fault == .notAPicture || fault == .damaged, "\(name): \(String(describing: fault))")
    }
    #expect(Self.fault(Data()) == .empty)
    #expect(Self.fault(Data(count: Photo.sourceBytesMax + 1)) == .tooLarge)
  }

  /// A head that promises more than anybody's memory, and one that keeps its promise in few bytes.
  @Test func aBombIsRefusedByItsHead() throws {
    #expect(Self.fault(Picture.png(10, 10, claimed: (60_000, 60_000))) == .tooManyPixels)
    #expect(Self.fault(Picture.png(10, 10, claimed: (1_000_000, 65))) == .tooManyPixels)
    var jpeg = try Photo(Picture.png(64, 64)).jpeg
    let size = try #require(jpeg.range(of: Data([0xFF, 0xC0, 0x00, 0x11, 0x08])))
    jpeg.replaceSubrange(size.upperBound..<size.upperBound + 4, with: [0xFF, 0xDC, 0xFF, 0xDC])
    #expect(Self.fault(jpeg) == .tooManyPixels)
    // What claims less than the bound and does not have it is damaged.
    #expect(Self.fault(Picture.png(10, 10, claimed: (7000, 7000))) == .damaged)
  }

  /// What a hub keeps as a photo, whoever sent it and whatever its name.
  @Test(.long) func aHubJudgesByWhatIsInIt() throws {
    let jpeg = try Photo(Picture.png(1000, 600)).jpeg
    #expect(Photo.fault(ofKept: jpeg) == nil)
    let cases: [(Data, PhotoFault)] = [
      (Picture.phone(jpeg), .notPrepared), (jpeg + Data("PK\u{3}\u{4} more".utf8), .notPrepared), (Picture.png(60, 40), .notPrepared),
      (Picture.png(1281, 10), .notPrepared), (Data("<html>".utf8), .notAPicture), (Data([0xFF, 0xD8, 0xFF]), .damaged),
      (Data(), .notAPicture), (jpeg.prefix(jpeg.count / 2), .damaged),
    ]
    for (bytes, fault) in cases { #expect(Photo.fault(ofKept: bytes) == fault, "\(bytes.prefix(12).hex)") }
    var generator = SeededGenerator(seed: 8)
    for _ in 0..<200 {
      var bytes = Picture.phone(jpeg)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
      }
      // Whatever breaks, what a phone wrote beside the picture never stays unnoticed.
      if Photo.fault(ofKept: bytes) == nil { #expect(bytes.range(of: Data("SECRET".utf8)) == nil) }
    }
  }

  @Test(.long) func aPictureCutShortIsRefused() throws {
    let (jpeg, png) = (try Photo(Picture.png(300, 200)).jpeg, Picture.png(60, 40))
    for whole in [jpeg, Picture.phone(jpeg, orientation: 6), png] {
      #expect(Self.fault(whole) == nil)
      for count in stride(from: 1, to: whole.count - 60, by: max(1, whole.count / 60)) {
        #expect(Self.fault(whole.prefix(count)) != nil, "\(count) of \(whole.count) bytes")
      }
    }
  }

  /// Any byte changed: a picture or a refusal, never more than a picture.
  @Test(.long) func changedBytesDoNoHarm() throws {
    let (jpeg, png) = (Picture.phone(try Photo(Picture.png(120, 80)).jpeg, orientation: 3), Picture.png(40, 30))
    var generator = SeededGenerator(seed: 5)
    var refused = 0
    for _ in 0..<400 {
      var bytes = Bool.random(using: &generator) ? jpeg : png
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
      }
      do throws(PhotoFault) {
        let photo = try Photo(bytes)
        #expect(photo.width <= 1280 && photo.height <= 1280 && photo.jpeg.prefix(2) == Data([0xFF, 0xD8]))
      } catch { refused += 1 }
    }
    #expect(refused > 100)
  }
}
