internal import Foundation
internal import SurveyKit
internal import SyncHub

/// Making of a hub's folder, which a file marks until the hub is whole. The next making clears the remains of an interrupted one: no
/// command opens a folder with that mark, so nobody's work lies in it.
struct HubMaking {
  private let folder: String
  private let mark: Int32
  private let madeFolder: Bool

  static let markName = "init-unfinished"
  private static func path(in folder: String) -> String { folder + "/" + markName }

  static func isUnfinished(_ folder: String) -> Bool { FileManager.default.fileExists(atPath: path(in: folder)) }

  /// Refuses a folder in which the making of a hub was interrupted.
  static func refuseUnfinished(_ folder: String) throws {
    guard isUnfinished(folder) else { return }
    throw SyncError(
      .badRequest, vi: "Việc tạo máy chủ trong \(folder) bị ngắt giữa chừng và chưa có gì trong đó; chạy lại `hub init \(folder)`.",
      en: "Making the hub in \(folder) was interrupted, and nothing is in it; run `hub init \(folder)` again.")
  }

  /// Marks a folder, and makes it if it is missing; an unfinished one is cleared first.
  ///
  /// - Parameter check: Refuses a folder that another thing lies in, the mark aside. Called once the mark is ours.
  static func begin(in folder: String, check: () throws -> Void) throws -> HubMaking {
    let isNew = !FileManager.default.fileExists(atPath: folder)
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw unwritable(folder)
    }
    let path = path(in: folder)
    let wasThere = FileManager.default.fileExists(atPath: path)
    let mark = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard mark >= 0 else { throw unwritable(folder) }
    var (held, named) = (stat(), stat())
    // Refuses where another process holds the file, or has just removed it.
    guard flock(mark, LOCK_EX | LOCK_NB) == 0, fstat(mark, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino else {
      close(mark)
      throw SyncError(
        .badRequest, vi: "Một lệnh khác đang tạo máy chủ trong \(folder).", en: "Another command is making a hub in \(folder).")
    }
    let making = HubMaking(folder: folder, mark: mark, madeFolder: isNew)
    do {
      if wasThere { making.clear() }
      try check()
    } catch {
      making.end()
      throw error
    }
    return making
  }

  /// Removes what the making of a hub puts into its folder.
  private func clear() {
    let store = (SurveyHub.storePath(in: "") as NSString).lastPathComponent
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name == "keys" || name == "clock" || name == "clock.new" || name.hasPrefix(store) {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
  }

  /// Takes back what was made.
  func undo() {
    clear()
    end()
    if madeFolder { rmdir(folder) }
  }

  /// Removes the mark, durably: the folder is a hub's from here on.
  func end() {
    unlink(Self.path(in: folder))
    let place = open(folder, O_RDONLY | O_CLOEXEC)
    if place >= 0 {
      _ = fsync(place)
      close(place)
    }
    close(mark)
  }

  private static func unwritable(_ folder: String) -> SyncError {
    SyncError(
      .storeMissing, vi: "Không tạo được thư mục \(folder); kiểm tra đường dẫn và quyền.",
      en: "Cannot create the folder \(folder); check the path and permissions.")
  }
}
