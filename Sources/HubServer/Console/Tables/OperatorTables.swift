internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Tables of what waits for a decision, of devices and of operators' acts.
struct OperatorTables {
  let parts: ConsoleParts
  let labels: [ReplicaID: String]

  private var tell: TableWords { TableWords(parts: parts) }
  private var words: Wording { parts.words }

  func tables(_ work: PendingDecisions) -> [PageTable] {
    [
      conflicts(work.conflicts.flatMap(\.self)), held(work.held), invalid(work.invalid), flags(work.flags), late(work.latePackets),
      devices(work.lateDevices),
    ]
  }

  private func device(_ replica: ReplicaID?) -> PageValue { TableWords.text(replica.map { labels[$0] ?? $0.short }) }

  func conflicts(_ conflicts: [Conflict]) -> PageTable {
    PageTable(
      "conflicts", words.text("Xung đột", "Conflicts"), conflicts,
      [
        .init("id", words.text("Mã", "Identity")) { .text($0.id) }, .init("unit", words.text("Đơn vị", "Unit")) { .text($0.scope) },
        .init("unitName", words.text("Tên đơn vị", "Name")) { tell.name($0.scope) },
        .init("table", words.text("Bảng", "Table")) { .word($0.table, said: words.table($0.table)) },
        .init("row", words.text("Dòng", "Row")) { .text($0.key.shownText) },
        .init("question", words.text("Câu hỏi", "Question")) { .word($0.member ?? $0.column, said: $0.member ?? words.column($0.column)) },
        .init("rule", words.text("Quy tắc", "Rule")) { .word($0.rule.rawValue, said: $0.rule.words(words.language)) },
        .init("stands", words.text("Đang đứng", "Stands")) { .text($0.winning.value.shownText) },
        .init("standsBy", words.text("Máy của bản đang đứng", "Standing by device")) { device($0.winning.replica) },
        .init("standsTime", words.text("Bản đang đứng lúc", "Standing since")) { tell.time($0.winning.ms) },
        .init("overridden", words.text("Bị ghi đè", "Overridden")) { .text($0.losing.value.shownText) },
        .init("overriddenBy", words.text("Máy của bản bị ghi đè", "Overridden device")) { device($0.losing.replica) },
        .init("overriddenTime", words.text("Bản bị ghi đè lúc", "Overridden time")) { tell.time($0.losing.ms) },
        .init("open", words.text("Còn mở", "Open")) { tell.flag($0.isOpen) },
        .init("decidedBy", words.text("Người quyết", "Decided by")) { TableWords.text($0.resolvedBy) },
        .init("reason", words.text("Vì sao", "Why")) { TableWords.text($0.reason) },
      ])
  }

  func held(_ units: [HeldUnit]) -> PageTable {
    PageTable(
      "held", words.text("Giữ lại", "Held"), units,
      [
        .init("id", words.text("Mã", "Identity")) { .text($0.id) }, .init("unit", words.text("Đơn vị", "Unit")) { .text($0.scope) },
        .init("unitName", words.text("Tên đơn vị", "Name")) { tell.name($0.scope) },
        .init("rows", words.text("Dòng", "Rows")) { held in
          .text(held.rows.map { "\($0.table) \($0.key.shownText)" }.joined(separator: "; "))
        },
        .init("device", words.text("Máy", "Device")) { device($0.replica) },
        .init("time", words.text("Đến lúc", "Came")) { tell.time($0.receivedMs) },
        .init("reason", words.text("Vì sao", "Why")) { .word($0.reason, said: words.heldReason($0.reason)) },
        .init("detail", words.text("Chi tiết", "Detail")) { .text($0.detail) },
        .init("remedy", words.text("Cách giải quyết", "What to do")) { .text($0.remedy(words.language)) },
      ])
  }

  func cells(_ held: HeldUnit) -> PageTable {
    let cells = held.rows.flatMap { row in row.cells.map { (row: row, cell: $0) } }
    return PageTable(
      "cells", words.text("Nội dung", "Content"), cells,
      [
        .init("table", words.text("Bảng", "Table")) { .word($0.row.table, said: words.table($0.row.table)) },
        .init("row", words.text("Dòng", "Row")) { .text($0.row.key.shownText) },
        .init("deletes", words.text("Xóa", "Deletes")) { tell.flag(!$0.row.isAlive) },
        .init("column", words.text("Cột", "Column")) { .text([$0.cell.column, $0.cell.member].compactMap(\.self).joined(separator: ".")) },
        .init("value", words.text("Giá trị", "Value")) { .text($0.cell.value.shownText) },
      ])
  }

  func invalid(_ reports: [InvalidReport]) -> PageTable {
    let faults = reports.flatMap { report in report.faults.map { (report: report, fault: $0) } }
    return PageTable(
      "contradictions", words.text("Trái biểu mẫu", "Contradictions"), faults,
      [
        .init("unit", words.text("Đơn vị", "Unit")) { .text($0.report.unit) },
        .init("unitName", words.text("Tên đơn vị", "Name")) { tell.name($0.report.unit) },
        .init("day", words.text("Ngày", "Day")) { .text($0.report.day) },
        .init("question", words.text("Câu hỏi", "Question")) { .text($0.fault.question) },
        .init("instance", words.text("Lần thứ", "Instance")) { TableWords.number($0.fault.number) },
        .init("kind", words.text("Loại", "Kind")) { .text($0.fault.kind) },
        .init("message", words.text("Nội dung", "Message")) { .text($0.fault.message(words.language)) },
      ])
  }

  func flags(_ flags: [RaisedFlag]) -> PageTable {
    PageTable(
      "flags", words.text("Cờ", "Flags"), flags,
      [
        .init("unit", words.text("Đơn vị", "Unit")) { .text($0.unit.rawValue) },
        .init("unitName", words.text("Tên đơn vị", "Name")) { tell.name($0.unit.rawValue) },
        .init("day", words.text("Ngày", "Day")) { .text($0.day.description) },
        .init("flag", words.text("Cờ", "Flag")) { .text($0.flag.name) },
        .init("message", words.text("Nội dung", "Message")) { .text($0.flag.message(words.language)) },
        .init("settledBy", words.text("Người xem", "Looked at by")) { TableWords.text($0.settled?.by) },
        .init("reason", words.text("Vì sao", "Why")) { TableWords.text($0.settled?.why) },
      ])
  }

  func late(_ packets: [LatePackets]) -> PageTable {
    PageTable(
      "lateAnswers", words.text("Phiếu dưới khóa cũ", "Answers under earlier keys"), packets,
      [
        .init("unit", words.text("Đơn vị", "Unit")) { .text($0.unit) },
        .init("unitName", words.text("Tên đơn vị", "Name")) { tell.name($0.unit) },
        .init("undecided", words.text("Chờ quyết", "To decide")) { .number($0.undecided) },
        .init("declined", words.text("Đã từ chối", "Declined")) { .number($0.declined) },
      ])
  }

  func devices(_ devices: [DeviceLine]) -> PageTable {
    PageTable(
      "devices", words.text("Máy", "Devices"), devices,
      [
        .init("id", words.text("Mã máy", "Identity")) { .text($0.device.replica.description) },
        .init("unit", words.text("Đơn vị", "Unit")) { .text($0.device.scope) },
        .init("label", words.text("Tên máy", "Label")) { .text($0.label) },
        .init("owner", words.text("Của", "Owner")) { TableWords.text($0.note?.owner) },
        .init("enrolled", words.text("Ghi danh", "Enrolled")) { tell.time($0.device.enrolledMs) },
        .init("contact", words.text("Liên lạc cuối", "Last contact")) { tell.time($0.device.contactMs) },
        .init("changesLeft", words.text("Thay đổi còn trên máy", "Changes left on it")) { TableWords.number($0.device.backlog) },
        .init("answersLeft", words.text("Phiếu còn trên máy", "Answers left on it")) { TableWords.number($0.device.packets) },
        .init("clockSeconds", words.text("Đồng hồ lệch, giây", "Clock off, seconds")) { each in
          TableWords.number(each.device.skewMs.map { Int(clamping: $0 / 1000) })
        },
        .init("revoked", words.text("Thu hồi", "Revoked")) { tell.time($0.device.revokedMs) },
        .init("batchesToDecide", words.text("Gói chờ quyết", "Batches to decide")) { .number($0.lateBatches) },
        .init("predecessor", words.text("Tiếp nối", "Goes on from")) { TableWords.text($0.device.predecessor?.description) },
      ])
  }

  func acts(_ acts: [OperatorAct]) -> PageTable {
    PageTable(
      "acts", words.text("Nhật ký", "Log"), acts,
      [
        .init("time", words.text("Lúc", "Time")) { tell.time($0.atMs) }, .init("by", words.text("Người làm", "By")) { .text($0.by) },
        .init("kind", words.text("Việc", "Act")) { .word($0.kind, said: words.act($0.kind)) },
        .init("subject", words.text("Về", "About")) { .text($0.subject) },
        .init("reason", words.text("Vì sao", "Why")) { .text($0.reason) },
      ])
  }
}

/// Table of working groups' posts.
struct PostTable {
  let parts: ConsoleParts

  func table(_ posts: [HubPost]) -> PageTable {
    let words = parts.words
    return PageTable(
      "posts", words.text("Tin", "Posts"), posts,
      [
        .init("id", words.text("Mã", "Identity")) { .text($0.id) }, .init("unit", words.text("Đơn vị", "Unit")) { .text($0.unit.rawValue) },
        .init("unitName", words.text("Tên đơn vị", "Name")) { .text($0.name) }, .init("day", words.text("Ngày", "Day")) { .text($0.day) },
        .init("words", words.text("Nội dung", "Words")) { .text($0.words) },
        .init("photosIn", words.text("Ảnh đã về", "Photos in")) { .number($0.photos.count(where: \.isIn)) },
        .init("photos", words.text("Ảnh", "Photos")) { .number($0.photos.count) },
      ])
  }
}

/// Table of those who may sign in.
struct PeopleTable {
  let words: Wording

  func table(_ people: [Person]) -> PageTable {
    PageTable(
      "people", words.text("Người dùng", "People"), people,
      [
        .init("name", words.text("Tên", "Name")) { .text($0.name) },
        .init("may", words.text("Quyền", "May")) { person in
          .text(Capability.allCases.filter(person.may).map(\.rawValue).joined(separator: " "))
        },
        .init("scope", words.text("Phạm vi", "Part")) { TableWords.text($0.scope?.rawValue) },
        .init("tag", words.text("Nhãn", "Tag")) { TableWords.text($0.tag) },
        .init("ready", words.text("Đã đặt mật khẩu", "Has a password")) {
          .flag($0.isReady, said: $0.isReady ? words.text("có", "yes") : "")
        },
      ])
  }
}
