public import SyncCore

/// Report that contradicts its form as it stands, such as after two people's corrections merged. The report stands until somebody
/// corrects it.
public struct InvalidReport: Sendable, Hashable, Codable {
  /// Fault of one answer, in the form's own words.
  public struct Fault: Sendable, Hashable, Codable {
    public var question: String
    /// Instance of its repeat, counted from 1; nil outside repeats.
    public var number: Int?
    /// Kind; see `AnswerFault.Kind`.
    public var kind: String
    public var message: LocalizedText

    /// Text before the message; empty when the fault concerns the report as a whole.
    var place: String { question.isEmpty ? "" : "\(question)\(number.map { " (\($0))" } ?? ""): " }

    init(_ fault: AnswerFault) {
      (question, number, kind) = (fault.question, fault.instance.map { $0 + 1 }, fault.kind.rawValue)
      message = fault.message
    }
  }

  /// Key as `unit/day`.
  public var key: String
  public var unit: String
  public var day: String
  /// Campaign, when it is another than the list's.
  public var campaign: String?
  /// Faults, at least one, in the form's order.
  public var faults: [Fault]

  package init(key: String, unit: String, day: String, faults: [Fault]) {
    (self.key, self.unit, self.day, self.faults) = (key, unit, day, faults)
  }

  package init?(key: String, unit: String, day: String?, faults: [AnswerFault]) {
    guard !faults.isEmpty else { return nil }
    (self.key, self.unit, self.day) = (key, unit, day ?? "")
    self.faults = faults.map(Fault.init)
  }

  /// Judges a report: its day by the campaign, its answers by its form; nil when it has no fault.
  ///
  /// - Parameters:
  ///   - judge: Judge by the edition; nil when the edition is unknown.
  ///   - isOfOtherDefinition: True when another definition is known under the name by which the report was filed.
  package init?(
    _ stored: StoredReport, _ answers: [String: AnswerValue], _ judge: ReportJudge?, isOfOtherDefinition: Bool, in campaign: Campaign?
  ) {
    let day = stored.day.flatMap { CalendarDay($0) }
    let found = Self.dayFaults(day, doubt: stored.doubt, question: judge?.form.dayQuestion, in: campaign)
    let judged = isOfOtherDefinition ? [Self.otherDefinition(stored)] : judge?.faults(in: answers) ?? []
    self.init(key: stored.id, unit: stored.unit, day: stored.day, faults: found + judged)
  }

  private static func otherDefinition(_ stored: StoredReport) -> AnswerFault {
    let name = "\(stored.form ?? "")#\((stored.edition ?? "").prefix(8))"
    let message = LocalizedText(
      vi: "Báo cáo làm theo bản \(name); ở đây bản cùng tên có nội dung khác, nên chưa xét được.",
      en: "It was filed by edition \(name); the edition of that name here has another content, so the report is not judged.")
    return AnswerFault(question: "", kind: .otherDefinition, message: message)
  }

  /// Report days that a message names.
  private static let daysNamedMax = 7

  /// Returns the faults of a report's day; none when it is a day of the campaign that somebody stated.
  package static func dayFaults(_ day: CalendarDay?, doubt: String?, question: String?, in campaign: Campaign?) -> [AnswerFault] {
    var faults: [AnswerFault] = []
    if let doubt {
      let why = CampaignToday.Doubt(rawValue: doubt)?.explanation
      let message = LocalizedText(
        vi: "Không ai ghi ngày, ngày lấy theo đồng hồ không tin được\(why.map { " (\($0.vi))" } ?? "").",
        en: "Nobody stated the day; it comes from a clock that cannot be believed\(why.map { " (\($0.en))" } ?? "").")
      faults.append(AnswerFault(question: question ?? "", kind: .dayUncertain, message: message))
    }
    if let day, let campaign, !campaign.days.contains(day) {
      let (first, last) = (campaign.days.lowerBound, campaign.days.upperBound)
      let message = LocalizedText(
        vi: "Ngày \(day) không thuộc đợt khảo sát (\(first) đến \(last)).",
        en: "The day \(day) is not one of the campaign (\(first) to \(last)).")
      faults.append(AnswerFault(question: question ?? "", kind: .dayOutside, message: message))
    } else if let day, let campaign, let last = campaign.reportDays.last, day > max(last, campaign.closes.day) {
      // Only late arrivals come after the end.
      let days = campaign.reportDays.prefix(Self.daysNamedMax).map(\.description).joined(separator: ", ")
      let more = campaign.reportDays.count > Self.daysNamedMax ? ", …" : ""
      let message = LocalizedText(
        vi: "Không có báo cáo nào được hỏi cho ngày \(day) (các ngày báo cáo: \(days)\(more)).",
        en: "No report is asked for of \(day) (report days: \(days)\(more)).")
      faults.append(AnswerFault(question: question ?? "", kind: .dayOutside, message: message))
    }
    return faults
  }

  /// True when the definition by which it was filed is missing.
  private var isOfOtherDefinition: Bool { faults.contains { $0.kind == AnswerFault.Kind.otherDefinition.rawValue } }

  /// True when only its day is in question: a form often says, too, which days its day question takes.
  private var isDayOnly: Bool {
    let asked = Set(faults.filter { $0.kind.hasPrefix("day_") }.map(\.question))
    return !asked.isEmpty && faults.allSatisfy { $0.kind.hasPrefix("day_") || asked.contains($0.question) }
  }

  /// Sentences with the faults and the remedy.
  public var explanation: LocalizedText {
    let vi = faults.map { $0.place + $0.message.vi }.joined(separator: " ")
    let en = faults.map { $0.place + $0.message.en }.joined(separator: " ")
    let of = campaign.map { " (“\($0)”)" } ?? ""
    if isOfOtherDefinition {
      return LocalizedText(
        vi: "Báo cáo \(key)\(of): \(vi) Ở tỉnh hãy đưa bản đó vào bằng: `hub forms publish TỆP --for-held`",
        en: "Report \(key)\(of): \(en) At the hub bring that edition with: `hub forms publish FILE --for-held`")
    }
    if isDayOnly {
      return LocalizedText(
        vi: "Báo cáo \(key)\(of): \(vi) Ghi ngày đúng ở xã bằng: `field report --day \(day) --move-to NGÀY --reason \"…\"`",
        en: "Report \(key)\(of): \(en) State the right day in the commune: `field report --day \(day) --move-to DAY --reason \"…\"`")
    }
    return LocalizedText(
      vi: "Báo cáo \(key)\(of) trái với biểu mẫu: \(vi) Sửa ở xã bằng: `field report --day \(day) --set câu=giá-trị --reason \"…\"`",
      en:
        "Report \(key)\(of) contradicts its form: \(en) Correct it in the commune: `field report --day \(day) --set question=value --reason \"…\"`"
    )
  }
}
