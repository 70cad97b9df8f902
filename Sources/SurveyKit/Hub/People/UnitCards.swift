internal import Foundation
public import SurveyKit
internal import SyncHub

/// Sign-in of units' leads with the card on which their enrolment code is printed. A lead sees the own unit, and stays signed in
/// while the device that used the code, or one of its successors, is trusted.
extension SurveyHub {
  /// Signs a unit's lead in.
  ///
  /// - Parameters:
  ///   - code: Code as it stands on the card; spaces, dashes and case do not matter.
  ///   - source: Network address of the caller: guessers have to wait.
  /// - Returns: Secret of the session, and the unit.
  /// - Throws: `SyncError` when the code is unknown or unused, or the device is revoked.
  public func signIn(card code: String, from source: String) async throws -> (session: String, unit: UnitCode) {
    let plain = String(code.uppercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(Self.cardLengthMax))
    let holder = try await hub.holder(ofCode: plain, from: source)
    let (secret, nowMs, unit) = (Self.newSecret(), nowMs, UnitCode(holder.scope))
    try await hub.write { session in
      try PeopleTable(session: session).add(secret, .card, of: Self.lead(of: unit).name, label: holder.replica.description, nowMs: nowMs)
    }
    return (secret, unit)
  }

  /// Characters of a code that are read.
  private static let cardLengthMax = 64

  private static func lead(of unit: UnitCode) -> Person {
    Person(name: "tổ \(unit.rawValue)", capabilities: [.read], scope: unit, isReady: true)
  }

  /// Returns the lead of a session by card; nil when the session has ended, or its device is no longer trusted.
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
