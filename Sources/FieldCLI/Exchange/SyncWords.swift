internal import SurveyKit
internal import SurveyKitField
internal import SyncKit

/// Sentences about photos, their way to the hub, and news from there.
enum SyncWords {
  /// Reports named one by one in a list of news.
  private static let reportsNamedMax = 5

  /// Returns what came, by kind; nil when nothing of interest did.
  static func news(_ rows: [SyncedRow], _ words: Wording) -> LocalizedText? {
    func count(_ table: String) -> Int { rows.count { $0.table == table } }
    var parts: [LocalizedText] = []
    let reports = rows.filter { $0.table == "report" }.map { $0.key.split(separator: "/").last.map(String.init) ?? $0.key }
    if !reports.isEmpty {
      let days = reports.prefix(reportsNamedMax).map { CalendarDay($0).map(words.day) ?? $0 }.joined(separator: ", ")
      let rest = reports.count > reportsNamedMax ? "…" : ""
      parts.append(LocalizedText(vi: "báo cáo \(days)\(rest)", en: "report of \(days)\(rest)"))
    }
    if count("post") > 0 { parts.append(LocalizedText(vi: "\(count("post")) tin", en: "\(count("post")) posts")) }
    if count("attachment") > 0 { parts.append(LocalizedText(vi: "\(count("attachment")) ảnh", en: "\(count("attachment")) photos")) }
    if count("sync_conflict") > 0 {
      parts.append(LocalizedText(vi: "\(count("sync_conflict")) xung đột", en: "\(count("sync_conflict")) conflicts"))
    }
    if count("campaign") > 0 { parts.append(LocalizedText(vi: "đợt khảo sát", en: "the campaign")) }
    if count("form") > 0 { parts.append(LocalizedText(vi: "\(count("form")) biểu mẫu", en: "\(count("form")) forms")) }
    guard !parts.isEmpty else { return nil }
    return LocalizedText(vi: parts.map(\.vi).joined(separator: ", "), en: parts.map(\.en).joined(separator: ", "))
  }

  /// Returns "Text in, 2 of 3 photos in".
  static func arrival(_ arrival: RecordArrival) -> LocalizedText {
    let (photos, photosIn) = (arrival.photos, arrival.photosIn)
    guard photos > 0 else {
      return arrival.isTextIn ? LocalizedText(vi: "Đã về tỉnh.", en: "In.") : LocalizedText(vi: "Chưa về tỉnh.", en: "Not in yet.")
    }
    return arrival.isTextIn
      ? LocalizedText(vi: "Chữ đã về tỉnh; ảnh đã về \(photosIn) / \(photos).", en: "Text in, \(photosIn) of \(photos) photos in.")
      : LocalizedText(
        vi: "Chữ chưa về tỉnh; ảnh đã về \(photosIn) / \(photos).", en: "Text not in yet, \(photosIn) of \(photos) photos in.")
  }
}
