internal import Synchronization

/// Keeps the stores of devices open between two of their events, those that were at work last, as far as the process may have files open:
/// to open a store takes longer than most of what a device does with it.
final class RestingDevices: Sendable {
  /// Files of an open store: the database, its log and what its readers share, for the writer and for readers.
  static let filesOfOne = 10
  /// Files that the process needs beside stores: connections, logs, what is being written.
  static let filesOfOthers = 512
  /// Bounds the memory they take, of which each store has a megabyte or so.
  static let openMax = 2_500

  private let openMax: Int
  /// Devices in the order of their last work, the latest last.
  private let resting = Mutex<[(number: Int, device: any RehearsalDevice)]>([])

  /// - Parameter files: How many the process may have open.
  init(files: Int) { openMax = min(max(0, files - Self.filesOfOthers) / Self.filesOfOne, Self.openMax) }

  /// Tells that devices go to work: they are not closed meanwhile.
  func wake(_ numbers: Set<Int>) { resting.withLock { $0.removeAll { numbers.contains($0.number) } } }

  /// Tells that devices have done their work for now, and closes those that have rested longest, where there are too many.
  func rest(_ devices: [(number: Int, device: any RehearsalDevice)]) throws {
    let closing = resting.withLock { resting in
      resting += devices
      let tooMany = max(0, resting.count - openMax)
      defer { resting.removeFirst(tooMany) }
      return Array(resting.prefix(tooMany))
    }
    for entry in closing { try entry.device.rest() }
  }

  func closeAll() throws {
    let all = resting.withLock { resting in
      defer { resting = [] }
      return resting
    }
    for entry in all { try entry.device.rest() }
  }
}
