internal import Foundation
public import SyncCore

extension Hub {
  /// Finds the device that used an enrolment code.
  ///
  /// - Parameter source: Network address of the caller. An address that sent many wrong codes waits, as in enrolment.
  /// - Throws: `SyncError` when the code is unknown or unused, or the device and all its successors are revoked.
  public func holder(ofCode code: String, from source: String) async throws -> (scope: String, replica: ReplicaID) {
    let hash = Data(code.utf8).sha256
    try await refuseUnknown(code: hash, from: source)
    let used = try await read { session in
      try session.firstRow("SELECT replica FROM hub_code WHERE hash = ?1", [.blob(hash)])?[0].blob.flatMap(ReplicaID.init(bytes:))
    }
    guard let used else {
      throw SyncError(
        .wrongCode, vi: "Mã này chưa được máy nào dùng; ghi danh máy trước, rồi vào bằng mã ấy.",
        en: "No device has used this code yet; enrol a device first, then sign in with it.")
    }
    guard let scope = try await trustedScope(of: used) else {
      throw SyncError(
        .wrongCode, vi: "Máy ghi danh bằng mã này đã bị thu hồi; xin tỉnh mã mới.",
        en: "The device that enrolled with this code is revoked; ask the province for a new code.")
    }
    return (scope, used)
  }

  /// Returns the scope that a device writes, while the device or one of its successors is not revoked; nil otherwise.
  public func trustedScope(of replica: ReplicaID) async throws -> String? {
    guard try await !activeFamily(of: replica).isEmpty else { return nil }
    return try await read { session in
      try session.firstRow("SELECT scope FROM hub_device WHERE replica = ?1", [.blob(replica.bytes)])?[0].text
    }
  }
}
