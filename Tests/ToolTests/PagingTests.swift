import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// A page of a province of thousands of communes has no more rows than one of 209, and each commune is on one of the pages.
@Suite struct PagingTests {
  @Test func aListOfAnyLengthIsDividedWithoutRest() {
    let words = Wording(language: .vietnamese)
    for count in [0, 1, 299, 300, 301, 600, 2_090, 10_659] {
      let pages = max(1, (count + Paging.rowsMax - 1) / Paging.rowsMax)
      let rows = (1...pages).flatMap { page in Array(Paging(count, page: page, words) { "\($0)" }.rows) }
      #expect(rows == Array(0..<count))
      #expect(Paging(count, page: nil, words) { "\($0)" }.links.count == (pages == 1 ? 0 : pages))
    }
    // What an old or a wrong address names is a page there is.
    for page in [-1, 0, 1, .min] { #expect(Paging(301, page: page, words) { "\($0)" }.rows == 0..<300) }
    for page in [2, 3, .max] { #expect(Paging(301, page: page, words) { "\($0)" }.rows == 300..<301) }
    #expect(Paging(2_090, page: 7, words) { "\($0)" }.position == "Dòng 1.801–2.090 trên 2.090")
  }

  @Test func participationOfManyCommunesIsShownPageByPage() async throws {
    let folder = try TemporaryFolder()
    let survey = try await SurveyHub.open(at: try await HubTool.made(in: folder))
    var results = try await survey.results()
    try survey.close()
    let communes = results.participation.filter { $0.level == .commune }
    results.participation = (0..<10).flatMap { _ in communes }
    var lines = 0
    for page in 1...7 {
      let query = ResultsPage.Query(level: .commune, form: results.form, page: page)
      let shown = ResultsPage(results, query, Wording(language: .english))
      #expect(shown.participation.count <= Paging.rowsMax && shown.pages.count == 7)
      // The form that was chosen stays chosen.
      #expect(shown.pages[0].link == "/results?level=commune&form=\(results.form)&page=1&lang=en")
      lines += shown.participation.count
    }
    #expect(lines == 2_090)
  }
}
