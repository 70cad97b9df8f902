import Foundation
import SyncKit
import Testing

@testable import SurveyKit

/// Forms as people write them elsewhere: what can be carried out is, what means nothing here is said, and the rest is refused.
@Suite struct ForeignFormsTests {
  /// Sheets as lines of a CSV file.
  struct Sheets {
    var survey: [String]
    var choices: [String] = []
    var settings: [String] = []
    var files: [String: String] = [:]

    func reading(name: String = "my form") throws -> FormReading {
      func data(_ lines: [String]) -> Data? { lines.isEmpty ? nil : Data((lines.joined(separator: "\n") + "\n").utf8) }
      let files = files
      return try XLSFormImport.reading(
        survey: data(survey), choices: data(choices), settings: data(settings), name: name, files: { files[$0].map { Data($0.utf8) } })
    }

    var problems: [String] {
      do {
        _ = try reading()
        return []
      } catch { return (error as? FormProblems)?.problems.map(\.explanation.en) ?? ["\(error)"] }
    }
  }

  private let yesNo = ["list_name,name,label", "yn,yes,Yes", "yn,no,No"]

  private func validator(_ sheets: Sheets) throws -> AnswerValidator {
    let form = try sheets.reading().form
    #expect(try Form(canonicalJSON: form.canonicalJSON) == form)
    return AnswerValidator(form: form, today: "2024-04-01")
  }

  @Test func theSmallestFormHasNoSettingsAndNoLanguage() throws {
    let reading = try Sheets(survey: ["type,name,label", "text,name,Your name?", "select_one yn,ok,All well?"], choices: yesNo).reading()
    #expect(reading.form.id == "my_form" && reading.form.version == "1")
    #expect(reading.form.title.text(in: "vi") == "my_form")
    #expect(reading.form.languages.map(\.code) == ["und"] && reading.warnings.isEmpty)
    #expect(reading.form.question(named: "name")?.label?.localized == LocalizedText("Your name?"))
  }

  @Test func languagesNeedNoCodeAndAnyNumberIsTaken() throws {
    let reading = try Sheets(
      survey: ["type,name,label::English,label::Français,label::Hmoob (hmn),label::Klingon", "text,n,Name?,Nom ?,Npe?,Pong?"],
      settings: ["form_title,form_id,version,default_language", "t,c02,1,French"]
    ).reading()
    #expect(reading.form.languages.map(\.code) == ["fr", "en", "hmn", "x-klingon"])
    #expect(reading.form.defaultLanguage == "fr")
    #expect(reading.form.question(named: "n")?.label?.byLanguage["x-klingon"] == "Pong?")
  }

  @Test func aLabelWithoutALanguageIsThatOfTheDefaultLanguage() throws {
    let form = try Sheets(
      survey: ["type,name,label,label::French (fr)", "text,a,Name?,"],
      settings: ["form_title,form_id,version,default_language", "c34,c34,2024010101,English (en)"]
    ).reading()
    #expect(form.form.languages.map(\.code) == ["en", "fr"])
    // An untranslated cell falls back, and is counted.
    #expect(form.form.question(named: "a")?.label?.text(in: "fr", fallback: form.form.defaultLanguage) == "Name?")
    #expect(form.warnings.count == 1 && form.warnings[0].message.en.contains("missing in: French (fr)"))
  }

  @Test func whatAPhoneKnowsIsBlankAndTheDayIsTheAnswers() throws {
    let sheets = Sheets(
      survey: [
        "type,name,label,calculation", "start,start,,", "end,end,,", "today,today,,", "deviceid,deviceid,,", "username,username,,",
        "audit,,,",
        "integer,n,N,", "calculate,age,,${today} - date('2024-03-30')", "calculate,who,,\"concat(${deviceid}, '-', ${username})\"",
      ])
    let reading = try sheets.reading()
    #expect(reading.warnings.count == 6)
    let values = try validator(sheets).validate(["n": .integer(1)]).get().values
    #expect(values["age"] == .integer(2) && values["who"] == .text("-") && values["deviceid"] == nil)
  }

  @Test func namesInTextsAreFilledIn() throws {
    let sheets = Sheets(
      survey: [
        "type,name,label,constraint,constraint_message", "text,nm,Name?,,",
        "integer,age,How old is **${nm}**?,. < 99,${nm} is not that old.",
        "note,bye,\"Thank you, ${nm} (${age})\",,",
      ])
    let validator = try validator(sheets)
    let filling = validator.filling(after: ["nm": .text("An"), "age": .integer(7)])
    #expect(filling.filled("Thank you, ${nm} (${ age })") == "Thank you, An (7)")
    let faults = validator.check(.integer(100), to: "age", given: ["nm": .text("An")])
    #expect(throws: AnswerFaults.self) { try faults.get() }
    if case .failure(let found) = faults { #expect(found.faults.first?.message.en == "An is not that old.") }
    let wrong = Sheets(survey: ["type,name,label", "text,a,\"Hello ${nobody}, your name?\""])
    #expect(wrong.problems == ["survey, row 2, column label: there is no question \"nobody\"; correct the name in ${…}."])
    #expect(Markup("How old is **${nm}**?").filled { filling.filled($0) }.plain == "How old is An?")
  }

  @Test func orOtherAddsTheChoiceAndAsksWhich() throws {
    let validator = try validator(Sheets(survey: ["type,name,label", "select_one yn or_other,q,Q?"], choices: yesNo))
    #expect(validator.offeredChoices(of: "q", given: [:]).map(\.name) == ["yes", "no", "other"])
    #expect(!validator.isRelevant("q_other", given: ["q": .choice("yes")]))
    #expect(validator.isRelevant("q_other", given: ["q": .choice("other")]))
    #expect(try validator.validate(["q": .choice("other"), "q_other": .text("Maybe")]).get().values["q_other"] == .text("Maybe"))
  }

  @Test func aRepeatIsFilledInAsOftenAsTheFormSays() throws {
    let sheets = Sheets(
      survey: [
        "type,name,label,repeat_count", "integer,n,How many?,", "begin repeat,m,Member,${n}", "integer,age,Age of ${n},", "end repeat,,,",
      ])
    let validator = try validator(sheets)
    var walk = FormWalk(form: validator.form, today: "2024-04-01")
    #expect(throws: Never.self) { _ = try walk.answer(.integer(2)).get() }
    #expect(walk.steps == [.item("n", number: nil), .item("age", number: 1), .item("age", number: 2), .review])
    _ = walk.answer(.integer(30))
    _ = walk.answer(.integer(40))
    let ages: [[String: AnswerValue]] = [["age": .integer(30)], ["age": .integer(40)]]
    #expect(try walk.validate().get().values["m"] == .instances(ages))
    // Fewer are needed now: the last falls away.
    walk.go(to: .item("n", number: nil))
    _ = walk.answer(.integer(1))
    #expect(try walk.validate().get().values["m"] == .instances([ages[0]]))
  }

  @Test func listsAndLookUpsComeFromFilesBesideTheForm() throws {
    var sheets = Sheets(
      survey: [
        "type,name,label,calculation,choice_filter", "select_one_from_file communes.csv,c,Commune,,district = 'd1'", "integer,id,Id,,",
        "calculate,nm,,\"pulldata('people', 'name', 'id', ${id})\",",
        "calculate,pop,,\"instance('communes')/root/item[name = ${c}]/pop\",",
        "calculate,many,,\"count(instance('communes')/root/item[district = 'd1'])\",",
      ])
    let without = try sheets.reading()
    #expect(without.missingFiles == ["communes.csv", "people.csv"] && without.warnings.count >= 2)
    sheets.files = [
      "communes.csv": "name,label,district,pop\na,Xã A,d1,100\nb,Xã B,d2,200\nc,Xã C,d1,300\n", "people.csv": "id,name\n7,An\n8,Bình\n",
    ]
    let validator = try validator(sheets)
    #expect(validator.offeredChoices(of: "c", given: [:]).map { $0.label.text(in: "vi") } == ["Xã A", "Xã C"])
    let values = try validator.validate(["c": .choice("c"), "id": .integer(8)]).get().values
    #expect(try sheets.reading().missingFiles.isEmpty)
    #expect(values["nm"] == .text("Bình") && values["pop"] == .text("300") && values["many"] == .integer(2))
  }

  @Test func listsOfXMLAndMapsAreRead() throws {
    let form = try Sheets(
      survey: ["type,name,label", "select_one_from_file a.xml,a,A", "select_multiple_from_file b.geojson,b,B"],
      files: [
        "a.xml": "<root><item><name>x</name><label>X</label></item></root>",
        "b.geojson": #"{"type":"FeatureCollection","features":[{"type":"Feature","id":7,"geometry":null,"properties":{"title":"Well"}}]}"#,
      ]
    ).reading().form
    #expect(form.choiceLists.mapValues { $0.map { "\($0.name) \($0.label.text(in: "und"))" } } == ["a": ["x X"], "b": ["7 Well"]])
  }

  @Test func withoutItsFileNobodyIsAskedToChooseAndNothingIsLookedUp() throws {
    let sheets = Sheets(
      survey: [
        "type,name,label,required,calculation", "select_one_from_file towns.csv,town,Town?,yes,", "text,t,Text?,,",
        "calculate,c,,,\"pulldata('people', 'name', 'id', ${t})\"",
      ])
    let reading = try sheets.reading()
    #expect(reading.missingFiles == ["towns.csv", "people.csv"])
    #expect(reading.warnings.count { $0.message.en.contains("nobody is asked to choose from it") } == 2)
    let validator = try validator(sheets)
    #expect(!validator.isRelevant("town", given: [:]))
    #expect(try validator.validate(["t": .text("7")]).get().values == ["t": .text("7")])
    #expect(FormWalk(form: validator.form, today: "2024-04-01").steps == [.item("t", number: nil), .review])
  }

  @Test func aNameOnItsOwnIsBlankUnlessAQuestionIsMeant() throws {
    let sheets = Sheets(survey: ["type,name,label,relevant,calculation", "text,a,A?,,", "text,b,B?,basic = 'x',", "calculate,c,,,yes"])
    let reading = try sheets.reading()
    #expect(reading.warnings.count { $0.message.en.contains("on its own is always blank") } == 2)
    #expect(try validator(sheets).validate(["a": .text("1")]).get().values == ["a": .text("1")])
    let wrong = Sheets(survey: ["type,name,label,relevant", "text,a,A?,", "text,b,B?,a = 'x'"])
    #expect(wrong.problems.count == 1 && wrong.problems[0].contains("write ${question_name}"))
  }

  @Test func aPathSaysWhichOfTwoQuestionsIsMeant() throws {
    let sheets = Sheets(
      survey: [
        "type,name,label,calculation", "begin group,inputs,I,", "text,id,Id?,", "end group,,,", "calculate,id,,../inputs/id",
        "calculate,twice,,\"concat(/data/inputs/id, '-')\"",
      ])
    let values = try validator(sheets).validate(["id": .text("7")]).get().values
    #expect(values["id.2"] == .text("7") && values["twice"] == .text("7-"))
    let unclear = Sheets(survey: sheets.survey + ["calculate,which,,${id}"])
    #expect(unclear.problems.count == 1 && unclear.problems[0].contains("several questions are called \"id\""))
  }

  @Test func whatOnceWorkedOutStandsAcrossACorrection() throws {
    let form = try Sheets(
      survey: ["type,name,label,calculation", "integer,n,N?,", "calculate,first,,once(${n} * 2)", "calculate,always,,${n} * 2"]
    ).reading().form
    let validator = AnswerValidator(form: form, today: "2024-04-01")
    let before = try validator.validate(["n": .integer(3)]).get()
    #expect(before.given == ["n": .integer(3), "first": .integer(6)])
    var walk = FormWalk(form: form, today: "2024-04-02", correcting: before.given)
    walk.go(to: .item("n", number: nil))
    _ = walk.answer(.integer(5))
    #expect(try walk.validate().get().values == ["n": .integer(5), "first": .integer(6), "always": .integer(10)])
  }

  @Test func rangesRanksBoxesAndPositionsAreAsked() throws {
    let validator = try validator(
      Sheets(
        survey: [
          "type,name,label,parameters", "range,r,Rate,start=0 end=1 step=0.1", "range,w,Whole,", "rank yn,o,Order,", "acknowledge,k,Read?,",
          "geopoint,g,Where?,", "barcode,b,Scan,",
        ], choices: yesNo))
    func takes(_ text: String, _ name: String) -> Bool {
      if case .success = validator.check(.text(text), to: name, given: [:]) { true } else { false }
    }
    #expect(takes("0.3", "r") && takes("1", "r") && !takes("0.35", "r") && !takes("1.1", "r"))
    #expect(takes("10", "w") && !takes("0", "w") && !takes("2.5", "w"))
    #expect(takes("no yes", "o") && !takes("no", "o") && !takes("no no", "o"))
    #expect(takes("OK", "k") && takes("893123", "b"))
    #expect(takes("21.27 106.19", "g") && takes("21.27, 106.19", "g") && !takes("91 0", "g") && !takes("21.27", "g"))
    #expect(try validator.check(.text("no yes"), to: "o", given: [:]).get() == .choices(["no", "yes"]))
    #expect(try validator.check(.text("21.27 106.19 5"), to: "g", given: [:]).get() == .text("21.27 106.19 5 0"))
  }

  @Test func harmlessCellsAreSaidAndCounted() throws {
    let reading = try Sheets(
      survey: [
        "type,name,label,required,hint,appearance,read_only,trigger,guidance_hint,media::image,bind::esri,instance_name,constraint_message",
        "begin group,g,G,,A hint on the group,w4,,,,,,,", "note,nt,Read this,yes,,,,,,,,,",
        "text,t,T?,yes,,masked,,${nt},Guide,x.png,x,y,Never",
        "begin group,empty,E,,,,,,,,,,", "end group,,,,,,,,,,,,", "end group,,,,,,,,,,,,", ",,,,,,,,,remark,,,",
      ], settings: ["form_title,form_id,version,public_key", "T,my-form,v2.1 (2024),abc"]
    ).reading()
    #expect(reading.form.id == "my-form" && reading.form.version == "v2.1_2024")
    #expect(reading.form.items.map(\.name) == ["g"])
    let columns = reading.warnings.compactMap(\.column)
    for column in [
      "hint", "appearance", "required", "trigger", "guidance_hint", "media::image", "bind::esri", "instance_name", "constraint_message",
      "type", "public_key", "version",
    ] { #expect(columns.contains(column), "\(column) is not in \(columns)") }
    #expect(reading.remarks.count <= reading.warnings.count)
  }

  @Test func codesAndNamesOfEveryScriptAreTaken() throws {
    let sheets = Sheets(
      survey: [
        "type,name,label,relevant", "select_one v,q-1,Q?,", "text,_tên.ở,T?,\"selected(${q-1}, '10%')\"", "begin group,a,A,",
        "text,other,O,",
        "end group,,,", "begin group,b,B,", "text,other,O,", "end group,,,",
      ],
      choices: ["list_name,name,label", "v,1.5,One and a half", "v,10%,Ten", "v,đồng_ý,Agree", "v,with space,Spaced"])
    let validator = try validator(sheets)
    #expect(validator.isRelevant("_tên.ở", given: ["q-1": .text("10%")]))
    #expect(try validator.check(.text("with space"), to: "q-1", given: [:]).get() == .choice("with space"))
    #expect(validator.form.questions.map(\.name) == ["q-1", "_tên.ở", "other", "other.2"])
    var twice = sheets
    twice.survey.append("text,c,C?,${other} = 'x'")
    #expect(twice.problems.count == 1 && twice.problems[0].contains("several questions are called \"other\""))
  }

  @Test(arguments: ["begin loop over Yes_no", "begin_loop over Yes_no", "Begin Loop Over Yes_no"])
  func loopsAreWrittenOutForEachChoice(_ begin: String) throws {
    let form = try Sheets(
      survey: ["type,name,label", "\(begin),l,Loop", "integer,n_%(name)s,How often %(label)s?", "text,why,Why?", "end loop,,"],
      choices: yesNo.map { $0.replacing("yn,", with: "Yes_no,") }
    ).reading().form
    #expect(form.questions.map(\.name) == ["n_yes", "why", "n_no", "why.2"])
    #expect(form.question(named: "n_no")?.label?.text(in: "und") == "How often No?")
  }

  @Test func aGroupMayBeAskedAfterWhatStandsInIt() throws {
    let validator = try validator(
      Sheets(
        survey: [
          "type,name,label,relevant,default", "begin group,inputs,,./source = 'user',", "hidden,source,,,user", "text,who,Who?,,",
          "end group,,,,",
          "text,last,Last?,,",
        ]))
    #expect(validator.isRelevant("who", given: [:]))
    #expect(!validator.isRelevant("who", given: ["source": .text("task")]))
  }

  @Test func aRuleThatNeverHoldsIsAWarning() throws {
    for rule in ["\"selected(${q}, 'other')\"", "${q} = 'other'"] {
      let reading = try Sheets(survey: ["type,name,label,relevant", "select_one yn,q,Q,", "text,t,T,\(rule)"], choices: yesNo).reading()
      #expect(reading.warnings.map(\.row) == [3] && reading.warnings[0].message.en.contains("choice \"other\""))
    }
  }

  @Test func whatIsWorkedOutMayBeShown() throws {
    let validator = try validator(
      Sheets(
        survey: [
          "type,name,label,calculation,read_only,default", "integer,n,N?,,,", "note,twice,Twice:,${n} * 2,,",
          "text,shown,Shown:,\"concat('n', ${n})\",yes,",
          "integer,guess,Guess?,${n} + 1,,", "text,fixed,Fixed,,yes,abc",
        ]))
    let given: [String: AnswerValue] = ["n": .integer(4)]
    #expect(validator.initialAnswer(to: "guess", given: given) == .integer(5))
    let notes = validator.form.questions.filter { $0.kind == .note }
    let filling = validator.filling(after: given)
    #expect(notes.map { filling.filled($0.label?.text(in: "und") ?? "") } == ["Twice:\n8", "Shown:\nn4", "Fixed\nabc"])
  }

  @Test func patternsMayLookAheadAtTheirBeginning() throws {
    let validator = try validator(
      Sheets(survey: ["type,name,label,constraint", "text,p,Password?,\"regex(., '^(?=.*[0-9])(?!.*x$).{8,}$')\""]))
    func takes(_ text: String) -> Bool { if case .success = validator.check(.text(text), to: "p", given: [:]) { true } else { false } }
    #expect(takes("abcdefg1") && !takes("abcdefgh") && !takes("abcdef1x") && !takes("abc1"))
    #expect(throws: PatternFault.self) { try LinearPattern("(?=a)+b") }
    #expect(throws: PatternFault.self) { try LinearPattern("(?=a)b|c") }
    #expect(throws: PatternFault.self) { try LinearPattern("a(?=b)b") }
  }

  @Test(arguments: [
    ("format-date(date('2024-04-01'), '%a %e %b %Y')", "Mon 1 Apr 2024"), ("format-date-time('2024-04-01T08:05', '%H:%M')", "08:05"),
    ("round(1250, -2)", "1300"), ("round(1.005, 2)", "1.01"), ("number('2024-01-01')", "NaN"),
    ("if('2024-01-01' < '2024-02-01', 'T', 'F')", "F"),
    ("substring-before('a-b', '-')", "a"), ("substring-after('a-b', '-')", "b"), ("translate('abc', 'ab', 'x')", "xc"),
    ("floor(-1.5)", "-2"),
    ("coalesce('', '', 'c')", "c"), ("selected-at('a b c', 1)", "b"), ("sum(${n})", "3"), ("min(${n})", "1"), ("max(${n})", "2"),
    ("count(${n})", "3"), ("decimal-time('06:00')", "0.25"), ("decimal-date-time('1970-01-02T12:00')", "1.5"), ("‘curly’", "curly"),
    ("string-length(uuid())", "36"), ("random() < 1", "true"), ("checklist(1, 2, true(), false())", "true"), ("ceiling(1.2)", "2"),
    ("cht:difference-in-months('2023-01-31', '2024-04-01')", "14"), ("cht:difference-in-years('2024-04-01', '2020-04-02')", "-3"),
    ("cht:difference-in-days('2024-04-01', '2024-04-15')", "14"), ("cht:difference-in-weeks('2024-04-01', '2024-04-15')", "2"),
    ("count-if(${n}, ${n} > 1)", "1"), ("sum-if(${n}, ${n} > 0)", "3"), ("max-if(${n}, ${n} < 2)", "1"),
    ("join-if('-', ${n}, ${n} > 0)", "1-2"),
    ("count-items('-', 'a-b-c')", "3"), ("item-at('-', 'a-b-c', 1)", "b"), ("item-index('-', 'a-b-c', 'c')", "2"),
    ("item-present('-', 'a-b', 'x')", "false"), ("de-duplicate(' ', 'a b a')", "a b"), ("empty('')", "true"), ("device-info()", ""),
    ("round(distance('0 0', '0 1'))", "111319"), ("round(distance('0 0 5 5; 0 1 5 5'))", "111319"), ("distance('x')", "NaN"),
    ("sum(${r}[n > 1]/n)", "2"), ("count(${r}[1])", "1"), ("${r}[3]/n", "2"), ("${r}[position() = 3]/n", "2"), ("${n}[. > 1]", "2"),
    ("count(${r}[n = ''])", "1"), ("${r}[n > 0][2]/n", "2"), ("difference-in-months('2023-01-31', '2024-04-01')", "14"),
    ("5>0 and.=''", "true"), ("concat('${last-saved#n}', ${last-saved#n}, 'x')", "${last-saved#n}x"),
    ("weighted-checklist(2, 9, true(), 2, false(), 5)", "true"),
  ])
  func functionsGiveWhatCollectGives(_ source: String, _ result: String) throws {
    var scope = ExpressionScope(today: "2024-04-01")
    scope.facts.repeatOfQuestion["n"] = "r"
    scope.facts.chains["r"] = ["r"]
    scope.instances["r"] = [["n": .number(1)], ["n": .empty], ["n": .number(2)]]
    #expect(try FormExpression(source).evaluate(in: scope).text == result)
  }

  @Test func aPathThatLeadsNowhereIsBlankAndSaid() throws {
    let sheets = Sheets(
      survey: [
        "type,name,label,calculation", "begin group,a,A,", "text,id,Id?,", "end group,,,", "calculate,own,,../a/id",
        "calculate,other,,\"concat('x', ../a/b/id, ../missing/lat)\"",
      ])
    let warnings = try sheets.reading().warnings.map(\.message.en)
    #expect(warnings.count == 2 && warnings[0].contains("leads nowhere") && warnings[0].contains("write ${id} if it is meant"))
    #expect(try validator(sheets).validate(["id": .text("7")]).get().values == ["id": .text("7"), "own": .text("7"), "other": .text("x")])
  }

  @Test func theFillingInBeforeIsNamedByItsPlace() throws {
    let sheets = Sheets(
      survey: [
        "type,name,label,default,calculation", "begin repeat,r,R,,", "text,q,Q?,${r}[position() = position(current()/..) - 1]/q,",
        "calculate,older,,,count(${r}[q = 'x'])", "end repeat,,,,",
        "calculate,who,,,\"jr:itext(instance('yn')/root/item[name = 'yes']/itextId)\"",
      ], choices: yesNo)
    let validator = try validator(sheets)
    let given: [String: AnswerValue] = ["r": .instances([["q": .text("x")], ["q": .text("y")]])]
    #expect(validator.initialAnswer(to: "q", given: given, number: 3) == .text("y"))
    #expect(validator.initialAnswer(to: "q", given: given, instance: ["q": .text("x")], number: 1) == nil)
    #expect(validator.calculated("older", given: given, instance: ["q": .text("y")], number: 2) == .integer(1))
    #expect(validator.calculated("who", given: given) == .text("Yes"))
  }

  @Test func aLongChainOfConditionsIsShallow() throws {
    let rule = (0..<1_000).map { "${q} = \($0)" }.joined(separator: " or ")
    var scope = ExpressionScope(today: "2024-04-01")
    scope.values["q"] = .number(999)
    #expect(try FormExpression(rule).holds(in: scope))
    scope.values["q"] = .number(1_000)
    #expect(try !FormExpression(rule).holds(in: scope))
    #expect(try FormExpression("1 = 1 or 1 = 2 and 1 = 3").holds(in: scope))
    #expect(throws: ExpressionError.self) {
      try FormExpression(String(repeating: "(", count: 300) + "1" + String(repeating: ")", count: 300))
    }
  }

  @Test func formsOfManyQuestionsAreReadQuickly() throws {
    let rows = (0..<1_500).map { "integer,q\($0),Q \($0)?,\($0 > 0 ? "${q\($0 - 1)} > 0" : "")" }
    let form = try Sheets(survey: ["type,name,label,relevant"] + rows).reading().form
    #expect(form.questions.count == 1_500)
  }

  @Test func whatIsCutIsCounted() {
    let rows = (0..<250).map { "hologram,q\($0),Q" }
    let error = #expect(throws: FormProblems.self) { try Sheets(survey: ["type,name,label"] + rows).reading() }
    #expect(error?.problems.count == FormProblems.formProblemsMax && error?.count == 250)
    let sections = (0..<250).map { "text,q\($0),Q" }
    #expect(throws: Never.self) {
      try Sheets(survey: ["type,name,label::English"] + sections, settings: ["form_title", "T"]).reading()
    }
  }

  @Test func textsAreCutAtTheirMarkup() {
    func runs(_ text: String) -> [String] {
      Markup(text).runs.map {
        ($0.beginsLine ? "/" : "") + ($0.isStrong ? "B" : "") + ($0.isEmphasis ? "I" : "") + ($0.link.map { "<\($0)>" } ?? "") + $0.text
      }
    }
    #expect(runs("Plain") == ["Plain"])
    #expect(runs("a **b** _c_ *d* e_f_g 2 * 3 * 4") == ["a ", "Bb", " ", "Ic", " ", "Id", " e_f_g 2 * 3 * 4"])
    #expect(runs("# Head\nNext <b>bold</b><br>line") == ["BHead", "/Next bold", "/line"])
    #expect(runs("See [this](https://x.org/a) [not](javascript:1)") == ["See ", "<https://x.org/a>this", " [not](javascript:1)"])
    #expect(runs("<span style=\"color:red\">1 < 2 &amp; 3</span>") == ["1 < 2 & 3"])
    #expect(runs("${a_b} and *${c*d}*") == ["${a_b} and ", "I${c*d}"])
    // What somebody answers is no markup.
    #expect(Markup("Hi ${n}").filled { $0.replacingOccurrences(of: "${n}", with: "**x**") }.plain == "Hi **x**")
  }
}

/// Finds in an anonymous form what would tell people apart.
@Suite struct AnonymousFormTests {
  @Test(arguments: [
    ("geopoint,g,Where?,", "asks for no position"), ("calculate,c,,uuid()", "uuid() and random() are the same"),
    ("calculate,c,,once(random()) * 2", "uuid() and random() are the same"),
    ("calculate,c,,\"pulldata('people', 'name', 'id', ${t})\"", "by what people write"),
    ("calculate,c,,\"pulldata('people', 'name', 'id', ${s})\"", ""), ("calculate,c,,now()", ""), ("deviceid,d,,", ""),
  ])
  func whatTellsPeopleApartIsLeftBlank(_ row: String, _ says: String) throws {
    let anonymous = AnonymousForm(try form(row))
    let found = anonymous.findings.map(\.text.en)
    #expect(says.isEmpty ? found.isEmpty : found.count == 1 && found[0].contains(says), "\(found)")
    #expect(anonymous.problems.isEmpty)
    let validator = AnswerValidator(form: anonymous.form, today: "2024-04-01")
    // Nothing is asked, and nothing comes of what people write.
    if says.contains("position") || says.contains("people write") {
      for name in ["g", "c"] where anonymous.form.question(named: name) != nil {
        #expect(!(anonymous.form.question(named: name)?.kind.isAsked ?? true))
        #expect(validator.calculated(name, given: ["t": .text("1")]) == nil)
      }
    }
    let values = try validator.validate(["t": .text("1"), "s": .choice("y")]).get().values
    #expect(values["g"] == nil && (!says.contains("people write") || values["c"] == nil))
  }

  private func form(_ row: String) throws -> Form {
    try XLSFormImport.reading(
      survey: Data("type,name,label,calculation\ntext,t,T,\nselect_one yn,s,S,\n\(row)\n".utf8),
      choices: Data("list_name,name,label\nyn,y,Y\n".utf8), settings: nil, files: { _ in Data("id,name\n1,An\n".utf8) }
    ).form
  }

  @Test func uuidsOfAUnitAndDayAreTheSame() throws {
    let validator = AnswerValidator(form: AnonymousForm(try form("calculate,c,,uuid()")).form, today: "2024-04-01")
    let drawn = try ["1", "2"].map { try validator.validate(["t": .text($0)]).get().values["c"] }
    #expect(drawn[0] != nil && drawn[0] == drawn[1])
  }

  @Test func aRuleOnWhatIsTakenCannotBeLeftBlank() throws {
    let reading = try XLSFormImport.reading(
      survey: Data("type,name,label,relevant\ntext,t,T,\ntext,u,U,\"pulldata('people', 'name', 'id', ${t}) = 'An'\"\n".utf8),
      choices: nil, settings: nil, files: { _ in Data("id,name\n1,An\n".utf8) })
    #expect(AnonymousForm(reading.form).problems.map(\.question) == ["u"])
  }
}
