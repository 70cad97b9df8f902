public import SurveyKit
public import SurveyKitHub

/// What the pages need from whoever serves them: a hub, or a device that lends itself to respondents.
public protocol FormDesk: Sendable {
  /// Milliseconds since 1970 by the campaign's own clock.
  var nowMs: Int64 { get }
  /// Nil when there is no campaign, or it does not know the unit.
  ///
  /// - Parameter isMeant: Says of a campaign's id whether a link leads to it; another may be given where none is.
  func visit(to unit: UnitCode, of isMeant: @escaping @Sendable (_ campaign: String) -> Bool) async throws -> FormVisit?
  /// An edition of a form by its key; nil when there is none.
  ///
  /// - Parameter digest: Of the definition that is meant; nil for the one that has the name now.
  func validator(of edition: String, digest: String?) async throws -> AnswerValidator?
  /// Keeps an answer for good, sealed, before it returns; the same id again changes nothing in the end.
  func submit(_ submission: AnswerSubmission) async throws
}

extension SurveyHub: FormDesk {}
