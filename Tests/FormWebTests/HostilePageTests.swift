import Foundation
import SurveyKit
import SyncKit
import TestSupport
import Testing

@testable import FormWeb

/// What comes in is believed in nothing: fields, hidden state, sizes, names.
@Suite struct HostilePageTests {
  private func body(_ fields: [(String, String)]) -> Data { FieldsBody.encoded(fields) }

  @Test(.long) func nothingButOurOwnPagesIsTaken() async throws {
    let world = try await WebWorld()
    let target = try world.target()
    let id = Draft.newID()
    let own = [("id", id), ("form", "pks01@2024032601"), ("lang", "vi"), ("page", "0"), ("state", try world.sealed("{}")), ("go", "next")]
    func with(_ name: String, _ value: String?) -> Data {
      body(own.compactMap { $0.0 == name ? value.map { (name, $0) } : $0 } + (own.contains { $0.0 == name } ? [] : [(name, value ?? "")]))
    }
    let deep = String(repeating: "[", count: 50_000)
    let instances = "{\"photos\":[" + Array(repeating: "{}", count: 5000).joined(separator: ",") + "]}"
    let bodies: [(String, Data, Int)] = [
      ("empty", Data(), 400), ("no id", with("id", nil), 400), ("short id", with("id", "abc"), 400),
      ("upper id", with("id", id.uppercased()), 400),
      ("id of markup", with("id", "\"><b>" + id.dropFirst(5)), 400), ("no form", with("form", nil), 400),
      ("another form", with("form", "report01@2024032601"), 400), ("unknown edition", with("form", "pks01@1"), 400),
      ("form without edition", with("form", "pks01"), 400), ("no page", with("page", nil), 400),
      ("page far away", with("page", "999"), 400),
      ("negative page", with("page", "-1"), 400), ("huge page", with("page", "99999999999999999999"), 400),
      ("no button", with("go", nil), 400),
      ("unknown button", with("go", "delete"), 400), ("send from a page", with("go", "send"), 400),
      ("page from a page", with("go", "page.1"), 400),
      ("add nothing", with("go", "add.photos"), 400), ("remove nothing", with("go", "remove.photos.0"), 400),
      ("remove far", with("go", "remove.a1_agency.9999999999999999999"), 400), ("language", with("go", "lang.xx"), 400),
      ("state of nonsense", with("state", try world.sealed("{")), 400), ("state is a list", with("state", try world.sealed("[]")), 400),
      ("state is deep", with("state", try world.sealed(deep)), 400),
      ("state of objects", with("state", try world.sealed("{\"a1_agency\":{\"x\":1}}")), 400),
      ("a repeat where none is", with("state", try world.sealed("{\"a1_agency\":[{\"x\":\"1\"}]}")), 400),
      ("state that is not sealed", with("state", "{}"), 400), ("no state", with("state", nil), 400),
      ("state of another link", with("state", try world.key.seal("{}", for: "/s/other")), 400),
      ("zero byte", Data("id=\(id)%00".utf8), 400), ("no UTF-8", Data("id=\(id)&form=%FF%FE".utf8), 400),
      ("overlong UTF-8", Data("id=\(id)&form=%C0%AF".utf8), 400), ("raw bytes", Data([0x69, 0x64, 0x3D, 0xFF, 0x00]), 400),
      ("broken escape", Data("id=%".utf8), 400), ("broken escape 2", Data("id=%G1".utf8), 400),
      ("too many fields", Data(String(repeating: "a=1&", count: FieldsBody.fieldsMax + 1).utf8), 400),
      ("too large", Data(repeating: 0x61, count: WebLimits.bodyBytesMax + 1), 413),
      ("instances of another form", with("state", try world.sealed(instances)), 422),
    ]
    for (name, body, status) in bodies {
      let call = HubRequest("POST", target, headers: ["content-type": FieldsBody.contentType], body: body)
      let reply = await world.web.answer(call)
      #expect(reply.status == status, "\(name): \(reply.status)")
      #expect(reply.headers["content-type"] == "text/html; charset=utf-8")
    }
    for type in [nil, "multipart/form-data; boundary=x", "application/json", "text/plain"] {
      let reply = await world.web.answer(HubRequest("POST", target, headers: type.map { ["content-type": $0] } ?? [:], body: body(own)))
      #expect(reply.status == 415)
    }
    for headers in [
      ["sec-fetch-site": "cross-site"], ["sec-fetch-site": "same-site"], ["origin": "https://evil.example", "host": "hub.example"],
    ] {
      let all = headers.merging(["content-type": FieldsBody.contentType]) { $1 }
      #expect(await world.web.answer(HubRequest("POST", target, headers: all, body: body(own))).status == 403)
    }
    for (headers, status) in [
      (["sec-fetch-site": "same-origin", "origin": "null"], 303), (["origin": "https://hub.example", "host": "hub.example"], 422),
    ] {
      let all = headers.merging(["content-type": FieldsBody.contentType + "; charset=UTF-8"]) { $1 }
      #expect(await world.web.answer(HubRequest("POST", target, headers: all, body: body(own))).status == status)
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "get"] { #expect(await world.web.answer(HubRequest(method, target)).status == 405) }
    #expect(try await world.count("hub_packet") == 0)
  }

  @Test(.long) func fieldsOfOtherQuestionsAndTamperedAnswersDoNotGetIn() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    let state = try world.state(visitor)
    #expect(!visitor.text.contains("ubnd\"") || visitor.page.value("state")?.contains("ubnd") == false, "nothing can be read in the page")
    // Answers to other forms, hidden questions and repeats are dropped; an impossible choice is refused at the end.
    let added = state.dropLast() + ",\"commune_code\":\"07204\",\"guided\":\"9\",\"constructor\":\"x\",\"photos\":\"y\"}"
    await visitor.press("lang.vi", hidden: ["state": try world.sealed(String(added))])
    #expect(try world.state(visitor) == state)
    let forged = state.replacing("\"ubnd\"", with: "\"admin\"")
    await visitor.press("send", hidden: ["state": try world.sealed(forged)])
    #expect(!visitor.page.buttons.contains("send") && visitor.page.faults.count == 1)
    // A number where a choice stands, a list where a text stands: no trap, and no way in.
    for value in ["7", "1e300", "[\"a\",\"b\"]", "-9223372036854775808", "[]", "\"\""] {
      await visitor.open()
      let hidden = [("id", Draft.newID()), ("form", "pks01@2024032601"), ("lang", "vi"), ("page", "review"), ("go", "send")]
      let changed = ["a1_agency", "e3_petitions", "g6_suggestion"].map { "\"\($0)\":\(value)" }.joined(separator: ",")
      #expect(await visitor.post(hidden + [("state", try world.sealed("{\(changed)}"))]) == 200)
      #expect(!visitor.page.buttons.contains("send"))
    }
    #expect(try await world.count("hub_packet") == 0)
    // Fields of another page than the posted one are not looked at.
    await visitor.fillSample()
    await visitor.press("page.0")
    await visitor.press(
      "next",
      [
        ("q.a1_agency", "ubnd"), ("q.a2_position", "can_bo"), ("q.a3_years", "lt5"), ("q.g4_overall", "1"), ("q.commune_code", "07204"),
        ("q.photos.0.photo", "x"), ("q.a1_agency.0", "y"), ("q.", "z"),
      ])
    #expect(try world.state(visitor).contains("\"g4_overall\":\"3\""))
    #expect(try !world.state(visitor).contains("07204"))
  }

  @Test(.long) func whatIsTypedNeverBecomesMarkup() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    // A quote with an accent on it is one visible character, and still a quote to a browser.
    let texts = [
      "\"\u{338} autofocus onfocus=alert(1) x=\"", "</textarea><script>alert(1)</script>", "<\u{338}b>", "'\u{301}'", "&lt;b&gt;",
      "{{state}}",
    ]
    for text in texts {
      await visitor.fillSample()
      await visitor.press("page.6")
      await visitor.press("lang.vi", [("q.g6_suggestion", text), ("q.g4_overall", text)])
      for _ in 0..<2 {
        let page = visitor.text
        for raw in ["\"\u{338}", "<script", "<\u{338}b"] {
          #expect(page.range(of: raw, options: .literal) == nil, "\(text)")
        }
        #expect(page.unicodeScalars.elementsEqual(visitor.text.unicodeScalars))
        await visitor.press("back")
      }
    }
    // Only our own tags, whatever was typed.
    let tags = Set(visitor.text.split(separator: "<").dropFirst().map { $0.prefix { $0.isLetter || $0 == "/" || $0 == "!" } })
    let known: Set<Substring> = [
      "!doctype", "html", "/html", "head", "/head", "meta", "title", "/title", "link", "body", "/body", "a", "/a", "header", "/header", "p",
      "/p",
      "strong", "/strong", "span", "/span", "main", "/main", "form", "/form", "button", "/button", "input", "progress", "/progress", "h",
      "/h",
      "fieldset", "/fieldset", "legend", "/legend", "label", "/label", "small", "/small", "div", "/div", "textarea", "/textarea",
    ]
    #expect(tags.subtracting(known).isEmpty, "\(tags.subtracting(known))")
  }

  @Test(.long) func longAnswersAreRefusedWithAWayOutAndControlCharactersNamed() async throws {
    let world = try await WebWorld()
    let visitor = try world.visitor()
    await visitor.fillSample()
    await visitor.press("page.6")
    let others = [("q.g1_service", "3"), ("q.g2_workplace", "3"), ("q.g3_priorities", "thai_do"), ("q.g4_overall", "3")]
    let long = String(repeating: "ă", count: 30_000)
    #expect(await visitor.press("next", others + [("q.g6_suggestion", long)]) == 422)
    #expect(visitor.text.contains("rút ngắn"))
    #expect(await visitor.press("next", others + [("q.g6_suggestion", "ngắn")]) == 200)
    await visitor.press("page.6")
    #expect(await visitor.press("next", others + [("q.g6_suggestion", "a\u{1}b\u{7F}")]) == 422)
    #expect(await visitor.press("next", others + [("q.g6_suggestion", String(repeating: "x", count: 1_001))]) == 422)
    #expect(visitor.page.faults == ["Tối đa 1000 ký tự."])
    // Lines are counted as a person typed them, not as browsers send them.
    let lines = String(repeating: "x\n", count: 499) + "xx"
    #expect(await visitor.press("next", others + [("q.g6_suggestion", lines)]) == 200)
    #expect(await visitor.press("send") == 303)
  }
}
