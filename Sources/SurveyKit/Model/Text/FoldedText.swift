internal import Foundation

/// Text without accents, case and doubled spaces, for searching as people type: "tho xuong" is found in "Thọ Xương".
///
/// Đ and đ are d. Composed and decomposed text fold alike; no locale of the host takes part.
public struct FoldedText: Sendable, Hashable {
  public let text: String

  /// Folds a text.
  ///
  /// - Complexity: O(length); one Unicode normalization.
  public init(_ text: String) {
    var folded = String.UnicodeScalarView()
    for scalar in text.decomposedStringWithCanonicalMapping.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .enclosingMark, .format, .control: continue
      default: break
      }
      switch scalar {
      case "đ", "Đ": folded.append("d")
      default: folded.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    self.text = String(folded).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// Returns whether every word of `query` occurs; an empty query occurs in everything.
  public func contains(_ query: FoldedText) -> Bool {
    query.text.split(separator: " ").allSatisfy { text.contains($0) }
  }
}
