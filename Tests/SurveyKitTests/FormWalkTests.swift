import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit

@Suite struct FormWalkTests {
  /// Answers of one who is content: the shortest way through pks01.
  private static let content: [String: AnswerValue] = [
    "a1_agency": .text("ubnd"), "a2_position": .text("cong_chuc"), "a3_years": .text("lt5"), "b1_disclosure": .text("4"),
    "b2_topics": .text("khong_biet"), "c1_conference": .text("khong"), "d1_consulted": .text("4"), "d2_matters": .text("chua_duoc"),
    "d3_uptake": .text("khong"), "d4_speak_up": .text("co"), "e1_board": .text("khong"), "e3_petitions": .text("0"),
    "f1_head": .text("4"), "f2_rules": .text("co"), "g1_service": .text("4"), "g2_workplace": .text("4"),
    "g3_priorities": .text("tru_so"), "g4_overall": .text("4"),
  ]

  private func walk(_ form: Form, correcting: [String: AnswerValue]? = nil) -> FormWalk {
    let carried: [String: AnswerValue] = ["commune_code": .text("07201")]
    guard let correcting else { return FormWalk(form: form, today: "2024-04-01", carried: carried) }
    return FormWalk(form: form, today: "2024-04-01", carried: carried, correcting: correcting)
  }

  private func name(_ step: FormStep) -> String {
    switch step {
    case .item(let name, let number): number.map { "\(name) \($0)" } ?? name
    case .another(let name, let outer): outer.map { "another \(name) \($0)" } ?? "another \(name)"
    case .review: "review"
    }
  }

  /// Answers what is asked until the review, and says what was met on the way.
  private func finish(_ walk: inout FormWalk, _ answers: [String: AnswerValue]) throws -> [String] {
    var met: [String] = []
    while walk.step != .review {
      met.append(name(walk.step))
      try #require(met.count < 200)
      switch walk.step {
      case .another: walk.finishRepeat()
      case .item(let name, _): _ = try walk.answer(answers[name]).get()
      case .review: break
      }
    }
    return met
  }

  // MARK: The real forms

  @Test func theSurveyIsAskedInOrderWithoutWhatDoesNotApply() throws {
    var walk = walk(try Samples.form("pks01"))
    #expect(walk.step == .item("intro", number: nil))
    #expect(walk.progress.number == 0)
    let met = try finish(&walk, Self.content)
    #expect(!met.contains("commune_code"), "what the carrier knows is not asked")
    for skipped in ["b3_means", "c2_conference_quality", "e2_board_quality", "e4_answered", "g5_reason"] {
      #expect(!met.contains(skipped))
    }
    #expect(
      met.filter { $0 != "intro" }
        == walk.form.questions.map(\.name).filter { Self.content[$0] != nil || ["a4_gender", "g6_suggestion"].contains($0) })
    #expect(walk.progress.number == 20 && walk.progress.total == 20)
    let valid = try walk.validate().get()
    #expect(valid.values["e3_petitions"] == .integer(0))
    #expect(valid.values["commune_code"] == nil)
  }

  @Test func headingsTellWhereOneStands() throws {
    let walk = walk(try Samples.form("pks01"))
    #expect(walk.headings(at: .item("c1_conference", number: nil)).map { $0.text(in: "vi") } == ["C. Bàn và quyết định"])
    #expect(walk.headings(at: .item("intro", number: nil)).isEmpty)
  }

  @Test func goingBackKeepsAnswersAndAChangedOneLetsGoOfWhatNoLongerApplies() throws {
    var walk = walk(try Samples.form("pks01"))
    while walk.step != .item("c1_conference", number: nil) {
      guard case .item(let name, _) = walk.step else { break }
      _ = try walk.answer(Self.content[name]).get()
    }
    _ = try walk.answer(.text("co")).get()
    #expect(walk.step == .item("c2_conference_quality", number: nil))
    _ = try walk.answer(.text("5")).get()
    #expect(walk.step == .item("d1_consulted", number: nil))
    walk.back()
    walk.back()
    #expect(walk.step == .item("c1_conference", number: nil))
    #expect(walk.answer(at: walk.step) == .choice("co"))
    let fallen = try walk.answer(.text("khong")).get()
    #expect(fallen == [.item("c2_conference_quality", number: nil)])
    #expect(walk.step == .item("d1_consulted", number: nil))
    #expect(walk.answers["c2_conference_quality"] == nil)
    walk.back()
    #expect(walk.step == .item("c1_conference", number: nil))
    _ = try walk.answer(.text("co")).get()
    #expect(walk.answer(at: walk.step) == nil, "what fell away is asked anew")
  }

  @Test func aRefusedAnswerChangesNothing() throws {
    var walk = walk(try Samples.form("pks01"))
    _ = try finish(&walk, Self.content)
    let before = walk.answers
    walk.go(to: .item("e3_petitions", number: nil))
    let refusals: [(AnswerValue?, String)] = [(.text("51"), "0 đến 50"), (.text("nhiều"), "số nguyên"), (nil, "cần được trả lời")]
    for (value, words) in refusals {
      guard case .failure(let error) = walk.answer(value) else {
        Issue.record("accepted")
        continue
      }
      #expect(error.faults.first?.message.vi.contains(words) == true)
      #expect(walk.answers == before && walk.step == .item("e3_petitions", number: nil))
    }
    #expect(walk.isRequired(walk.step))
    #expect(!walk.isRequired(.item("a4_gender", number: nil)))
  }

  @Test func anEditFromTheReviewLeadsToWhatItOpenedAndBack() throws {
    var walk = walk(try Samples.form("pks01"))
    _ = try finish(&walk, Self.content)
    walk.go(to: .item("g4_overall", number: nil))
    _ = try walk.answer(.text("1")).get()
    #expect(walk.step == .item("g5_reason", number: nil), "newly asked, though it may be left blank")
    _ = try walk.answer(nil).get()
    #expect(walk.step == .review)
    walk.go(to: .item("e3_petitions", number: nil))
    _ = try walk.answer(.text("7")).get()
    #expect(walk.step == .item("e4_answered", number: nil))
    _ = try walk.answer(.text("6")).get()
    #expect(walk.step == .review)
    walk.go(to: .item("e3_petitions", number: nil))
    _ = try walk.answer(.text("5")).get()
    #expect(walk.step == .item("e4_answered", number: nil), "6 answered of 5 raised")
    #expect(walk.fault(at: walk.step)?.kind == .constraint)
    _ = try walk.answer(.text("5")).get()
    #expect(walk.step == .review)
    #expect(throws: Never.self) { try walk.validate().get() }
  }

  @Test func backKeepsWhatWasEnteredIfItIsAnAnswer() throws {
    var walk = walk(try Samples.form("pks01"))
    _ = try finish(&walk, Self.content)
    walk.go(to: .item("g6_suggestion", number: nil))
    walk.back(keeping: .text("  tie\u{302}\u{301}ng "))
    #expect(walk.step == .item("g4_overall", number: nil))
    #expect(walk.answers["g6_suggestion"] == .text("tiếng"))
    walk.go(to: .item("e3_petitions", number: nil))
    walk.back(keeping: .text("99"))
    #expect(walk.answers["e3_petitions"] == .integer(0))
    walk.go(to: .item("intro", number: nil))
    let isMoved = walk.back()
    #expect(!isMoved)
  }

  @Test func photosAreARepeatAskedAgainAndAgain() throws {
    var walk = walk(try Samples.form("report01"))
    let answers = FormsAnswerTests.good
    var met: [String] = []
    while walk.step != .another("photos") {
      guard case .item(let name, _) = walk.step else { break }
      met.append(name)
      _ = try walk.answer(answers[name]).get()
    }
    #expect(met.contains("meetings") && !met.contains("channels_other"))
    #expect(walk.headings(at: walk.step).map { $0.text(in: "en") } == ["5. Photos"])
    _ = walk.addAnother()
    #expect(walk.step == .item("photo", number: 1))
    _ = try walk.answer(.text("a.jpg")).get()
    #expect(walk.step == .item("caption", number: 1))
    guard case .failure = walk.answer(nil) else {
      Issue.record("a photo needs its caption")
      return
    }
    _ = try walk.answer(.text("Hội nghị")).get()
    #expect(walk.step == .another("photos"))
    _ = walk.addAnother()
    #expect(walk.step == .item("photo", number: 2))
    _ = try walk.answer(nil).get()
    #expect(walk.step == .another("photos"), "no photo, no caption")
    walk.removeLast()
    #expect(walk.count(of: "photos") == 1)
    walk.finishRepeat()
    #expect(walk.step == .review)
    let photos: AnswerValue = .instances([["photo": .text("a.jpg"), "caption": .text("Hội nghị")]])
    #expect(try walk.validate().get().values["photos"] == photos)
    walk.go(to: .item("photo", number: 1))
    let fallen = try walk.answer(nil).get()
    #expect(fallen == [.item("caption", number: 1)])
    #expect(walk.step == .review)
    #expect(try walk.validate().get().values["photos"] == nil)
  }

  @Test func aRepeatIsBounded() throws {
    var walk = walk(try Samples.form("report01"), correcting: FormsAnswerTests.good)
    for _ in 0..<AnswerValidator.repeatInstancesMax {
      walk.go(to: .another("photos"))
      let isAdded = walk.addAnother()
      #expect(isAdded)
    }
    walk.go(to: .another("photos"))
    let isAdded = walk.addAnother()
    #expect(!isAdded)
    #expect(walk.count(of: "photos") == AnswerValidator.repeatInstancesMax)
  }

  @Test func correctingStartsAtTheReviewOrAtWhatIsOpen() throws {
    let form = try Samples.form("report01")
    let whole = FormsAnswerTests.good.merging(["answer_rate": .decimal(85.7), "gone": .text("x")]) { $1 }
    let walk = walk(form, correcting: whole)
    #expect(walk.step == .review)
    #expect(walk.answers["answer_rate"] == nil && walk.answers["gone"] == nil)
    #expect(throws: Never.self) { try walk.validate().get() }
    var partial = FormsAnswerTests.good
    partial["guided"] = nil
    #expect(self.walk(form, correcting: partial).step == .item("guided", number: nil))
  }

  @Test(.long) func everyGeneratedAnswerCanBeGivenStepByStep() throws {
    for id in ["pks01", "report01"] {
      let form = try Samples.form(id)
      for seed in 1...40 as ClosedRange<UInt64> {
        let wanted = try AnswerGenerator(form: form, day: "2024-04-01").answers(seed: seed, fixed: ["commune_code": .text("07201")])
        var walk = walk(form)
        while walk.step != .review {
          switch walk.step {
          case .item(let name, nil): _ = try walk.answer(wanted.values[name]).get()
          case .item(let name, let number?):
            guard case .instances(let instances)? = wanted.values["photos"] else {
              Issue.record("no photos")
              return
            }
            _ = try walk.answer(instances[number - 1][name]).get()
          case .another(let name, _):
            guard case .instances(let instances)? = wanted.values[name], walk.count(of: name) < instances.count else {
              walk.finishRepeat()
              continue
            }
            let isAdded = walk.addAnother()
            #expect(isAdded)
          case .review: break
          }
        }
        #expect(try walk.validate().get() == wanted, "\(id) \(seed)")
      }
    }
  }

  // MARK: Small forms

  @Test func defaultsStandThereOnceAndDoNotComeBack() throws {
    let form = try Samples.small("integer,a,A,,,,,\nnote,n,Read,,,,,\ntext,b,B,,,,,\n").get()
    let withDefault = try Form(
      id: form.id, version: form.version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
      choiceLists: form.choiceLists,
      items: form.items.map { item in
        guard case .question(let question) = item, question.name == "a" else { return item }
        return .question(FormQuestion(name: "a", kind: .integer, label: question.label, initial: .literal("7")))
      })
    var walk = FormWalk(form: withDefault, today: "2024-04-01")
    #expect(walk.answer(at: walk.step) == .integer(7))
    _ = try walk.answer(nil).get()
    #expect(walk.step == .item("n", number: nil))
    walk.back()
    #expect(walk.answer(at: walk.step) == nil)
  }

  @Test func whatIsCalculatedFromAnAnswerJudgesIt() throws {
    let rows = "integer,a,A,,${double} <= 10,,yes,Too much\ncalculate,double,,,,${a} * 2,,\n"
    guard case .success(let form) = Samples.small(rows) else { return }  // Refused as a circle: then it cannot matter.
    var walk = FormWalk(form: form, today: "2024-04-01")
    guard case .failure = walk.answer(.integer(6)) else {
      Issue.record("judged by the old value")
      return
    }
    _ = try walk.answer(.integer(5)).get()
  }

  @Test func aFormOfNothingToAskIsAtItsReview() throws {
    let form = try Samples.small("text,a,A,1 = 2,,,,\n").get()
    #expect(FormWalk(form: form, today: "2024-04-01").step == .review)
  }

  @Test func searchFindsWithoutAccents() {
    #expect(FoldedText("Thọ Xương").contains(FoldedText("tho xuong")))
    #expect(FoldedText("Phường Đa Mai".decomposedStringWithCanonicalMapping).contains(FoldedText("da  MAI")))
    #expect(FoldedText("Xã Đồng Sơn").contains(FoldedText("đồng")))
    #expect(!FoldedText("Thọ Xương").contains(FoldedText("tho xuongg")))
    #expect(FoldedText("x").contains(FoldedText(" ")))
  }

  @Test(arguments: [
    (QuestionKind.date, "1/4/2024", "2024-04-01"), (.date, "01-04-2024", "2024-04-01"), (.date, "2024-04-01", "2024-04-01"),
    (.date, "31/4/2024", "31/4/2024"), (.date, "1/4/24", "1/4/24"), (.time, "8h", "08:00"), (.time, "8h05", "08:05"),
    (.time, "8:5", "8:5"), (.time, "24:00", "24:00"), (.time, "8:", "8:"), (.dateTime, "1/4/2024 8h30", "2024-04-01T08:30"),
    (.dateTime, "2024-04-01T08:30", "2024-04-01T08:30"), (.decimal, "12,5", "12.5"), (.decimal, "1.234,5", "1.234,5"),
    (.integer, " 12 ", "12"), (.text, "e\u{302}", "ê"),
  ])
  func answersAreReadAsPeopleWriteThem(kind: QuestionKind, typed: String, stored: String) {
    #expect(LocalAnswer.stored(typed, for: kind).unicodeScalars.elementsEqual(stored.unicodeScalars))
  }

  @Test func answersAreShownAsPeopleReadThem() {
    #expect(LocalAnswer.shown(.date("2024-04-01"), for: .date, in: .vietnamese) == "01/04/2024")
    #expect(LocalAnswer.shown(.text("2024-04-01T08:30"), for: .dateTime, in: .vietnamese) == "01/04/2024 08:30")
    #expect(LocalAnswer.shown(.decimal(1.5), for: .decimal, in: .vietnamese) == "1,5")
    #expect(LocalAnswer.shown(.date("2024-04-01"), for: .date, in: .english) == "2024-04-01")
  }
}
