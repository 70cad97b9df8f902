import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub
@testable import SyncCore
@testable import SyncHub
@testable import ToolSupport

/// Words for every code that can reach a page: found in the sources and in the schema, in both languages, and none that nothing uses.
@Suite struct CodeWordTests {
  private static let (vietnamese, english) = (Wording(language: .vietnamese), Wording(language: .english))

  /// Kinds of acts as the sources write them: the texts in the first argument of `IntendedAct(…)` and `acts.act(…)`.
  private static func kinds() throws -> Set<String> {
    var kinds: Set<String> = []
    let sources = Tool.packageRoot.appendingPathComponent("Sources")
    let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
    for file in files where file.pathExtension == "swift" && file.lastPathComponent != "CodeWords.swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for call in text.matches(of: /(?:IntendedAct|acts\.act)\(\s*([^,\n]*")/) {
        for literal in call.output.1.matches(of: /"([a-z][^"]*)"/) { kinds.insert(String(literal.output.1)) }
      }
    }
    return kinds
  }

  @Test func everyActHasItsWords() throws {
    let written = try Self.kinds()
    #expect(
      written.count >= 45 && written.contains("devices revoke") && written.contains("codes expire") && written.contains("close --final"))
    let decisions = ["held": LatePacketDecision.allCases.map(\.rawValue), "devices": LateDecision.allCases.map(\.rawValue)]
    let kinds = written.flatMap { kind -> [String] in
      guard let cut = kind.firstIndex(of: "\\") else { return [kind] }
      let beginning = String(kind[..<cut])
      if beginning == "call " { return CallOutcome.allCases.map { beginning + $0.rawValue } }
      return (decisions[String(beginning.prefix { $0 != " " })] ?? []).map { beginning + $0 }
    }
    #expect(Set(kinds).subtracting(CodeWords.acts.keys).sorted() == [], "acts without words")
    #expect(Set(CodeWords.acts.keys).subtracting(kinds).sorted() == [], "words of no act")
    for kind in kinds {
      let (vi, en) = (Self.vietnamese.act(kind), Self.english.act(kind))
      #expect(vi != kind && vi != en, "\(kind): \(vi)")
    }
  }

  @Test func everyTableAndColumnHasItsWords() async throws {
    let folder = try TemporaryFolder()
    let survey = try await SurveyHub.create(at: folder.path + "/hub", clock: TestClock(ConsoleWorld.nowMs))
    defer { try? survey.close() }
    let tables = SurveySchema.tables.map(\.name)
    let columns = try await survey.hub.read { session in
      try tables.flatMap { table in try session.rows("SELECT name FROM pragma_table_info('\(table)')", []).compactMap { $0[0].text } }
    }
    #expect(tables.count >= 12 && columns.count > 60)
    #expect(Set(tables).symmetricDifference(CodeWords.tables.keys).sorted() == [])
    #expect(Set(columns).symmetricDifference(CodeWords.columns.keys).sorted() == [])
    for words in [CodeWords.tables, CodeWords.columns, CodeWords.held, CodeWords.looks, CodeWords.acts] {
      for (code, said) in words { #expect(!said.vi.isEmpty && !said.en.isEmpty && said.vi != said.en && !said.vi.contains("_"), "\(code)") }
      let same = Dictionary(grouping: words.keys) { words[$0]?.vi ?? "" }.filter { $0.value.count > 1 }
      #expect(same.isEmpty, "the same words for several codes: \(same)")
    }
  }

  @Test func everyReasonToHoldWorkHasItsWordsAndItsPlace() {
    #expect(Set(HeldReason.allCases.map(\.rawValue)) == Set(CodeWords.held.keys))
    #expect(Self.vietnamese.place(of: "post.day") == "tin, ngày" && Self.english.place(of: "post.day kind") == "post, date")
    #expect(Self.english.place(of: "report:07201/2031-04-01") == "report" && Self.english.place(of: "unit_window") == "end of its own")
    #expect(Self.english.place(of: "utf8") == nil && Self.english.place(of: "") == nil)
  }

  @Test func whatAnActChangedIsSaidInWords() {
    func act(_ before: String?, _ after: String?) -> OperatorAct {
      OperatorAct(
        id: "1", atMs: 0, kind: "campaign headcount", subject: "07201", by: "a", reason: "", before: before, after: after)
    }
    func said(_ before: String?, _ after: String?) -> String? { Self.vietnamese.change(act(before, after), subject: "07201") }
    #expect(said(#"{"07201":"20"}"#, #"{"07201":"25"}"#) == "20 → 25")
    #expect(said(#"{"07201":"unknown"}"#, #"{"07201":"25"}"#) == "chưa biết → 25")
    #expect(said(#"{"07201":"2031-04-01 22:00"}"#, #"{"07201":"2031-04-02 22:00"}"#) == "22:00 01/04/2031 → 22:00 02/04/2031")
    #expect(said(#"{"held":"3","conflicts":"1"}"#, #"{"held":"2","conflicts":"1"}"#) == "việc giữ lại 3 → 2")
    // Digests and identities are for programs.
    #expect(said(#"{"batch decisions":"aabb"}"#, #"{"batch decisions":"ccdd"}"#) == nil && said(nil, nil) == nil && said("x", "y") == nil)
    #expect(said(#"{"revoked":"false"}"#, #"{"revoked":"ab12"}"#) == nil)
  }

  @Test func whatAFormWorksOutIsNamedByWhatItFollowsFrom() throws {
    let form = try XLSFormImport.form(folder: URL(fileURLWithPath: HubTool.campaign + "/report01.xlsform"))
    let (vi, en) = (AnswerText(form: form, language: .vietnamese), AnswerText(form: form, language: .english))
    #expect(vi.label(of: "answer_rate") == "Tính từ: Tổng số cán bộ, công chức của cơ quan; Số người đã trả lời phiếu")
    #expect(en.label(of: "answer_rate") == "Worked out from: Number of cadres and civil servants in the agency; Number who have answered")
    for question in form.questions where question.kind != .note {
      for text in [vi, en] { #expect(text.label(of: question.name) != question.name, "\(question.name)") }
    }
    #expect(en.label(of: "gone") == "Question “gone”, not in the form" && vi.label(of: "gone").hasPrefix("Câu “gone”"))
    #expect(AnswerText(form: nil, language: .english).label(of: "gone") == "gone", "without a form there are no words")
    #expect(vi.rule(of: "guided") == "Từ 0 đến tổng số cán bộ, công chức." && vi.rule(of: "answer_rate") == nil)
  }
}
