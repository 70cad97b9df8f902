import Foundation
import SyncKit
import TestSupport
import Testing

@testable import SurveyKit
@testable import SurveyKitField
@testable import SurveyKitHub

/// Writes what of a form may leave the hub.
@Suite struct ExportTests {
  private func column(_ table: ExportTable, _ name: String) throws -> [ExportTable.Cell] {
    let place = try #require(table.heading.firstIndex(of: name), "\(table.heading)")
    return table.rows.map { $0[place] }
  }

  @Test func aReportIsARowWithWhatTheFormWorksOutAndARepeatIsATableOfItsOwn() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    for day in ["2024-03-29", "2024-03-30"] { try await world.report(field, unit: "07201", day: day, seed: 4) }
    let export = try await world.survey.export(form: "report01")
    #expect(!export.isAnonymous && export.tables.map(\.name) == ["report01", "report01.photos", "report01.codebook"])
    let main = export.tables[0]
    #expect(main.rows.allSatisfy { $0.count == main.heading.count })
    #expect(try column(main, "_unit") == [.text("07201"), .text("07201")])
    #expect(try column(main, "_day") == [.text("2024-03-29"), .text("2024-03-30")])
    #expect(try column(main, "_state") == [.empty, .empty])
    let form = try #require(try await field.form(id: "report01"))
    let day = try #require(CalendarDay("2024-03-29"))
    let stored = try #require(try await field.report(day: day))
    for question in form.questions
    where question.kind == .integer && !form.repeats.flatMap({ form.questions(in: $0) }).contains(question.name) {
      let value = try column(main, question.name)[0]
      #expect(value == ExportTable.Cell(stored.answers[question.name]), "\(question.name)")
    }
    #expect(try column(main, "officials_total").allSatisfy { $0 != .empty })
  }

  @Test func severalChoicesHaveAColumnEachAndLabelsAreWrittenForPeople() async throws {
    let world = try await HubWorld()
    let field = try await world.device("a", unit: "07201")
    for (day, seed) in [("2024-03-29", UInt64(4)), ("2024-03-30", 5), ("2024-03-31", 6)] {
      try await world.report(field, unit: "07201", day: day, seed: seed)
    }
    let form = try #require(try await field.form(id: "report01"))
    let question = try #require(form.questions.first { $0.kind == .selectMultiple })
    let main = try await world.survey.export(form: "report01").tables[0]
    let taken = try column(main, question.name)
    for choice in form.choices(of: question) {
      let flags = try column(main, "\(question.name)/\(choice.name)")
      for (flag, answer) in zip(flags, taken) {
        switch answer {
        case .text(let codes): #expect(flag == .number(codes.split(separator: " ").contains(choice.name[...]) ? 1 : 0))
        default: #expect(flag == .empty)
        }
      }
    }
    let shown = try await world.survey.export(form: "report01", labels: "en").tables[0]
    #expect(shown.heading.count == main.heading.count && shown.rows.count == 3)
    let label = try #require(question.label?.text(in: "en"))
    let words = try column(shown, label)
    for (word, answer) in zip(words, taken) {
      guard case .text(let codes) = answer else { continue }
      let labels = codes.split(separator: " ").compactMap { code in
        form.choices(of: question).first { $0.name == code }?.label.text(in: "en")
      }
      #expect(word == .text(labels.joined(separator: "; ")))
    }
    let wrong = await UnitsFixture.asyncProblems { _ = try await world.survey.export(form: "report01", labels: "xx") }
    #expect(wrong.count == 1 && wrong[0].contains("no language xx"), "\(wrong)")
  }

  @Test func theCodebookSaysWhatColumnsAndCodesMeanWithoutMarkup() throws {
    let form = try XLSFormImport.form(
      survey: Data(
        """
        type,name,label::English (en),label::Tiếng Việt (vi),relevant
        text,nm,Name?,Tên?,
        begin repeat,home,H,N,
        begin repeat,kid,K,T,
        select_one yn,ok,**Fine**, ${nm}?,Tốt?,${nm} != ''
        end repeat,,,,
        end repeat,,,,

        """.replacing("**Fine**, ${nm}?", with: "\"**Fine**, ${nm}?\"").utf8),
      choices: Data("list_name,name,label::English (en),label::Tiếng Việt (vi)\nyn,y,<b>Yes</b>,Có\nyn,n,No,Không\n".utf8), settings: nil)
    let table = Codebook(editions: [form]).table("f.codebook")
    #expect(table.heading.suffix(2) == ["label::English (en)", "label::Tiếng Việt (vi)"])
    #expect(try column(table, "question") == ["nm", "ok", "ok", "ok"].map { .text($0) })
    #expect(try column(table, "repeat") == [.empty, .text("home/kid"), .empty, .empty])
    #expect(try column(table, "choice") == [.empty, .empty, .text("y"), .text("n")])
    #expect(try column(table, "label::English (en)") == ["Name?", "Fine, …?", "Yes", "No"].map { .text($0) })
    #expect(try column(table, "relevant")[1] == .text("${nm} != ''"))
    // Nor do results show it raw.
    let labels = form.question(named: "ok").map { form.choices(of: $0).map(\.label.shownAlone.en) }
    #expect(labels == ["Yes", "No"])
  }

  @Test func ofAnAnonymousFormOnlyTheReleaseLeaves() async throws {
    let world = try await HubWorld()
    let before = try await world.survey.export(form: "pks01")
    #expect(before.isAnonymous && before.tables.map(\.name) == ["pks01", "pks01.participation", "pks01.codebook"])
    #expect(before.tables[0].rows.allSatisfy { $0.contains(.text("notReleased")) })
    #expect(before.tables[1].rows.count == 209 + 10 + 1)
    await #expect(throws: DataProblems.self) { try await world.survey.export(form: "nothing") }
  }
}
