import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit

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

  @Test func alertsNameTheCommuneAndSetCommandsApart() async throws {
    let folder = try TemporaryFolder()
    let survey = try await SurveyHub.open(at: try await HubTool.made(in: folder))
    var board = try #require(try await survey.board())
    try survey.close()
    board.aboveHeadcount = [AboveHeadcount(unit: "07201", received: 5, expected: 4)]
    board.latePackets = [LatePackets(unit: "07204", undecided: 7, declined: 0)]
    board.strayAnswers = 3
    let page = try await Pages().board(board, .english)
    let alerts = page.split(separator: "\n").filter { $0.contains("role=\"alert\"") }.map(String.init)
    #expect(alerts.count == 3 && alerts[0].contains("alert bad") && alerts.dropFirst().allSatisfy { $0.contains("alert warn") })
    #expect(alerts[1].contains("(07204): 7 answers") && alerts[2].contains("Phường Thọ Xương (07201): 5 answers"))
    #expect(
      alerts[2].contains("<code><span>hub</span> <span>devices</span> <span>list</span> <span>--unit</span> <span>07201</span></code>)"))
    #expect(!page.contains("`"))
    // What somebody wrote may hold a mark of its own.
    #expect(BoardPage.Alert("a `b c", isFault: true).parts.map(\.isCommand) == [false, false])
  }

  private func check(_ object: Any, _ child: (String) -> Any?) {
    for field in Mirror(reflecting: object).children {
      guard let name = field.label else { continue }
      #expect((child(name).map { "\($0)" } ?? "nil") == "\(unwrapped(field.value))", "\(type(of: object)).\(name)")
    }
  }

  private func unwrapped(_ value: Any) -> Any {
    let mirror = Mirror(reflecting: value)
    return mirror.displayStyle == .optional ? mirror.children.first?.value ?? value : value
  }
}
