internal import Synchronization

/// Decides when the incomplete files of a folder are counted: at every beginning, and whenever `bytesBetween` arrived since. Counting
/// reads the whole folder, so not every piece can pay for it; and beginnings are small, so counting them alone bounds nothing.
final class TrimTurn: Sendable {
  /// Bytes by which incomplete files may exceed their bound between two counts.
  static let bytesBetween = 1 << 20

  private let since = Mutex(0)

  func isDue(at offset: Int, adding bytes: Int) -> Bool {
    since.withLock { since -> Bool in
      since += bytes
      guard offset == 0 || since >= Self.bytesBetween else { return false }
      since = 0
      return true
    }
  }
}
