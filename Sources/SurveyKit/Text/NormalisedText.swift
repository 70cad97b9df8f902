internal import Foundation

extension StringProtocol {
  /// Unicode NFC: one sequence of bytes for one text, whichever keyboard typed it.
  ///
  /// Plain ASCII, most of any file, is returned without a copy.
  var nfc: String {
    utf8.allSatisfy { $0 < 0x80 } ? String(self) : precomposedStringWithCanonicalMapping
  }
}
