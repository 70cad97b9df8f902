import SurveyKit
import SyncKit
import Testing

@Suite struct WordingTests {
  let vi = Wording(language: .vietnamese)
  let en = Wording(language: .english)

  @Test func numbersAndDecimalsByLanguage() {
    #expect(vi.number(1_234_567) == "1.234.567" && en.number(1_234_567) == "1,234,567")
    #expect(vi.number(-1_000) == "−1.000" && en.number(999) == "999" && en.number(nil) == "–" && en.number(0) == "0")
    #expect(en.number(.min) == "−9,223,372,036,854,775,808")
    #expect(vi.decimal(tenths: 12_345) == "1.234,5" && en.decimal(tenths: -5) == "−0.5" && en.decimal(tenths: -15) == "−1.5")
    #expect(vi.percent(333) == "33,3 %" && en.percent(600) == "60 %" && en.percent(nil) == "–")
  }

  @Test func daysAndTimesByLanguage() throws {
    let time = try #require(LocalTime("2024-04-01 08:05"))
    #expect(vi.day(time.day) == "01/04/2024" && en.day(time.day) == "2024-04-01")
    #expect(vi.time(time) == "08:05 01/04/2024" && en.time(time) == "2024-04-01 08:05")
    #expect(vi.time("2024-04-01 08:05") == "08:05 01/04" && vi.time("08:05") == "08:05")
    #expect(vi.span(ms: 119_000) == "119 giây" && en.span(ms: -7_200_000) == "2 hours" && en.span(ms: .min).hasSuffix(" days"))
  }

  @Test func linesAboutUnitsAreSortedByDistrictThenName() {
    let names = ["Xã Tân An, Huyện Yên Dũng", "Xã Đông Sơn, Huyện Lục Nam", "Xã Dương Đức, Huyện Lục Nam", "Xã An Hà, Huyện Đông Anh"]
    let sorted = ["Xã An Hà, Huyện Đông Anh", "Xã Dương Đức, Huyện Lục Nam", "Xã Đông Sơn, Huyện Lục Nam", "Xã Tân An, Huyện Yên Dũng"]
    #expect(VietnameseOrder.byDistrict(names, name: { $0 }) == sorted)
  }
}
