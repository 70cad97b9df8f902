internal import SurveyKit
internal import Synchronization

/// Keeps the forms that are asked now as they were cut into pages: a cut reads every text of a form, a page shows a few of them.
final class CutForms: Sendable {
  /// Forms kept at a time; the next form begins anew.
  static let formsMax = 16
  private let known = Mutex<[String: FormPages]>([:])

  /// Returns the pages of the validator's form, cut once for each definition.
  func pages(of validator: AnswerValidator) -> FormPages {
    if let pages = known.withLock({ $0[validator.digest] }) { return pages }
    let pages = FormPages(validator.form)
    known.withLock { known in
      if known.count >= Self.formsMax { known.removeAll() }
      known[validator.digest] = pages
    }
    return pages
  }
}
