package import Foundation

/// Stamps one behind the other in one blob, a varint each.
package enum PackedStamps {
  package static func pack(_ stamps: [HybridTimestamp]) -> Data {
    var packed = Data()
    for stamp in stamps { packed.appendVarint(stamp.rawValue) }
    return packed
  }

  /// - Throws: `SyncError` `.damaged` when fewer than `count` are there.
  package static func read(_ packed: Data, count: Int) throws -> [HybridTimestamp] {
    var reader = ByteReader(packed)
    return try (0..<count).map { _ in HybridTimestamp(rawValue: try reader.varint()) }
  }
}
