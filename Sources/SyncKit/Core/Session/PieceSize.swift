/// Bounds what one call carries on a link that does not take everything: smaller after a call that stalled or that a proxy found too large,
/// larger again with each that passes. Pure.
package struct PieceSize {
  /// Fewer bytes than this are not worth a call; a hub keeps no smaller part of a batch.
  static let bytesMin = 4 << 10
  /// The first size after trouble, in bytes, or less where less was too much already.
  static let bytesFirst = 64 << 10
  /// Bytes from which on nothing is cut any more.
  static let bytesUncut = 4 << 20

  /// Bytes of one call at most; nil while nothing is cut.
  package private(set) var bytes: Int?
  /// Bytes that a proxy refused: nothing grows up to them again.
  private var refused: Int?

  package init() {}

  /// - Parameter carried: Bytes of the call that stalled; nil of one whose answer was to carry them.
  package mutating func stalled(carrying carried: Int?) { shrink(below: carried) }

  package mutating func wasTooLarge(_ carried: Int) {
    refused = min(refused ?? carried, carried)
    shrink(below: carried)
  }

  /// - Parameter carried: Bytes that went through, in whichever direction there were more.
  package mutating func passed(_ carried: Int) {
    guard let bytes, carried > bytes / 2 else { return }
    let larger = bytes * 2
    if let refused, larger >= refused { return }
    self.bytes = larger < Self.bytesUncut ? larger : nil
  }

  private mutating func shrink(below carried: Int?) {
    let before = min(bytes ?? Self.bytesFirst * 2, carried.map { max($0, Self.bytesMin) } ?? .max)
    bytes = max(Self.bytesMin, before / 2)
  }
}
