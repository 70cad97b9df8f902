internal import SurveyKit

/// Texts of a form as a person reads them at one step: in one language, with earlier answers put in and without markup.
struct FilledWalk {
  private let walk: FormWalk
  private let filling: TextFilling
  private let language: String
  /// Position of the text.
  var step: FormStep

  init(_ walk: FormWalk, _ language: String) {
    self.walk = walk
    self.language = language
    filling = walk.filling
    step = walk.step
  }

  func text(_ text: FormText?) -> String {
    guard let text else { return "" }
    let (section, number) = walk.textPosition(at: step)
    let markup = Markup(text.text(in: language, fallback: walk.form.defaultLanguage))
    return markup.filled { filling.filled($0, in: section, number: number) }.plain
  }
}
