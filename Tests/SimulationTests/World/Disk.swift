import Foundation
import Synchronization

@testable import SyncKit

/// What stops the work of a simulated machine in the middle of it.
struct Crashed: Error {}

/// The files of one SQLite store, and images of them: what a machine finds when it comes back.
struct Disk: Sendable {
  let path: String

  static let parts = ["", "-wal"]

  /// A folder in memory where there is one: a simulated disk need not survive.
  static func makeFolder() throws -> String {
    let base = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
    let folder = base + "/synckit-sim-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }

  static func copy(_ from: String, to: String) throws {
    let manager = FileManager.default
    if manager.fileExists(atPath: to) { try manager.removeItem(atPath: to) }
    if manager.fileExists(atPath: from) { try manager.copyItem(atPath: from, toPath: to) }
  }

  /// Copies the files as they are this instant, a transaction half written or not.
  func save(as image: String) throws {
    for part in Self.parts { try Self.copy(path + part, to: image + part) }
  }

  /// Puts an image in the place of the files. Nobody may have them open.
  func restore(_ image: String) throws {
    for part in Self.parts { try Self.copy(image + part, to: path + part) }
    try? FileManager.default.removeItem(atPath: path + "-shm")
  }
}

/// Stops a machine at the n-th storage step from now, as a kill would: its files are taken as they are at that instant, and
/// whatever it still does afterwards is never seen.
final class CrashTrap: Sendable {
  private struct State {
    var stepsLeft: Int
    var reached: [String] = []
    var sprungAt: String?
  }

  private let state: Mutex<State>
  private let disk: Disk
  private let image: String

  init(disk: Disk, image: String, afterSteps: Int) {
    self.disk = disk
    self.image = image
    state = Mutex(State(stepsLeft: afterSteps))
  }

  /// Where it stopped the machine; nil when it never did.
  var sprungAt: String? { state.withLock { $0.sprungAt } }
  /// Labels of the steps so far.
  var reached: [String] { state.withLock { $0.reached } }

  func reached(_ label: String) throws {
    try state.withLock { state in
      if state.sprungAt != nil { throw Crashed() }
      state.reached.append(label)
      guard state.stepsLeft == 0 else {
        state.stepsLeft -= 1
        return
      }
      try disk.save(as: image)
      state.sprungAt = label
      throw Crashed()
    }
  }

  /// Puts the files as they were at the crash in place; nobody may have them open.
  func bringBack() throws { if sprungAt != nil { try disk.restore(image) } }
}
