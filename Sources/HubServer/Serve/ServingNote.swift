internal import Foundation

/// The file `serving` in a hub's folder: where the hub listens, locked while its process lives.
///
/// The lock and not the file says that a hub runs, so one that was killed is not taken for running. Several processes may serve
/// one folder; the last to start is the one named.
final class ServingNote: Sendable {
  struct Addresses: Codable {
    var hub: String
    var board: String
  }

  private let file: Int32

  /// Nil where the file cannot be written: the hub serves all the same.
  init?(_ addresses: Addresses, in folder: String) {
    let file = open(Self.path(in: folder), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { return nil }
    self.file = file
    guard flock(file, LOCK_SH | LOCK_NB) == 0, let data = try? JSONEncoder().encode(addresses) else { return }
    _ = ftruncate(file, 0)
    _ = data.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
  }

  deinit { close(file) }

  /// Returns the addresses at which the running hub of a folder listens; nil when none runs.
  static func read(in folder: String) -> Addresses? {
    let file = open(path(in: folder), O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    guard flock(file, LOCK_EX | LOCK_NB) != 0 else { return nil }
    return FileManager.default.contents(atPath: path(in: folder)).flatMap { try? JSONDecoder().decode(Addresses.self, from: $0) }
  }

  private static func path(in folder: String) -> String { folder + "/serving" }
}
