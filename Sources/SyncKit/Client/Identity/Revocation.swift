internal import SyncCore
internal import SyncStore

extension Replica {
  /// Name under which a store remembers that its hub has revoked it.
  static let revokedState = "revoked"

  /// Returns true when the hub said in the last exchange that it has revoked this device.
  public func isRevoked() async throws -> Bool { try await engineRead { try $0.state.integer(Self.revokedState) == 1 } }

  /// Remembers what the hub said of this device; writes only what is new.
  func note(isRevoked: Bool) async throws {
    guard try await self.isRevoked() != isRevoked else { return }
    try await engineWrite { try $0.state.set(Self.revokedState, .integer(isRevoked ? 1 : 0)) }
  }

  /// Returns true when this device asked for its enrolment by bundle and waits for the return.
  public func awaitsEnrolment() async throws -> Bool {
    guard try await enrolment() == nil else { return false }
    return try await engineRead { try $0.state.value("enrolCode").text != nil }
  }
}
