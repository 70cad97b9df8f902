internal import Foundation
public import SyncCore

/// Clock that shows the time in a file, so that one process can set the time of several. A rehearsal drives its hub and devices
/// through a day as fast as they work, and lateness does not depend on the machine's speed.
public struct FileClock: WallClock {
  public let path: String

  /// Fails when the file does not hold a time yet.
  public init?(path: String) {
    self.path = path
    guard read() != nil else { return nil }
  }

  /// Sets the time for every reader of `path`, in milliseconds.
  public static func set(_ ms: UInt64, at path: String) throws {
    // Replaces the file by a rename: a reader sees the old or the new time, never half of one.
    let digits = String(ms)
    try PrivateFile.write(Data((String(repeating: "0", count: 20 - digits.count) + digits).utf8), to: path)
  }

  private func read() -> UInt64? {
    guard let data = FileManager.default.contents(atPath: path), data.count == 20 else { return nil }
    return UInt64(String(decoding: data, as: UTF8.self))
  }

  public func nowMs() -> UInt64 { min(read() ?? 0, HybridTimestamp.wallMsMax) }
}
