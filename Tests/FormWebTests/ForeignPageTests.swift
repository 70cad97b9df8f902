import Foundation
import SurveyKit
import SurveyKitHub
import SyncHub
import SyncKit
import TestSupport
import Testing

@testable import FormWeb

/// Walks a foreign form on the pages as a respondent does.
@Suite struct ForeignPageTests {
  @Test func everythingIsAskedAsItIsWritten() async throws {
    let world = try await WebWorld()
    let form = try XLSFormImport.form(
      survey: Data(ForeignForm.survey.utf8), choices: Data(ForeignForm.choices.utf8),
      settings: Data(ForeignForm.settings(id: "pks01", version: "2024032602").utf8))
    _ = try await world.survey.publish(form)
    let visitor = try world.visitor()
    await visitor.open("?lang=en")
    #expect(visitor.text.contains("Welcome <strong>dear</strong> reader") && visitor.text.contains("href=\"?lang=fr\""))
    await visitor.press("start")
    #expect(visitor.page.fields == ["q.nm", "q.n"])
    #expect(visitor.text.contains("See <a href=\"https://example.org/x\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">help</a>"))
    // A name in a text is what was answered, also as somebody might try to write markup; in any of the form's languages.
    await visitor.press("lang.fr", [("q.nm", "<i>**An**"), ("q.n", "2")])
    #expect(visitor.text.contains("Combien d&#39;enfants, &lt;i&gt;**An** ?"))
    #expect(await visitor.press("lang.xx") == 400)
    await visitor.open("?lang=en")
    await visitor.press("start")
    await visitor.press("lang.en", [("q.nm", "An"), ("q.n", "2")])
    #expect(visitor.text.contains("How many children, An?"))
    // Asked as often as was said, without a button for more.
    await visitor.press("next", [("q.nm", "An"), ("q.n", "2")])
    #expect(visitor.page.fields == ["q.kid.0.age", "q.kid.1.age"] && !visitor.page.buttons.contains("add.kid"))
    #expect(visitor.text.contains("Age of a child of An?"))
    await visitor.press("next", [("q.kid.0.age", "3"), ("q.kid.1.age", "5")])
    #expect(visitor.page.fields == ["q.order", "q.ok", "q.read", "q.rate"])
    #expect(visitor.text.contains("<select name=\"q.order\"") && visitor.text.contains("From 0 to 5 in steps of 1."))
    let rest = [("q.order", "b"), ("q.order", "a"), ("q.ok", "other"), ("q.read", "OK"), ("q.rate", "4")]
    await visitor.press("next", rest)
    #expect(visitor.page.fields.contains("q.ok_other") && visitor.text.contains("Specify other."))
    await visitor.press("next", rest.filter { $0.0 != "q.rate" } + [("q.ok_other", "Maybe"), ("q.rate", "9")])
    #expect(visitor.page.faults.contains { $0.contains("From 0 to 5") })
    await visitor.press("next", rest + [("q.ok_other", "Maybe")])
    #expect(visitor.text.contains("1. Banana\n2. Apple") && visitor.page.buttons.contains("send"))
    #expect(await visitor.press("send") == 303)
    try await world.release()
    let rows = try await world.survey.hub.read { try $0.rows("SELECT answers FROM answer") }
    #expect(rows.map { $0[0].text } == [ForeignForm.stored])
  }
}
