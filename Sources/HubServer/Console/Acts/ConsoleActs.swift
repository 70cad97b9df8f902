internal import FormWeb
internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Does what somebody asked for on a page, in their name, and says where to go on.
struct ConsoleActs {
  let call: ConsoleCall
  let day: OperatorDay
  let fields: FieldsBody

  var query: ConsoleQuery { call.query }
  var who: String { call.visitor.person.name }
  var survey: SurveyHub { call.survey }
  var reason: String { fields["reason"] ?? "" }

  /// - Returns: Where to go on; nil where the path names nothing that can be done.
  func perform() async throws -> String? {
    if let parts = call.parts(of: "unit"), parts.count == 2, parts[1] == "call" { return try await noteCall(UnitCode(parts[0])) }
    if let parts = call.parts(of: "unit"), parts.count == 2 { return try await setUp(UnitCode(parts[0]), parts[1]) }
    if let parts = call.parts(of: "post"), parts.count == 1 { return try await post(parts[0]) }
    if let parts = call.parts(of: "conflict"), parts.count == 1 { return try await settle(parts[0]) }
    if let parts = call.parts(of: "alike"), parts.count == 1 { return try await alike(parts[0]) }
    if let parts = call.parts(of: "held"), parts.count == 1 { return try await held(parts[0]) }
    if let parts = call.parts(of: "device"), parts.count == 1 { return try await device(parts[0]) }
    if call.path == "/reports" { return try await entered() }
    if let parts = call.parts(of: "report"), parts.count == 2, let reportDay = CalendarDay(parts[1]) {
      return try await report(UnitCode(parts[0]), reportDay)
    }
    if call.path == "/contacts" { return try await contacts() }
    if call.path == "/tags" { return try await tags() }
    return nil
  }

  private func contacts() async throws -> String? {
    // Replaces all contacts, those of other parts of the tree too.
    guard day.scope.isAll else { return nil }
    try checkMark(Self.mark(ContactsPage.text(day.contacts)))
    let list = try ContactList(fields["csv"] ?? "")
    let act = try IntendedAct("contacts", by: who)
    try await survey.hub.acting(act) { try await survey.setContacts(list.contacts) }
    return query.link("/contacts")
  }

  /// Marks reports of a day as entered into another program, or takes the marks back.
  private func entered() async throws -> String? {
    guard let reportDay = query.day, day.reportDays.contains(reportDay), let isMarked = ["mark": true, "unmark": false][fields["do"] ?? ""]
    else { return nil }
    let rows = fields.all("row").compactMap { row -> (UnitCode, String?)? in
      let halves = row.split(separator: ":", maxSplits: 1).map(String.init)
      return halves.count == 2 ? (UnitCode(halves[0]), isMarked ? halves[1] : nil) : nil
    }
    guard !rows.isEmpty else {
      throw SyncError(.badRequest, vi: "Chọn ít nhất một dòng.", en: "Choose at least one row.")
    }
    let contents = Dictionary(rows, uniquingKeysWith: { first, _ in first })
    let codes = contents.keys.map(\.rawValue).sorted().joined(separator: " ")
    let act = try IntendedAct(isMarked ? "reports entered" : "reports not entered", subject: reportDay.description, by: who, reason: codes)
    try await survey.hub.acting(act) { [day] in try await survey.noteEntered(contents, on: reportDay, by: who, in: day) }
    return query.link("/reports")
  }

  private func noteCall(_ unit: UnitCode) async throws -> String? {
    guard day.units.contains(where: { $0.unit == unit }), let outcome = fields["outcome"].flatMap({ CallOutcome(rawValue: $0) }) else {
      return nil
    }
    var call = UnitCall(unit: unit, atMs: day.nowMs, by: who, outcome: outcome, note: fields["note"] ?? "")
    if outcome == .promised {
      guard let untilMs = Self.moment(fields["until"] ?? "", in: day) else {
        throw SyncError(.badRequest, vi: "Ghi giờ hẹn dạng 14:30.", en: "State the hour of the promise as 14:30.")
      }
      call.untilMs = untilMs
    }
    let act = try IntendedAct("call \(outcome.rawValue)", subject: unit.rawValue, by: who, reason: call.note)
    try await survey.hub.acting(act) { [call] in try await survey.note(call) }
    return SignInDesk.local(fields["to"])
  }

  /// The next time that a clock shows it; an hour that has just passed is meant as of today.
  static func moment(_ text: String, in day: OperatorDay) -> Int64? {
    let parts = text.split(separator: ":").compactMap { Int($0) }
    guard parts.count == 2, (0..<24).contains(parts[0]), (0..<60).contains(parts[1]) else { return nil }
    let start = LocalTime(startOf: day.board.today).ms(in: day.campaign.timeZone)
    let ms = start + Int64(parts[0] * 60 + parts[1]) * 60_000
    return ms < day.nowMs - 3_600_000 ? ms + 86_400_000 : ms
  }

  // MARK: The state that a page showed

  /// Digest of the state that a posted page showed.
  static func mark(_ shown: String) -> String { Data(shown.utf8).sha256.hex }

  static func mark(_ conflicts: [Conflict]) -> String {
    mark(conflicts.map { "\($0.id) \($0.isOpen) \($0.winning.ms)" }.sorted().joined(separator: "\n"))
  }

  /// - Throws: A sentence where the state has changed since the page was drawn; nothing is done then.
  func checkMark(_ present: String) throws {
    guard fields["mark"] == present else {
      throw SyncError(
        .badRequest, vi: "Nội dung này vừa được người khác thay đổi; chưa làm gì. Mở lại trang để xem.",
        en: "Somebody has just changed this; nothing was done. Open the page again.")
    }
  }

  // MARK: Conflicts

  private func settle(_ id: String) async throws -> String? {
    guard let conflicts = try await survey.conflicts(beside: id, in: day) else { return nil }
    try checkMark(Self.mark(conflicts))
    guard !reason.allSatisfy(\.isWhitespace) else { throw SurveyFieldError.noReason }
    if fields["do"] == "undo" {
      try await decide(id, .undo)
    } else {
      for conflict in conflicts where conflict.isOpen {
        guard let decision = decision(about: conflict) else { continue }
        try await decide(conflict.id, decision)
      }
    }
    return query.link("/conflict/" + id)
  }

  func decision(about conflict: Conflict) -> Decision? {
    switch fields["all"] ?? fields["choice-\(conflict.id)"] {
    case "keep": .keep
    case "take": .take
    case "value": .value(fields["value-\(conflict.id)"] ?? "")
    default: nil
    }
  }

  func decide(_ id: String, _ decision: Decision) async throws {
    let act = try IntendedAct(stated: "resolve", subject: id, by: who, reason: reason, look: ActLook.held)
    _ = try await survey.hub.acting(act) { try await survey.decide(id, decision, by: who, because: reason) }
  }

  // MARK: Held work and devices

  private func held(_ id: String) async throws -> String? {
    guard let held = try await survey.heldUnit(id, in: day) else {
      throw SyncError(
        .badRequest, vi: "Việc này không còn bị giữ: đã có người xử lý.", en: "This is held no more: somebody has settled it.")
    }
    switch fields["do"] {
    case "retry":
      let act = try IntendedAct(stated: "held retry", subject: id, by: who, reason: reason, look: ActLook.held)
      let merged = try await survey.hub.acting(act) { try await survey.hub.retryHeld(id) }
      guard merged > 0 else {
        throw SyncError(.badRequest, vi: "Thử lại nhưng vẫn chưa gộp được.", en: "Tried again, and it cannot be merged yet.")
      }
    case "repair": try await repair(held)
    case "decline":
      guard !reason.allSatisfy(\.isWhitespace) else { throw SurveyFieldError.noReason }
      let act = try IntendedAct(stated: "held decline", subject: id, by: who, reason: reason, look: ActLook.held)
      try await survey.hub.acting(act) { try await survey.hub.declineHeld(id, by: who, because: reason) }
    default: return nil
    }
    return query.link("/decide")
  }

  private func device(_ id: String) async throws -> String? {
    guard let device = try await survey.deviceLine(id, in: day) else { return nil }
    guard !reason.allSatisfy(\.isWhitespace) else { throw SurveyFieldError.noReason }
    switch fields["do"] {
    case "label": try await name(device)
    case "revoke":
      let act = try IntendedAct(stated: "devices revoke", subject: id, by: who, reason: reason, look: ActLook.devices)
      try await survey.hub.acting(act) { _ = try await survey.hub.revoke(device.device.replica) }
    case "restore":
      let act = try IntendedAct(stated: "devices restore", subject: id, by: who, reason: reason, look: ActLook.devices)
      let listed = fields["late"].flatMap { Int($0) } ?? 0
      try await survey.hub.acting(act) {
        _ = try await survey.hub.reinstate(device.device.replica, by: who, reason: reason, listed: listed)
      }
    default: return nil
    }
    return query.link("/device/" + id)
  }
}
