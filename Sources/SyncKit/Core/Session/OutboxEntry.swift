package import Foundation

/// Sealed batch waiting to be sent.
package struct OutboxEntry: Hashable, Sendable {
  package var scope: String
  package var number: UInt64
  package var hash: Data
  package var byteCount: Int
  /// True when the hub had the batch in an incarnation that ended, or may have a part of it: ask before sending all of it again.
  package var isInDoubt = false

  package init(scope: String, number: UInt64, hash: Data, byteCount: Int, isInDoubt: Bool = false) {
    self.scope = scope
    self.number = number
    self.hash = hash
    self.byteCount = byteCount
    self.isInDoubt = isInDoubt
  }
}
