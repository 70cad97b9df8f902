internal import Foundation
internal import SyncKit

extension SurveyHub {
  /// Makes a new hub's folder from a backup. The keys are not in a backup: they are put into the folder by hand, before or after.
  ///
  /// - Returns: Whether the keys are there.
  /// - Throws: `SyncError` when there is a hub in the folder already, the backup is damaged or of another hub than the keys there;
  ///   nothing is left then.
  public static func restore(_ backup: String, at folder: String) throws -> Bool {
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
    try Hub.restore(backup, to: storePath(in: folder), keys: keys)
    return hasKeys
  }
}
