public import SurveyKit

/// Right on the operators' pages.
public enum Capability: String, Sendable, Hashable, Codable, CaseIterable {
  /// See states, counts, devices, reports and posts.
  case read
  /// Decide, call, remind, return reports.
  case act
  /// Change people, devices, codes and the window.
  case configure
  /// See results of what people answered.
  case seeAnswers = "answers"
}

/// Person who may sign in on the operators' pages.
public struct Person: Sendable, Hashable, Codable {
  /// Name as it is shown; two people's names differ by more than accents and case.
  public var name: String
  public var capabilities: Set<Capability>
  /// Top of the part of the tree that the person sees; nil for all.
  public var scope: UnitCode?
  /// Tag of the units that the person sees; nil for all.
  public var tag: String?
  /// True when a password was chosen.
  public var isReady: Bool

  public func may(_ capability: Capability) -> Bool { capabilities.contains(capability) }

  public var part: UnitScope { UnitScope(scope, tag: tag) }

  /// Returns whether this person may give or take the other's rights: only rights that this person has, in a part of their own
  /// tree.
  func manages(_ other: Person, in tree: UnitTree?) -> Bool {
    guard may(.configure), capabilities.isSuperset(of: other.capabilities) else { return false }
    guard !part.isAll else { return true }
    return tree.map { part.covers(other.part, in: $0) } ?? false
  }

  /// Characters of a name.
  public static let nameLengthMax = 60
}

/// Kind of a secret by which a person is known. A hub keeps only hashes of secrets.
enum ConsoleKeyKind: String {
  /// Link with which somebody chooses a password, once.
  case invitation
  /// Browser in which somebody signed in.
  case session
  /// Program that acts for somebody.
  case token
  /// Browser in which a unit's lead signed in with a card.
  case card

  /// Milliseconds for which the key is valid.
  var lifeMs: Int64 {
    switch self {
    case .invitation: 3 * 86_400_000
    case .session, .card: 16 * 3_600_000
    case .token: 366 * 86_400_000
    }
  }
}
