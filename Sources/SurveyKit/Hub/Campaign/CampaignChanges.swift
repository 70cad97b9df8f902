internal import Foundation
internal import SurveyKit
internal import SyncHub
internal import SyncStore

/// Sentences that say how a folder differs from the hub.
extension CampaignReview {
  /// Examples named in one sentence.
  private static let examplesMax = 5

  /// Returns a sentence for each kind of difference: days, texts, rules, forms, units, headcounts. Empty when the hub has no
  /// campaign.
  func changes(_ content: CampaignFolder) throws -> [LocalizedText] {
    let all = try HubPlan.campaigns(session)
    guard !all.isEmpty else { return [] }
    var changes: [LocalizedText] = []
    if let old = all.first(where: { $0.id == content.campaign.id }) {
      changes += Self.days(old, content.campaign) + Self.texts(old, content.campaign) + Self.rules(old, content.campaign)
    }
    return changes + (try forms(content)) + (try units(content.tree)) + (try headcounts(content.headcount))
  }

  static func days(_ old: Campaign, _ new: Campaign) -> [LocalizedText] {
    var changes: [LocalizedText] = []
    if old.opens != new.opens {
      changes.append(LocalizedText(vi: "Mở: \(old.opens) → \(new.opens).", en: "Opens: \(old.opens) → \(new.opens)."))
    }
    if old.closes != new.closes {
      changes.append(LocalizedText(vi: "Đóng: \(old.closes) → \(new.closes).", en: "Closes: \(old.closes) → \(new.closes)."))
    }
    if old.timeZone != new.timeZone {
      let (before, after) = (old.timeZone.identifier, new.timeZone.identifier)
      changes.append(LocalizedText(vi: "Múi giờ: \(before) → \(after).", en: "Time zone: \(before) → \(after)."))
    }
    if old.graceMinutes != new.graceMinutes {
      changes.append(
        LocalizedText(
          vi: "Số phút nhận muộn: \(old.graceMinutes) → \(new.graceMinutes).",
          en: "Minutes for late answers: \(old.graceMinutes) → \(new.graceMinutes)."))
    }
    if old.reportGraceMinutes != new.reportGraceMinutes {
      changes.append(
        LocalizedText(
          vi: "Số phút nộp báo cáo sau nửa đêm: \(old.reportGraceMinutes) → \(new.reportGraceMinutes).",
          en: "Minutes for a report after its day: \(old.reportGraceMinutes) → \(new.reportGraceMinutes)."))
    }
    let (gone, added) = (old.reportDays.filter { !new.reportDays.contains($0) }, new.reportDays.filter { !old.reportDays.contains($0) })
    if !gone.isEmpty {
      let list = list(gone.map(\.description))
      changes.append(LocalizedText(vi: "Thôi báo cáo các ngày: \(list).", en: "No more reports of: \(list)."))
    }
    if !added.isEmpty {
      let list = list(added.map(\.description))
      changes.append(LocalizedText(vi: "Thêm ngày báo cáo: \(list).", en: "Reports also of: \(list)."))
    }
    return changes
  }

  private static func texts(_ old: Campaign, _ new: Campaign) -> [LocalizedText] {
    var changes: [LocalizedText] = []
    if old.title != new.title {
      changes.append(
        LocalizedText(vi: "Tên: “\(old.title.vi)” → “\(new.title.vi)”.", en: "Title: “\(old.title.en)” → “\(new.title.en)”."))
    }
    if old.province.name != new.province.name {
      changes.append(
        LocalizedText(
          vi: "Tên tỉnh: “\(old.province.name)” → “\(new.province.name)”.",
          en: "Name of the province: “\(old.province.name)” → “\(new.province.name)”."))
    }
    return changes
  }

  private static func rules(_ old: Campaign, _ new: Campaign) -> [LocalizedText] {
    var changes: [LocalizedText] = []
    let (before, after) = ((old.forms + [old.reportForm]).joined(separator: ", "), (new.forms + [new.reportForm]).joined(separator: ", "))
    if before != after {
      changes.append(LocalizedText(vi: "Các biểu mẫu: \(before) → \(after).", en: "Forms: \(before) → \(after)."))
    }
    if old.thresholds != new.thresholds {
      let (a, b) = (old.thresholds, new.thresholds)
      changes.append(
        LocalizedText(
          vi: "Ngưỡng công bố: \(a.kAnswersMin) và \(a.kCrossMin) → \(b.kAnswersMin) và \(b.kCrossMin) người.",
          en: "People behind a result: \(a.kAnswersMin) and \(a.kCrossMin) → \(b.kAnswersMin) and \(b.kCrossMin)."))
    }
    if old.hasDailyResults != new.hasDailyResults {
      changes.append(
        new.hasDailyResults
          ? LocalizedText(vi: "Kết quả ra hằng ngày.", en: "Results come out every day.")
          : LocalizedText(vi: "Kết quả chỉ ra khi đóng.", en: "Results come out at the close only."))
    }
    return changes
  }

  private func forms(_ content: CampaignFolder) throws -> [LocalizedText] {
    let known = try HubPlan.forms(session)
    return content.forms.compactMap { form in
      let editions = known.filter { $0.form == form.id }
      guard !editions.isEmpty, !editions.contains(where: { $0.version == form.version }) else { return nil }
      return LocalizedText(
        vi: "Biểu mẫu \(form.id): thêm bản \(form.version); các bản cũ hơn bắt đầu đóng.",
        en: "Form \(form.id): edition \(form.version) is added; older editions begin to close.")
    }
  }

  private func units(_ tree: UnitTree) throws -> [LocalizedText] {
    var known: [String: [CellValue]] = [:]
    for row in try session.rows("SELECT code, name, kind, level, parent FROM unit") { row[0].text.map { known[$0] = row } }
    var (added, changed): ([String], [String]) = ([], [])
    for unit in tree.units {
      let code = unit.code.rawValue
      guard let row = known[code] else {
        added.append(code)
        continue
      }
      let stands: [CellValue] = [
        .text(code), .text(unit.name), .text(unit.kind), .text(unit.level.rawValue), unit.parentCode.map { .text($0.rawValue) } ?? .null,
      ]
      guard row != stands else { continue }
      let (before, after) = (row[1].text ?? code, unit.name)
      changed.append(before == after ? code : "\(code) “\(before)” → “\(after)”")
    }
    var changes: [LocalizedText] = []
    if !added.isEmpty {
      let list = Self.list(added)
      changes.append(LocalizedText(vi: "Thêm \(added.count) đơn vị: \(list).", en: "Units added (\(added.count)): \(list)."))
    }
    if !changed.isEmpty {
      let list = Self.list(changed)
      changes.append(LocalizedText(vi: "Đổi \(changed.count) đơn vị: \(list).", en: "Units changed (\(changed.count)): \(list)."))
    }
    return changes
  }

  private func headcounts(_ headcount: Headcount) throws -> [LocalizedText] {
    var known: [String: [Int64?]] = [:]
    for row in try session.rows("SELECT code, officials, civil_servants, part_time, eligible FROM headcount") {
      row[0].text.map { known[$0] = row.dropFirst().map(\.integer) }
    }
    let changed = headcount.staff.sorted { $0.key < $1.key }.compactMap { code, staff -> String? in
      let after = [staff.officials, staff.civilServants, staff.partTime, staff.eligible].map { Int64($0) }
      guard let before = known[code.rawValue] else { return "\(code) → \(staff.eligible)" }
      return before == after ? nil : "\(code) \(before[3] ?? 0) → \(staff.eligible)"
    }
    guard !changed.isEmpty else { return [] }
    let list = Self.list(changed)
    return [LocalizedText(vi: "Đổi số người của \(changed.count) đơn vị: \(list).", en: "Headcounts changed (\(changed.count)): \(list).")]
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(examplesMax).joined(separator: ", ") + (names.count > examplesMax ? ", …" : "")
  }
}
