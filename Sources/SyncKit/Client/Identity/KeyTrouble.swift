internal import Foundation
public import SyncCore
internal import SyncStore

/// Messages for a store whose key is gone.
enum KeyTrouble {
  static let withoutCopy = LocalizedText(
    vi: "Không có bản sao: xin tỉnh một mã (hub enroll … --replaces …), rồi chạy field enroll MÃ trên kho này.",
    en: "Without a copy: ask the province for a code (hub enroll … --replaces …), then run field enroll CODE on this store.")

  /// Returns an error that adds what to do when there is no copy of the key.
  static func explained(_ trouble: LocalizedText) -> SyncError {
    SyncError(.keyUnusable, vi: "\(trouble.vi) \(withoutCopy.vi)", en: "\(trouble.en) \(withoutCopy.en)")
  }
}

extension Replica {
  /// Returns why this enrolled store cannot seal or send: its key is missing, damaged or another device's. Nil when the key is
  /// usable.
  public func keyTrouble() async throws -> SyncError? {
    guard try await enrolment() != nil else { return nil }
    do {
      let key = try secrets().signingKey
      try await engineRead { try self.check(key, in: $0.state) }
      return nil
    } catch let error as SyncError where error.code == .keyUnusable {
      return error
    }
  }
}
