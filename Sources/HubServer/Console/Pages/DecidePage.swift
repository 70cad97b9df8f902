internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Page of all that waits for a decision: conflicts, held work, reports that contradict their form, work of revoked devices.
struct DecidePage {
  let parts: ConsoleParts
  let work: PendingDecisions
  var form: Form?

  private var words: Wording { parts.words }

  var content: HTML {
    var lists = OpenWorkLists(parts: parts, labels: work.labels)
    (lists.isWholePage, lists.form) = (true, form)
    let nothing: HTML? =
      parts.day.returned.isEmpty && work.conflicts.isEmpty && work.held.isEmpty && work.invalid.isEmpty && work.flags.isEmpty
        && work.latePackets.isEmpty
        && work.lateDevices.isEmpty
      ? "<p class=\"calm\">\(words.text("Không có gì chờ quyết.", "Nothing waits for a decision."))</p>\n" : nil
    return """
      <h1>\(words.text("Cần quyết", "To decide"))</h1>
      \(.live(block: "work", "\(nothing)\(NoticeList(parts: parts).decide(parts.day.returned))\(lists.conflicts(work.conflicts))\(lists.held(work.held))\(lists.invalid(work.invalid))\(lists.flags(work.flags))\(lists.late(work.latePackets, work.lateDevices))"))
      """
  }
}

/// Lists of open work, for the page of all and that of one unit.
struct OpenWorkLists {
  let parts: ConsoleParts
  let labels: [ReplicaID: String]
  /// Tells if the lists stand under the page's own heading, with none between, and are of several units.
  var isWholePage = false
  /// Form of reports, which names the questions of contradictions; nil where the hub has none.
  var form: Form?

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }

  /// Names a unit, but on its own page.
  private func unit(_ code: String) -> HTML? {
    guard isWholePage else { return nil }
    let name = parts.day.tree.displayName(of: UnitCode(code))
    return " · <a href=\"\(query.unit(UnitCode(code)))\"><small>\(code)</small> \(name)</a>"
  }

  private func section(_ heading: String, _ count: Int, _ items: [HTML], more: String? = nil) -> HTML? {
    guard !items.isEmpty else { return nil }
    let rows: [HTML] = items.map { "<li>\($0)</li>\n" }
    let more: HTML? = more.map { " <small>\($0)</small>" }
    let said: HTML = "\(heading) <b>\(words.number(count))</b>\(more)"
    let title: HTML = isWholePage ? "<h2>\(said)</h2>\n" : "<h3>\(said)</h3>\n"
    return title + "<ul class=\"log\">\n\(rows)</ul>\n"
  }

  /// Name of a row as people say it.
  func row(_ conflict: Conflict) -> String { row(table: conflict.table, key: conflict.key.shownText) }

  /// Letters of a row's own name that are shown, where only that tells the row from others.
  private static let keyLettersMax = 8

  func row(table: String, key: String) -> String {
    guard table == "report", let day = key.split(separator: "/").last.flatMap({ CalendarDay(String($0)) }) else {
      let name = words.table(table)
      return "\(name.prefix(1).uppercased())\(name.dropFirst()) \(key.prefix(Self.keyLettersMax))"
    }
    return words.text("Báo cáo \(words.shortDay(day))", "Report \(words.shortDay(day))")
  }

  /// Rows of a held unit that are named.
  private static let rowsNamed = 3

  func rows(of held: HeldUnit) -> String {
    let named = held.rows.prefix(Self.rowsNamed).map { row(table: $0.table, key: $0.key.shownText) }
    return named.joined(separator: ", ") + (held.rows.count > Self.rowsNamed ? ", …" : "")
  }

  func conflicts(_ groups: [[Conflict]]) -> HTML? {
    let questions = words.number(groups.reduce(0) { $0 + $1.count })
    return section(
      words.text("Xung đột", "Conflicts"), groups.count,
      groups.compactMap { group in
        guard let first = group.first else { return nil }
        let differing = words.text("\(words.number(group.count)) câu khác nhau", "\(words.number(group.count)) questions differ")
        return
          "<a href=\"\(query.link("/conflict/" + first.id))\"><b>\(row(first))</b></a>\(unit(first.scope)) · \(differing) <small>\(first.rule.words(words.language))</small>"
      }, more: words.text("\(questions) câu", "\(questions) questions"))
  }

  func held(_ units: [HeldUnit]) -> HTML? {
    section(
      words.text("Giữ lại", "Held"), units.count,
      units.map { held in
        let device = labels[held.replica] ?? held.replica.short
        return
          "<a href=\"\(query.link("/held/" + held.id))\"><b>\(rows(of: held))</b></a>\(unit(held.scope)) · \(device) <small>\(parts.time(Int64(clamping: held.receivedMs)))</small><br>\(why(held))"
      })
  }

  /// Reason and remedy; many a remedy begins with its reason.
  private func why(_ held: HeldUnit) -> String {
    let (reason, remedy) = (words.heldReason(held.reason), held.remedy(words.language))
    return remedy.hasPrefix(reason) ? remedy : "\(reason): \(remedy)"
  }

  private func fault(_ fault: InvalidReport.Fault) -> HTML {
    let question = fault.question.isEmpty || form == nil ? nil : AnswerText(form: form, language: words.language).label(of: fault.question)
    let named: HTML? = question.map { "<b>\($0)</b>: " }
    return "<br><span class=\"flag\">⚑</span> \(named)\(fault.message(words.language))"
  }

  func invalid(_ reports: [InvalidReport]) -> HTML? {
    section(
      words.text("Báo cáo trái biểu mẫu", "Reports that contradict their form"), reports.count,
      reports.map { report in
        let faults: [HTML] = report.faults.map(fault)
        let day = CalendarDay(report.day)
        let name: HTML =
          day.map {
            "<a href=\"\(query.report(UnitCode(report.unit), $0))\"><b>\(words.text("Báo cáo \(words.shortDay($0))", "Report \(words.shortDay($0))"))</b></a>"
          } ?? "\(report.key)"
        return "\(name)\(unit(report.unit))\(faults)"
      })
  }

  func flags(_ flags: [RaisedFlag]) -> HTML? {
    section(
      words.text("Cờ: cần xem", "Flags: to be looked at"), flags.count,
      flags.map { raised in
        let day = words.shortDay(raised.day)
        return
          "<a href=\"\(query.report(raised.unit, raised.day))\"><b>\(words.text("Báo cáo \(day)", "Report \(day)"))</b></a>\(unit(raised.unit.rawValue))<br><span class=\"flag\">⚑</span> \(raised.flag.message(words.language))"
      })
  }

  func late(_ packets: [LatePackets], _ devices: [DeviceLine]) -> HTML? {
    section(
      words.text("Máy đã thu hồi vẫn gửi", "Sent by revoked devices"), packets.count + devices.count,
      devices.map { each in
        "<a href=\"\(query.link("/device/" + each.device.replica.description))\"><b>\(each.label)</b></a>\(unit(each.device.scope)) · \(words.text("\(words.number(each.lateBatches)) gói", "\(words.number(each.lateBatches)) batches"))"
      }
        + packets.map {
          "\(words.text("Phiếu", "Answers"))\(unit($0.unit)) · \(words.text("\(words.number($0.undecided)) phiếu dưới khóa cũ", "\(words.number($0.undecided)) answers under an earlier key"))"
        })
  }
}
