internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Words for the codes of the hub's records: acts, reasons why work is held, tables and their columns. A test holds them against the sources and the
/// schema, so that no page shows a code.
enum CodeWords {
  private typealias Entry = (code: String, words: LocalizedText)

  private static func act(_ code: String, vi: String, en: String) -> Entry { (code, LocalizedText(vi: vi, en: en)) }

  private static func table(_ entries: [Entry]) -> [String: LocalizedText] {
    Dictionary(entries.map { ($0.code, $0.words) }, uniquingKeysWith: { first, _ in first })
  }

  /// Kinds of acts, as `OperatorAct.kind` has them.
  static let acts = table(calls + others)

  private static let calls: [Entry] = CallOutcome.allCases.map { outcome in
    let said = LocalizedText(vi: Wording(language: .vietnamese).outcome(outcome), en: Wording(language: .english).outcome(outcome))
    return act("call \(outcome.rawValue)", vi: "gọi: \(said.vi.lowercased())", en: "call: \(said.en.lowercased())")
  }

  private static let others: [Entry] = [
    act("backup", vi: "sao lưu", en: "made a backup"), act("restore", vi: "dựng lại từ bản sao lưu", en: "restored a backup"),
    act("export", vi: "xuất dữ liệu ra tệp", en: "exported data to a file"),
    act("import", vi: "nhận tệp gói", en: "took in a bundle"),
    act("keys recover", vi: "khôi phục khóa từ tờ in", en: "recovered the keys from the sheet"),
    act("keys sheet", vi: "in tờ khôi phục khóa", en: "printed the keys' recovery sheet"),
    act("photos --check", vi: "kiểm tra ảnh, có ảnh đã mất", en: "checked the photos, some are gone"),
    act("campaign change", vi: "đổi nội dung cuộc khảo sát", en: "changed the campaign's definition"),
    act("campaign close", vi: "đóng cuộc khảo sát", en: "closed the campaign"),
    act("campaign erase", vi: "xóa từng phiếu, giữ tổng", en: "erased single answers, kept the sums"),
    act("campaign headcount", vi: "đổi số người được hỏi", en: "changed how many may answer"),
    act("campaign load", vi: "nạp cuộc khảo sát", en: "loaded the campaign"),
    act("campaign use", vi: "chọn cuộc khảo sát được hiện", en: "chose the campaign that is shown"),
    act("campaign window", vi: "đổi giờ đóng", en: "changed when it ends"),
    act("clock --confirm", vi: "xác nhận đồng hồ máy chủ", en: "confirmed the hub's clock"),
    act("close", vi: "đóng biểu mẫu", en: "closed a form"),
    act("close --final", vi: "đóng hẳn biểu mẫu", en: "closed a form for good"),
    act("codes cancel", vi: "hủy mã ghi danh", en: "cancelled enrolment codes"),
    act("codes expire", vi: "đặt hạn cho mã ghi danh", en: "let enrolment codes end"),
    act("contacts", vi: "thay danh bạ", en: "replaced the contacts"),
    act("devices confirm", vi: "xác nhận các máy sau khi dựng lại", en: "confirmed the devices after a restore"),
    act("devices decide take", vi: "nhận gói của máy đã thu hồi", en: "took what a revoked device sent"),
    act("devices decide refuse", vi: "từ chối gói của máy đã thu hồi", en: "refused what a revoked device sent"),
    act("devices label", vi: "đặt tên máy", en: "named a device"),
    act("devices mend", vi: "hỏi lại dữ liệu của máy", en: "asked a device for what it has"),
    act("devices replace", vi: "máy mới thay máy cũ", en: "a new device took another's place"),
    act("devices restore", vi: "trả lại quyền cho máy", en: "restored a device's rights"),
    act("devices revoke", vi: "thu hồi quyền của máy", en: "revoked a device"),
    act("enroll", vi: "cấp mã ghi danh", en: "made an enrolment code"),
    act("enroll --replaces", vi: "cấp mã thay máy", en: "made a code to replace a device"),
    act("forms publish", vi: "xuất bản biểu mẫu", en: "published a form"),
    act("forms state", vi: "đổi tình trạng biểu mẫu", en: "changed a form's state"),
    act("held answers --retry", vi: "thử lại phiếu hỏng", en: "tried spoiled answers again"),
    act("held decide take", vi: "nhận phiếu dưới khóa cũ", en: "took answers under an earlier key"),
    act("held decide decline", vi: "từ chối phiếu dưới khóa cũ", en: "declined answers under an earlier key"),
    act("held decline", vi: "từ chối việc giữ lại", en: "declined held work"),
    act("held free", vi: "trả khóa bị đơn vị khác lấy", en: "freed a key that another unit took"),
    act("held repair", vi: "sửa việc giữ lại rồi gộp", en: "repaired held work and merged it"),
    act("held retry", vi: "thử gộp lại việc giữ lại", en: "tried held work again"),
    act("keys destroy", vi: "hủy khóa mở phiếu", en: "destroyed the key to answers"),
    act("keys new", vi: "làm khóa mở phiếu mới", en: "made a new key to answers"),
    act("people invite", vi: "mời người dùng", en: "invited somebody"), act("people remove", vi: "gỡ người dùng", en: "removed somebody"),
    act("people tags", vi: "thay nhãn các đơn vị", en: "replaced the tags of units"),
    act("people token", vi: "cấp mã truy cập cho chương trình", en: "made a token for a program"),
    act("photos --quota", vi: "đổi chỗ cho ảnh", en: "changed the room for photos"),
    act("posts --hide", vi: "ẩn tin", en: "hid a post"), act("posts --unhide", vi: "hiện lại tin", en: "showed a post again"),
    act("remind", vi: "nhắc", en: "sent a reminder"),
    act("report flag", vi: "ghi kết quả xem cờ", en: "noted what came of a flag"),
    act("report return", vi: "trả lại báo cáo", en: "sent a report back"),
    act("report settle", vi: "kết thúc việc trả lại báo cáo", en: "settled a report that was sent back"),
    act("reports entered", vi: "đánh dấu báo cáo đã nhập nơi khác", en: "marked reports as entered elsewhere"),
    act("reports not entered", vi: "bỏ dấu đã nhập nơi khác", en: "took back that reports were entered elsewhere"),
    act("resolve", vi: "quyết xung đột", en: "decided a conflict"),
    act("restore-row", vi: "dựng lại dòng đã xóa", en: "brought a deleted row back"),
    act("trim", vi: "dọn nhật ký gói", en: "trimmed the journal"),
  ]

  /// Names of what `IntendedAct.look` sees. Those that no person reads, such as digests, have none.
  static let looks = table([
    act("in use", vi: "máy đang dùng", en: "devices in use"), act("revoked", vi: "máy đã thu hồi", en: "devices revoked"),
    act("batches to decide", vi: "gói chờ quyết", en: "batches to decide about"),
    act("answers to decide", vi: "phiếu chờ quyết", en: "answers to decide about"),
    act("to confirm", vi: "máy chờ xác nhận", en: "devices to confirm"), act("spoiled", vi: "phiếu hỏng", en: "spoiled answers"),
    act("codes", vi: "mã ghi danh", en: "enrolment codes"), act("codes cancelled", vi: "mã đã hủy", en: "codes cancelled"),
    act("held", vi: "việc giữ lại", en: "held things"), act("conflicts", vi: "xung đột", en: "conflicts"),
    act("messages", vi: "lời nhắn", en: "messages"), act("settled", vi: "lời nhắn đã xong", en: "messages settled"),
  ])

  /// Reasons why work is held, as `HeldUnit.reason` has them.
  static let held = table(HeldReason.allCases.map { ($0.rawValue, heldWords($0)) })

  private static func heldWords(_ reason: HeldReason) -> LocalizedText {
    switch reason {
    case .size: LocalizedText(vi: "lớn quá mọi giới hạn", en: "larger than every bound")
    case .schema: LocalizedText(vi: "máy chủ chưa biết bảng hoặc cột này", en: "this hub does not know the table or column")
    case .readOnly: LocalizedText(vi: "thiết bị không được ghi bảng này", en: "devices may not write this table")
    case .name: LocalizedText(vi: "tên bảng, cột hoặc mục không dùng được", en: "the name of a table, column or member cannot be one")
    case .generation: LocalizedText(vi: "số lần quyết định không thể có", en: "its count of decisions cannot be")
    case .repeated: LocalizedText(vi: "ghi một ô hai lần", en: "one cell is written twice")
    case .value: LocalizedText(vi: "giá trị không hợp với cột", en: "the value does not fit its column")
    case .scope: LocalizedText(vi: "dòng của đơn vị khác", en: "the row belongs to another unit")
    case .life: LocalizedText(vi: "số lần xóa và lập lại quá xa", en: "its count of births and deaths is too far ahead")
    case .incomplete: LocalizedText(vi: "thiếu đơn vị của dòng", en: "the row's unit is missing")
    case .parent: LocalizedText(vi: "chờ dòng mà nó nhắc tới", en: "it waits for the row it refers to")
    case .behind:
      LocalizedText(vi: "chờ việc bị giữ trước nó của cùng thiết bị", en: "it waits behind earlier held work of the same device")
    }
  }

  /// Replicated tables.
  static let tables = table([
    act("answer", vi: "phiếu", en: "answer"), act("attachment", vi: "ảnh đính kèm", en: "attached photo"),
    act("campaign", vi: "cuộc khảo sát", en: "campaign"), act("form", vi: "biểu mẫu", en: "form"),
    act("headcount", vi: "số người", en: "headcount"), act("notice", vi: "lời nhắn", en: "message"),
    act("notice_reply", vi: "trả lời lời nhắn", en: "reply to a message"), act("post", vi: "tin", en: "post"),
    act("report", vi: "báo cáo", en: "report"), act("report_change", vi: "lần sửa báo cáo", en: "correction of a report"),
    act("unit", vi: "đơn vị", en: "unit"), act("unit_window", vi: "giờ đóng riêng", en: "end of its own"),
  ])

  /// Columns of replicated tables; a column means the same in every table.
  static let columns = table([
    act("answers", vi: "các câu trả lời", en: "answers"), act("answers_after", vi: "trả lời sau khi sửa", en: "answers after"),
    act("answers_before", vi: "trả lời trước khi sửa", en: "answers before"), act("at_ms", vi: "lúc", en: "time"),
    act("blob", vi: "tệp ảnh", en: "picture file"), act("by_question", vi: "câu trả lời", en: "answer"),
    act("bytes", vi: "số byte", en: "number of bytes"), act("campaign", vi: "cuộc khảo sát", en: "campaign"),
    act("changed_ms", vi: "sửa lúc", en: "corrected at"), act("chosen", vi: "lần chọn để hiện", en: "choice to be shown"),
    act("civil_servants", vi: "số công chức", en: "number of civil servants"), act("closed_by", vi: "người kết thúc", en: "settled by"),
    act("closed_ms", vi: "kết thúc lúc", en: "settled at"), act("closed_why", vi: "vì sao kết thúc", en: "why it was settled"),
    act("closes", vi: "đóng lúc", en: "ends at"), act("code", vi: "mã đơn vị", en: "unit code"),
    act("correction", vi: "lần sửa", en: "correction made"), act("day", vi: "ngày", en: "date"),
    act("definition", vi: "nội dung", en: "the definition"), act("device", vi: "máy", en: "device name"),
    act("doubt", vi: "nghi ngờ về ngày", en: "doubt about the day"), act("earlier_id", vi: "mã cũ", en: "earlier identity"),
    act("edition", vi: "bản biểu mẫu", en: "edition of the form"), act("eligible", vi: "số người được hỏi", en: "how many may answer"),
    act("form", vi: "biểu mẫu", en: "form"), act("height", vi: "chiều cao", en: "height in pixels"),
    act("hidden", vi: "lý do ẩn", en: "why it is hidden"), act("id", vi: "mã dòng", en: "identity of the row"),
    act("kind", vi: "loại", en: "sort"), act("language", vi: "ngôn ngữ", en: "language used"), act("level", vi: "cấp", en: "tier"),
    act("media", vi: "kiểu tệp", en: "type of file"), act("name", vi: "tên", en: "title"),
    act("notice", vi: "lời nhắn", en: "message"), act("officials", vi: "số cán bộ", en: "number of officials"),
    act("parent", vi: "đơn vị cấp trên", en: "unit above"), act("part_time", vi: "số người kiêm nhiệm", en: "number of part-timers"),
    act("question", vi: "câu hỏi", en: "question of the form"), act("reason", vi: "lý do", en: "reason given"),
    act("record", vi: "dòng được kèm", en: "row it belongs to"), act("report", vi: "báo cáo", en: "report"),
    act("scope", vi: "phạm vi", en: "part of the tree"), act("sending", vi: "lần gửi", en: "act of sending"),
    act("sent_by", vi: "người gửi", en: "sender"), act("sent_ms", vi: "gửi lúc", en: "sent at"),
    act("state", vi: "tình trạng", en: "standing"), act("tbl", vi: "bảng được kèm", en: "table it belongs to"),
    act("unit", vi: "đơn vị", en: "unit"), act("version", vi: "phiên bản", en: "version of the form"),
    act("width", vi: "chiều rộng", en: "width in pixels"), act("words", vi: "lời", en: "text"),
  ])
}

extension Wording {
  private func known(_ code: String, _ words: [String: LocalizedText]) -> String { words[code]?(language) ?? code }

  /// Name of an act; a kind that this program does not know, as one of an older store, is shown as itself.
  func act(_ kind: String) -> String { known(kind, CodeWords.acts) }

  func heldReason(_ reason: String) -> String { known(reason, CodeWords.held) }
  func table(_ name: String) -> String { known(name, CodeWords.tables) }
  func column(_ name: String) -> String { known(name, CodeWords.columns) }

  /// Names the place that `HeldUnit.detail` begins with, written `table`, `table:key` or `table.column`; nil where it begins with none. What follows
  /// the place is said by the remedy.
  func place(of detail: String) -> String? {
    guard let first = detail.split(separator: " ").first, let name = first.split(whereSeparator: { $0 == "." || $0 == ":" }).first,
      CodeWords.tables[String(name)] != nil
    else { return nil }
    let names = first.contains(":") ? [name] : first.split(separator: ".", maxSplits: 1)
    return names.count == 1 ? table(String(name)) : "\(table(String(name))), \(column(String(names[1])))"
  }

  /// Says what stood before an act and what after it, as far as people read it; nil where the record says nothing of that kind.
  ///
  /// - Parameter subject: What the act is about, whose own value needs no name.
  func change(_ act: OperatorAct, subject: String) -> String? {
    func values(_ json: String?) -> [String: String] {
      json.flatMap { try? JSONDecoder().decode([String: String].self, from: Data($0.utf8)) } ?? [:]
    }
    let (before, after) = (values(act.before), values(act.after))
    let said = Set(before.keys).union(after.keys).sorted().compactMap { key -> String? in
      let (was, stands) = (before[key], after[key])
      guard was != stands else { return nil }
      if key == subject { return "\(value(was)) → \(value(stands))" }
      guard let name = CodeWords.looks[key], let was = was.flatMap({ Int($0) }), let stands = stands.flatMap({ Int($0) }) else {
        return nil
      }
      return "\(name(language)) \(number(was)) → \(number(stands))"
    }
    return said.isEmpty ? nil : said.joined(separator: "; ")
  }

  private func value(_ stored: String?) -> String {
    guard let stored, stored != "unknown" else { return text("chưa biết", "not known") }
    return LocalTime(stored).map { time($0) } ?? stored
  }
}
