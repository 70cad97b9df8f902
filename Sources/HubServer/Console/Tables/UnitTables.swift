internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Tables of units and groups.
struct UnitTables {
  let parts: ConsoleParts
  /// Day of the campaign; nil for the latest.
  var reportDay: CalendarDay?

  private var tell: TableWords { TableWords(parts: parts) }
  private var words: Wording { parts.words }
  private var day: OperatorDay { parts.day }
  private var shownDay: CalendarDay? { reportDay ?? day.board.reportDay }

  func report(_ line: UnitLine, on reportDay: CalendarDay) -> PageValue {
    let status = day.report(line, on: reportDay)
    return .word(status.rawValue, said: words.report(status))
  }

  /// Units, one a row, in the given order.
  func lines(_ lines: [UnitLine]) -> PageTable {
    let label = shownDay.map { words.text("Báo cáo \($0)", "Report \($0)") } ?? words.text("Báo cáo", "Report")
    func call(_ line: UnitLine) -> UnitCall? { day.calls[line.unit.rawValue] }
    func contact(_ line: UnitLine) -> UnitContact? { day.contacts[line.unit.rawValue]?.first }
    return PageTable(
      "units", words.text("Đơn vị", "Units"), lines,
      [
        .init("code", words.text("Mã", "Code")) { .text($0.unit.rawValue) }, .init("name", words.text("Đơn vị", "Unit")) { .text($0.name) },
        .init("group", words.text("Nhóm", "Group")) { .text($0.groupName) },
        .init("state", words.text("Tình trạng", "State")) { .word($0.state.rawValue, said: words.state($0.state)) },
        .init("since", words.text("Từ lúc", "Since")) { tell.time($0.standing.sinceMs) },
        .init("why", words.text("Vì sao", "Why")) { $0.state.needsAct ? .text(parts.why($0)) : .none },
        .init("answers", words.text("Phiếu", "Answers")) { .number($0.counts.received) },
        .init("mayAnswer", words.text("Người được hỏi", "May answer")) { TableWords.number($0.target) },
        .init("expected", words.text("Lẽ ra", "Expected")) { .number($0.expected) },
        .init("report", label) { line in shownDay.map { report(line, on: $0) } ?? .none },
        .init("reportTime", words.text("Báo cáo lúc", "Reported at")) { line in tell.time(shownDay.flatMap { line.arrivals[$0] }) },
        .init("closes", words.text("Gia hạn riêng đến", "Ends later, at")) { line in
          line.closes.map { tell.time($0.ms(in: day.campaign.timeZone)) } ?? .none
        },
        .init("reportDays", words.text("Chuỗi ngày", "Days in a row")) { line in
          shownDay.map { .number(day.streak(line, through: $0).days) } ?? .none
        },
        .init("contact", words.text("Liên lạc cuối", "Last contact")) { tell.time($0.counts.lastContactMs) },
        .init("devices", words.text("Máy", "Devices")) { .number($0.counts.devices) },
        .init("conflicts", words.text("Xung đột", "Conflicts")) { .number($0.counts.conflicts) },
        .init("held", words.text("Giữ lại", "Held")) { .number($0.counts.held) },
        .init("contradicting", words.text("Trái biểu mẫu", "Contradicting reports")) { .number($0.counts.reportsInvalid) },
        .init("photosIn", words.text("Ảnh đã về", "Photos in")) { .number($0.counts.photosIn) },
        .init("photos", words.text("Ảnh", "Photos")) { .number($0.counts.photos) },
        .init("troubles", words.text("Máy trục trặc", "Device trouble")) { line in
          line.troubles.isEmpty ? .none : .text(line.troubles.map(words.trouble).joined(separator: "; "))
        },
        .init("person", words.text("Gọi ai", "Whom to call")) { line in
          TableWords.text(contact(line).map { [$0.role, $0.name].filter { !$0.isEmpty }.joined(separator: " ") })
        },
        .init("phone", words.text("Điện thoại", "Phone")) { TableWords.text(contact($0)?.phone) },
        .init("call", words.text("Cuộc gọi cuối", "Last call")) { line in
          call(line).map { .word($0.outcome.rawValue, said: words.outcome($0.outcome)) } ?? .none
        },
        .init("callTime", words.text("Gọi lúc", "Called at")) { tell.time(call($0)?.atMs) },
        .init("caller", words.text("Người gọi", "Caller")) { TableWords.text(call($0)?.by) },
        .init("promisedUntil", words.text("Hẹn đến", "Promised until")) { tell.time(call($0)?.untilMs) },
        .init("note", words.text("Ghi chú", "Note")) { TableWords.text(call($0)?.note) },
      ])
  }

  /// The share that is expected by now, and the two numbers from which it follows.
  var expectation: PageTable {
    let expectation = day.expectation
    return PageTable(
      "expectation", words.text("Lẽ ra", "Expected"),
      facts: [
        ("share", words.text("Lẽ ra, %", "Expected, %"), .tenths(expectation.sharePermille)),
        ("median", words.text("Tỷ lệ ở giữa, %", "Median share, %"), .tenths(expectation.medianPermille)),
        ("windowPassed", words.text("Thời gian đã qua, %", "Window passed, %"), .tenths(expectation.passedPermille)),
      ])
  }

  var totals: PageTable {
    let units = day.units
    func sum(_ value: (UnitLine) -> Int) -> PageValue { .number(units.reduce(0) { $0 + value($1) }) }
    return PageTable(
      "totals", words.text("Toàn cảnh", "Overview"),
      facts: [
        ("units", words.text("Đơn vị", "Units"), .number(units.count)), ("answers", words.text("Phiếu", "Answers"), sum(\.counts.received)),
        ("mayAnswer", words.text("Người được hỏi", "May answer"), sum { $0.target ?? 0 }),
        ("expected", words.text("Lẽ ra", "Expected"), sum(\.expected)),
        ("reportDay", words.text("Ngày báo cáo", "Report day"), TableWords.text(shownDay?.description)),
        ("reportsIn", words.text("Báo cáo đã về", "Reports in"), sum { line in shownDay.map { line.arrivals[$0] == nil ? 0 : 1 } ?? 0 }),
        (
          "reportsOverdue", words.text("Báo cáo quá hạn", "Reports overdue"),
          sum { line in shownDay.map { day.report(line, on: $0) == .missing ? 1 : 0 } ?? 0 }
        ),
        ("toCall", words.text("Cần gọi", "To call"), sum { $0.state.needsCall ? 1 : 0 }),
        ("late", words.text("Muộn", "Late"), .number(day.count(.late))),
        ("conflicts", words.text("Xung đột", "Conflicts"), sum(\.counts.conflicts)),
        ("held", words.text("Giữ lại", "Held"), sum(\.counts.held)),
        ("contradicting", words.text("Trái biểu mẫu", "Contradicting reports"), sum(\.counts.reportsInvalid)),
        ("photosIn", words.text("Ảnh đã về", "Photos in"), sum(\.counts.photosIn)),
        ("photos", words.text("Ảnh", "Photos"), sum(\.counts.photos)),
      ])
  }

  var groups: PageTable {
    let states = UnitState.allCases.map { state in
      PageColumnOf<GroupLine>(state.rawValue, words.state(state)) { group in .number(group.units.count { $0.state == state }) }
    }
    return PageTable(
      "groups", words.text("Các nhóm", "Groups"), day.groups,
      [
        .init("code", words.text("Mã", "Code")) { .text($0.unit.rawValue) }, .init("name", words.text("Nhóm", "Group")) { .text($0.name) },
        .init("units", words.text("Đơn vị", "Units")) { .number($0.units.count) },
      ] + states + [
        .init("answers", words.text("Phiếu", "Answers")) { .number($0.received) },
        .init("mayAnswer", words.text("Người được hỏi", "May answer")) { .number($0.target) },
        .init("expected", words.text("Lẽ ra", "Expected")) { .number($0.expected) },
      ])
  }

  /// Reports of the day and latest contacts of devices, by hour.
  var arrivals: PageTable {
    let hours = shownDay.map { ArrivalChart(parts: parts, reportDay: $0).hours } ?? []
    return PageTable(
      "arrivals", words.text("Đường đến trong ngày", "Arrival over the day"), hours,
      [
        .init("hour", words.text("Giờ", "Hour")) { .number($0.hour) },
        .init("reports", words.text("Báo cáo mới", "New reports")) { .number($0.reports) },
        .init("reportsSoFar", words.text("Cộng dồn", "So far")) { .number($0.reportsSoFar) },
        .init("contacts", words.text("Liên lạc cuối", "Latest contacts")) { .number($0.contacts) },
      ])
  }

  func reports(_ detail: UnitDetail) -> PageTable {
    PageTable(
      "reports", words.text("Báo cáo các ngày", "Reports by day"), day.reportDays,
      [
        .init("day", words.text("Ngày", "Day")) { .text($0.description) },
        .init("report", words.text("Báo cáo", "Report")) { report(detail.line, on: $0) },
        .init("time", words.text("Nhận lúc", "Received")) { tell.time(detail.line.arrivals[$0]) },
        .init("due", words.text("Hạn", "Due")) { tell.time(day.campaign.reportDueMs($0)) },
        .init("corrections", words.text("Số lần sửa", "Corrections")) { .number(detail.corrections[$0.description] ?? 0) },
        .init("contradicts", words.text("Trái biểu mẫu", "Contradicts its form")) { each in
          tell.flag(detail.invalid.contains { $0.day == each.description })
        },
      ])
  }

  func contacts(_ contacts: [UnitContact]) -> PageTable {
    PageTable(
      "contacts", words.text("Danh bạ", "Contacts"), contacts,
      [
        .init("unit", words.text("Mã", "Code")) { .text($0.unit.rawValue) },
        .init("unitName", words.text("Đơn vị", "Unit")) { tell.name($0.unit.rawValue) },
        .init("role", words.text("Vai trò", "Role")) { .text($0.role) }, .init("name", words.text("Tên", "Name")) { .text($0.name) },
        .init("phone", words.text("Điện thoại", "Phone")) { .text($0.phone) },
        .init("joined", words.text("Đã vào nhóm", "In the chat group")) { tell.flag($0.hasJoined) },
      ])
  }

  func calls(_ calls: [UnitCall]) -> PageTable {
    PageTable(
      "calls", words.text("Cuộc gọi", "Calls"), calls,
      [
        .init("time", words.text("Lúc", "Time")) { tell.time($0.atMs) }, .init("by", words.text("Người gọi", "Caller")) { .text($0.by) },
        .init("outcome", words.text("Kết quả", "Outcome")) { .word($0.outcome.rawValue, said: words.outcome($0.outcome)) },
        .init("until", words.text("Hẹn đến", "Promised until")) { tell.time($0.untilMs) },
        .init("note", words.text("Ghi chú", "Note")) { .text($0.note) },
      ])
  }
}
