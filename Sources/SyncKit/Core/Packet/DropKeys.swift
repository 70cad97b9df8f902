internal import Foundation
internal import SwiftProtobuf

/// Public keys that a hub lists for packets, and the choice of the key to which a row is encrypted. Devices, imports and the hub's
/// own pages all use it.
///
/// A form's key can be destroyed without the others. So no answer is encrypted to the general key when its form has a key of its
/// own.
package struct DropKeys: Sendable, Hashable {
  /// Forms whose keys a device remembers; answers to further forms are encrypted to the general key.
  package static let formsMax = 400

  /// Key for rows without a form, and for forms without a key of their own. A hub of an earlier program lists no others.
  let general: WireDropKey
  private let byForm: [String: WireDropKey]

  package init(general: WireDropKey, forms: [WireDropKey]) {
    self.general = general
    let usable = forms.filter { !$0.form.isEmpty && $0.publicKey.count == general.publicKey.count }
    byForm = Dictionary(usable.prefix(Self.formsMax).map { ($0.form, $0) }, uniquingKeysWith: { first, _ in first })
  }

  package func key(forForm form: String?) -> WireDropKey { form.flatMap { byForm[$0] } ?? general }
}
