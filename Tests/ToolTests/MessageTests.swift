import Foundation
import TestSupport
import Testing

/// Reads the sources: every message is there in both languages and somebody sees it.
@Suite struct MessageTests {
  /// What HelpTests reads on the screen, style sheets, and the script, which says the page's words.
  private static let others: Set<String> = [
    "ParserWords.swift", "PageStyle.swift", "ConsoleStyle.swift", "WebStyle.swift", "QRSheetStyle.swift", "PrintSheetStyle.swift",
    "RecoverySheetStyle.swift", "LiveScript.swift", "KeyScript.swift",
  ]

  private static func sources(_ targets: String...) throws -> [SourceText] {
    let folder = Tool.packageRoot.appendingPathComponent("Sources")
    return try targets.flatMap { target -> [SourceText] in
      let files = FileManager.default.enumerator(at: folder.appendingPathComponent(target), includingPropertiesForKeys: nil)
      return try (files?.compactMap { $0 as? URL } ?? []).filter {
        $0.pathExtension == "swift" && !$0.path.contains("/Wire/") && !Self.others.contains($0.lastPathComponent)
      }
      .sorted { $0.path < $1.path }.map(SourceText.init(file:))
    }
  }

  @Test func everyMessageIsInBothLanguages() throws {
    let scan = MessageScan(sources: try Self.sources("SyncKit", "SurveyKit", "ToolSupport", "FieldCLI", "HubServer", "FormWeb"))
    #expect(scan.sources.count > 100)
    #expect(scan.faults().joined(separator: "\n") == "")
  }

  @Test func noMessageIsUnused() throws {
    let scan = MessageScan(sources: try Self.sources("SyncKit", "SurveyKit", "ToolSupport", "FieldCLI", "HubServer", "FormWeb"))
    #expect(scan.unused().joined(separator: "\n") == "")
  }

  /// Our name, and lines for those who drive a rehearsal.
  private static let notSpoken: Set<String> = [
    "SyncKit", "merging scope=\u{FFFD} number=\u{FFFD}", "merged scope=\u{FFFD} number=\u{FFFD}", "Ý kiến thử số \u{FFFD}.", "forms state",
  ]

  @Test func toolsAndPagesSayNothingOutsideMessages() throws {
    let scan = MessageScan(sources: try Self.sources("ToolSupport", "FieldCLI", "HubServer", "FormWeb"), allowed: Self.notSpoken)
    let silent: Set<String> = ["logger", "#error", "metadata", "examples", "act", "IntendedAct", "requireReason"]
    #expect(scan.loose(silent: silent).joined(separator: "\n") == "")
  }

  // MARK: The scan itself, with faults planted

  private static func scan(_ source: String) -> MessageScan { MessageScan(sources: [SourceText(source, name: "f")]) }

  @Test(arguments: [
    (#"LocalizedText(vi: "", en: "Send it.")"#, "empty"),
    (#"ToolError(vi: "Send it now, please.", en: "Send it now.")"#, "not translated"),
    (#"console.say("Gửi ngay.", " ")"#, "empty"),
    (#"SyncError(.busy, vi: "Máy bận.", en: "Máy bận.")"#, "the same in both"),
    (#"words.text("Đơn vị", "Đơn vị")"#, "Vietnamese letters"),
    (#"LocalizedText(vi: "Có \(count) phiếu", en: "\(count) phiếu được gửi")"#, "Vietnamese letters"),
    (#"say("Gói \(words.text("Unit of the commune", "Unit")) đã nhận", "Batch \(number) taken")"#, "not translated"),
    (#"return LocalizedText("the report")"#, "one language only"),
    (
      #"""
      fault(
        vi: """
          The answers are \
          still here
          """, en: "Still here")
      """#, "not translated"
    ),
  ])
  func aFaultOfAMessageIsFound(_ source: String, _ what: String) {
    let faults = Self.scan(source).faults()
    #expect(faults.contains { $0.contains(what) }, "\(faults)")
  }

  @Test(arguments: [
    #"LocalizedText(vi: "Đã gửi \(count) phiếu.", en: "Sent \(count) answers.")"#, #"LocalizedText("\(name) – \(code)")"#,
    #"say("\(form): \(state).", "\(form): \(state).")"#, #"ToolError(vi: "Tùy chọn --hub sai.", en: "--hub is wrong.")"#,
    #"// say("not code", "at all")"#, #"text.label(of: question, fallback: "the name")"#,
    #"say(isNew ? "Đã lập báo cáo" : "Đã sửa báo cáo", isNew ? "Filed" : "Changed")"#,
  ])
  func aMessageInOrderIsNoFault(_ source: String) {
    #expect(Self.scan(source).faults() == [])
  }

  @Test(arguments: [
    #"Console.out("Done")"#, #"Console.err("\(name): not found")"#, #"let title = isNew ? "New report" : name"#, #"cell(value: "chưa có")"#,
    #"static let page = "<p class=\"x\">{{name}}</p> <b>Total</b>""#,
    #"static let page = "<a aria-label=\"Jump\" href=\"{{code}}\">{{name}}</a>""#,
    #"show("\(words.text("Gửi", "Send")) \(isLate ? "too late now" : "")")"#,
  ])
  func wordsOutsideMessagesAreFound(_ source: String) {
    #expect(Self.scan(source).loose(silent: ["logger"]).count == 1, "\(Self.scan(source).loose(silent: []))")
  }

  @Test(arguments: [
    #"logger.error("call failed badly", metadata: ["a": "b"])"#, #"say("Đã gửi xong", "All is sent")"#, #"let key = "row_key""#,
    #"let sql = "SELECT count(*) FROM answer WHERE unit = ?1""#, #"static let page = "<h1 class=\"big title\">{{title}}</h1>""#,
    #"Console.out("\(id)\t\(count)")"#,
  ])
  func whatNobodyReadsIsNotFound(_ source: String) {
    #expect(Self.scan(source).loose(silent: ["logger"]) == [])
  }

  @Test func aMessageThatNothingUsesIsFound() {
    let source = """
      enum FormMessage {
        static func tooLong(_ name: String) -> LocalizedText { LocalizedText(vi: "Dài quá", en: "Too long") }
        static func tooShort(_ name: String) -> LocalizedText { LocalizedText(vi: "Ngắn quá", en: "Too short") }
        case empty
      }
      private static let gone = SyncError(.busy, vi: "Bận", en: "Busy")
      let faults = [FormMessage.tooLong("a")]
      """
    #expect(Self.scan(source).unused().map { $0.split(separator: " ").last } == ["tooShort", "empty", "gone"])
  }
}
