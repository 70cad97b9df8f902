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
    // A text that names an answer stands on a page after it.
    #expect(visitor.page.fields == ["q.nm"])
    await visitor.press("next", [("q.nm", "<i>**An**")])
    #expect(visitor.page.fields == ["q.n"])
    #expect(visitor.text.contains("See <a href=\"https://example.org/x\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">help</a>"))
    // A name in a text is what was answered, also as somebody might try to write markup; in any of the form's languages.
    await visitor.press("lang.fr", [("q.n", "2")])
    #expect(visitor.text.contains("Combien d&#39;enfants, &lt;i&gt;**An** ?"))
    #expect(await visitor.press("lang.xx") == 400)
    await visitor.open("?lang=en")
    await visitor.press("start")
    await visitor.press("next", [("q.nm", "An")])
    #expect(visitor.text.contains("How many children, An?"))
    // Asked as often as was said, without a button for more.
    await visitor.press("next", [("q.n", "2")])
    #expect(visitor.page.fields == ["q.kid.0.age", "q.kid.1.age"] && !visitor.page.buttons.contains("add.kid"))
    #expect(visitor.text.contains("Age of a child of An?"))
    // A repeat inside it is filled in as often as people like, each under its own.
    #expect(visitor.page.buttons.isSuperset(of: ["addin.1.toy", "addin.2.toy"]))
    let ages = [("q.kid.0.age", "3"), ("q.kid.1.age", "5")]
    await visitor.press("addin.1.toy", ages)
    #expect(visitor.page.fields == ["q.kid.0.age", "q.toy.1000.what", "q.kid.1.age"])
    await visitor.press("addin.2.toy", ages + [("q.toy.1000.what", "Ball")])
    #expect(visitor.page.fields.contains("q.toy.2000.what") && visitor.text.contains("Which toy at age 5?"))
    #expect(visitor.text.contains("Toys at age 5") && visitor.text.contains("value=\"Ball\""))
    await visitor.press("remove.toy.1000", ages + [("q.toy.1000.what", "Ball"), ("q.toy.2000.what", "Car")])
    #expect(visitor.page.fields == ["q.kid.0.age", "q.kid.1.age", "q.toy.2000.what"] && visitor.text.contains("value=\"Car\""))
    let page = visitor.page.hidden.map { ($0.name, $0.value) } + ages + [("q.toy.2000.what", "Car")]
    for button in ["addin.3.toy", "addin.9223372036854775807.toy", "remove.toy.9223372036854775807", "add.toy"] {
      #expect(await visitor.post(page + [("go", button)]) == 400, "\(button)")
    }
    await visitor.post(page + [("go", "next")])
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

  private func visitor(_ survey: [String], choices: String? = nil) async throws -> Visitor {
    let form = try XLSFormImport.form(
      survey: Data((survey.joined(separator: "\n") + "\n").utf8), choices: choices.map { Data($0.utf8) }, settings: nil)
    let key = FormLinkKey(secret: Data(repeating: 3, count: 32))
    let desk = PreviewDesk(form: form, nowMs: Int64(WebWorld.morningMs))
    let visitor = Visitor(web: try WebForm(desk: desk, key: key), target: try #require(desk.target(key)))
    await visitor.open("?lang=en")
    await visitor.press("start")
    return visitor
  }

  @Test func manyQuestionsAreAskedPageByPage() async throws {
    let visitor = try await visitor(["type,name,label"] + (0..<501).map { "integer,q\($0),Q \($0)?" })
    var counts: [Int] = []
    while !visitor.page.buttons.contains("send") {
      counts.append(visitor.page.fields.count)
      try #require(counts.count < 20)
      await visitor.press("next", visitor.page.fields.map { ($0, "1") })
    }
    #expect(counts == Array(repeating: PageCut.pageQuestionsMax, count: 10) + [1])
  }

  @Test func aLongGroupIsCutAtTheGroupsInIt() async throws {
    let inside = (0..<3).flatMap { group in
      ["begin group,g\(group),Group \(group)"] + (0..<30).map { "integer,q\(group)_\($0),Q?" } + ["end group,,"]
    }
    let visitor = try await visitor(["type,name,label", "begin group,all,Everything", "note,n,Read this first"] + inside + ["end group,,"])
    for group in 0..<3 {
      #expect(visitor.page.fields == (0..<30).map { "q.q\(group)_\($0)" })
      #expect(visitor.text.contains("Group \(group)") && visitor.text.contains("Read this first") == (group == 0))
      await visitor.press("next")
    }
    #expect(visitor.page.buttons.contains("send"))
  }

  @Test func whatTellsAnAnswerIsReadAfterIt() async throws {
    let visitor = try await visitor([
      "type,name,label,calculation", "text,nm,Name?,", "integer,age,How old is ${nm}?,", "calculate,next,,${age} + 1",
      "note,bye,\"Thank you, ${nm}: soon ${next}.\",",
    ])
    #expect(visitor.page.fields == ["q.nm"])
    await visitor.press("next", [("q.nm", "An")])
    #expect(visitor.page.fields == ["q.age"] && visitor.text.contains("How old is An?"))
    await visitor.press("next", [("q.age", "7")])
    #expect(visitor.page.fields.isEmpty && visitor.text.contains("Thank you, An: soon 8."))
    await visitor.press("next")
    #expect(visitor.page.buttons.contains("send"))
    await visitor.press("back")
    #expect(visitor.text.contains("Thank you, An: soon 8."))
  }

  @Test func aQuestionOfARepeatIsAskedAgainOnceItReadsOtherwise() async throws {
    let visitor = try await visitor(
      ["type,name,label,repeat_count", "begin repeat,kid,Child,1", "text,nm,Name?,", "integer,age,How old is ${nm}?,", "end repeat,,,"])
    #expect(visitor.page.fields == ["q.kid.0.nm", "q.kid.0.age"])
    await visitor.press("next", [("q.kid.0.nm", "An"), ("q.kid.0.age", "")])
    #expect(visitor.page.fields == ["q.kid.0.nm", "q.kid.0.age"] && visitor.text.contains("How old is An?"))
    // Blank it may stay.
    await visitor.press("next", [("q.kid.0.nm", "An"), ("q.kid.0.age", "")])
    #expect(visitor.page.buttons.contains("send"))
  }

  @Test func severalFormsAreOpenEachByALinkOfItsOwn() async throws {
    let world = try await WebWorld()
    let form = try XLSFormImport.form(
      survey: Data("type,name,label\ntext,well,Which well?\n".utf8), choices: nil,
      settings: Data("form_title,form_id,version\nWater,water,1\n".utf8))
    await #expect(throws: DataProblems.self) { try await world.survey.publish(form) }
    let published = try await world.survey.publish(form, isAdded: true)
    #expect(published.isAdded && published.hasNewKey)
    #expect(try await world.survey.publish(form, isAdded: true).isUnchanged)
    #expect(try await world.survey.requirePlan().campaign.forms == ["pks01", "water"])
    let day = try #require(CalendarDay("2024-04-30"))
    func visitor(_ id: String) throws -> Visitor {
      let link = FormLink(form: id, campaign: "bac-giang-2024", unit: WebWorld.unit, expires: day, isLast: false)
      return Visitor(web: world.web, target: "/s/" + (try #require(world.key.token(for: link))))
    }
    let water = try visitor("water")
    await water.open()
    await water.press("start")
    #expect(water.page.fields == ["q.well"])
    await water.press("next", [("q.well", "North")])
    #expect(await water.press("send") == 303)
    for target in [try visitor("pks01"), try world.visitor()] {
      await target.open()
      await target.press("start")
      #expect(target.page.fields.contains("q.a1_agency"))
    }
    // A page of one form is not taken by the link of another.
    let wrong = try visitor("pks01")
    await wrong.open()
    #expect(await wrong.post([("form", "water@1"), ("lang", "vi"), ("go", "start")]) == 400)
    let nothing = try visitor("nothing")
    #expect(await nothing.open() == 410)
    try await world.release()
    #expect(try await world.survey.hub.read { try $0.rows("SELECT form FROM answer").map { $0[0].text } } == ["water@1"])
  }

  @Test func aPreviewAsksEverythingAndKeepsNothing() async throws {
    let form = try XLSFormImport.form(
      survey: Data("type,name,label\ntext,well,Which well?\n".utf8), choices: nil, settings: nil)
    let key = FormLinkKey(secret: Data(repeating: 3, count: 32))
    let desk = PreviewDesk(form: form, nowMs: Int64(WebWorld.morningMs))
    let visitor = Visitor(web: try WebForm(desk: desk, key: key), target: try #require(desk.target(key)))
    #expect(await visitor.open("?lang=en") == 200)
    #expect(visitor.text.contains("Preview, nothing is kept"))
    await visitor.press("start")
    await visitor.press("next", [("q.well", "North")])
    #expect(await visitor.press("send") == 303)
  }

  @Test func choicesThatHangOnAnAnswerOfTheSamePageAreAskedAgain() async throws {
    let form = try XLSFormImport.form(
      survey: Data(
        "type,name,label,choice_filter\nselect_one p,p,Province?,\nselect_one c,c,Commune?,province = ${p}\ntext,t,Text?,\n".utf8),
      choices: Data("list_name,name,label,province\np,p1,P1,\np,p2,P2,\nc,c1,C1,p1\nc,c2,C2,p2\n".utf8), settings: nil)
    let key = FormLinkKey(secret: Data(repeating: 3, count: 32))
    let desk = PreviewDesk(form: form, nowMs: Int64(WebWorld.morningMs))
    let visitor = Visitor(web: try WebForm(desk: desk, key: key), target: try #require(desk.target(key)))
    await visitor.open()
    await visitor.press("start")
    #expect(!visitor.text.contains("value=\"c1\""))
    await visitor.press("next", [("q.p", "p1"), ("q.c", ""), ("q.t", "x")])
    #expect(visitor.page.fields.contains("q.c") && visitor.text.contains("value=\"c1\"") && !visitor.text.contains("value=\"c2\""))
    // Another province: the commune of the first does not stand.
    await visitor.press("next", [("q.p", "p2"), ("q.c", "c1"), ("q.t", "x")])
    #expect(visitor.page.fields.contains("q.c") && visitor.text.contains("value=\"c2\"") && visitor.page.faults.isEmpty)
    await visitor.press("next", [("q.p", "p2"), ("q.c", "c2"), ("q.t", "x")])
    #expect(visitor.page.buttons.contains("send"))
  }
}
