internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import ToolSupport

/// Page of a report as people read it: labels and answers, earlier values with the reasons of their corrections, photos, custody, contradictions.
struct ReportPage {
  let parts: ConsoleParts
  let detail: ReportDetail
  let labels: [ReplicaID: String]
  let forms: ActForms

  private var words: Wording { parts.words }
  private var query: ConsoleQuery { parts.query }
  private var text: AnswerText { AnswerText(form: detail.form, language: words.language) }

  var title: String { words.text("Báo cáo \(words.day(detail.day))", "Report \(words.day(detail.day))") }

  var content: HTML {
    let name = parts.day.tree.displayName(of: detail.unit)
    return """
      <p class="crumbs"><a href="\(query.unit(detail.unit))">\(detail.unit.rawValue) \(name)</a></p>
      <h1>\(title)</h1>
      \(flags)\(NoticeList(parts: parts).html(detail.returns))\(answers)\(photos)\(versions)\(sendBack)\(way)
      """
  }

  private var flags: HTML? {
    var items: [HTML] = []
    if let invalid = detail.invalid {
      items += invalid.faults.map { fault in
        let place: HTML? = fault.question.isEmpty ? nil : "<b>\(text.label(of: fault.question))</b>: "
        return "<li><span class=\"flag\">⚑</span> \(place)\(fault.message(words.language))</li>\n"
      }
    }
    if let first = detail.conflicts.first {
      let count = words.number(detail.conflicts.count)
      items.append(
        "<li><a href=\"\(query.link("/conflict/" + first.id))\">\(words.text("\(count) câu hai người ghi khác nhau: quyết", "Two people wrote \(count) questions differently: decide"))</a></li>\n"
      )
    }
    items += detail.flags.map { raised in
      let said: HTML? = raised.settled.map {
        " <small>\(words.text("đã xem, \($0.by): \($0.why)", "looked at, \($0.by): \($0.why)"))</small>"
      }
      let form: HTML? = raised.settled == nil ? forms.flag(raised) : nil
      return "<li><span class=\"flag\">⚑</span> \(raised.flag.message(words.language))\(said)\(form)</li>\n"
    }
    return items.isEmpty ? nil : "<ul class=\"log\">\n\(items)</ul>\n"
  }

  /// Ways to send it back, below what somebody has to read first.
  private var sendBack: HTML? {
    let isBack = detail.returns.contains { $0.closing == nil }
    let said =
      isBack
      ? words.text("Kết thúc, hoặc trả lại lần nữa", "Settle it, or send it back again")
      : words.text("Trả lại, kèm lý do", "Send back, with a comment")
    return forms.report(detail).map { "<details><summary>\(said)</summary>\($0)</details>\n" }
  }

  private var answers: HTML {
    let ordered = text.ordered(detail.answers)
    guard !ordered.isEmpty else {
      return "<p class=\"quiet\">\(words.text("Báo cáo không có câu trả lời nào.", "The report has no answers."))</p>\n"
    }
    let (question, answer, before) = (words.text("Câu hỏi", "Question"), words.text("Trả lời", "Answer"), words.text("Trước đó", "Before"))
    let calculated = detail.form?.calculated ?? []
    let rows: [HTML] = ordered.map { name in
      let earlier = detail.versions.last { $0.before[name] != nil || $0.after[name] != nil }
      let was: HTML =
        earlier.map {
          "<span class=\"old\">\(text.text($0.before[name], to: name))</span> <small>\(parts.time($0.changedMs)): \($0.reason)</small>"
        } ?? .none
      let computed: HTML? = calculated.contains(name) ? " <small>\(words.text("tính ra", "calculated"))</small>" : nil
      return
        "<tr><th scope=\"row\">\(text.label(of: name))</th><td data-label=\"\(answer)\"><b>\(text.text(detail.answers[name], to: name))</b>\(computed)</td><td data-label=\"\(before)\">\(was)</td></tr>\n"
    }
    return
      "<table class=\"plain\"><thead><tr><th scope=\"col\">\(question)</th><th scope=\"col\">\(answer)</th><th scope=\"col\">\(before)</th></tr></thead><tbody>\n\(rows)</tbody></table>\n"
  }

  private var photos: HTML? {
    guard !detail.photos.isEmpty else { return nil }
    let pictures: [HTML] = detail.photos.filter(\.isIn).enumerated().map { index, photo in
      let address = "/report/\(ConsoleQuery.part(detail.unit.rawValue))/\(detail.day)/photo/\(photo.blob).jpg"
      let label = words.text("Ảnh \(index + 1)", "Photo \(index + 1)")
      return
        "<a href=\"\(address)\"><img src=\"\(address)\" width=\"\(photo.width)\" height=\"\(photo.height)\" alt=\"\(label)\" loading=\"lazy\"></a>\n"
    }
    let missing = detail.photos.count { !$0.isIn }
    let said: HTML? =
      missing > 0
      ? "<p class=\"quiet\">\(words.text("\(words.number(missing)) ảnh chưa về", "\(words.number(missing)) photos not in yet"))</p>\n" : nil
    return "<h2>\(words.text("Ảnh", "Photos"))</h2>\n<div class=\"pictures\">\n\(pictures)</div>\n\(said)"
  }

  /// From whom, when written, when received.
  private var way: HTML {
    var facts: [(String, HTML)] = []
    if let writtenMs = detail.writtenMs {
      let device = detail.writtenBy.map { labels[$0] ?? $0.short } ?? ""
      let link: HTML = detail.writtenBy.map { "<a href=\"\(query.link("/device/" + $0.description))\">\(device)</a>" } ?? .none
      facts.append((words.text("Ghi", "Written"), "\(parts.time(Int64(clamping: writtenMs))) · \(link)"))
    }
    if let firstMs = detail.firstMs {
      let status = parts.day.campaign.reportStatus(detail.day, receivedAtMs: firstMs, nowMs: parts.day.nowMs)
      facts.append((words.text("Nhận và gộp", "Received and merged"), "\(parts.time(firstMs)) · \(words.report(status))"))
    }
    if let lastMs = detail.lastMs, lastMs != detail.firstMs {
      facts.append((words.text("Thay đổi cuối", "Last change"), "\(parts.time(lastMs))"))
    }
    if let form = detail.formKey {
      let unknown = words.text("máy chủ không có bản này: câu hỏi hiện bằng tên", "the hub lacks it: questions show as their names")
      facts.append((words.text("Biểu mẫu", "Form"), "\(text.title ?? unknown) <small>\(form)</small>"))
    }
    return "<h2>\(words.text("Đường đi", "How it came"))</h2>\n\(UnitPage.list(facts))"
  }

  private var versions: HTML? {
    guard !detail.versions.isEmpty else { return nil }
    let items: [HTML] = detail.versions.reversed().map { version in
      let names = text.ordered(version.before.merging(version.after) { $1 })
      let changes: [HTML] = names.map {
        "<br>\(text.label(of: $0)): <span class=\"old\">\(text.text(version.before[$0], to: $0))</span> → \(text.text(version.after[$0], to: $0))"
      }
      return "<li><time>\(parts.time(version.changedMs))</time> <b>\(version.device)</b> — “\(version.reason)”\(changes)</li>\n"
    }
    return "<h2>\(words.text("Các lần sửa", "Corrections"))</h2>\n<ul class=\"log\">\n\(items)</ul>\n"
  }
}
