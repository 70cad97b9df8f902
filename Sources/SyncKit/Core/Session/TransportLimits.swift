/// Bounds of calls, for every transport.
package enum TransportLimits {
  /// Milliseconds of one call, however well it moves.
  static let callMsMax = 3_600_000
  /// Addresses followed one after the other.
  package static let movesMax = 5
}
