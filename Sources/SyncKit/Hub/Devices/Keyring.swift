internal import Foundation
internal import SyncCore
internal import Synchronization

/// Keys of a hub, as their folder has them. A drop key that another process makes or destroys is noticed at the next call.
final class Keyring: Sendable {
  private struct State {
    var keys: HubKeys
    var seen: timespec?
  }

  let folder: String?
  private let state: Mutex<State>

  /// - Parameter folder: Folder of the keys; nil for keys that never change.
  init(_ keys: HubKeys, folder: String?) {
    self.folder = folder
    state = Mutex(State(keys: keys, seen: folder.flatMap(Self.changed)))
  }

  /// Present keys. Each call reads the folder's time, and its files only when the time has changed. A folder that cannot be read
  /// leaves the keys as they are.
  var keys: HubKeys {
    state.withLock { state in
      guard let folder, let now = Self.changed(folder) else { return state.keys }
      if let seen = state.seen, seen.tv_sec == now.tv_sec, seen.tv_nsec == now.tv_nsec { return state.keys }
      if let loaded = try? HubKeys.load(from: folder), loaded.signing.publicKey == state.keys.signing.publicKey {
        state = State(keys: loaded, seen: now)
      }
      return state.keys
    }
  }

  private static func changed(_ folder: String) -> timespec? {
    var found = stat()
    guard stat(folder, &found) == 0 else { return nil }
    #if canImport(Glibc)
      return found.st_mtim
    #else
      return found.st_mtimespec
    #endif
  }
}
