internal import SurveyKit
public import SyncHub

/// Acts of operators that nobody does without saying why: pages and commands ask by this table alike.
///
/// These decide about what other people wrote, or whom the hub takes work from. Other acts are noted with the reason that is given: whoever
/// stops a lost phone, or puts a lost hub back, is not held up. Pages, where a reason is one field more, ask for it at more acts.
public enum ActReasons {
  public static let required: Set<String> = [
    "devices restore", "enroll --replaces", "held decline", "held free", "held repair", "posts --hide", "resolve",
  ]

  /// - Parameter kind: The act's name as it is noted, such as `devices revoke`.
  public static func isRequired(for kind: String) -> Bool { required.contains(kind) }
}

extension IntendedAct {
  /// Makes an act that carries a reason where one is required.
  ///
  /// - Throws: `SurveyFieldError.noReason`, and as the act itself.
  public init(
    stated kind: String, subject: String = "", by who: String, reason: String,
    look: (@Sendable (any HubSession) throws -> [String: String])? = nil
  ) throws {
    if ActReasons.isRequired(for: kind), reason.allSatisfy(\.isWhitespace) { throw SurveyFieldError.noReason }
    try self.init(kind, subject: subject, by: who, reason: reason, look: look)
  }
}
