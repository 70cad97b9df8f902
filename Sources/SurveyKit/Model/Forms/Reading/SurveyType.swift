internal import SyncCore

/// Meaning of the cell `type` of a row, in any of XLSForm's spellings.
enum SurveyType: Hashable {
  case beginGroup, endGroup, beginRepeat, endRepeat
  case question(QuestionKind)
  /// With the list it names, empty where it names none, and whether people may add a choice of their own.
  case choices(QuestionKind, list: String, orOther: Bool)
  /// Choices from a file beside the form.
  case choicesFromFile(QuestionKind, file: String, orOther: Bool)
  case range
  /// A file of any kind, by its name.
  case file
  /// Box to tick.
  case acknowledge
  /// The day on which the form is begun, ended or answered.
  case day(String)
  /// Fact that a phone knows of itself or of its owner.
  case metadata(String)
  /// Lists in a file, for rules.
  case external(String)
  /// Known, and nobody here can answer it; with what to do instead.
  case refused(String)
  case unknown

  init(_ words: [String]) {
    let lower = words.map { $0.lowercased() }
    let phrase = lower.joined(separator: " ")
    if let section = Self.section(phrase) {
      self = section
    } else if let plain = Self.plain[phrase] ?? Self.plain[phrase.replacing("_", with: " ")] {
      self = plain
    } else if let list = Self.list(words, lower) {
      self = list
    } else if lower.first == "osm" {
      self = .refused("osm")
    } else {
      self = .unknown
    }
  }

  private static func section(_ phrase: String) -> SurveyType? {
    let words = phrase.replacing("_", with: " ").split(separator: " ")
    guard words.count >= 2, words[0] == "begin" || words[0] == "end" else { return nil }
    switch words[1...].joined(separator: " ") {
    case "group": return words[0] == "begin" ? .beginGroup : .endGroup
    case "repeat", "lgroup", "looped group": return words[0] == "begin" ? .beginRepeat : .endRepeat
    default: return words[1] == "loop" ? .refused("loop") : nil
    }
  }

  /// `select_one list`, `select one from list or specify other`, `rank list`.
  private static func list(_ words: [String], _ lower: [String]) -> SurveyType? {
    for (head, kind) in commands {
      guard lower.starts(with: head) else { continue }
      var rest = Array(words.dropFirst(head.count))
      let tail = rest.dropFirst().map { $0.lowercased() }.joined(separator: " ")
      let isOther = ["or_other", "or other", "or specify other", "or_specify_other"].contains(tail)
      if isOther { rest = Array(rest.prefix(1)) }
      guard rest.count <= 1 else { return nil }
      if head.contains(where: { $0.contains("file") }) { return .choicesFromFile(kind, file: rest.first ?? "", orOther: isOther) }
      return .choices(kind, list: rest.first ?? "", orOther: isOther)
    }
    return nil
  }

  /// Longer ones first, since others begin like them.
  private static let commands = phrases.map { phrase, kind in (head: phrase.split(separator: " ").map(String.init), kind: kind) }

  private static let phrases: [(String, QuestionKind)] = [
    ("add select multiple prompt using", .selectMultiple), ("add select one prompt using", .selectOne),
    ("select all that apply from", .selectMultiple), ("select all that apply", .selectMultiple),
    ("select_multiple_from_file", .selectMultiple), ("select multiple from file", .selectMultiple),
    ("select multiple from", .selectMultiple), ("select multiple using", .selectMultiple), ("select_multiple", .selectMultiple),
    ("select multiple", .selectMultiple), ("select_one_from_file", .selectOne), ("select one from file", .selectOne),
    ("select_one_external", .selectOne), ("select one external", .selectOne), ("select one from", .selectOne),
    ("select one using", .selectOne), ("select_one", .selectOne), ("select one", .selectOne), ("select1", .selectOne),
    ("q select1", .selectOne), ("q select", .selectMultiple), ("rank", .rank),
  ]

  /// Types that are one word or phrase; those of forms of ten years ago among them.
  private static let plain: [String: SurveyType] = {
    var types: [String: SurveyType] = [:]
    func add(_ type: SurveyType, _ phrases: String) {
      for phrase in phrases.split(separator: "|") { types[String(phrase)] = type }
    }
    add(.question(.text), "text|string|q string|add text prompt|barcode|q barcode|add barcode prompt")
    add(.question(.integer), "integer|int|q int|add integer prompt|number of days in last month|number of days in last year")
    add(.question(.integer), "number of days in last six months|percentage")
    add(.question(.decimal), "decimal|q decimal|add decimal prompt")
    add(.question(.date), "date|q date|add date prompt")
    add(.question(.time), "time|add time prompt|q time")
    add(.question(.dateTime), "datetime|date time|q datetime|q date time|add datetime prompt|add date time prompt")
    add(.question(.image), "image|photo|q image|q picture|add image prompt|add photo prompt")
    add(.question(.note), "note|q note|add note prompt")
    add(.question(.calculate), "calculate|q calculate|add calculate prompt")
    add(.question(.hidden), "hidden")
    add(.question(.geopoint), "geopoint|gps|location|q geopoint|q location|add location prompt")
    add(.acknowledge, "acknowledge|trigger|q acknowledge|add acknowledge prompt")
    add(.range, "range")
    add(.file, "file|add file prompt")
    add(.day("start"), "start|start time|get start time")
    add(.day("end"), "end|end time|get end time")
    add(.day("today"), "today|get today")
    let known = "deviceid|device id|get device id|imei|uri:deviceid|phonenumber|phone number|get phone number|uri:phonenumber"
    let others = "simserial|sim id|get sim id|uri:simserial|subscriberid|subscriber id|get subscriber id|uri:subscriberid"
    for name in (known + "|" + others + "|username|uri:username|email|uri:email|audit|start-geopoint|instanceid|get instance id")
      .split(separator: "|")
    { types[String(name)] = .metadata(String(name)) }
    add(.external("csv"), "csv-external")
    add(.external("xml"), "xml-external")
    for name in [
      "audio", "q audio", "add audio prompt", "video", "q video", "add video prompt", "geotrace", "q geotrace",
      "geoshape", "q geoshape", "osm", "background-audio", "background-geopoint",
    ] { types[name] = .refused(name) }
    return types
  }()
}
