import Foundation
import SurveyKit
import SurveyKitHub
import SyncKit
import Testing

@testable import FieldCLI

/// The terminal's pure parts: keys, texts, widths, pages.
@Suite(.sumsAddUp) struct CollectPageTests {
  private static let size = Size(rows: 24, columns: 80)

  // MARK: Keys

  private static let samples: [(String, [Key])] = [
    ("a\r\u{7f}", [.text("a"), .enter, .backspace]), ("\u{1b}[A\u{1b}OB", [.up, .down]), ("\u{1b}[5~\u{1b}[6~", [.pageUp, .pageDown]),
    ("\u{1b}[1;5C", [.right]), ("\u{1b}[Z", [.backTab]), ("\u{1b}\r", [.newLine]), ("\u{3}\u{4}", [.interrupt, .endOfInput]),
    ("ế😀", [.text("ế"), .text("😀")]), ("e\u{302}", [.text("e"), .text("\u{302}")]),
    ("\u{1b}[200~a\r\u{1b}[A\u{1b}[201~b", [.paste("a\r\u{1b}[A"), .text("b")]),
  ]

  @Test func keysAreTheSameWhereverTheirBytesAreCut() {
    for (text, keys) in Self.samples {
      let bytes = Array(text.utf8)
      for cut in 0...bytes.count {
        var reader = KeyReader()
        let got = reader.feed(bytes[..<cut]) + reader.feed(bytes[cut...])
        #expect(got == keys, "\(text.debugDescription) cut at \(cut)")
        #expect(!reader.isWaiting)
      }
    }
  }

  @Test func aLoneEscapeIsAKeyOnceNothingFollows() {
    var reader = KeyReader()
    let early = reader.feed([0x1B])
    #expect(early.isEmpty && reader.isWaiting)
    let late = reader.flush()
    #expect(late == [.escape] && !reader.isWaiting)
  }

  @Test func bytesThatAreNoTextAreNoKeys() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 1...40, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      var reader = KeyReader()
      let keys = reader.feed(bytes) + reader.flush()
      #expect(!reader.isWaiting || keys.isEmpty == false || bytes.first == 0x1B)
      #expect(keys.count <= bytes.count)
    }
    var reader = KeyReader()
    let bad = reader.feed([0xC3, 0x28])
    #expect(bad == [.unknown, .text("(")])
    let endless = reader.feed([0x1B, 0x5B] + Array(repeating: 0x31, count: 500))
    let rest = reader.flush()
    #expect(endless.count < 500 && rest.count <= 1)
  }

  // MARK: Text

  @Test func marksJoinTheLetterBeforeThemAndAreRemovedWithIt() {
    for text in ["Tiếng Việt ở Đồi Ngô", "ước", "nghiễm"] {
      var editor = TextEditor()
      for scalar in text.decomposedStringWithCanonicalMapping.unicodeScalars { editor.insert(String(scalar)) }
      #expect(editor.text.unicodeScalars.elementsEqual(text.precomposedStringWithCanonicalMapping.unicodeScalars))
      #expect(editor.cursor == text.count)
      for left in (0..<text.count).reversed() {
        _ = editor.press(.backspace, width: 80)
        #expect(editor.text == String(text.precomposedStringWithCanonicalMapping.prefix(left)))
      }
    }
  }

  @Test func marksTypedInTheMiddleKeepTheCursorInPlace() {
    var editor = TextEditor("tieng viet")
    for _ in 0..<7 { _ = editor.press(.left, width: 80) }
    editor.insert("\u{302}")
    editor.insert("\u{301}")
    #expect(editor.text == "tiếng viet" && editor.cursor == 3)
    _ = editor.press(.backspace, width: 80)
    #expect(editor.text == "ting viet" && editor.cursor == 2)
  }

  @Test func wholeCharactersGoAtOnce() {
    for character in ["👨‍👩‍👧", "🇻🇳", "한", "e\u{302}\u{301}\u{323}", "❤️"] {
      var editor = TextEditor("a" + character)
      _ = editor.press(.backspace, width: 80)
      #expect(editor.text == "a", "\(character)")
    }
  }

  @Test func pastesAreCleanAndBounded() {
    var line = TextEditor()
    line.insert("a\r\nb\u{1b}[2J\u{7}c\td")
    #expect(line.text == "a b[2Jc d")
    var text = TextEditor(isMultiline: true)
    text.insert("a\r\nb\rc")
    #expect(text.text == "a\nb\nc")
    let isTaken = text.insert(String(repeating: "x", count: TextEditor.textBytesMax))
    #expect(!isTaken)
    #expect(text.text == "a\nb\nc")
  }

  @Test func longTextsBreakBetweenWordsAndTheCursorFollows() {
    var editor = TextEditor("mot hai ba bon", isMultiline: true)
    var layout = editor.layout(8)
    #expect(layout.lines == ["mot hai ", "ba bon"] && layout.row == 1 && layout.column == 6)
    _ = editor.press(.up, width: 8)
    layout = editor.layout(8)
    #expect(layout.row == 0 && layout.column == 6)
    _ = editor.press(.newLine, width: 8)
    #expect(editor.text == "mot ha\ni ba bon")
    #expect(TextEditor("宽宽宽").layout(4).lines == ["宽宽", "宽"])
    #expect(TextEditor("\u{301}").layout(10).lines == ["◌\u{301}"])
    for width in 2...12 {
      for cursor in 0...14 {
        var editor = TextEditor("aa bbbb  cccccc d\nee", isMultiline: true)
        for _ in 0..<cursor { _ = editor.press(.left, width: width) }
        let layout = editor.layout(width)
        #expect(layout.lines.joined() == "aa bbbb  cccccc dee" && layout.row < layout.lines.count)
      }
    }
  }

  @Test(arguments: [
    ("a", 1), ("ế", 1), ("e\u{302}\u{301}", 1), ("宽", 2), ("😀", 2), ("👨‍👩‍👧", 2), ("\u{200b}", 0), ("ｶ", 1), ("❤️", 2), ("각", 2), ("đ", 1),
  ])
  func widthsAreThoseOfATerminal(text: String, width: Int) {
    #expect(DisplayWidth.of(text) == width)
  }

  @Test func textsFromElsewhereMoveNoCursor() {
    #expect("a\u{1b}[2Jb\u{9b}1m\u{202e}c".printable == "a[2Jb1mc")
    #expect("mot hai ba".wrapped(to: 7) == ["mot hai", "ba"])
    #expect("abcdefgh".wrapped(to: 3) == ["abc", "def", "gh"])
    #expect("宽宽宽宽".cut(to: 5) == "宽宽…")
  }

  // MARK: Choices

  private static let words = CollectWording(language: .english)

  private func communes(isSeveral: Bool = false, isRequired: Bool = true, marked: Set<String> = []) throws -> ChoicePage {
    let table = try CSVTable(Data(contentsOf: FieldToolWorld.package.appendingPathComponent("Examples/bac-giang-2024/communes.csv")))
    let names = table.records.enumerated().map { AskedQuestion.Choice(name: "c\($0.offset + 1)", label: $0.element.fields[1]) }
    #expect(names.contains { $0.label.contains("Thọ Xương") }, "\(table.header)")
    return ChoicePage(
      head: PageHead(label: "Which?"), words: Self.words, choices: names, marked: marked, isSeveral: isSeveral, isRequired: isRequired)
  }

  private func press(_ page: inout ChoicePage, _ text: String) -> QuestionReply? {
    var reader = KeyReader()
    var reply: QuestionReply?
    for key in reader.feed(Array(text.utf8)) + reader.flush() { reply = reply ?? page.press(key, Self.size) }
    return reply
  }

  @Test func aLongListIsSearchedWithoutAccents() throws {
    for typed in ["tho xuong", "THỌ XƯƠNG", "thọ xương".decomposedStringWithCanonicalMapping] {
      var page = try communes()
      let early = press(&page, typed)
      #expect(early == nil)
      let shown = page.frame(Self.size).lines.map(\.text)
      #expect(shown.contains { $0.contains("Thọ Xương") } && shown.count(where: { $0.contains("( )") }) == 1, "\(shown)")
      guard case .answer(let name)? = press(&page, "\r"), let number = Int(name.dropFirst()) else {
        Issue.record("no answer")
        return
      }
      #expect(page.choices[number - 1].label.contains("Thọ Xương"))
    }
    var page = try communes()
    _ = press(&page, "da mai")
    #expect(page.frame(Self.size).lines.contains { $0.text.contains("Đa Mai") })
  }

  @Test func aLongListIsPagedAndNumbered() throws {
    var page = try communes()
    #expect(page.frame(Self.size).lines.contains { $0.text.contains("page 1/") })
    _ = press(&page, "\u{1b}[6~")
    #expect(page.frame(Self.size).lines.contains { $0.text.contains("page 2/") })
    _ = press(&page, "\u{1b}[F")
    let answer = press(&page, "\r")
    #expect(answer == .answer("c209"))
    var other = try communes()
    let numbered = press(&other, "120\r")
    #expect(numbered == .answer("c120"))
    var nothing = try communes()
    let none = press(&nothing, "zzzz\r")
    #expect(none == nil)
    #expect(nothing.frame(Self.size).lines.contains { $0.text == Self.words.noMatch })
    let cleared = press(&nothing, "\u{1b}")
    #expect(cleared == nil)
    let back = press(&nothing, "<\r")
    #expect(back == .back(""))
  }

  @Test func enterAloneChoosesNothing() throws {
    var required = try communes()
    let first = press(&required, "\r")
    #expect(first == nil)
    #expect(required.frame(Self.size).lines.contains { $0.text.contains(Self.words.chooseFirst) })
    var optional = try communes(isRequired: false, marked: ["c3"])
    let kept = press(&optional, "\r")
    #expect(kept == .answer("c3"))
    let skipped = press(&optional, "\u{7f}\r")
    #expect(skipped == .answer(""))
  }

  @Test func severalAreMarkedBySpaceSearchAndNumber() throws {
    var page = try communes(isSeveral: true, marked: ["c2"])
    let answer = press(&page, "tho xuong\r120 \u{1b}[B \r")
    guard case .answer(let names)? = answer else {
      Issue.record("no answer")
      return
    }
    let taken = names.split(separator: " ").map(String.init)
    #expect(taken.count == 4 && taken.contains("c2") && taken.contains("c120") && taken.contains("c121"))
  }

  // MARK: Pages

  @Test func everyPageFitsEveryWindow() throws {
    let long = String(repeating: "Anh/chị hài lòng thế nào về việc công khai thông tin? ", count: 12)
    for rows in [8, 12, 20, 50] {
      for columns in [20, 40, 80, 200] {
        let size = Size(rows: rows, columns: columns)
        var head = PageHead(title: long, progress: "3/23", headings: ["A. Thông tin chung"], label: long, hint: long, message: long)
        head.keys = ["Enter next", "Esc back", "Ctrl-C leave", "something else that is long"]
        let choices = (1...12).map { AskedQuestion.Choice(name: "c\($0)", label: long) }
        var pages: [Frame] = [
          TextPage(head: head, paragraphs: [long, long], readOn: "read on").frame(size),
          EntryPage(head: head, text: long, isMultiline: true).frame(size),
          ReviewPage(
            head: head, words: Self.words,
            sheet: ReviewSheet(items: (1...9).map { _ in ReviewSheet.Item(heading: "A", label: long, answer: long, step: .review) })
          ).frame(size),
        ]
        for label in [long, "short"] {
          head.label = label
          let page = ChoicePage(head: head, words: Self.words, choices: choices, marked: ["c2"], isSeveral: true, isRequired: true)
          pages.append(page.frame(size))
        }
        for frame in pages {
          #expect(frame.lines.count <= rows, "\(size)")
          #expect(frame.lines.allSatisfy { DisplayWidth.of($0.text) < columns }, "\(size) \(frame.lines.map(\.text))")
          if let cursor = frame.cursor { #expect(cursor.row < rows && cursor.column < columns, "\(size)") }
        }
      }
    }
    #expect(TextPage(head: PageHead(), paragraphs: ["a"], readOn: "").frame(Size(rows: 3, columns: 10)).lines.count == 1)
  }

  @Test func whatIsBelowIsReadBeforeGoingOn() {
    var page = TextPage(head: PageHead(keys: ["Enter next"]), paragraphs: [String(repeating: "dong\n", count: 50)], readOn: "Enter read on")
    var presses = 0
    while page.press(.enter, Size(rows: 12, columns: 40)) == nil {
      presses += 1
      guard presses < 20 else { break }
    }
    #expect((4...8).contains(presses))
  }

  @Test func theReviewGoesToAQuestionByNumberAndSendsByItsLetterOnly() {
    let steps = ["a", "b", "c"].map { FormStep.item($0, number: nil) }
    let sheet = ReviewSheet(items: steps.map { ReviewSheet.Item(label: "L", answer: "A", step: $0) })
    var page = ReviewPage(head: PageHead(), words: Self.words, sheet: sheet)
    let enter = page.press(.enter, Self.size)
    #expect(enter == nil, "a second Enter must not send")
    _ = page.press(.text("2"), Self.size)
    let edit = page.press(.enter, Self.size)
    #expect(edit == .edit(steps[1]))
    let send = page.press(.text("g"), Self.size)
    #expect(send == .send)
  }
}
