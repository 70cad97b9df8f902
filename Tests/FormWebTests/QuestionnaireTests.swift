import Foundation
import SurveyKit
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

@testable import FormWeb
@testable import SyncHub

/// The questionnaire as its respondents meet it: real hub, real pages, no browser.
@Suite struct QuestionnaireTests {
  @Test func answersArriveOnceAsGivenAndAreReadableNowhereBefore() async throws {
    let world = try await WebWorld()
    let words = "Ý kiến kín 8842"
    var expected: [String: String] = [:]
    for seed in UInt64(1)...6 {
      let answers = try world.answers(seed: seed, ["g6_suggestion": .text("\(words)-\(seed)\nDòng hai, \"<b>\" & 'x'")])
      let draft = try await world.respondent().answer(answers.values)
      expected[world.key.answerID(draft: draft, unit: WebWorld.unit, content: answers.canonicalJSON)] = String(
        decoding: answers.canonicalJSON, as: UTF8.self)
      if seed == 4 {
        #expect(try await world.count("hub_packet") == 4)
        #expect(try await world.count("answer") == 0)
        let files = try #require(FileManager.default.enumerator(atPath: world.folder.path)).compactMap { $0 as? String }
        for file in files {
          let data = FileManager.default.contents(atPath: world.folder.path + "/" + file) ?? Data()
          for needle in [words, draft] + expected.keys { #expect(data.range(of: Data(needle.utf8)) == nil, "\(file) holds \(needle)") }
        }
      }
    }
    try await world.release()
    let rows = try await world.survey.hub.read { try $0.rows("SELECT id, answers, language, form, unit FROM answer") }
    #expect(rows.count == 6)
    for row in rows {
      #expect(row[0].text.flatMap { expected[$0] } == row[1].text)
      #expect(row[2].text == "vi" && row[3].text == "pks01@2024032601" && row[4].text == "07201")
    }
  }

  @Test(.long) func aPageSentTwiceCountsOnceAlsoAtAnotherProcess() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    #expect(visitor.page.buttons.contains("send"))
    #expect(await visitor.press("send") == 303)
    let sent = visitor.last
    // Sent again: the same "received", and nothing is kept a second time.
    #expect(await visitor.call(sent) == 303 && visitor.reply.headers["location"] == visitor.target + "/done")
    #expect(try await world.count("hub_packet") == 1)
    // Any of its pages sent again says so, and shows nothing of it.
    var back = sent
    back.body = Data(String(decoding: sent.body, as: UTF8.self).replacing("go=send", with: "go=page.6").utf8)
    #expect(await visitor.call(back) == 410 && !visitor.text.contains("5521"))
    // Another process knows nothing of it and keeps a packet; the hub still counts one answer.
    let elsewhere = try WebForm(desk: world.survey, key: world.key)
    #expect(await elsewhere.answer(sent).status == 303)
    #expect(try await world.count("hub_packet") == 2)
    try await world.release()
    #expect(try await world.count("answer") == 1)
  }

  @Test(.long) func theNoticeSaysWhereAndTheReceiptSaysNothing() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    #expect(await visitor.open() == 200)
    for words in ["Phường Thọ Xương", "Thành phố Bắc Giang", "Ẩn danh", "Không rút lại được", "PHIẾU MẪU"] {
      #expect(visitor.text.contains(words), "\(words)")
    }
    #expect(visitor.page.value("id") == nil, "an id in a notice could come to two people")
    await visitor.press("start")
    let first = visitor.page.value("id")
    await visitor.open()
    await visitor.press("start")
    #expect(visitor.page.value("id") != first)
    await visitor.open("?lang=en")
    #expect(visitor.text.contains("<html lang=\"en\">") && visitor.text.contains("Cannot be withdrawn"))
    await visitor.fillSample()
    await visitor.press("lang.en")
    #expect(visitor.text.contains("Check before sending") && visitor.text.contains("Party policy") == false)
    await visitor.press("send")
    let done = try #require(visitor.reply.headers["location"])
    #expect(done == visitor.target + "/done?lang=en" && visitor.reply.body.isEmpty)
    await visitor.call(HubRequest("GET", done))
    #expect(visitor.text.contains("Your answer was received") && !visitor.text.contains("5521") && visitor.page.hidden.isEmpty)
    #expect(!visitor.text.contains("Thọ Xương"))
  }

  @Test(.long) func everyPageStaysOutOfCachesAndRunsNothing() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    var replies = [visitor.reply]
    for button in ["page.0", "next", "back", "lang.en"] {
      await visitor.press(button)
      replies.append(visitor.reply)
    }
    await visitor.open("x")
    replies.append(visitor.reply)
    for reply in replies {
      let text = String(decoding: reply.body, as: UTF8.self)
      #expect(reply.headers["cache-control"] == "no-store" && reply.headers["referrer-policy"] == "same-origin")
      #expect(
        reply.headers["content-security-policy"]
          == "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
      #expect(!text.contains("<script") && !text.contains("style=") && !text.contains("http") && reply.headers["set-cookie"] == nil)
      #expect(text.components(separatedBy: "<title>Phiếu khảo sát</title>").count == 2 || text.contains("<title>Questionnaire</title>"))
      if text.contains("<form") { #expect(text.contains("method=\"post\"") && text.contains("autocomplete=\"off\"")) }
      #expect(reply.body.count < 12_000)
    }
  }

  // MARK: Rules on the pages

  @Test(.long) func whatIsWrongStandsBesideItsQuestionAndInALinkedList() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.open()
    await visitor.press("start")
    #expect(await visitor.press("next", [("q.a1_agency", "ubnd")]) == 422)
    #expect(visitor.page.faults == ["Câu này cần được trả lời.", "Câu này cần được trả lời."])
    #expect(visitor.text.contains("<a href=\"#n2.0\">Anh/chị thuộc nhóm nào?</a>") && visitor.text.contains("id=\"n2.0\""))
    #expect(visitor.text.contains("tabindex=\"-1\" autofocus") && visitor.text.contains("aria-describedby=\"n2.fault\""))
    #expect(visitor.text.contains("value=\"ubnd\" checked"))
    // The message is there in the other language too.
    #expect(await visitor.press("lang.en", [("q.a1_agency", "ubnd")]) == 200)
    #expect(await visitor.press("next", [("q.a1_agency", "ubnd")]) == 422)
    #expect(visitor.page.faults == ["This question needs an answer.", "This question needs an answer."])
  }

  @Test(.long) func aQuestionThatDependsOnItsOwnPageComesBeforeThePageIsLeft() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    await visitor.press("page.2")
    #expect(visitor.page.fields == ["q.c1_conference"])
    #expect(await visitor.press("next", [("q.c1_conference", "co")]) == 200)
    #expect(visitor.page.fields == ["q.c1_conference", "q.c2_conference_quality"] && visitor.text.contains("class=\"alert new\""))
    #expect(await visitor.press("next", [("q.c1_conference", "co")]) == 422)
    // Taken back: the other question goes, and nobody is asked for it.
    #expect(await visitor.press("next", [("q.c1_conference", "khong")]) == 200)
    #expect(visitor.page.buttons.contains("send"))
  }

  @Test(.long) func whatALaterChangeMakesNecessaryIsAskedBeforeTheReview() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    await visitor.press("page.1")
    await visitor.press("next", [("q.b1_disclosure", "3"), ("q.b2_topics", "noi_quy")])
    #expect(visitor.page.fields.contains("q.b3_means"))
    await visitor.press("next", [("q.b1_disclosure", "3"), ("q.b2_topics", "noi_quy"), ("q.b3_means", "khac")])
    #expect(visitor.page.buttons.contains("send"))
    // The review refuses what is no longer whole, whatever the page claims.
    let state = try world.state(visitor).replacing("[\"khac\"]", with: "[]")
    #expect(await visitor.press("send", hidden: ["state": try world.sealed(state)]) == 200)
    #expect(!visitor.page.buttons.contains("send") && visitor.page.faults == ["Câu này cần được trả lời."])
    #expect(try await world.count("hub_packet") == 0)
  }

  @Test(.long) func goingBackKeepsWhatWasTypedAlsoWhatIsWrong() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    await visitor.press("page.4")
    await visitor.press("back", [("q.e1_board", "co"), ("q.e3_petitions", "nhiều")])
    #expect(visitor.page.fields.contains("q.d1_consulted"))
    await visitor.press(
      "next", [("q.d1_consulted", "3"), ("q.d2_matters", "chua_duoc"), ("q.d3_uptake", "khong"), ("q.d4_speak_up", "co")])
    #expect(visitor.page.fields.contains("q.e3_petitions") && visitor.text.contains("value=\"nhiều\""))
    #expect(visitor.page.faults.count == 1)
  }

  // MARK: Other forms

  @Test(.long) func repeatsAreAddedRemovedAndBounded() async throws {
    let world = try await WebWorld()
    try await world.publish(
      "2024032602",
      [
        "begin repeat,trip,Trip,,,,,", "text,goal,Where to?,,,yes,,", "integer,km,How far?,${goal} != '',. > 0,yes,,", "end repeat,,,,,,,",
        "begin group,z,Last,,,,,", "integer,all,In all,,. = sum(${km}),yes,,", "end group,,,,,,,",
      ])
    let visitor = try world.visitor()
    await visitor.open("?lang=en")
    await visitor.press("start")
    #expect(visitor.page.fields.isEmpty && visitor.page.buttons.contains("add.trip"))
    await visitor.press("add.trip")
    await visitor.press("add.trip", [("q.trip.0.goal", "Bắc Ninh")])
    #expect(visitor.page.fields == ["q.trip.0.goal", "q.trip.0.km", "q.trip.1.goal"])
    await visitor.press("remove.trip.1", [("q.trip.0.goal", "Bắc Ninh"), ("q.trip.0.km", "0")])
    #expect(visitor.page.fields == ["q.trip.0.goal", "q.trip.0.km"])
    #expect(await visitor.press("next", [("q.trip.0.goal", "Bắc Ninh"), ("q.trip.0.km", "0")]) == 422)
    await visitor.press("next", [("q.trip.0.goal", "Bắc Ninh"), ("q.trip.0.km", "20")])
    #expect(visitor.page.fields == ["q.all"])
    await visitor.press("back", [("q.all", "")])
    for _ in 1..<WebLimits.instancesMax { await visitor.press("add.trip", [("q.trip.0.goal", "Bắc Ninh"), ("q.trip.0.km", "20")]) }
    #expect(!visitor.page.buttons.contains("add.trip") && visitor.page.buttons.contains("remove.trip.\(WebLimits.instancesMax - 1)"))
    #expect(await visitor.press("add.trip") == 200)
    #expect(!visitor.page.buttons.contains("remove.trip.\(WebLimits.instancesMax)"))
    // A respondent's program gets through as well.
    let trips = AnswerValue.instances([["goal": .text("A"), "km": .integer(3)], ["goal": .text("B"), "km": .integer(4)]])
    let draft = try await world.respondent().answer(["trip": trips, "all": .integer(7)])
    try await world.release()
    let content = "{\"all\":7,\"trip\":[{\"goal\":\"A\",\"km\":3},{\"goal\":\"B\",\"km\":4}]}"
    let id = world.key.answerID(draft: draft, unit: WebWorld.unit, content: Data(content.utf8))
    let stored = try await world.survey.hub.read { try $0.firstRow("SELECT answers FROM answer WHERE id = ?1", [.text(id)]) }
    #expect(stored?[0].text == content)
  }

  @Test func defaultsFiltersDatesAndCommasInNumbers() async throws {
    let world = try await WebWorld()
    try await world.publish(
      "2024032602",
      [
        "note,hello,Read this,,,,,", "integer,size,Size,,,yes,5,", "select_one c,kind,Kind,,,,,big = ${size}", "note,low,Lower,,,,,",
        "begin group,g,Second,,,,,", "decimal,rate,Rate,,,yes,,", "date,day,Day,,,,,", "time,hour,Hour,,,,,",
        "select_one l,place,Place,,,,,", "end group,,,,,,,", "note,bye,Last words,,,,,",
      ], choices: ["c,x,X,5", "c,y,Y,6"] + (0..<20).map { "l,p\($0),Place \($0)," })
    let visitor = try world.visitor()
    await visitor.open("?lang=en")
    #expect(visitor.text.contains("Read this"))
    await visitor.press("start")
    #expect(visitor.text.contains("value=\"5\"") && visitor.text.contains("Lower"))
    // What is offered follows the number, so it is asked once more.
    await visitor.press("next", [("q.size", "6"), ("q.kind", "")])
    #expect(visitor.page.fields == ["q.size", "q.kind"] && visitor.text.contains("value=\"y\""))
    await visitor.press("next", [("q.size", "6"), ("q.kind", "")])
    #expect(visitor.text.contains("Last words") && visitor.text.contains("type=\"date\"") && visitor.text.contains("<select"))
    await visitor.press("back", [("q.rate", "2,5")])
    // What was deleted stays deleted.
    #expect(visitor.text.contains("value=\"y\"") && !visitor.text.contains("value=\"x\""))
    await visitor.press("lang.en", [("q.size", "")])
    #expect(visitor.text.contains("name=\"q.size\" id=\"n1\" value=\"\""))
    await visitor.press("next", [("q.size", "6"), ("q.kind", "y")])
    #expect(await visitor.press("next", [("q.rate", "2,5"), ("q.day", "2024-02-30"), ("q.place", "p3")]) == 422)
    await visitor.press("next", [("q.rate", "2,5"), ("q.day", "2024-02-29"), ("q.place", "p3")])
    #expect(visitor.text.contains("2.5") && visitor.text.contains("2024-02-29") && visitor.text.contains("Place 3"))
    #expect(await visitor.press("send") == 303)
  }

  @Test func aFormThatNeedsAPictureIsNotOffered() async throws {
    let world = try await WebWorld()
    try await world.publish("2024032602", ["text,a,A,,,,,", "image,b,Photo,,,yes,,"])
    #expect(try await world.visitor().open() == 404)
  }
}
