internal import SyncCore

/// Finds what an anonymous form cannot ask or work out, since people would be told apart: its answers carry no position, no number that stays
/// with one person, nothing finer than the day.
///
/// The table in docs/forms.md says the same; coarser things, such as `now()` being the day, hold for every form.
package enum AnonymousForm {
  package struct Finding: Hashable {
    /// Name of the question.
    var question: String
    var text: LocalizedText
  }

  package static func findings(in form: Form) -> [Finding] {
    let kinds = Dictionary(form.questions.map { ($0.name, $0.kind) }, uniquingKeysWith: { first, _ in first })
    return form.questions.flatMap { question -> [Finding] in
      var texts: [LocalizedText] = question.kind == .geopoint ? [position] : []
      for rule in question.everyRule {
        rule.root.walk { node in
          if let text = refusal(of: node, kinds), !texts.contains(text) { texts.append(text) }
        }
      }
      return texts.map { Finding(question: question.name, text: $0) }
    }
  }

  /// As problems of a file.
  package static func problems(in form: Form, source: String) -> [DataProblem] {
    findings(in: form).map { found in
      DataProblem(source, vi: "câu \(found.question): \(found.text.vi)", en: "\(found.question): \(found.text.en)")
    }
  }

  private static func refusal(of node: ExpressionNode, _ kinds: [String: QuestionKind]) -> LocalizedText? {
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
    vi: "biểu mẫu ẩn danh không hỏi vị trí; hãy bỏ câu này, hoặc dùng biểu mẫu báo cáo.",
    en: "an anonymous form asks for no position; remove the question, or use the report's form.")
  private static let drawn = LocalizedText(
    vi: "biểu mẫu ẩn danh không dùng uuid() hay random(), vì giá trị đó nhận ra từng phiếu; hãy bỏ phép tính này.",
    en: "an anonymous form has no uuid() or random(), which would tell answers apart; remove the calculation.")
  private static let keyed = LocalizedText(
    vi: "biểu mẫu ẩn danh không tra danh sách theo điều người trả lời viết ra, vì có thể nhận ra họ; hãy tra theo một câu chọn.",
    en: "an anonymous form looks nothing up by what people write, which could tell who they are; look up by a choice.")
}
