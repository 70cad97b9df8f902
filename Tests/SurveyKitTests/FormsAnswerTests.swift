import Foundation
import SyncKit
import Testing

@testable import SurveyKit

@Suite struct FormsAnswerTests {
  static let good: [String: AnswerValue] = [
    "report_date": .date("2024-04-01"), "reporter_role": .choice("nhap_lieu"), "channels": .choices(["zalo", "hoi_nghi"]),
    "meetings": .integer(2),
    "officials_total": .integer(21), "guided": .integer(20), "answered": .integer(18), "difficulties": .text("khong"),
  ]

  private func verdict(_ change: [String: AnswerValue?] = [:], today: String = "2024-04-01") throws -> Result<
    ValidatedAnswers, AnswerFaults
  > {
    var answers = Self.good
    for (name, value) in change { answers[name] = value }
    return AnswerValidator(form: try Samples.form("report01"), today: today).validate(answers)
  }

  private func faults(_ change: [String: AnswerValue?], today: String = "2024-04-01") throws -> [String] {
    guard case .failure(let error) = try verdict(change, today: today) else { return [] }
    return error.faults.map { "\($0.question) \($0.kind.rawValue)" }
  }

  @Test func goodAnswersGetOneSpellingAndTheirCalculatedValue() throws {
    let answers = try verdict().get()
    let expected = """
      {"answer_rate":85.7,"answered":18,"channels":["zalo","hoi_nghi"],"difficulties":["khong"],"guided":20,"meetings":2,\
      "officials_total":21,"report_date":"2024-04-01","reporter_role":"nhap_lieu"}
      """
    #expect(String(decoding: answers.canonicalJSON, as: UTF8.self) == expected)
    #expect(answers.formID == "report01")
  }

  @Test func spellingDoesNotDependOnHowAnswersArrive() throws {
    let typed = try verdict().get()
    let raw = try verdict([
      "channels": .text(" hoi_nghi  zalo "), "meetings": .text("02"), "report_date": .text("2024-04-01"), "guided": .decimal(20),
    ]).get()
    #expect(raw == typed)
    let validator = AnswerValidator(form: try Samples.form("report01"), today: "2024-04-01")
    #expect(try validator.validate(json: typed.canonicalJSON).get().canonicalJSON == typed.canonicalJSON)
  }

  @Test func textIsTrimmedAndNormalised() throws {
    let answers = try verdict(["channels": .text("khac"), "meetings": .none, "channels_other": .text("  Tie\u{302}\u{301}ng\r\nloa ")])
      .get()
    let text = try #require(answers.values["channels_other"]).cell
    #expect(text.unicodeScalars.elementsEqual("Tiếng\nloa".precomposedStringWithCanonicalMapping.unicodeScalars))
  }

  @Test func eachRuleHasItsFault() throws {
    #expect(try faults(["reporter_role": .text("giam_doc")]) == ["reporter_role unknown_choice"])
    #expect(try faults(["channels": .text("zalo zalo"), "meetings": .none]) == ["channels duplicate_choice"])
    #expect(try faults(["reporter_role": .text("to_truong nhap_lieu")]) == ["reporter_role malformed"])
    #expect(try faults(["reporter_role": .none]) == ["reporter_role missing_required"])
    #expect(try faults(["reporter_role": .text("   ")]) == ["reporter_role missing_required"])
    #expect(try faults(["channels": .text("zalo")]) == ["meetings not_relevant"])
    #expect(try faults(["meetings": .integer(51)]) == ["meetings constraint"])
    #expect(try faults(["guided": .integer(22)]) == ["guided constraint"])
    #expect(try faults(["guided": .text("nhiều")]) == ["guided not_integer"])
    #expect(try faults(["guided": .text("1.5")]) == ["guided not_integer"])
    #expect(try faults(["guided": .text("99999999999999999999")]) == ["guided not_integer"])
    #expect(try faults(["guided": .decimal(.nan)]) == ["guided not_integer"])
    #expect(try faults(["report_date": .text("1/4/2024")]) == ["report_date not_date"])
    #expect(try faults(["report_date": .date("2024-04-02")]) == ["report_date constraint"])
    #expect(try faults(["report_date": .date("2024-04-02")], today: "2024-04-02") == [])
    #expect(try faults(["name": .text("x")]) == ["name unknown_question"])
    #expect(try faults(["intro": .text("x")]) == ["intro unknown_question"])
    #expect(try faults(["channels": .text("khac"), "meetings": .none, "channels_other": .text("a\u{0}b")]) == ["channels_other malformed"])
    let long = String(repeating: "x", count: AnswerReader.answerTextBytesMax + 1)
    #expect(try faults(["channels": .text("khac"), "meetings": .none, "channels_other": .text(long)]) == ["channels_other too_long"])
    #expect(try faults(["guided": .none, "reporter_role": .none]) == ["reporter_role missing_required", "guided missing_required"])
  }

  @Test func faultsSpeakInTheFormsOwnWords() throws {
    let error = try #require(throws: AnswerFaults.self) { try verdict(["meetings": .integer(0), "guided": .none]).get() }
    #expect(error.faults.map(\.message.vi) == ["Nhập số từ 1 đến 50.", "Câu này cần được trả lời."])
    #expect(error.faults.map(\.message.en) == ["Enter a number from 1 to 50.", "This question needs an answer."])
  }

  @Test func lengthIsCountedInCharactersAsPeopleCount() throws {
    let full = String(repeating: "ệ", count: 200)
    #expect(try faults(["channels": .text("khac"), "meetings": .none, "channels_other": .text(full)]) == [])
    #expect(
      try faults(["channels": .text("khac"), "meetings": .none, "channels_other": .text(full + "x")]) == ["channels_other constraint"])
  }

  @Test func repeatsAreJudgedOneByOne() throws {
    let photos = AnswerValue.instances([
      ["photo": .text("a.jpg"), "caption": .text("Niêm yết")], [:], ["photo": .text("b.jpg"), "caption": .text("Họp")],
    ])
    let json = String(decoding: try verdict(["photos": photos]).get().canonicalJSON, as: UTF8.self)
    #expect(json.contains(#""photos":[{"caption":"Niêm yết","photo":"a.jpg"},{"caption":"Họp","photo":"b.jpg"}]"#))
    let bad = AnswerValue.instances([["photo": .text("a.jpg")], ["caption": .text("x")], ["x": .integer(1)]])
    let error = try #require(throws: AnswerFaults.self) { try verdict(["photos": bad]).get() }
    #expect(
      error.faults.map { "\($0.question) \($0.instance ?? -1) \($0.kind.rawValue)" } == [
        "x 2 unknown_question", "caption 0 missing_required", "caption 1 not_relevant",
      ])
    let many = AnswerValue.instances(Array(repeating: [:], count: AnswerValidator.repeatInstancesMax + 1))
    #expect(try faults(["photos": many]) == ["photos too_many"])
    #expect(try faults(["photos": .integer(1)]) == ["photos malformed"])
  }

  @Test func hiddenAndCalculatedAnswersAreNeverStored() throws {
    let answers = try verdict(["commune_code": .text("07213"), "answer_rate": .integer(1)]).get()
    #expect(answers.values["commune_code"] == nil)
    #expect(answers.values["answer_rate"] == .decimal(85.7))
  }

  @Test func irrelevantGroupHidesItsQuestionsAndTheirValues() throws {
    let rows = "text,a,A?,,,,,\nbegin group,g,G,${a} = 'x',,,,\ntext,b,B?,,,,yes,\nend group,,,,,,,\ntext,c,C?,${b} = 'y',,,,\n"
    let validator = AnswerValidator(form: try Samples.small(rows).get(), today: "2024-04-01")
    let stale: [String: AnswerValue] = ["a": .text("z"), "b": .text("y"), "c": .text("c")]
    let error = try #require(throws: AnswerFaults.self) { try validator.validate(stale).get() }
    #expect(error.faults.map(\.question) == ["b", "c"])
    #expect(error.faults.allSatisfy { $0.kind == .notRelevant })
    #expect(validator.withoutIrrelevant(stale) == ["a": .text("z")])
    #expect(!validator.isRelevant("c", given: stale))
    #expect(validator.isRelevant("b", given: ["a": .text("x")]))
    #expect(!validator.isRelevant("nobody", given: [:]))
  }

  @Test func oneQuestionAtATimeAsATerminalAsks() throws {
    let validator = AnswerValidator(form: try Samples.form("report01"), today: "2024-04-01")
    #expect(validator.isRelevant("meetings", given: ["channels": .text("hoi_nghi")]))
    #expect(!validator.isRelevant("meetings", given: ["channels": .text("zalo")]))
    #expect(try validator.check(.text("20"), to: "guided", given: ["officials_total": .text("21")]).get() == .integer(20))
    #expect(throws: AnswerFaults.self) { try validator.check(.text("22"), to: "guided", given: ["officials_total": .text("21")]).get() }
    #expect(throws: AnswerFaults.self) { try validator.check(nil, to: "guided", given: [:]).get() }
    #expect(try validator.check(nil, to: "difficulties_text", given: [:]).get() == nil)
    #expect(validator.isRelevant("photos", given: [:]))
    #expect(validator.isRelevant("caption", given: [:], instance: ["photo": .text("a.jpg")]))
    #expect(!validator.isRelevant("caption", given: [:]))
    #expect(validator.calculated("answer_rate", given: ["officials_total": .integer(20), "answered": .integer(5)]) == .integer(25))
  }

  @Test func otherKindsAreRead() throws {
    let form = try Samples.small(
      "decimal,d,D?,,. > 0.5,,,Too small\ntime,t,T?,,,,,\ndateTime,m,M?,,,,,\nselect_one l,s,S?,,,,,\n", choices: "l,1,One\nl,2,Two\n"
    ).get()
    let validator = AnswerValidator(form: form, today: "2024-04-01")
    let answers = try validator.validate(["d": .text("2.50"), "t": .text("08:30"), "m": .text("2024-04-01T08:30"), "s": .integer(2)]).get()
    #expect(String(decoding: answers.canonicalJSON, as: UTF8.self) == #"{"d":2.5,"m":"2024-04-01T08:30","s":"2","t":"08:30"}"#)
    for (name, bad) in [("d", "2,5"), ("d", "0.5"), ("d", "1e3"), ("t", "24:00"), ("t", "8:30"), ("m", "08:30"), ("s", "3")] {
      guard case .failure(let error) = validator.validate([name: .text(bad)]) else {
        Issue.record("\(name) = \(bad) was accepted")
        continue
      }
      #expect(error.faults.map(\.question) == [name])
    }
  }

  @Test func strangeJSONIsRefusedNotCrashed() throws {
    let validator = AnswerValidator(form: try Samples.form("report01"), today: "2024-04-01")
    for text in [
      "", "[]", "{", "{\"a\":true}", "{\"a\":{}}", "{\"a\":[1]}", "{\"a\":[\"x\",{}]}", "{\"guided\":1e999}",
      String(repeating: "[", count: 200_000),
    ] {
      guard case .failure = validator.validate(json: Data(text.utf8)) else {
        Issue.record("accepted: \(text.prefix(20))")
        continue
      }
    }
  }
}
