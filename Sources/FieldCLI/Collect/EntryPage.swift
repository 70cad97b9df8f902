/// Question that is answered by typing.
struct EntryPage: Page {
  var head: PageHead
  private let before: String
  private var editor: TextEditor

  init(head: PageHead, text: String, isMultiline: Bool) {
    self.head = head
    before = text
    editor = TextEditor(text, isMultiline: isMultiline)
  }

  private static let prompt = "› "

  private func width(_ size: Size) -> Int { size.columns - 1 - DisplayWidth.of(Self.prompt) }

  mutating func press(_ key: Key, _ size: Size) -> QuestionReply? {
    switch key {
    case .enter, .tab:
      switch editor.text {
      case "<": return .back("")
      case ">": return .answer(before)
      default: return .answer(editor.text)
      }
    case .escape, .backTab: return .back(editor.text)
    default:
      if editor.press(key, width: width(size)) { head.message = "" }
      return nil
    }
  }

  func frame(_ size: Size) -> Frame {
    head.frame(size) { rows in
      let layout = editor.layout(width(size))
      // Shows enough of a long text that the cursor is visible.
      let first = max(0, min(layout.row - rows + 1, layout.lines.count - rows))
      let lines = layout.lines.enumerated().dropFirst(first).prefix(rows).map { index, text in
        Line((index == 0 ? Self.prompt : "  ") + text)
      }
      return Frame(lines: lines, cursor: (layout.row - first, layout.column + DisplayWidth.of(Self.prompt)))
    }
  }
}
