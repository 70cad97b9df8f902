internal import Foundation
public import SurveyKit
internal import SyncHub

/// Leads of units sign in with the card on which their enrolment code is printed. They see their own unit, and stay signed in while the device that used the
/// code, or one that goes on in its place, is trusted.
extension SurveyHub {
  /// Signs a unit's lead in.
  ///
  /// - Parameters:
  ///   - code: As it stands on the card; spaces, dashes and case do not matter.
  ///   - source: The network address that asks: one that guesses has to wait.
  /// - Returns: The secret of the session, and the unit.
  /// - Throws: `SyncError` where nobody made the code, nobody has enrolled with it, or the device is revoked.
  public func signIn(card code: String, from source: String) async throws -> (session: String, unit: UnitCode) {
    let plain = String(code.uppercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(Self.cardLengthMax))
    let holder = try await hub.holder(ofCode: plain, from: source)
    let (secret, nowMs, unit) = (Self.newSecret(), nowMs, UnitCode(holder.scope))
    try await hub.write { session in
      try PeopleTable(session: session).add(secret, .card, of: Self.lead(of: unit).name, label: holder.replica.description, nowMs: nowMs)
    }
    return (secret, unit)
  }

  /// Characters of a code that are looked at.
  private static let cardLengthMax = 64

  private static func lead(of unit: UnitCode) -> Person {
    Person(name: "tổ \(unit.rawValue)", capabilities: [.read], scope: unit, isReady: true)
  }

  /// The lead of a session by card; nil for one that has ended, or whose device is trusted no more.
  func lead(bySession secret: String) async throws -> Person? {
    let nowMs = nowMs
    let label = try await hub.read { try PeopleTable(session: $0).label(of: secret, .card, nowMs: nowMs) }
    guard let label, let replica = Data(hex: label).flatMap(ReplicaID.init(bytes:)), let scope = try await hub.trustedScope(of: replica)
    else {
      return nil
    }
    return Self.lead(of: UnitCode(scope))
  }
}
