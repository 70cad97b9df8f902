internal import FormWeb
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Forms that change how a unit and its devices are set up: codes, headcount, labels. Each says before how it is undone, or that it cannot be.
extension ActForms {
  private var words: Wording { parts.words }

  private func open(_ action: String, _ mark: String, _ token: HTML) -> HTML {
    "<form class=\"act\" method=\"post\" action=\"\(action)\">\(token)<input type=\"hidden\" name=\"mark\" value=\"\(mark)\">"
  }

  private func why(_ id: String) -> HTML {
    "<label for=\"\(id)\">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type=\"text\" id=\"\(id)\" name=\"reason\" required maxlength=\"300\">"
  }

  private func undo(_ said: String) -> HTML { "<span class=\"quiet\">\(said)</span>" }

  func unitSetup(_ detail: UnitDetail) -> HTML? {
    guard let token = formToken(.configure) else { return nil }
    let path = "/unit/\(ConsoleQuery.part(detail.line.unit.rawValue))"
    return """
      <details><summary>\(words.text("Mã ghi danh, số người, gia hạn", "Enrolment codes, headcount, more time"))</summary>
      \(newCode(detail, path, token))\(cancelCodes(detail, path, token))\(headcount(detail, path, token))\(window(detail, path, token))</details>

      """
  }

  private func newCode(_ detail: UnitDetail, _ path: String, _ token: HTML) -> HTML {
    """
    \(open(parts.query.link(path + "/code"), ConsoleActs.mark(codes: detail), token))<h3>\(words.text("Cấp mã mới", "A new code"))</h3>
    \(why("why-code"))<p><button>\(words.text("Cấp một mã ghi danh", "Make one enrolment code"))</button> \(undo(words.text("Hoàn tác bằng hủy mã, khi chưa ai dùng. Mã chỉ hiện một lần.", "Undone by cancelling it while nobody has used it. The code is shown once.")))</p></form>

    """
  }

  private func cancelCodes(_ detail: UnitDetail, _ path: String, _ token: HTML) -> HTML? {
    guard !detail.codes.isEmpty else { return nil }
    let boxes: [HTML] = detail.codes.map { code in
      let made = parts.time(Int64(clamping: code.madeMs))
      let ends =
        code.endsMs.map { words.text(", hết hạn \(parts.time(Int64(clamping: $0)))", ", ends \(parts.time(Int64(clamping: $0)))") } ?? ""
      return
        "<label><input type=\"checkbox\" name=\"code\" value=\"\(code.id)\"> <code>\(code.id)</code> \(words.text("cấp \(made)\(ends)", "made \(made)\(ends)"))</label>"
    }
    return """
      \(open(parts.query.link(path + "/codes"), ConsoleActs.mark(codes: detail), token))<h3>\(words.text("Mã chưa dùng", "Unused codes"))</h3>
      <fieldset>\(boxes)</fieldset>\(why("why-cancel"))<p><button>\(words.text("Hủy các mã đã chọn", "Cancel those that are ticked"))</button> \(undo(words.text("Không hoàn tác được: ai giữ mã cần mã mới.", "Cannot be undone: whoever has them needs new ones.")))</p></form>

      """
  }

  private func headcount(_ detail: UnitDetail, _ path: String, _ token: HTML) -> HTML {
    let known = detail.staff.map { "\($0.eligible)" } ?? ""
    let before = known.isEmpty ? words.notKnown : known
    return """
      \(open(parts.query.link(path + "/headcount"), ConsoleActs.mark(headcount: detail), token))<h3>\(words.text("Số người được hỏi", "How many may answer"))</h3>
      <label for="people">\(words.text("Số người, lúc này \(before)", "People, now \(before)"))</label><input type="number" id="people" name="people" min="0" max="\(Headcount.peopleMax)" required value="\(known)">
      \(why("why-people"))<p><button>\(words.text("Đổi số người", "Change the headcount"))</button> \(undo(words.text("Hoàn tác bằng cách ghi lại số cũ: \(before). Nhật ký giữ cả hai.", "Undone by writing the former number: \(before). The log keeps both.")))</p></form>

      """
  }

  private func window(_ detail: UnitDetail, _ path: String, _ token: HTML) -> HTML {
    let campaign = parts.day.campaign
    let (ends, own) = (words.time(campaign.closes), detail.line.closes ?? campaign.closes)
    return """
      \(open(parts.query.link(path + "/window"), ConsoleActs.mark(windowOf: detail, campaign), token))<h3>\(words.text("Gia hạn riêng", "More time for this unit"))</h3>
      <label for="own-closes">\(words.text("Đóng lúc (NĂM-THÁNG-NGÀY GIỜ:PHÚT), lúc này \(words.time(own))", "Ends at (YYYY-MM-DD HH:MM), now \(words.time(own))"))</label><input type="text" id="own-closes" name="closes" required maxlength="16" value="\(own.description)">
      \(why("why-own-closes"))<p><button>\(words.text("Đổi giờ đóng của đơn vị", "Change when it ends here"))</button> \(undo(words.text("Hoàn tác bằng cách ghi lại \(ends), giờ đóng chung. Máy nhận giờ mới khi đồng bộ; mã QR của đơn vị theo ngay.", "Undone by writing \(ends), when all others end. Devices hear with their next sync; the unit's QR code follows at once.")))</p></form>

      """
  }

  func deviceName(_ device: DeviceLine) -> HTML? {
    guard let token = formToken(.configure) else { return nil }
    let path = parts.query.link("/device/" + device.device.replica.description)
    return """
      <details><summary>\(words.text("Đặt tên và chủ máy", "Name and owner"))</summary>\(open(path, ConsoleActs.mark(name: device), token))
      <label for="label">\(words.text("Tên máy", "Name of the device"))</label><input type="text" id="label" name="label" maxlength="\(DeviceNote.lengthMax)" value="\(device.label)">
      <label for="owner">\(words.text("Chủ máy", "Owner"))</label><input type="text" id="owner" name="owner" maxlength="\(DeviceNote.lengthMax)" value="\(device.note?.owner ?? "")">
      \(why("why-name"))<p><button name="do" value="label">\(words.text("Ghi tên", "Save"))</button> \(undo(words.text("Hoàn tác bằng cách ghi lại tên cũ.", "Undone by writing the former names.")))</p></form></details>

      """
  }

  /// Repairs a held unit: values are read and judged like answers.
  func repair(_ held: HeldUnit) -> HTML? {
    guard let token = formToken(.act) else { return nil }
    let columns = Self.columns(of: held)
    guard !columns.isEmpty else { return nil }
    let fields: [HTML] = columns.map { column in
      "<label for=\"set-\(column.name)\">\(words.column(column.name))</label><input type=\"text\" id=\"set-\(column.name)\" name=\"set-\(column.name)\" value=\"\(column.value)\"><input type=\"hidden\" name=\"was-\(column.name)\" value=\"\(column.value)\">"
    }
    return """
      <details><summary>\(words.text("Sửa giá trị rồi gộp", "Repair values, then merge"))</summary><form class="act" method="post" action="\(parts.query.link("/held/" + held.id))">\(token)
      \(fields)<label for="why-repair">\(words.text("Vì sao (bắt buộc)", "Why (required)"))</label><input type="text" id="why-repair" name="reason" required maxlength="300">
      <p><button name="do" value="repair">\(words.text("Sửa và gộp", "Repair and merge"))</button> \(undo(words.text("Không hoàn tác được; xã sửa lại được bằng một lần sửa nữa.", "Cannot be undone; the unit can correct it again.")))</p></form></details>

      """
  }

  /// Columns of a held unit that a person can type: those of its living rows that are no part of a larger value.
  private static func columns(of held: HeldUnit) -> [(name: String, value: String)] {
    var seen: Set<String> = []
    return held.rows.filter(\.isAlive).flatMap(\.cells).compactMap { cell in
      guard cell.member == nil, seen.insert(cell.column).inserted else { return nil }
      return (cell.column, cell.value.shownText)
    }
  }
}

extension ConsoleActs {
  static func mark(codes detail: UnitDetail) -> String {
    mark(detail.codes.map(\.id).sorted().joined(separator: " ") + " \(detail.devices.count)")
  }
  static func mark(headcount detail: UnitDetail) -> String { mark(detail.staff.map { "\($0.eligible)" } ?? "") }
  static func mark(windowOf detail: UnitDetail, _ campaign: Campaign) -> String {
    mark("\(campaign.id) \(campaign.closes) \(detail.line.closes ?? campaign.closes)")
  }
  static func mark(name device: DeviceLine) -> String { mark("\(device.label)\n\(device.note?.owner ?? "")") }

  /// - Throws: A sentence where nobody said why.
  func requireReason() throws { guard !reason.allSatisfy(\.isWhitespace) else { throw SurveyFieldError.noReason } }

  /// Makes a code for a unit; the code is shown once.
  func makeCode(_ unit: UnitCode) async throws -> String? {
    guard let detail = try await survey.unitDetail(unit, in: day) else { return nil }
    try checkMark(Self.mark(codes: detail))
    try requireReason()
    let plan = try await survey.requirePlan()
    let act = try IntendedAct(stated: "enroll", subject: unit.rawValue, by: who, reason: reason, look: ActLook.codes)
    return try await survey.hub.acting(act) { try await survey.hub.makeCode(scope: unit.rawValue, readScopes: plan.readScopes(of: unit)) }
  }

  /// Does what a form on a unit's page asks, besides noting a call.
  func setUp(_ unit: UnitCode, _ what: String) async throws -> String? {
    guard let detail = try await survey.unitDetail(unit, in: day) else { return nil }
    switch what {
    case "codes":
      try checkMark(Self.mark(codes: detail))
      try requireReason()
      let ids = fields.all("code").filter { id in detail.codes.contains { $0.id == id } }
      guard !ids.isEmpty else { throw SyncError(.badRequest, vi: "Chưa chọn mã nào.", en: "No code is ticked.") }
      let act = try IntendedAct(stated: "codes cancel", subject: unit.rawValue, by: who, reason: reason, look: ActLook.codes)
      _ = try await survey.hub.acting(act) { try await survey.hub.endCodes(units: [], ids: ids, endsMs: nil) }
    case "headcount":
      try checkMark(Self.mark(headcount: detail))
      try requireReason()
      guard let people = Int(fields["people"] ?? "") else {
        throw SyncError(.badRequest, vi: "Số người phải là một số.", en: "The headcount must be a number.")
      }
      let act = try IntendedAct(
        stated: "campaign headcount", subject: unit.rawValue, by: who, reason: reason, look: ActLook.headcount(of: unit))
      _ = try await survey.hub.acting(act) { try await survey.change(headcount: people, of: unit) }
    case "window":
      try checkMark(Self.mark(windowOf: detail, day.campaign))
      try requireReason()
      let closes = try time("closes")
      let campaign = day.campaign.id
      let act = try IntendedAct(
        stated: "campaign window", subject: unit.rawValue, by: who, reason: reason, look: ActLook.window(of: unit, campaign: campaign))
      _ = try await survey.hub.acting(act) { try await survey.about(campaign: campaign).extend(unit, to: closes) }
    default: return nil
    }
    return query.unit(unit)
  }

  /// Gives a device a name and an owner.
  func name(_ device: DeviceLine) async throws {
    try checkMark(Self.mark(name: device))
    let (label, owner) = ((fields["label"] ?? "").trimmed, (fields["owner"] ?? "").trimmed)
    for text in [label, owner] where text.count > DeviceNote.lengthMax {
      throw SyncError(
        .badRequest, vi: "Tên có tối đa \(DeviceNote.lengthMax) ký tự.", en: "A name has \(DeviceNote.lengthMax) characters at most.")
    }
    guard !label.isEmpty else { throw SyncError(.badRequest, vi: "Máy cần một tên.", en: "The device needs a name.") }
    let act = try IntendedAct(stated: "devices label", subject: device.device.replica.description, by: who, reason: reason)
    try await survey.hub.acting(act) {
      try await survey.hub.note(device.device.replica, label: label, owner: owner)
    }
  }

  /// Repairs a held unit with the values that were changed.
  func repair(_ held: HeldUnit) async throws {
    try requireReason()
    var values: [String: CellValue] = [:]
    for column in Set(held.rows.filter(\.isAlive).flatMap(\.cells).filter { $0.member == nil }.map(\.column)) {
      guard let text = fields["set-\(column)"], text != fields["was-\(column)"] else { continue }
      values[column] = try await survey.value(typed: text, forColumn: column, ofHeld: held.id)
    }
    guard !values.isEmpty else { throw SyncError(.badRequest, vi: "Chưa sửa giá trị nào.", en: "No value was changed.") }
    let act = try IntendedAct(stated: "held repair", subject: held.id, by: who, reason: reason, look: ActLook.held)
    try await survey.hub.acting(act) { [values] in
      try await survey.hub.repairHeld(held.id, values: values, by: who, because: reason)
    }
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}

/// Page that shows a new enrolment code, once.
struct MadeCodePage {
  let parts: ConsoleParts
  let unit: UnitCode
  let code: String

  private var words: Wording { parts.words }

  var title: String { words.text("Mã ghi danh mới", "A new enrolment code") }

  var content: HTML {
    let name = parts.day.tree.displayName(of: unit)
    let spaced = "\(code.prefix(5))-\(code.dropFirst(5))"
    return """
      <p class="crumbs"><a href="\(parts.query.unit(unit))">\(unit.rawValue) \(name)</a></p>
      <h1>\(title)</h1>
      <p class="said" role="status"><code>\(spaced)</code></p>
      <p>\(words.text("Cho một thiết bị của \(name), dùng một lần, chỉ hiện ở đây một lần. Trên máy: field enroll \(spaced) --hub ĐỊA-CHỈ", "For one device of \(name), good once, shown here once. On the device: field enroll \(spaced) --hub ADDRESS"))</p>

      """
  }
}
