internal import SurveyKit

/// Cuts a page into several: what would be too long, and what names an answer of the same page, which nobody could read there yet.
struct PageCut {
  /// Most questions of a page; a repeat stays whole.
  static let pageQuestionsMax = 50

  /// By calculated value, the names that it follows from, its own among them.
  private var sources: [String: Set<String>] = [:]
  /// Names in the labels of each list.
  private var namesInLists: [String: Set<String>] = [:]

  init(_ form: Form) {
    var direct: [String: [String]] = [:]
    for question in form.questions {
      if let rule = question.calculation { direct[question.name] = rule.references }
    }
    for name in direct.keys {
      var (found, open): (Set<String>, [String]) = ([], [name])
      while let next = open.popLast() {
        if found.insert(next).inserted { open += direct[next] ?? [] }
      }
      sources[name] = found
    }
    for (list, choices) in form.choiceLists {
      let names = Set(choices.flatMap(\.label.names))
      if !names.isEmpty { namesInLists[list] = names }
    }
  }

  func pages(_ page: FormPages.Page) -> [FormPages.Page] {
    var done: [FormPages.Page] = []
    var open = FormPages.Page(label: page.label, items: [])
    var (answers, isReadAfter): (Set<String>, Bool) = ([], false)
    func close() {
      done.append(open)
      (open.items, answers) = ([], [])
    }
    for item in page.items {
      let own = FormPages.Page(items: [item])
      let names = names(in: item)
      if !answers.isDisjoint(with: names) {
        close()
        isReadAfter = true
      } else if open.questionCount > 0, open.questionCount + own.questionCount > Self.pageQuestionsMax {
        close()
        isReadAfter = false
      }
      if case .group(let section) = item {
        var inner = pages(FormPages.Page(label: section.label ?? page.label, items: section.items))
        if inner.count > 1 {
          if open.questionCount > 0 { close() }
          inner[0].items = open.items + inner[0].items
          done += inner
          (open.items, answers, isReadAfter) = ([], [], false)
          continue
        }
      }
      open.items.append(item)
      answers.formUnion(Self.answers(in: item))
    }
    // Notes at the end join what stands before them, but for those that tell what was answered there.
    if open.questionCount > 0 || isReadAfter && !open.items.isEmpty || done.isEmpty {
      done.append(open)
    } else {
      done[done.count - 1].items += open.items
    }
    return done
  }

  /// Names of what is answered there, repeats and what is in them among them.
  private static func answers(in item: FormItem) -> Set<String> {
    switch item {
    case .question(let question): question.isShown ? [question.name] : []
    case .group(let section): section.items.reduce(into: []) { $0.formUnion(answers(in: $1)) }
    case .repeated(let section): section.items.reduce(into: [section.name]) { $0.formUnion(answers(in: $1)) }
    }
  }

  /// Names in the texts of an item, and what the calculated ones of them follow from.
  private func names(in item: FormItem) -> Set<String> {
    var names: Set<String> = []
    func add(_ texts: FormText?...) { for text in texts { names.formUnion(text?.names ?? []) } }
    switch item {
    case .question(let question):
      add(question.label, question.hint)
      if let list = question.choiceList { names.formUnion(namesInLists[list] ?? []) }
    case .group(let section), .repeated(let section):
      add(section.label)
      for inner in section.items { names.formUnion(self.names(in: inner)) }
    }
    for name in names { names.formUnion(sources[name] ?? []) }
    return names
  }
}

extension FormPages.Page {
  /// Counts the questions that it can show, each repeat filled in once.
  var questionCount: Int { FormItem.questions(in: items).count(where: \.isShown) }
}
