package import Foundation

/// Encodes stamps as one blob of consecutive varints, and decodes them.
package enum PackedStamps {
  package static func pack(_ stamps: [HybridTimestamp]) -> Data {
    var packed = Data()
    for stamp in stamps { packed.appendVarint(stamp.rawValue) }
    return packed
  }

  /// Decodes `count` stamps.
  ///
  /// - Throws: `SyncError` `.damaged` when there are fewer.
  package static func read(_ packed: Data, count: Int) throws -> [HybridTimestamp] {
    var reader = ByteReader(packed)
    return try (0..<count).map { _ in HybridTimestamp(rawValue: try reader.varint()) }
  }
}
