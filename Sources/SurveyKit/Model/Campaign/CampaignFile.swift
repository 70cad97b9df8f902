public import Foundation
internal import SyncCore

extension Campaign: Codable {
  /// Name of the file in sentences about it.
  public static let file = "campaign.json"
  /// Bytes of the file.
  public static let fileBytesMax = 1 << 20

  /// Reads `campaign.json`.
  ///
  /// - Throws: every mistake at once, each a sentence with the key's name: missing, unknown and wrong keys, an unknown time zone,
  ///   times out of order.
  public init(json: Data) throws(DataProblems) {
    guard json.count <= Self.fileBytesMax else {
      throw DataProblems([
        DataProblem(Self.file, vi: "Tệp lớn hơn \(Self.fileBytesMax) byte.", en: "The file is larger than \(Self.fileBytesMax) bytes.")
      ])
    }
    let value: JSONValue
    do {
      value = try JSONDecoder().decode(JSONValue.self, from: json)
    } catch {
      throw DataProblems([
        DataProblem(
          Self.file, vi: "Đây không phải là JSON hợp lệ. Hãy kiểm tra dấu phẩy và dấu ngoặc.",
          en: "This is not valid JSON. Check commas and brackets.")
      ])
    }
    try self.init(value)
  }

  public init(from decoder: any Decoder) throws {
    do {
      try self.init(try JSONValue(from: decoder))
    } catch let problems as DataProblems {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(codingPath: decoder.codingPath, debugDescription: problems.explanation.en, underlyingError: problems))
    }
  }

  private init(_ value: JSONValue) throws(DataProblems) {
    var keys = KeyReader(value, path: "", file: Self.file)
    let id = keys.text("id")
    let title = keys.localized("title")
    let province = keys.object("province") { keys in
      (code: UnitCode(keys.text("code") ?? ""), name: keys.text("name") ?? "")
    }
    let timeZone = keys.timeZone("timeZone", default: Self.defaultTimeZone)
    let opens = keys.parsed("opens", shape: "YYYY-MM-DD HH:MM", LocalTime.init)
    let closes = keys.parsed("closes", shape: "YYYY-MM-DD HH:MM", LocalTime.init)
    let grace = keys.number("graceMinutes", in: 0...Self.graceMinutesMax)
    let reportGrace = keys.number("reportGraceMinutes", in: 0...Self.graceMinutesMax, required: false)
    let days = keys.texts("reportDays", countMax: Self.listCountMax).enumerated().map { index, text in
      keys.converted(text, key: "reportDays[\(index)]", shape: "YYYY-MM-DD", CalendarDay.init)
    }
    let forms = keys.texts("forms", countMax: Self.listCountMax)
    let reportForm = keys.text("reportForm")
    let thresholds = keys.object("thresholds", required: false) { keys in
      Thresholds(
        kAnswersMin: keys.number("kAnswersMin", in: Thresholds.kAnswersFloor...Thresholds.kMax, required: false)
          ?? Thresholds.kAnswersFloor,
        kCrossMin: keys.number("kCrossMin", in: Thresholds.kCrossFloor...Thresholds.kMax, required: false) ?? Thresholds.kCrossFloor)
    }
    let hasDailyResults = keys.flag("dailyResults") ?? false
    keys.refuseOthers()
    if let province, !province.code.rawValue.isEmpty, !province.code.isWellFormed {
      keys.note("province.code", vi: "không phải là mã đơn vị hợp lệ.", en: "is not a valid unit code.")
    }
    if let opens, let closes, closes <= opens {
      keys.note("closes", vi: "(\(closes)) phải sau “opens” (\(opens)).", en: "(\(closes)) must come after “opens” (\(opens)).")
    }
    if Set(days).count != days.count {
      keys.note("reportDays", vi: "có ngày ghi hai lần.", en: "names a day twice.")
    }
    guard keys.problems.isEmpty, let id, let title, let province, let timeZone, let opens, let closes, let grace, let reportForm else {
      throw DataProblems(keys.problems)
    }
    self.init(
      id: id, title: title, province: ProvinceName(code: province.code, name: UnitLoader.normalized(province.name)), timeZone: timeZone,
      opens: opens, closes: closes, graceMinutes: grace, reportGraceMinutes: reportGrace, reportDays: days.compactMap { $0 },
      forms: forms, reportForm: reportForm, thresholds: thresholds ?? Thresholds(), hasDailyResults: hasDailyResults)
  }

  private enum CodingKeys: String, CodingKey {
    case id, title, province, timeZone, opens, closes, graceMinutes, reportGraceMinutes, reportDays, forms, reportForm, thresholds,
      dailyResults
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(title, forKey: .title)
    try container.encode(province, forKey: .province)
    try container.encode(timeZone.identifier, forKey: .timeZone)
    try container.encode(opens, forKey: .opens)
    try container.encode(closes, forKey: .closes)
    try container.encode(graceMinutes, forKey: .graceMinutes)
    try container.encode(reportGraceMinutes, forKey: .reportGraceMinutes)
    try container.encode(reportDays, forKey: .reportDays)
    try container.encode(forms, forKey: .forms)
    try container.encode(reportForm, forKey: .reportForm)
    try container.encode(thresholds, forKey: .thresholds)
    // Leaves the key out when it is false, because earlier programs refuse keys that they do not know.
    if hasDailyResults { try container.encode(true, forKey: .dailyResults) }
  }
}
