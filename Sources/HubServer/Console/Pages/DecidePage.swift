internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Page of all that waits for a decision: conflicts, held work, reports that contradict their form, work of revoked devices.
struct DecidePage {
  let parts: ConsoleParts
  let work: PendingDecisions

  private var words: Wording { parts.words }

  var content: HTML {
    var lists = OpenWorkLists(parts: parts, labels: work.labels)
    lists.isWholePage = true
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
  /// Tells if the lists stand under the page's own heading, with none between.
  var isWholePage = false

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }

  private func unit(_ code: String) -> HTML {
    let name = parts.day.tree.displayName(of: UnitCode(code))
    return "<a href=\"\(query.unit(UnitCode(code)))\"><small>\(code)</small> \(name)</a>"
  }

  private func section(_ heading: String, _ count: Int, _ items: [HTML]) -> HTML? {
    guard !items.isEmpty else { return nil }
    let rows: [HTML] = items.map { "<li>\($0)</li>\n" }
    let said: HTML = "\(heading) <b>\(words.number(count))</b>"
    let title: HTML = isWholePage ? "<h2>\(said)</h2>\n" : "<h3>\(said)</h3>\n"
    return title + "<ul class=\"log\">\n\(rows)</ul>\n"
  }

  /// Name of a row as people say it.
  func row(_ conflict: Conflict) -> String {
    let key = conflict.key.shownText
    guard conflict.table == "report", let day = key.split(separator: "/").last.flatMap({ CalendarDay(String($0)) }) else {
      return "\(conflict.table) \(key)"
    }
    return words.text("Báo cáo \(words.shortDay(day))", "Report \(words.shortDay(day))")
  }

  func conflicts(_ groups: [[Conflict]]) -> HTML? {
    section(
      words.text("Xung đột", "Conflicts"), groups.reduce(0) { $0 + $1.count },
      groups.compactMap { group in
        guard let first = group.first else { return nil }
        let differing = words.text("\(words.number(group.count)) câu khác nhau", "\(words.number(group.count)) questions differ")
        return
          "<a href=\"\(query.link("/conflict/" + first.id))\"><b>\(row(first))</b></a> · \(unit(first.scope)) · \(differing) <small>\(first.rule.words(words.language))</small>"
      })
  }

  func held(_ units: [HeldUnit]) -> HTML? {
    section(
      words.text("Giữ lại", "Held"), units.count,
      units.map { held in
        let rows = held.rows.prefix(3).map { "\($0.table) \($0.key.shownText)" }.joined(separator: ", ")
        let device = labels[held.replica] ?? held.replica.short
        return
          "<a href=\"\(query.link("/held/" + held.id))\"><b>\(rows)</b></a> · \(unit(held.scope)) · \(device) <small>\(parts.time(Int64(clamping: held.receivedMs)))</small><br>\(held.remedy(words.language))"
      })
  }

  func invalid(_ reports: [InvalidReport]) -> HTML? {
    section(
      words.text("Báo cáo trái biểu mẫu", "Reports that contradict their form"), reports.count,
      reports.map { report in
        let faults = report.faults.map { $0.message(words.language) }.joined(separator: " ")
        let day = CalendarDay(report.day)
        let name: HTML =
          day.map {
            "<a href=\"\(query.report(UnitCode(report.unit), $0))\"><b>\(words.text("Báo cáo \(words.shortDay($0))", "Report \(words.shortDay($0))"))</b></a>"
          } ?? "\(report.key)"
        return "\(name) · \(unit(report.unit))<br><span class=\"flag\">⚑</span> \(faults)"
      })
  }

  func flags(_ flags: [RaisedFlag]) -> HTML? {
    section(
      words.text("Cờ: cần xem", "Flags: to be looked at"), flags.count,
      flags.map { raised in
        let day = words.shortDay(raised.day)
        return
          "<a href=\"\(query.report(raised.unit, raised.day))\"><b>\(words.text("Báo cáo \(day)", "Report \(day)"))</b></a> · \(unit(raised.unit.rawValue))<br><span class=\"flag\">⚑</span> \(raised.flag.message(words.language))"
      })
  }

  func late(_ packets: [LatePackets], _ devices: [DeviceLine]) -> HTML? {
    section(
      words.text("Máy đã thu hồi vẫn gửi", "Sent by revoked devices"), packets.count + devices.count,
      devices.map { each in
        "<a href=\"\(query.link("/device/" + each.device.replica.description))\"><b>\(each.label)</b></a> · \(unit(each.device.scope)) · \(words.text("\(words.number(each.lateBatches)) gói", "\(words.number(each.lateBatches)) batches"))"
      }
        + packets.map {
          "\(unit($0.unit)) · \(words.text("\(words.number($0.undecided)) phiếu dưới khóa cũ", "\(words.number($0.undecided)) answers under an earlier key"))"
        })
  }
}
