/// Size of the pieces that one call carries. Smaller after a call that stalled or that a proxy found too large, larger again with
/// each call that passes. Pure.
package struct PieceSize {
  /// Least bytes of a piece; a hub keeps no smaller part of a batch.
  package static let bytesMin = 4 << 10
  /// First size after trouble, in bytes, unless less was too much already.
  static let bytesFirst = 64 << 10
  /// Bytes from which on nothing is divided any more.
  static let bytesUncut = 4 << 20

  /// Bytes of one call; nil while nothing is divided.
  package private(set) var bytes: Int?
  /// Bytes that a proxy refused: pieces stay smaller from then on.
  private var refused: Int?

  package init() {}

  /// Shrinks pieces after a call that stalled.
  ///
  /// - Parameter carried: Bytes of the call; nil when its answer was to carry them.
  package mutating func stalled(carrying carried: Int?) { shrink(below: carried) }

  package mutating func wasTooLarge(_ carried: Int) {
    refused = min(refused ?? carried, carried)
    shrink(below: carried)
  }

  /// Grows pieces after a call that passed.
  ///
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
