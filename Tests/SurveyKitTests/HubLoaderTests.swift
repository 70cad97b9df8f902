import Foundation
import SurveyKit
import SurveyKitField
import SurveyKitHub
import SyncKit
import TestSupport
import Testing

@Suite struct HubLoaderTests {
  @Test(.long) func theWholeCampaignIsLoaded() async throws {
    let world = try await HubWorld(loaded: false)
    #expect(try await world.survey.plan() == nil)
    let load = try await world.survey.load(try HubWorld.campaignFolder())
    #expect(load.added == ["unit": 220, "campaign": 1, "form": 2, "headcount": 209])
    #expect(load.changed.isEmpty && load.kept.isEmpty)
    let plan = try await world.survey.requirePlan()
    #expect(plan.tree.units(at: .commune).count == 209)
    #expect(plan.tree.units(at: .district).count == 10)
    #expect(plan.tree.units(at: .province).count == 1)
    #expect(plan.headcount.staff.count == 209)
    #expect(plan.readScopes(of: "07201") == ["24", "213", "07201"])
    #expect(plan.latest(form: "pks01")?.key == "pks01@2024032601")
    #expect(plan.forms.map(\.state) == ["open", "open"])
    #expect(try await world.rows("SELECT DISTINCT scope FROM unit") == ["24"])
    #expect(try await world.rows("SELECT count(*) FROM headcount WHERE code = unit") == ["209"])
  }

  @Test(.long) func loadingTheSameFolderAgainWritesNothing() async throws {
    let world = try await HubWorld()
    let before = try await world.rows("SELECT count(*), max(id) FROM hub_batch")
    let load = try await world.survey.load(try HubWorld.campaignFolder())
    #expect(load.isUnchanged)
    #expect(try await world.rows("SELECT count(*), max(id) FROM hub_batch") == before)
  }

  @Test(.long) func aSmallerCampaignDeletesNothingAndSaysSo() async throws {
    let world = try await HubWorld()
    var smaller = try HubWorld.campaignFolder()
    let left = smaller.tree.units.filter { $0.code != "07201" }
    smaller.tree = try UnitTree(units: left)
    smaller.headcount.staff["07201"] = nil
    let load = try await world.survey.load(smaller)
    #expect(load.kept == ["07201"])
    #expect(load.isUnchanged)
    #expect(try await world.survey.requirePlan().tree["07201"] != nil)
  }

  @Test(.long) func movingTheCampaignKeepsHoursAndReportsPossible() async throws {
    let world = try await HubWorld(loaded: false)
    let day = try #require(CalendarDay("2025-07-01"))
    _ = try await world.survey.load(try HubWorld.campaignFolder(movedTo: day))
    let campaign = try await world.survey.requirePlan().campaign
    #expect(campaign.firstDay == day)
    #expect(campaign.opens.description == "2025-07-04 07:00")
    #expect(campaign.reportDays.map(\.description) == ["2025-07-01", "2025-07-02", "2025-07-03", "2025-07-04"])
    let form = try #require(try HubWorld.campaignFolder().forms.first { $0.id == "report01" })
    for day in campaign.reportDays {
      let report = try FieldWorld.answers(form, day: day.description, unit: "07201", seed: 1)
      #expect(report.values["report_date"] == .date(day.description))
    }
  }

  @Test(.long) func aMovedCampaignReplacesTheDefinitionOnly() async throws {
    let world = try await HubWorld()
    let load = try await world.survey.load(try HubWorld.campaignFolder(movedTo: CalendarDay("2025-07-01")))
    #expect(load.changed == ["campaign": 1])
    #expect(load.added.isEmpty)
  }

  /// The files of a campaign as Excel saves them: semicolons, a line `sep=`, headings and columns of its own, zeros lost.
  @Test func aFolderThatASpreadsheetSavedIsTheSame() throws {
    let folder = try TemporaryFolder()
    let copy = URL(fileURLWithPath: folder.path + "/campaign")
    try FileManager.default.copyItem(at: UnitsFixture.example, to: copy)
    func save(_ name: String, _ change: ([String]) -> [String], mark: String = "\u{FEFF}") throws {
      let file = copy.appendingPathComponent(name)
      let table = try CSVTable(Data(contentsOf: file))
      var text = mark + CSVWriter.line(table.header.map { $0.uppercased() } + ["", ""], separator: ";")
      for record in table.records { text += CSVWriter.line(change(record.fields) + ["", ""], separator: ";") }
      try Data((text + ";;;\n").utf8).write(to: file)
    }
    try save("communes.csv") { $0 }
    try save(
      "headcount.csv", { fields in [String(fields[0].drop { $0 == "0" }), fields[1], fields[2] + ",0"] + fields.dropFirst(3) },
      mark: "sep=;\r\n")
    let (plain, saved) = (try CampaignFolder(UnitsFixture.example), try CampaignFolder(copy))
    #expect(saved.tree.units == plain.tree.units && saved.headcount.staff == plain.headcount.staff)
    #expect(saved.remarks.contains { $0.en == "communes.csv: the column “CODE” was taken as code." }, "\(saved.remarks)")
    // Zeros that the list of communes itself has lost cannot come back, and are told by what the other file says.
    try save("communes.csv") { fields in [String(fields[0].drop { $0 == "0" })] + fields.dropFirst() }
    try save("headcount.csv") { fields in ["0" + fields[0]] + fields.dropFirst() }
    let error = #expect(throws: DataProblems.self) { try CampaignFolder(copy) }
    #expect(
      error?.explanation.en.contains("a spreadsheet dropped the zeros in front; correct that file. There are 208 more") == true,
      "\(error?.explanation.en ?? "")")
  }

  @Test func everyMistakeOfEveryFileIsToldAtOnce() throws {
    let folder = try TemporaryFolder()
    let copy = URL(fileURLWithPath: folder.path + "/c")
    try FileManager.default.copyItem(at: UnitsFixture.example, to: copy)
    func edit(_ file: String, _ from: String, _ to: String) throws {
      let url = copy.appendingPathComponent(file)
      try String(contentsOf: url, encoding: .utf8).replacing(from, with: to).write(to: url, atomically: true, encoding: .utf8)
    }
    try edit("campaign.json", "Asia/Ho_Chi_Minh", "Asia/Nowhere")
    try edit("communes.csv", "07204,Phường Trần Nguyên Hãn", "07201,Phường Trần Nguyên Hãn")
    try edit("districts.csv", "code,name,kind,communes", "code,name,kind,xa")
    try FileManager.default.removeItem(at: copy.appendingPathComponent("headcount.csv"))
    let problems = UnitsFixture.problems { _ = try CampaignFolder(copy) }
    #expect(problems.contains { $0.contains("campaign.json") && $0.contains("timeZone") })
    #expect(problems.contains { $0.contains("districts.csv, line 1") && $0.contains("communes") })
    #expect(problems.contains { $0.contains("headcount.csv") && $0.contains("missing") })
    try edit("campaign.json", "Asia/Nowhere", "Asia/Ho_Chi_Minh")
    try edit("districts.csv", "code,name,kind,xa", "code,name,kind,communes")
    try edit("pks01.xlsform/survey.csv", "select_one agency", "select_nothing agency")
    let more = UnitsFixture.problems { _ = try CampaignFolder(copy) }
    #expect(more.contains { $0.contains("communes.csv, line 3") && $0.contains("07201") })
    #expect(more.contains { $0.contains("pks01.xlsform") && $0.contains("row") })
    #expect(UnitsFixture.problems { _ = try CampaignFolder(URL(fileURLWithPath: folder.path + "/none")) }.count == 1)
  }

  @Test(.long) func anEditionWithAnswersKeepsItsQuestions() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    try await world.answer(field, unit: "07201", seeds: 1..<6)
    var edited = try HubWorld.campaignFolder()
    let form = try #require(edited.forms.first)
    edited.forms[0] = try Form(
      id: form.id, version: form.version, title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
      choiceLists: form.choiceLists, items: Array(form.items.dropLast()))
    let changed = edited
    await #expect(throws: DataProblems.self) { try await world.survey.load(changed) }
    edited.forms[0] = try Form(
      id: form.id, version: "2024040201", title: form.title, languages: form.languages, defaultLanguage: form.defaultLanguage,
      choiceLists: form.choiceLists, items: Array(form.items.dropLast()))
    #expect(try await world.survey.load(edited).added == ["form": 1])
    #expect(try await world.survey.requirePlan().latest(form: "pks01")?.version == "2024040201")
  }
}
