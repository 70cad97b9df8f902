internal import Foundation
internal import SwiftProtobuf
internal import SyncCore
internal import SyncStore

/// Drop keys that a device stores, as its hub listed them.
extension DropKeys {
  private static let general = "dropKey"
  private static let forms = "formKeys"

  /// Stores the keys that a hub lists, in place of earlier ones.
  static func remember(_ info: WireHubInfo, in state: StateStore) throws {
    var listed = WireHubInfo()
    listed.formKeys = Array(info.formKeys.prefix(formsMax))
    for (name, value) in [(general, try info.dropKey.serializedData()), (forms, try listed.serializedData())]
    where try state.value(name).blob != value {
      try state.set(name, .blob(value))
    }
  }

  /// Returns the stored keys; nil before enrolment.
  static func remembered(in state: StateStore) throws -> DropKeys? {
    guard let bytes = try state.value(general).blob, let general = try? WireDropKey(serializedBytes: bytes) else { return nil }
    let listed = try state.value(forms).blob.flatMap { try? WireHubInfo(serializedBytes: $0) }
    return DropKeys(general: general, forms: listed?.formKeys ?? [])
  }
}
