internal import SurveyKit
public import SyncHub

extension SurveyHub {
  /// Free room below which operators are warned, in bytes: photos are deferred at half of it.
  static let freeBytesWarned = 2 << 30
  /// Age in days at which a backup causes a warning, and at which changes without any backup do.
  static let backupDaysMax: Int64 = 2

  /// Returns warnings about what stops the hub's work now, or will before long: the disk, the backups.
  public func warnings() async throws -> [LocalizedText] {
    var warnings: [LocalizedText] = []
    if let failure = hub.writeFailure {
      warnings.append(
        LocalizedText(
          vi: "Lần ghi vừa rồi không được: \(failure.vi) Thiết bị giữ việc của mình và gửi lại.",
          en: "The last write failed: \(failure.en) Devices keep their work and send it again."))
    }
    if let free = hub.store.freeBytes, free < Self.freeBytesWarned {
      let mebibytes = free >> 20
      warnings.append(
        LocalizedText(
          vi: "Đĩa của máy chủ chỉ còn \(mebibytes) MiB; dọn đĩa, hoặc `hub trim`.",
          en: "The hub's disk has only \(mebibytes) MiB left; free it, or `hub trim`."))
    }
    for device in hub.devicesOverQuota {
      warnings.append(
        LocalizedText(
          vi:
            "Thiết bị \(device) đã gửi hết phần chữ của một thiết bị và không gửi thêm được; xem nó gửi gì, hoặc `hub serve --text-quota`.",
          en: "Device \(device) has sent all the text that one may and can send no more; see what it sends, or `hub serve --text-quota`."))
    }
    if let days = try await daysWithoutBackup() {
      warnings.append(
        LocalizedText(
          vi: "Đã \(days) ngày không có bản sao lưu mới; chạy `hub backup THƯ_MỤC`, hằng ngày.",
          en: "There has been no new backup for \(days) days; run `hub backup FOLDER`, daily."))
    }
    return warnings
  }

  /// Returns the days since the newest finished backup, or since devices first sent something; nil while there are few.
  private func daysWithoutBackup() async throws -> Int64? {
    let (now, own) = (nowMs, hub.replica)
    let since = try await hub.read { session in
      guard let first = try session.integer("SELECT received_ms FROM hub_batch WHERE replica <> ?1 ORDER BY id LIMIT 1", [.blob(own.bytes)])
      else {
        return Int64?.none
      }
      return max(first, try session.integer("SELECT max(done_ms) FROM hub_backup") ?? 0)
    }
    let days = since.map { (now - $0) / 86_400_000 } ?? 0
    return days >= Self.backupDaysMax ? days : nil
  }
}
