internal import Synchronization

/// Keeps the stores of devices open between two of their events, as far as the process may have files open: opening a store takes
/// longer than most of what a device does with it.
///
/// Devices come again in about the same order. So those that came first stay open, and those without room are closed each time. The
/// other way round, each would be closed just before its turn.
final class RestingDevices: Sendable {
  /// Files of an open store: the database, its log and what its readers share, for the writer and for readers.
  static let filesOfOne = 7
  /// Files that the process needs beside stores: connections, logs, what is being written.
  static let filesOfOthers = 512
  /// Stores kept open, which bounds their memory: about a megabyte each.
  static let openMax = 2_500

  private let openMax: Int
  private let resting = Mutex<[Int: any RehearsalDevice]>([:])

  /// - Parameter files: Number of files that the process may have open.
  init(files: Int) { openMax = min(max(0, files - Self.filesOfOthers) / Self.filesOfOne, Self.openMax) }

  /// Marks devices as at work: they are not closed meanwhile.
  func wake(_ numbers: Set<Int>) { resting.withLock { for number in numbers { $0[number] = nil } } }

  /// Marks devices as done for now, and closes those for which there is no room.
  func rest(_ devices: [(number: Int, device: any RehearsalDevice)]) throws {
    for (number, device) in devices {
      let hasRoom = resting.withLock { resting in
        guard resting.count < openMax else { return false }
        resting[number] = device
        return true
      }
      if !hasRoom { try device.rest() }
    }
  }

  func closeAll() throws {
    let all = resting.withLock { resting in
      defer { resting = [:] }
      return resting
    }
    for device in all.values { try device.rest() }
  }
}
