import SurveyKit
import SyncKit
import TestSupport
import Testing

@testable import HubServer

/// What says its own fields to the template engine has each of them: one left out would be an empty place on a page.
@Suite struct PageFieldsTests {
  @Test func everyFieldOfTheBoardIsFoundByItsName() async throws {
    let folder = try TemporaryFolder()
    let dir = try await HubTool.made(in: folder)
    let survey = try await SurveyHub.open(at: dir)
    let board = try #require(try await survey.board())
    try survey.close()
    let page = BoardPage(board, Wording(language: .vietnamese))
    let district = try #require(page.districts.first)
    let row = try #require(district.rows.first)
    var cell = try #require(row.cells.first)
    (cell.detail, cell.icon, cell.span, cell.meter) = ("", "", 1, 1)
    check(page) { page.child(named: $0) }
    check(district) { district.child(named: $0) }
    check(row) { row.child(named: $0) }
    check(cell) { cell.child(named: $0) }
    check(page.columns[0]) { page.columns[0].child(named: $0) }
    // Without one the engine looks further out, as it does with what it reflects on.
    #expect(PageCell(value: "").child(named: "detail") == nil)
  }

  private func check(_ object: Any, _ child: (String) -> Any?) {
    for field in Mirror(reflecting: object).children {
      guard let name = field.label else { continue }
      #expect(child(name).map { "\($0)" } == "\(unwrapped(field.value))", "\(type(of: object)).\(name)")
    }
  }

  private func unwrapped(_ value: Any) -> Any {
    let mirror = Mirror(reflecting: value)
    return mirror.displayStyle == .optional ? mirror.children.first?.value ?? value : value
  }
}
