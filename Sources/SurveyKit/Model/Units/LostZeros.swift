internal import Foundation

/// Restores the zeros that a spreadsheet drops from the front of codes that look like numbers.
struct LostZeros {
  private let codes: Set<String>
  /// Codes that begin with zero, by what a spreadsheet leaves of them.
  private let byNumber: [Substring: [String]]

  init(_ codes: some Sequence<String>) {
    self.codes = Set(codes)
    byNumber = Dictionary(grouping: self.codes.filter { $0.hasPrefix("0") }) { $0.drop { $0 == "0" } }
  }

  /// Returns the codes that `text` may stand for, by zeros before it; none when it is a code itself.
  func fitting(_ text: String) -> [String] {
    guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), !codes.contains(text) else { return [] }
    return (byNumber[text.drop { $0 == "0" }] ?? []).filter { $0.utf8.count > text.utf8.count }
  }

  /// Returns the code when exactly one fits, otherwise the text as it is.
  func restored(_ text: String) -> String {
    let fitting = fitting(text)
    return fitting.count == 1 ? fitting[0] : text
  }
}
