internal import Foundation
internal import SurveyKit
package import SyncHub

extension SurveyHub {
  /// Copies the hub of a folder that cannot be written: all that reading needs, without photos. The copy opens like a hub's folder;
  /// changes to it are lost.
  ///
  /// - Parameter elsewhere: Folders on other disks that may have room for the copy.
  /// - Throws: `SyncError` when something cannot be read, or no disk has room.
  package static func copyForReading(_ folder: String, elsewhere: [String] = []) throws -> ScratchFolder {
    let manager = FileManager.default
    func names(in path: String) -> [String] { ((try? manager.contentsOfDirectory(atPath: path)) ?? []).sorted() }
    let store = (storePath(in: "") as NSString).lastPathComponent
    // Copies the keys, and what arrived since the last flush.
    let folders = names(in: folder).filter { $0 == "keys" || $0.hasPrefix(store + ".spool") }
    let paths = folders.flatMap { name in names(in: "\(folder)/\(name)").map { "\(name)/\($0)" } }
    let size = ([store, store + "-wal"] + paths).reduce(Self.copyGrowthBytes) { sum, name in
      sum + (((try? manager.attributesOfItem(atPath: "\(folder)/\(name)"))?[.size] as? NSNumber)?.intValue ?? 0)
    }
    let copy = try ScratchFolder(room: size, elsewhere: elsewhere)
    for name in folders {
      try manager.createDirectory(
        atPath: "\(copy.path)/\(name)", withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }
    for path in paths + ["clock"] where manager.fileExists(atPath: "\(folder)/\(path)") {
      try ReadingCopy.copyFile("\(folder)/\(path)", to: "\(copy.path)/\(path)")
    }
    try ReadingCopy.copy("\(folder)/\(store)", to: "\(copy.path)/\(store)")
    return copy
  }

  /// Returns true when a small file can be written into a hub's folder and is safe on its disk.
  package static func canWrite(in folder: String) -> Bool {
    let path = "\(folder)/probe-\(getpid())"
    defer { unlink(path) }
    return (try? PrivateFile.write(Data(count: probeBytes), to: path)) != nil
  }

  /// Bytes of a file that tells if a disk takes anything: as much as a short transaction writes.
  private static let probeBytes = 64 << 10

  /// Bytes that opening and reading may add to a copy.
  private static let copyGrowthBytes = 16 << 20
}
