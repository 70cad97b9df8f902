internal import Foundation
internal import SwiftProtobuf

/// The public halves of the keys that a hub lists, and which of them a row is encrypted to. Devices, imports and the hub's own pages all
/// ask here.
///
/// A form's key can be destroyed without the others': so no answer is encrypted to the general key where its form has one of its own.
struct DropKeys: Sendable, Hashable {
  /// Forms whose keys a device remembers; answers to further ones are encrypted to the general key.
  static let formsMax = 400

  /// For rows without a form, and for forms that have no key of their own: a hub of an earlier program lists none.
  let general: WireDropKey
  private let byForm: [String: WireDropKey]

  init(general: WireDropKey, forms: [WireDropKey]) {
    self.general = general
    let usable = forms.filter { !$0.form.isEmpty && $0.publicKey.count == general.publicKey.count }
    byForm = Dictionary(usable.prefix(Self.formsMax).map { ($0.form, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func key(forForm form: String?) -> WireDropKey { form.flatMap { byForm[$0] } ?? general }

  // MARK: On a device

  private static let general = "dropKey"
  private static let forms = "formKeys"

  /// Remembers what a hub lists, in place of what it listed before.
  static func remember(_ info: WireHubInfo, in state: StateStore) throws {
    var listed = WireHubInfo()
    listed.formKeys = Array(info.formKeys.prefix(formsMax))
    for (name, value) in [(general, try info.dropKey.serializedData()), (forms, try listed.serializedData())]
    where try state.value(name).blob != value {
      try state.set(name, .blob(value))
    }
  }

  /// - Returns: Nil before enrolment.
  static func remembered(in state: StateStore) throws -> DropKeys? {
    guard let bytes = try state.value(general).blob, let general = try? WireDropKey(serializedBytes: bytes) else { return nil }
    let listed = try state.value(forms).blob.flatMap { try? WireHubInfo(serializedBytes: $0) }
    return DropKeys(general: general, forms: listed?.formKeys ?? [])
  }
}

extension TableShape {
  /// The form that an anonymous row answers: what its form column says up to `@`, after which a version stands. Nil where it says none.
  func form(of cells: some Sequence<(column: String, value: CellValue)>) -> String? {
    guard let name = declaration.formColumn, let text = cells.first(where: { $0.column == name })?.value.text else { return nil }
    return text.prefix { $0 != "@" }.isEmpty ? nil : String(text.prefix { $0 != "@" })
  }
}
