internal import Foundation
internal import SurveyKit
public import SyncHub

extension SurveyHub {
  /// Makes a new hub's folder from a backup. The keys are not in a backup: they are put into the folder by hand, before or after.
  ///
  /// - Returns: Whether the keys are there.
  /// - Throws: `SyncError` when there is a hub in the folder already, or the backup is damaged or of another hub than the keys
  ///   there; no file is left then.
  public static func restore(_ backup: String, at folder: String, act: IntendedAct? = nil) throws -> Bool {
    try HubMaking.refuseUnfinished(folder)
    guard !FileManager.default.fileExists(atPath: storePath(in: folder)) else {
      throw SyncError(
        .badRequest, vi: "Thư mục \(folder) đã có kho dữ liệu của máy chủ; không ghi đè.",
        en: "The folder \(folder) holds a hub's store already; it is not overwritten.")
    }
    let hasKeys = FileManager.default.fileExists(atPath: keysPath(in: folder))
    let keys = hasKeys ? try HubKeys.load(from: keysPath(in: folder)) : nil
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw SyncError(
        .storeMissing, vi: "Không tạo được thư mục \(folder); kiểm tra đường dẫn và quyền.",
        en: "Cannot create the folder \(folder); check the path and permissions.")
    }
    try Hub.restore(backup, to: storePath(in: folder), keys: keys, act: act)
    return hasKeys
  }

  // MARK: Which backups there are

  /// Returns the path of the list of backups that devices were told of. It lies beside the keys, which are kept apart from the
  /// store and its backups.
  private static func recordsPath(in folder: String) -> String { keysPath(in: folder) + "/backups.json" }

  /// Records the finished backups beside the hub's keys, so that a restore from an older one can be recognized.
  public func noteBackups() async throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try PrivateFile.write(try encoder.encode(try await hub.backupRecords()), to: Self.recordsPath(in: folder))
  }

  /// Files that are searched for records of backups.
  private static let filesMax = 200

  /// Returns what devices no longer keep and a backup lacks. Newer backups are known from the new folder's keys, the files beside
  /// the backup, and hubs' folders beside the new one.
  ///
  /// - Parameters:
  ///   - folder: Folder in which the hub is to be restored.
  ///   - others: Folders of hubs that may be the same.
  /// - Returns: Nil when nothing is known to be missing.
  public static func backupGap(restoring backup: String, at folder: String, besides others: [String]) -> BackupGap? {
    guard let restored = Hub.backupHistory(of: backup), let own = restored.own else { return nil }
    var known = restored.records
    if let data = FileManager.default.contents(atPath: recordsPath(in: folder)),
      let noted = try? JSONDecoder().decode([BackupRecord].self, from: data)
    {
      known += noted
    }
    var files = self.files(in: (backup as NSString).deletingLastPathComponent)
    let parent = (URL(fileURLWithPath: folder).standardizedFileURL.path as NSString).deletingLastPathComponent
    files += (self.files(in: parent) + others).flatMap { [storePath(in: $0)] }
    for file in Set(files) where FileManager.default.fileExists(atPath: file) {
      guard let other = Hub.backupHistory(of: file), other.origin == restored.origin else { continue }
      known += other.records + [other.own].compactMap { $0 }
    }
    return BackupGap(restoring: own, known: known)
  }

  private static func files(in folder: String) -> [String] {
    let folder = folder.isEmpty ? "." : folder
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().suffix(filesMax).map { folder + "/" + $0 }
  }
}
