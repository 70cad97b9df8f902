public import SyncCore

/// Makes a form one whose answers tell nobody apart: they carry no position, no number that stays with one person, nothing finer than the day.
///
/// The table in docs/forms.md says the same; coarser things, such as `now()` being the day, hold for every form.
package struct AnonymousForm {
  package struct Finding: Hashable {
    /// Name of the question.
    package var question: String
    package var text: LocalizedText
    /// Cannot be made coarser without asking something else than its author means.
    package var isProblem = false

    package var message: LocalizedText { LocalizedText(vi: "câu \(question): \(text.vi)", en: "\(question): \(text.en)") }
  }

  /// The form with what is too fine left blank.
  package let form: Form
  /// Lists the questions and rules that are carried out otherwise than written, and those that cannot be carried out.
  package let findings: [Finding]

  package init(_ form: Form) {
    let findings = Self.findings(in: form)
    self.findings = findings
    let blank = Set(findings.filter { $0.text == Self.position || $0.text == Self.keyed && !$0.isProblem }.map(\.question))
    self.form = blank.isEmpty ? form : form.leavingBlank(blank)
  }

  package var problems: [Finding] { findings.filter(\.isProblem) }
  package var remarks: [LocalizedText] { findings.filter { !$0.isProblem }.map(\.message) }

  package static func findings(in form: Form) -> [Finding] {
    let kinds = Dictionary(form.questions.map { ($0.name, $0.kind) }, uniquingKeysWith: { first, _ in first })
    return form.questions.flatMap { question -> [Finding] in
      let name = question.name
      var found: [Finding] = question.kind == .geopoint ? [Finding(question: name, text: position)] : []
      for rule in question.everyRule {
        // A value that is worked out can be blank; a rule on what is asked, or taken, cannot.
        let isValue = rule == question.calculation || rule == question.initial?.rule
        rule.root.walk { node in
          guard let text = finding(of: node, kinds) else { return }
          let own =
            text == keyed && !isValue
            ? Finding(question: name, text: keyedRule, isProblem: true) : Finding(question: name, text: text)
          if !found.contains(own) { found.append(own) }
        }
      }
      return found
    }
  }

  private static func finding(of node: ExpressionNode, _ kinds: [String: QuestionKind]) -> LocalizedText? {
    switch node {
    case .call(.uuid, _), .call(.random, _): drawn
    case .lookup(let lookup):
      // A list looked up by what somebody typed knows the person; by what somebody chose it knows the choice.
      lookup.operands.contains { operand in
        var isTyped = false
        operand.walk { inner in
          if let kind = inner.referenceName.flatMap({ kinds[$0] }), typed.contains(kind) { isTyped = true }
        }
        return isTyped
      } ? keyed : nil
    default: nil
    }
  }

  private static let typed: Set<QuestionKind> = [.text, .integer, .decimal, .date, .geopoint]

  private static let position = LocalizedText(
    vi: "biểu mẫu ẩn danh không hỏi vị trí; câu này để trống.", en: "an anonymous form asks for no position; it stays blank.")
  private static let drawn = LocalizedText(
    vi: "trong biểu mẫu ẩn danh uuid() và random() cho mọi phiếu của một xã trong một ngày cùng một giá trị.",
    en: "in an anonymous form uuid() and random() are the same for all answers of a commune and day.")
  private static let keyed = LocalizedText(
    vi: "biểu mẫu ẩn danh không tra danh sách theo điều người trả lời viết ra, vì có thể nhận ra họ; giá trị để trống.",
    en: "an anonymous form looks nothing up by what people write, which could tell who they are; the value stays blank.")
  private static let keyedRule = LocalizedText(
    vi: "biểu mẫu ẩn danh không tra danh sách theo điều người trả lời viết ra, vì có thể nhận ra họ; hãy tra theo một câu chọn.",
    en: "an anonymous form looks nothing up by what people write, which could tell who they are; look up by a choice.")
}

extension Form {
  /// Lists the questions and rules that an anonymous form carries out otherwise than written, so that nobody is told apart.
  public var anonymousRemarks: [LocalizedText] { AnonymousForm(self).findings.map(\.message) }

  /// The same with nothing to answer, and no value, under these names; rules see a blank there.
  fileprivate func leavingBlank(_ names: Set<String>) -> Form {
    let nothing = FormExpression.quoting("")
    func blank(_ items: [FormItem]) -> [FormItem] {
      items.map { item in
        switch item {
        case .question(let question) where names.contains(question.name):
          switch question.kind {
          case .geopoint, .calculate, .hidden:
            .question(FormQuestion(name: question.name, kind: .calculate, relevant: question.relevant, calculation: nothing))
          default: .question(question.withoutDefault)
          }
        case .question: item
        case .group(let section): .group(section.holding(blank(section.items)))
        case .repeated(let section): .repeated(section.holding(blank(section.items)))
        }
      }
    }
    return Form(
      unchecked: id, version: version, title: title, languages: languages, defaultLanguage: defaultLanguage, choiceLists: choiceLists,
      items: blank(items))
  }
}
