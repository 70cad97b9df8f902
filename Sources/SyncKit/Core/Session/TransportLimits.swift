/// Bounds of calls, whatever carries them.
package enum TransportLimits {
  /// However well it moves, one call takes no longer, in milliseconds.
  static let callMsMax = 3_600_000
  /// Addresses followed one after the other.
  package static let movesMax = 5
}
