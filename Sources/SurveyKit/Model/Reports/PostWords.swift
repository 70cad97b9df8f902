internal import Foundation
internal import SyncCore

/// Words of a post, as they are stored.
package enum PostWords {
  /// Bytes of UTF-8 in a post.
  package static let bytesMax = 4_000

  /// Returns words trimmed, in NFC, without invisible characters but line breaks.
  package static func cleaned(_ words: String) -> String {
    let shown = words.replacing("\r\n", with: "\n").unicodeScalars.filter { $0 == "\n" || $0.properties.generalCategory != .control }
    return String(String.UnicodeScalarView(shown)).precomposedStringWithCanonicalMapping
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
