internal import Foundation
internal import Synchronization

/// Drafts between two pages, each a sealed file of a folder: what makes Back and reload work, also after a restart of the hub.
///
/// A file can be opened by whoever has the hub's keys *and* the address of one of the draft's pages, which only the browser that fills
/// it in was told. Its name, its size (a power of two) and its time (zero) tell nothing; it is written in place, and overwritten before
/// it is removed: when the answer is sent, or `WebLimits.draftPeriodMs` to twice that after the last page. Losing all of them loses
/// no page that is still open: those carry their answers themselves.
///
/// Any number of processes may use one folder. Calls block on the disk, without waiting for it to have written.
final class DraftFolder: Sendable {
  private struct State {
    /// Folder of the drafts that are touched now; the one before it is the other that is kept.
    var period: Int64?
    /// Of all files together.
    var bytes = 0
  }

  private let path: String
  private let key: FormLinkKey
  private let state = Mutex(State())

  /// The smallest file, in bytes; others are this doubled some times.
  private static let fileBytesMin = 4096
  private static let lengthBytes = 4

  init(path: String, key: FormLinkKey) {
    self.path = path
    self.key = key
  }

  /// Returns the draft kept under a key for the pages at `link`; nil when it was sent, left for too long, or lost.
  func draft(_ draftKey: DraftKey, link: String, atMs nowMs: Int64) -> KeptDraft? {
    let period = tidy(atMs: nowMs)
    for period in [period, period - 1] {
      guard let sealed = FileManager.default.contents(atPath: file(draftKey, period)),
        let opened = key.open(kept: sealed, draftKey, for: link), opened.count >= Self.lengthBytes
      else { continue }
      let length = opened.prefix(Self.lengthBytes).reduce(0) { $0 << 8 | Int($1) }
      return try? JSONDecoder().decode(KeptDraft.self, from: opened.dropFirst(Self.lengthBytes).prefix(length))
    }
    return nil
  }

  /// Keeps a draft, in place of what was kept under the key.
  ///
  /// - Returns: False when there is no room, or the disk does not take it; what was kept before may then be there or not.
  func keep(_ draft: KeptDraft, _ draftKey: DraftKey, link: String, atMs nowMs: Int64) -> Bool {
    guard let json = try? JSONEncoder().encode(draft) else { return false }
    let period = tidy(atMs: nowMs)
    let path = file(draftKey, period)
    makeFolder(period)
    rename(file(draftKey, period - 1), path)
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    let before = Int(lseek(file, 0, SEEK_END))
    var size = max(before, Self.fileBytesMin)
    while size < json.count + Self.lengthBytes + FormLinkKey.sealBytes { size *= 2 }
    guard grow(by: size - before) else { return false }
    var plain = Data((0..<Self.lengthBytes).reversed().map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) }) + json
    plain.append(Data(count: size - FormLinkKey.sealBytes - plain.count))
    let isWritten = (try? key.seal(kept: plain, draftKey, for: link)).map { Self.write($0, to: file) } ?? false
    var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
    futimens(file, &times)
    forgetTime(period)
    return isWritten
  }

  /// Overwrites and removes what is kept under a key.
  func erase(_ draftKey: DraftKey, atMs nowMs: Int64) {
    let period = tidy(atMs: nowMs)
    for period in [period, period - 1] { erase(file(draftKey, period), period) }
  }

  /// Removes what was left for too long. By the hub's clock: where that jumps, drafts may go early, never stay.
  @discardableResult func tidy(atMs nowMs: Int64) -> Int64 {
    let period = nowMs / WebLimits.draftPeriodMs
    let old = state.withLock { state -> [Int64] in
      guard state.period != period else { return [] }
      state = State(period: period)
      let periods = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).compactMap { Int64($0) }
      for kept in periods where isKept(kept, in: period) { state.bytes += files(of: kept).reduce(0) { $0 + Self.size($1) } }
      return periods.filter { !isKept($0, in: period) }
    }
    for period in old {
      for file in files(of: period).shuffled() { Self.overwrite(file) }
      rmdir(folder(period))
    }
    return period
  }

  private func isKept(_ period: Int64, in now: Int64) -> Bool { period == now || period == now - 1 }

  private func files(of period: Int64) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder(period))) ?? []).map { folder(period) + "/" + $0 }
  }

  private func grow(by bytes: Int) -> Bool {
    state.withLock { state in
      guard state.bytes + bytes <= WebLimits.draftsBytesMax else { return false }
      state.bytes += bytes
      return true
    }
  }

  private func erase(_ file: String, _ period: Int64) {
    let bytes = Self.size(file)
    guard bytes > 0 else { return }
    Self.overwrite(file)
    forgetTime(period)
    state.withLock { $0.bytes = max(0, $0.bytes - bytes) }
  }

  private func folder(_ period: Int64) -> String { path + "/\(period)" }
  private func file(_ draftKey: DraftKey, _ period: Int64) -> String { folder(period) + "/" + key.name(of: draftKey) }

  private func makeFolder(_ period: Int64) {
    guard !FileManager.default.fileExists(atPath: folder(period)) else { return }
    try? FileManager.default.createDirectory(
      atPath: folder(period), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    chmod(path, 0o700)
  }

  /// A folder's time would be that of the last page.
  private func forgetTime(_ period: Int64) {
    var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
    for path in [folder(period), path] { utimensat(AT_FDCWD, path, &times, 0) }
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return lstat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Overwrites a file on the disk, then removes it.
  private static func overwrite(_ path: String) {
    let file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
    if file >= 0 {
      _ = write(Data(count: size(path)), to: file)
      fsync(file)
      close(file)
    }
    unlink(path)
  }

  private static func write(_ bytes: Data, to file: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var done = 0
      while let base = buffer.baseAddress, done < buffer.count {
        let count = pwrite(file, base + done, buffer.count - done, off_t(done))
        guard count > 0 else { return false }
        done += count
      }
      return true
    }
  }
}
