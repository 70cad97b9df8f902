internal import Foundation
internal import SwiftProtobuf

/// The public halves of the keys that a hub lists, and which of them a row is encrypted to. Devices, imports and the hub's own pages all
/// ask here.
///
/// A form's key can be destroyed without the others': so no answer is encrypted to the general key where its form has one of its own.
package struct DropKeys: Sendable, Hashable {
  /// Forms whose keys a device remembers; answers to further ones are encrypted to the general key.
  package static let formsMax = 400

  /// For rows without a form, and for forms that have no key of their own: a hub of an earlier program lists none.
  let general: WireDropKey
  private let byForm: [String: WireDropKey]

  package init(general: WireDropKey, forms: [WireDropKey]) {
    self.general = general
    let usable = forms.filter { !$0.form.isEmpty && $0.publicKey.count == general.publicKey.count }
    byForm = Dictionary(usable.prefix(Self.formsMax).map { ($0.form, $0) }, uniquingKeysWith: { first, _ in first })
  }

  package func key(forForm form: String?) -> WireDropKey { form.flatMap { byForm[$0] } ?? general }
}
