internal import Foundation

/// Comparison of texts by the bytes with which they are stored: two spellings of one accented word differ.
extension String {
  func hasBytes(of other: String) -> Bool { utf8.count == other.utf8.count && order(to: other, count: utf8.count) == 0 }

  package func precedesByBytes(_ other: String) -> Bool {
    let order = order(to: other, count: min(utf8.count, other.utf8.count))
    return order == 0 ? utf8.count < other.utf8.count : order < 0
  }

  /// Compares the first `count` bytes, as `memcmp`.
  private func order(to other: String, count: Int) -> Int {
    let known = utf8.withContiguousStorageIfAvailable { own in
      other.utf8.withContiguousStorageIfAvailable { others -> Int in
        guard count > 0, let a = own.baseAddress, let b = others.baseAddress else { return 0 }
        return Int(memcmp(a, b, count))
      }
    }
    if let known, let order = known { return order }
    for (a, b) in zip(utf8.prefix(count), other.utf8.prefix(count)) where a != b { return a < b ? -1 : 1 }
    return 0
  }

  func hashBytes(into hasher: inout Hasher) {
    var text = self
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
