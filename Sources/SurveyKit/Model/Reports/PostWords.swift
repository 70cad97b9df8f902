internal import Foundation
internal import SyncCore

/// The words of a post as they are kept.
package enum PostWords {
  /// In bytes of UTF-8.
  package static let bytesMax = 4_000

  /// Trimmed, in NFC, without characters that no reader sees but line breaks.
  package static func cleaned(_ words: String) -> String {
    let shown = words.replacing("\r\n", with: "\n").unicodeScalars.filter { $0 == "\n" || $0.properties.generalCategory != .control }
    return String(String.UnicodeScalarView(shown)).precomposedStringWithCanonicalMapping
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
