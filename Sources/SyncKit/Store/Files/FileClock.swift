internal import Foundation
public import SyncCore

/// A clock that shows what a file says, so that one process can move the time of several: a rehearsal drives its hub and
/// devices through a day at the pace at which their work gets done, and lateness does not depend on the machine's speed.
public struct FileClock: WallClock {
  public let path: String

  /// Gives nil when the file does not hold a time yet.
  public init?(path: String) {
    self.path = path
    guard read() != nil else { return nil }
  }

  /// Sets the time of everyone who looks at `path`, in milliseconds; never half.
  public static func set(_ ms: UInt64, at path: String) throws {
    // Replaced whole, by a rename: a reader sees the old or the new time.
    let digits = String(ms)
    try PrivateFile.write(Data((String(repeating: "0", count: 20 - digits.count) + digits).utf8), to: path)
  }

  private func read() -> UInt64? {
    guard let data = FileManager.default.contents(atPath: path), data.count == 20 else { return nil }
    return UInt64(String(decoding: data, as: UTF8.self))
  }

  public func nowMs() -> UInt64 { min(read() ?? 0, HybridTimestamp.wallMsMax) }
}
