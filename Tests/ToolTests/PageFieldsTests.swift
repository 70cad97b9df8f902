import SyncHub
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub

/// What says its own fields to the template engine has each of them: one left out would be an empty place on a page.
@Suite struct PageFieldsTests {
  @Test func everyFieldIsFoundByItsName() {
    let cell = PageCell(value: "", detail: "", icon: "", span: 1, meter: 1)
    let column = PageColumn(label: "")
    check(cell) { cell.child(named: $0) }
    check(column) { column.child(named: $0) }
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
    let alerts = ConsoleAlert.all(board, Wording(language: .english))
    #expect(alerts.map(\.isFault) == [true, false, false])
    let html = alerts.map(\.html.text)
    #expect(html[0].contains("alert bad") && html.dropFirst().allSatisfy { $0.contains("alert warn") })
    #expect(html[1].contains("(07204): 7 answers") && html[2].contains("Phường Thọ Xương (07201): 5 answers"))
    #expect(
      html[2].contains("<code><span>hub</span> <span>devices</span> <span>list</span> <span>--unit</span> <span>07201</span></code>)"))
    #expect(!html.joined().contains("`"))
    // What somebody wrote may hold a mark of its own.
    #expect(ConsoleAlert(sentence: "a `b c", isFault: true).parts.map(\.isCommand) == [false, false])
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
