internal import SurveyKit
public import SyncHub

/// Acts of operators that nobody does without saying why: pages and commands ask by this table alike.
///
/// These take something from somebody, or cannot be taken back. Other acts are noted with the reason that is given, if there is one.
public enum ActReasons {
  public static let required: Set<String> = [
    "campaign change", "campaign erase", "campaign headcount", "campaign window", "codes cancel", "codes expire", "devices replace",
    "devices restore", "devices revoke", "enroll --replaces", "held decline", "held free", "held repair", "keys destroy", "posts --hide",
    "resolve", "restore",
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
