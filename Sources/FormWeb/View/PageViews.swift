internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// What every page of the questionnaire has around its content.
struct PageFrame {
  let unit: String
  let district: String?
  let path: String
  let pageCount: Int
  /// The form's.
  let languages: [FormLanguage]

  init(_ interview: Interview, _ visit: FormVisit, path: String) {
    unit = visit.unitName
    district = visit.district
    self.path = path
    pageCount = interview.pages.pages.count
    languages = interview.form.languages
  }
}

/// The frame in one language, for the templates.
struct FrameView {
  var lang: String
  var title: String
  var skip: String
  /// Nil where the page must not say more than it has to.
  var unit: String?
  var district: String?
  var action: String
  /// The languages that the page can be turned to.
  var others: [OtherLanguage]

  struct OtherLanguage {
    var otherCode: String
    var otherName: String
  }

  init(_ frame: PageFrame, _ draft: Draft) {
    self.init(draft.language, unit: frame.unit, district: frame.district, action: frame.path)
    lang = draft.textLanguage
    let own = [Language.vietnamese, .english].map { FormLanguage(code: $0.rawValue, name: WebWords.languageName($0)) }
    let others = frame.languages.filter { form in form.code != "und" && !own.contains { $0.code == form.code } }
    self.others = (own + others).filter { $0.code != draft.textLanguage }.map { OtherLanguage(otherCode: $0.code, otherName: $0.name) }
  }

  init(_ language: Language, unit: String? = nil, district: String? = nil, action: String = "") {
    lang = language.rawValue
    title = WebWords.title(language)
    skip = WebWords.skip(language)
    self.unit = unit
    self.district = district
    self.action = action
    let other: Language = language == .vietnamese ? .english : .vietnamese
    others = [OtherLanguage(otherCode: other.rawValue, otherName: WebWords.languageName(other))]
  }
}

/// A field that travels unseen.
struct HiddenField {
  var key: String
  var value: String

  /// - Parameter page: What is being posted: the place of a page, or `review`; nil for the notice.
  static func all(_ draft: Draft, page: String?) -> [HiddenField] {
    var fields = [HiddenField(key: "form", value: draft.edition), HiddenField(key: "lang", value: draft.language.rawValue)]
    if let tongue = draft.tongue { fields.append(HiddenField(key: "tongue", value: tongue)) }
    guard let page else { return fields }
    fields.append(HiddenField(key: "id", value: draft.id))
    if let key = draft.key { fields += [HiddenField(key: "key", value: key.text), HiddenField(key: "turn", value: String(draft.turn))] }
    fields.append(HiddenField(key: "page", value: page))
    if draft.isReviewed { fields.append(HiddenField(key: "reviewed", value: "1")) }
    fields.append(HiddenField(key: "state", value: draft.sealed))
    return fields
  }
}

/// A text that stands before the first page.
struct OpeningView {
  var openingRuns: [RunView]
}

struct NoticeView {
  struct Point {
    var heading: String
    var text: String
  }

  var frame: FrameView
  var campaign: String
  var formTitle: String
  var opening: [OpeningView]
  var points: [Point]
  var length: String
  var hidden: [HiddenField]
  var start: String

  init(_ interview: Interview, _ visit: FormVisit, _ draft: Draft, path: String) {
    let language = draft.language
    let asked = interview.pages.pages.flatMap(\.questions).count + interview.form.repeats.count
    frame = FrameView(PageFrame(interview, visit, path: path), draft)
    campaign = visit.campaign.title(language)
    let writer = ItemWriter(interview, draft, AskedItems.nothing)
    formTitle = writer.text(interview.form.title)
    opening = interview.pages.opening.map { OpeningView(openingRuns: writer.runs($0.label)) }
    points = WebWords.notice(answersMin: visit.campaign.thresholds.kAnswersMin).map {
      Point(heading: $0.heading(language), text: $0.text(language))
    }
    length = WebWords.length(pages: interview.pages.pages.count, questions: asked)(language)
    hidden = HiddenField.all(draft, page: nil)
    start = WebWords.start(language)
  }
}

struct PageView {
  struct Listed {
    var target: String
    var question: String
    var reason: String?
  }

  struct Alert {
    var heading: String
    var tone: String
    var listed: [Listed]
  }

  var frame: FrameView
  var step: String
  var stepNumber: Int
  var stepCount: Int
  var heading: String
  var alert: Alert?
  var items: [ItemView]
  var hidden: [HiddenField]
  var next: String
  var back: String?

  init(
    _ interview: Interview, _ around: PageFrame, _ draft: Draft, place: Int, faults: [String: LocalizedText], new: Set<String>,
    remark: Interview.Remark?
  ) {
    let language = draft.language
    let asked = interview.asked(draft)
    let page = interview.pages.pages[place]
    let relevant = interview.pages.pages.indices.filter { $0 == place || interview.pages.pages[$0].isShown(asked) }
    stepNumber = (relevant.firstIndex(of: place) ?? 0) + 1
    stepCount = relevant.count
    frame = FrameView(around, draft)
    step = WebWords.step(stepNumber, of: stepCount)(language)
    let writer = ItemWriter(interview, draft, asked, page: page, faults: faults, new: new)
    heading = writer.text(page.label ?? interview.form.title)
    items = writer.items(page.items)
    hidden = HiddenField.all(draft, page: String(place))
    next = WebWords.next(language)
    back = stepNumber > 1 || draft.isReviewed ? WebWords.back(language) : nil
    let shown = page.shown(asked)
    if remark == .tooLong {
      alert = Alert(heading: WebWords.tooLong(language), tone: "bad", listed: [])
    } else if !faults.isEmpty {
      alert = Alert(
        heading: WebWords.wrong(language), tone: "bad",
        listed: shown.compactMap { item in
          faults[item.field].map {
            Listed(target: writer.firstControl(item), question: writer.text(item.question.label, item), reason: $0(language))
          }
        })
    } else if !new.isEmpty {
      alert = Alert(
        heading: (remark == .added ? WebWords.added : WebWords.more)(language), tone: "new",
        listed: shown.filter { new.contains($0.field) }.map {
          Listed(target: writer.firstControl($0), question: writer.text($0.question.label, $0))
        }
          + page.repeats.filter { new.contains(FieldName.of($0)) }.map {
            Listed(target: writer.anchor(FieldName.of($0)), question: writer.text($0.label))
          })
    }
  }
}

struct ReviewView {
  struct Line {
    var question: String
    var answer: String?
    var blank: String
    var reason: String?
  }

  struct Section {
    var name: String
    var place: Int
    var lines: [Line]
  }

  var frame: FrameView
  var heading: String
  var lead: String
  var problem: String?
  var sections: [Section]
  var hidden: [HiddenField]
  var edit: String
  var send: String?
  var back: String

  /// - Parameter refusal: Why what was sent was not taken.
  init(_ interview: Interview, _ around: PageFrame, _ draft: Draft, refusal: LocalizedText? = nil) {
    let language = draft.language
    let asked = interview.asked(draft)
    let given = interview.given(draft)
    let writer = ItemWriter(interview, draft, asked)
    var faults: [String: LocalizedText] = [:]
    if case .failure(let found) = interview.verdict(draft) {
      for fault in found.faults { faults["\(fault.question).\(fault.instance.map(String.init) ?? "")"] = fault.message }
    }
    frame = FrameView(around, draft)
    heading = WebWords.review(language)
    lead = WebWords.reviewLead(language)
    problem = refusal?(language) ?? (faults.isEmpty ? nil : WebWords.reviewWrong(language))
    sections = interview.pages.pages.enumerated().compactMap { place, page in
      guard page.asksSomething(asked) else { return nil }
      let lines = page.shown(asked).map { item in
        Line(
          question: writer.text(item.question.label, item), answer: writer.shownAnswer(item, given), blank: WebWords.blank(language),
          reason: faults["\(item.question.name).\(item.section == nil ? "" : String(item.place))"]?(language))
      }
      return Section(name: writer.text(page.label ?? interview.form.title), place: place, lines: lines)
    }
    hidden = HiddenField.all(draft, page: "review")
    edit = WebWords.edit(language)
    send = faults.isEmpty ? WebWords.send(language) : nil
    back = WebWords.back(language)
  }
}

struct ReceivedView {
  var frame: FrameView
  var heading: String
  var thanks: String
  var closePage: String

  init(_ language: Language) {
    frame = FrameView(language)
    heading = WebWords.received(language)
    thanks = WebWords.thanks(language)
    closePage = WebWords.closePage(language)
  }
}

/// A page that says why what was posted was not taken, and carries it to be posted again.
struct AgainView {
  var frame: FrameView
  var message: MessageView
  var hidden: [HiddenField]
  var again: String
  /// The button that was pressed.
  var pressed: String

  init(_ message: WebMessage, fields: [(name: String, value: String)], path: String) {
    frame = FrameView(.vietnamese, action: path)
    self.message = MessageView(message)
    hidden = fields.filter { $0.name != "go" }.map { HiddenField(key: $0.name, value: $0.value) }
    again = WebWords.again(.vietnamese) + " · " + WebWords.again(.english)
    pressed = fields.first { $0.name == "go" }?.value ?? ""
  }
}

struct MessageView {
  var frame = FrameView(.vietnamese)
  var heading: String
  var text: String
  var headingEnglish: String
  var textEnglish: String

  init(_ message: WebMessage) {
    (heading, text) = (message.title(.vietnamese), message.text(.vietnamese))
    (headingEnglish, textEnglish) = (message.title(.english), message.text(.english))
  }
}
