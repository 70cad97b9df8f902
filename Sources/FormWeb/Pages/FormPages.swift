public import SurveyKit

/// A form cut into pages: a top-level group is a page, and so are top-level questions that stand together.
///
/// What nobody answers makes no page of its own: notes before the first question open the form, later ones join the page after
/// them, and the last ones the page before. `PageCut` makes several of a page that is too long, or that names its own answers.
struct FormPages {
  struct Page {
    var label: FormText?
    var items: [FormItem]

    /// Questions outside repeats that this page can show, in order.
    var questions: [FormQuestion] { Self.questions(in: items).filter(\.isShown) }
    var repeats: [FormSection] { Self.repeats(in: items) }

    static func questions(in items: [FormItem]) -> [FormQuestion] {
      items.flatMap { item -> [FormQuestion] in
        switch item {
        case .question(let question): [question]
        case .group(let section): questions(in: section.items)
        case .repeated: []
        }
      }
    }

    /// Names of the repeats around one and its own, outermost first; nil when there is none of that name.
    static func chain(of name: String, in items: [FormItem]) -> [String]? {
      for section in repeats(in: items) {
        if section.name == name { return [name] }
        if let inside = chain(of: name, in: section.items) { return [section.name] + inside }
      }
      return nil
    }

    /// Tells if a question stands there, also inside repeats.
    static func asks(_ name: String, in items: [FormItem]) -> Bool {
      questions(in: items).contains { $0.name == name } || repeats(in: items).contains { asks(name, in: $0.items) }
    }

    static func repeats(in items: [FormItem]) -> [FormSection] {
      items.flatMap { item -> [FormSection] in
        switch item {
        case .question: []
        case .group(let section): repeats(in: section.items)
        case .repeated(let section): [section]
        }
      }
    }
  }

  /// Notes that stand before any question and are always shown.
  private(set) var opening: [FormQuestion] = []
  private(set) var pages: [Page] = []

  init(_ form: Form) {
    let cut = PageCut(form)
    var loose: [FormItem] = []
    for item in form.items {
      switch item {
      case .question(let question):
        if pages.isEmpty && loose.isEmpty && question.kind == .note && question.relevant == nil {
          opening.append(question)
        } else if question.kind == .note || question.isShown {
          loose.append(item)
        }
      case .group(let section): add(Page(label: section.label, items: section.items), after: &loose, cut)
      case .repeated(let section): add(Page(label: section.label, items: [.repeated(section)]), after: &loose, cut)
      }
    }
    add(Page(items: []), after: &loose, cut)
  }

  /// Adds a page; what stood loose before it is a page of its own if it asks something, and joins another otherwise.
  private mutating func add(_ page: Page, after loose: inout [FormItem], _ cut: PageCut) {
    let notes = loose
    loose = []
    if Page(items: notes).questions.isEmpty {
      if page.isEmpty {
        // Nobody answers it: it belongs to what comes next, or at the end to what came last.
        if page.items.isEmpty, let last = pages.popLast() {
          pages += cut.pages(Page(label: last.label, items: last.items + notes))
        } else {
          loose = notes + page.items
        }
      } else {
        pages += cut.pages(Page(label: page.label, items: notes + page.items))
      }
    } else {
      pages += cut.pages(Page(items: notes))
      if !page.isEmpty { pages += cut.pages(page) } else { loose = page.items }
    }
  }

  /// Place of the page a question or repeat stands on.
  func place(of name: String) -> Int? {
    pages.firstIndex { page in
      Page.asks(name, in: page.items) || Page.chain(of: name, in: page.items) != nil
    }
  }

  /// Names that a page can send answers to, outside repeats.
  var names: Set<String> { Set(pages.flatMap { $0.questions.map(\.name) + $0.repeats.map(\.name) }) }
}

extension FormPages.Page {
  fileprivate var isEmpty: Bool { questions.isEmpty && repeats.isEmpty }

  /// Whether anything on it is to be answered now.
  func asksSomething(_ asked: AskedItems) -> Bool {
    questions.contains { asked.outer.contains($0.name) } || repeats.contains { asked.outer.contains($0.name) }
  }

  /// Tells if there is anything to answer, or, on a page of notes, to read.
  func isShown(_ asked: AskedItems) -> Bool {
    asksSomething(asked) || isEmpty && Self.questions(in: items).contains { $0.kind == .note && asked.outer.contains($0.name) }
  }
}

extension FormQuestion {
  /// Whether a page asks it. Pictures need a program: without one nothing shrinks them or removes what they say of place and time.
  var isShown: Bool { kind.isAsked && kind != .image }

  /// Whether it may be left blank whatever else is answered.
  var isOptional: Bool { required?.source != "true()" }
}

extension Form {
  /// Tells if pages can ask what must be answered.
  public var canBeShown: Bool { isServable }

  /// Whether the pages can ask everything that must be answered.
  var isServable: Bool {
    questions.contains { $0.isShown } && !questions.contains { $0.kind == .image && $0.required != nil }
  }
}
