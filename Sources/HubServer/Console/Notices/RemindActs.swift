internal import FormWeb
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Outcome of asking for reminders: where they can be seen, or the page that asks first.
enum RemindOutcome {
  case sent(String)
  case asks(RemindPage)
}

extension ConsoleActs {
  /// Sends reminders, unless a unit's state is another than the page showed, or a unit was reminded within the hour and nobody has said that they know.
  func remind(_ forms: ActForms) async throws -> RemindOutcome? {
    let codes = fields.all("unit").map { UnitCode($0) }
    let asked = Set(codes)
    guard !asked.isEmpty else {
      throw SyncError(.badRequest, vi: "Chưa chọn xã nào để nhắc.", en: "No unit is ticked to be reminded.")
    }
    // Units of other parts of the tree are none that this visitor knows.
    let lines = day.units.filter { asked.contains($0.unit) }
    guard lines.count == asked.count, asked.count <= RemindPage.unitsMax else { return nil }
    let text = ReminderText(day)
    let added = (fields["added"] ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    var page = RemindPage(parts: forms.parts, forms: forms, state: nil, codes: asked)
    (page.added, page.known) = (added, [])
    for line in lines { page.texts[line.unit] = fields["text-\(line.unit.rawValue)"] ?? "" }
    page.changed = Set(lines.filter { fields["mark-\($0.unit.rawValue)"] != Self.mark(text.basis($0)) }.map(\.unit))
    guard page.changed.isEmpty else {
      let count = query.words.number(page.changed.count)
      page.said = query.words.text(
        "Chưa gửi gì: \(count) xã vừa đổi tình trạng. Xem lại lời nhắc rồi gửi.",
        "Nothing was sent: the state of \(count) units has just changed. Read their texts again, then send.")
      return .asks(page)
    }
    let drafts = lines.map { line in
      NoticeDraft(line.unit, (page.texts[line.unit] ?? "") + (added.isEmpty ? "" : "\n" + added))
    }
    let known = Set((fields["known"] ?? "").split(separator: " ").map(String.init))
    let names = lines.map(\.unit.rawValue).joined(separator: " ")
    do {
      let act = try IntendedAct("remind", subject: lines.count == 1 ? names : "", by: who, reason: names, look: ActLook.notices)
      let sending = try await survey.hub.acting(act) { try await survey.send(drafts, by: who, knowing: known) }
      return .sent(query.link("/reminder/" + sending))
    } catch let error as RemindedAlready {
      page.known = error.notices
      var seen: Set<UnitCode> = []
      let latest = error.notices.filter { seen.insert($0.unit).inserted }
      let list = latest.prefix(5).map { "\($0.unit.rawValue) \(forms.parts.time($0.sentMs)) (\($0.by))" }.joined(separator: ", ")
      let count = query.words.number(latest.count)
      page.said = query.words.text(
        "Chưa gửi gì: \(count) xã đã được nhắc trong giờ vừa qua: \(list). Bấm “Vẫn nhắc” nếu muốn nhắc nữa.",
        "Nothing was sent: \(count) units were reminded within the last hour: \(list). Press “Remind all the same” to do so again.")
      return .asks(page)
    }
  }
}
