internal import Foundation

/// A sealed batch waiting to be sent.
struct OutboxEntry: Hashable, Sendable {
  var scope: String
  var number: UInt64
  var hash: Data
  var byteCount: Int
  /// The hub had it, in a life that a restore ended, or may have a part of it: ask before sending all of it again.
  var isInDoubt = false
}
