internal import SurveyKit
internal import SyncKit

/// One cell of a page's table: words first, an icon beside them, colour last.
struct PageCell {
  var value: String
  var detail: String?
  var icon: String?
  var style = "n"
  var span: Int?
  var meter: Int?
}

struct PageColumn {
  var label: String
  var isNumber = true
  /// Tells if the item says more than a word or two, and needs width for that.
  var isLong: Bool { label.count > Self.shortMax }

  private static let shortMax = 20
}

/// The board, ready for its template.
struct BoardPage {
  struct Item {
    var label: String
    var value: String
    var detail: String?
    var tone = ""
  }

  struct Row {
    var name: String
    /// Beside every commune, because names repeat.
    var district: String
    var cells: [PageCell]
  }

  struct District {
    var name: String
    /// Leads to the district's communes; nil where they follow here.
    var link: String?
    /// Names the place that a jump leads to.
    var anchor: String
    var sum: [PageCell]
    var rows: [Row]
  }

  /// Chooses the part of a large province that the page shows.
  struct Query {
    /// The group whose communes are listed; nil for all, or for the groups alone where there are too many communes for one page.
    var group: String?
    /// From 1.
    var page: Int?
  }

  /// A sentence about what somebody should look at. Commands in it, between backticks, are set apart and break between words only.
  struct Alert {
    struct Part {
      var text: String
      var isCommand = false
      /// Words of the command after the first, which is `text`.
      var rest: [String] = []
    }

    var icon: String
    var tone: String
    var parts: [Part]

    /// - Parameter isFault: Something is wrong or lost unless somebody acts; otherwise somebody may want to know.
    init(_ sentence: String, isFault: Bool) {
      (icon, tone) = isFault ? ("✗", "bad") : ("!", "warn")
      let pieces = sentence.split(separator: "`", omittingEmptySubsequences: false)
      parts = pieces.enumerated().map { index, text in
        // Of an odd number of backticks the last stands for itself.
        guard index % 2 == 1, index < pieces.count - 1 else { return Part(text: String(text)) }
        let words = text.split(separator: " ").map(String.init)
        return Part(text: words.first ?? "", isCommand: true, rest: Array(words.dropFirst()))
      }
    }
  }

  /// Between two looks at the hub.
  static let refreshSeconds = 10

  var frame: PageFrame
  var province: String
  var campaign: String
  var when: String
  var band: [Item]
  var alert: [Alert]
  /// Names the list of jumps; nil for an empty list.
  var jumpLabel: String?
  var jumps: [Paging.Link]
  var pagesLabel: String
  /// Says which rows are shown, where not all are.
  var position: String?
  var pages: [Paging.Link]
  var caption: String
  var columns: [PageColumn]
  var districts: [District]
  var totalLabel: String
  var total: [PageCell]
  var legend: String

  init(_ board: Board, showing query: Query = Query(), of campaigns: PageCampaigns = PageCampaigns(), _ words: Wording) {
    let cells = BoardCells(board, words)
    let (isWhole, chosen) = (board.rows.count <= Paging.rowsMax, board.districts.first { $0.unit.rawValue == query.group })
    let only = board.districts.count == 1 ? board.districts.first : chosen
    func address(_ group: String?, _ page: Int? = nil) -> String {
      let parts = [
        campaigns.part, group.map { "group=\($0)" }, page.map { "page=\($0)" }, words.language == .english ? "lang=en" : nil,
      ].compactMap { $0 }
      return "/" + (parts.isEmpty ? "" : "?" + parts.joined(separator: "&"))
    }
    let paging = Paging(isWhole ? 1 : only?.rows.count ?? board.districts.count, page: query.page, words) {
      address(isWhole ? nil : chosen?.unit.rawValue, $0)
    }
    frame = PageFrame(
      words, title: "\(words.text("Bảng theo dõi", "Board")) – \(board.province)", path: "/",
      query: [chosen.map { "group=\($0.unit.rawValue)" }, query.page.map { "page=\($0)" }].compactMap { $0 }.joined(separator: "&"),
      of: campaigns, refreshSeconds: Self.refreshSeconds)
    province = board.province
    campaign = board.campaign(words.language)
    let clock = LocalTime(board.clock).map(words.time) ?? board.clock
    when = words.text(
      "Giờ máy chủ \(clock) · \(words.phase(board.phase)) · tự làm mới mỗi \(Self.refreshSeconds) giây",
      "Hub time \(clock) · \(words.phase(board.phase)) · refreshes every \(Self.refreshSeconds) seconds")
    band = Self.band(board, words)
    alert = Self.alerts(board, words)
    pagesLabel = words.text("Trang", "Page")
    position = paging.position
    pages = paging.links
    let reportTitle =
      board.reportDay.map { words.text("Báo cáo \(words.day($0))", "Report \(words.day($0))") } ?? words.text("Báo cáo", "Report")
    caption =
      isWhole || only != nil
      ? words.text("Tình hình từng xã, xếp theo huyện", "Each commune, by district")
      : words.text("Tình hình từng huyện; chọn một huyện để xem các xã", "Each district; choose one to see its communes")
    columns = [
      PageColumn(label: words.text("Đơn vị", "Unit"), isNumber: false), PageColumn(label: reportTitle, isNumber: false),
      PageColumn(label: words.text("Phiếu nhận / phải thu", "Answers / expected")),
      PageColumn(label: words.text("Liên lạc cuối", "Last contact"), isNumber: false),
      PageColumn(label: words.text("Còn trên thiết bị", "Still on devices"), isNumber: false),
      PageColumn(label: words.text("Giữ lại", "Held")), PageColumn(label: words.text("Xung đột", "Conflicts")),
      PageColumn(label: words.text("Ảnh đã về", "Photos in")),
      PageColumn(label: words.text("Lệch giờ", "Clock skew")), PageColumn(label: words.text("Thiết bị", "Devices")),
    ]
    func anchor(_ district: BoardDistrict) -> String { "d\(district.unit.rawValue)" }
    func rows(_ district: BoardDistrict) -> [Row] {
      let listed = isWhole ? district.rows[...] : only?.unit == district.unit ? district.rows[paging.rows] : []
      return listed.map { Row(name: $0.name, district: district.name, cells: cells.row($0)) }
    }
    let listed = isWhole ? board.districts : only.map { [$0] } ?? Array(board.districts[paging.rows])
    districts = listed.map { district in
      District(
        name: district.name, link: isWhole || only != nil ? nil : address(district.unit.rawValue), anchor: anchor(district),
        sum: cells.sum(district.total), rows: rows(district))
    }
    if isWhole {
      jumps = board.districts.map { Paging.Link(link: "#" + anchor($0), label: $0.name, isCurrent: false) }
    } else if let chosen, board.districts.count > 1 {
      jumps = [
        Paging.Link(link: address(nil), label: words.text("Toàn tỉnh", "Whole province"), isCurrent: false),
        Paging.Link(link: address(chosen.unit.rawValue), label: chosen.name, isCurrent: true),
      ]
    } else {
      jumps = []
    }
    jumpLabel = jumps.isEmpty ? nil : words.text("Đến huyện", "Jump to a district")
    totalLabel = words.text("Toàn tỉnh", "Whole province")
    total = cells.sum(board.total)
    legend = words.text(
      "“∅ chưa liên lạc”: chưa thiết bị nào của xã từng gọi về, nên chưa biết gì về xã đó; “0” là đã liên lạc và chưa có phiếu nào. Số phiếu gồm cả phiếu còn niêm phong.",
      "“∅ no contact”: no device of the commune has ever called, so nothing is known of it; “0” means it called and had no answers. Answers include those still sealed."
    )
  }

  private static func alerts(_ board: Board, _ words: Wording) -> [Alert] {
    // Sentences that begin with a unit's code get its name.
    func named(_ unit: String, _ sentence: String) -> String {
      guard sentence.hasPrefix("\(unit): "), let name = board.rows.first(where: { $0.unit.rawValue == unit })?.name else { return sentence }
      return "\(name) (\(unit))\(sentence.dropFirst(unit.count))"
    }
    var faults = board.warnings.map { $0(words.language) }
    if board.strayAnswers > 0 {
      faults.append(
        words.text(
          "\(words.number(board.strayAnswers)) phiếu thuộc đơn vị không có trong danh sách.",
          "\(words.number(board.strayAnswers)) answers belong to units that are not in the list."))
    }
    faults += board.different.map { $0.explanation(words.language) }
    if let jump = board.clockJumpMs { faults.append(ClockCommand.explanation(jump, words)(words.language)) }
    var notes = board.latePackets.compactMap { late in late.explanation.map { named(late.unit, $0(words.language)) } }
    notes += board.aboveHeadcount.map { named($0.unit, $0.explanation(words.language)) }
    if let usage = board.photosDeferred {
      let (used, all) = (words.number(usage.bytes >> 20), words.number(usage.bytesMax >> 20))
      notes.append(
        words.text(
          "Đang hoãn nhận ảnh vì thiếu chỗ (\(used) / \(all) MiB): chữ vẫn nhận. Thêm chỗ bằng `hub photos --quota`, hoặc dọn đĩa.",
          "Photos are put off for want of room (\(used) / \(all) MiB); text goes on. Give more with `hub photos --quota`, or free the disk."
        ))
    }
    for report in board.invalidReports.prefix(Self.invalidShownMax) {
      notes.append(named(report.unit, "\(report.unit): \(report.explanation(words.language))"))
    }
    let more = board.total.counts.reportsInvalid - Self.invalidShownMax
    if more > 0 {
      notes.append(
        words.text(
          "… và \(words.number(more)) báo cáo khác trái với biểu mẫu; xem `hub status`.",
          "… and \(words.number(more)) more reports that contradict their form; see `hub status`."))
    }
    return faults.map { Alert($0, isFault: true) } + notes.map { Alert($0, isFault: false) }
  }

  /// Reports that contradict their form named on the page.
  private static let invalidShownMax = 10

  private static func band(_ board: Board, _ words: Wording) -> [Item] {
    let total = board.total
    let counts = total.counts
    var items: [Item] = []
    if let day = board.reportDay {
      let shown = words.day(day)
      items.append(
        Item(
          label: words.text("✓ Báo cáo đúng hạn", "✓ Reports on time"), value: words.number(total[.onTime]),
          detail: words.text("trên \(words.number(total.communes)) xã, ngày \(shown)", "of \(words.number(total.communes)), \(shown)"),
          tone: "good"))
      items.append(
        Item(label: words.text("! Báo cáo muộn", "! Reports late"), value: words.number(total[.late]), tone: total[.late] > 0 ? "warn" : "")
      )
      if total[.notYetDue] > 0 {
        items.append(Item(label: words.text("… Chưa đến hạn", "… Not due yet"), value: words.number(total[.notYetDue])))
      }
      items.append(
        Item(
          label: words.text("✗ Chưa có báo cáo", "✗ Reports missing"), value: words.number(total[.missing]),
          tone: total[.missing] > 0 ? "bad" : ""))
    }
    items.append(
      Item(
        label: words.text("∅ Chưa liên lạc", "∅ No contact"), value: words.number(total.silent), detail: words.text("xã", "communes"),
        tone: total.silent > 0 ? "bad" : ""))
    let rate = counts.expected.flatMap { $0 > 0 ? (counts.received * 1000 + $0 / 2) / $0 : nil }
    items.append(
      Item(
        label: words.text("Phiếu đã nhận", "Answers received"), value: words.number(counts.received),
        detail: words.text(
          "/ \(words.number(counts.expected)) · \(words.percent(rate))", "/ \(words.number(counts.expected)) · \(words.percent(rate))")))
    items.append(
      Item(
        label: words.text("Giữ lại", "Held"), value: words.number(counts.held), detail: words.text("thay đổi", "changes"),
        tone: counts.held > 0 ? "warn" : ""))
    items.append(
      Item(
        label: words.text("Xung đột mở", "Open conflicts"), value: words.number(counts.conflicts), tone: counts.conflicts > 0 ? "warn" : "")
    )
    if counts.photos > 0 {
      items.append(
        Item(
          label: words.text("Ảnh đã về", "Photos in"), value: words.number(counts.photosIn),
          detail: words.text("/ \(words.number(counts.photos))", "/ \(words.number(counts.photos))"),
          tone: counts.photosOverdue > 0 ? "warn" : ""))
    }
    return items
  }
}

/// The cells of the board's rows, in the order of its columns.
private struct BoardCells {
  let board: Board
  let words: Wording

  /// A clock further off than this is pointed out, in milliseconds.
  private static let skewNoticeMs: UInt64 = 60_000

  init(_ board: Board, _ words: Wording) {
    self.board = board
    self.words = words
  }

  func row(_ row: BoardRow) -> [PageCell] {
    let counts = row.counts
    let hasContact = counts.lastContactMs != nil
    // What a commune without contact has is not known; only what is at the hub already is.
    let answers =
      hasContact || counts.received > 0
      ? PageCell(value: "\(words.number(counts.received)) / \(words.number(counts.expected))")
      : PageCell(value: "– / \(words.number(counts.expected))", style: "n quiet")
    return [
      report(row), answers, contact(counts), backlog(counts), count(counts.held), count(counts.conflicts), photos(counts),
      skew(counts), PageCell(value: words.number(counts.devices)),
    ]
  }

  func sum(_ total: BoardTotal) -> [PageCell] {
    let counts = total.counts
    let filed = total[.onTime] + total[.late]
    let silent =
      total.silent == 0
      ? words.text("mọi xã", "all communes") : words.text("\(words.number(total.silent)) xã chưa", "\(words.number(total.silent)) without")
    return [
      board.reportDay == nil
        ? PageCell(value: words.unknown, style: "")
        : PageCell(value: "\(words.number(filed)) / \(words.number(total.communes)) \(words.text("xã", "communes"))", style: ""),
      PageCell(value: "\(words.number(counts.received)) / \(words.number(counts.expected))"), PageCell(value: silent, style: ""),
      backlog(counts), count(counts.held), count(counts.conflicts), photos(counts), skew(counts),
      PageCell(value: words.number(counts.devices)),
    ]
  }

  private func report(_ row: BoardRow) -> PageCell {
    guard let status = row.report else { return PageCell(value: words.unknown, style: "quiet") }
    let time = words.time(row.reportMs.flatMap { board.times[$0] })
    switch status {
    case .onTime: return PageCell(value: words.report(status), detail: time, icon: "✓", style: "good")
    case .late: return PageCell(value: words.report(status), detail: time, icon: "!", style: "warn")
    case .missing: return PageCell(value: words.report(status), icon: "✗", style: "bad")
    case .notYetDue: return PageCell(value: words.report(status), icon: "…", style: "quiet")
    }
  }

  private func contact(_ counts: BoardCounts) -> PageCell {
    guard let ms = counts.lastContactMs else { return PageCell(value: words.noContact, icon: "∅", style: "bad") }
    return PageCell(value: words.ago(ms, nowMs: board.nowMs), detail: words.time(board.times[ms]), style: "")
  }

  private func backlog(_ counts: BoardCounts) -> PageCell {
    guard counts.backlog != nil || counts.packets != nil else { return PageCell(value: words.unknown, style: "quiet") }
    let (changes, packets) = (counts.backlog ?? 0, counts.packets ?? 0)
    guard changes + packets > 0 else { return PageCell(value: words.text("không", "nothing"), style: "quiet") }
    var parts: [String] = []
    if changes > 0 { parts.append(words.text("\(words.number(changes)) thay đổi", "\(words.number(changes)) changes")) }
    if packets > 0 { parts.append(words.text("\(words.number(packets)) phiếu", "\(words.number(packets)) answers")) }
    return PageCell(value: parts.joined(separator: ", "), style: "")
  }

  private func count(_ value: Int) -> PageCell {
    value == 0 ? PageCell(value: "0", style: "n quiet") : PageCell(value: words.number(value), icon: "!", style: "n warn")
  }

  private func photos(_ counts: BoardCounts) -> PageCell {
    guard counts.photos > 0 else { return PageCell(value: words.unknown, style: "n quiet") }
    let value = "\(words.number(counts.photosIn)) / \(words.number(counts.photos))"
    guard counts.photosOverdue > 0 else { return PageCell(value: value) }
    let late = words.number(counts.photosOverdue)
    return PageCell(value: value, detail: words.text("\(late) thiếu quá 24 giờ", "\(late) missing for 24 h"), icon: "!", style: "n warn")
  }

  private func skew(_ counts: BoardCounts) -> PageCell {
    guard let ms = counts.skewMs else { return PageCell(value: words.unknown, style: "n quiet") }
    guard ms.magnitude > Self.skewNoticeMs else { return PageCell(value: words.skew(ms), style: "n quiet") }
    return PageCell(value: words.skew(ms), icon: "!", style: "n warn")
  }
}
