internal import SyncCore

/// Names the rows of a survey: each name once in a form, also where its author used the name in two groups.
struct SurveyNames {
  private var names: [Int: String] = [:]
  private var types: [Int: SurveyType] = [:]
  /// Names that several questions have, so that no rule can say which is meant.
  private(set) var ambiguous: Set<String> = []
  /// Rows whose name was used before in the same group.
  private(set) var twice: Set<Int> = []

  func name(of row: CSVRecord) -> String { names[row.line] ?? "" }

  /// Meaning of the row's type; nil of a row that has none, or that is disabled.
  func type(of row: CSVRecord) -> SurveyType? { types[row.line] }

  /// Tells if a row has that name.
  func isTaken(_ name: String) -> Bool { names.values.contains(name) }

  static func isDisabled(_ sheet: XLSFormSheet, _ row: CSVRecord) -> Bool {
    ["yes", "true", "true()"].contains(sheet.cell("disabled", of: row).lowercased())
  }

  static func words(_ sheet: XLSFormSheet, _ row: CSVRecord) -> [String] {
    sheet.cell("type", of: row).split(whereSeparator: \.isWhitespace).map(String.init)
  }

  init(_ sheet: XLSFormSheet) {
    var groups: [(row: Int, name: String)] = []
    var others: [(row: Int, name: String)] = []
    var around: [Int] = [-1]
    var siblings: [Int: Set<String>] = [:]
    var known: [[String]: SurveyType] = [:]
    for row in sheet.rows {
      let words = Self.words(sheet, row)
      guard !words.isEmpty, !Self.isDisabled(sheet, row) else { continue }
      let type = known[words] ?? SurveyType(words)
      known[words] = type
      types[row.line] = type
      if type == .endGroup || type == .endRepeat {
        if around.count > 1 { around.removeLast() }
        continue
      }
      if case .external = type { continue }
      let name = Self.written(sheet, row, type)
      if !name.isEmpty, !siblings[around.last ?? -1, default: []].insert(name).inserted { twice.insert(row.line) }
      if type == .beginGroup { groups.append((row.line, name)) } else { others.append((row.line, name)) }
      if type == .beginGroup || type == .beginRepeat { around.append(row.line) }
    }
    var taken: Set<String> = []
    var numbers: [String: Int] = [:]
    for (row, name) in others {
      let own = Self.free(name, taken, &numbers)
      if own != name, !twice.contains(row) { ambiguous.insert(name) }
      taken.insert(own)
      names[row] = own
    }
    // Groups have no answers: where a question is called the same, it keeps the name.
    for (row, name) in groups {
      let own = Self.free(name, taken, &numbers)
      taken.insert(own)
      names[row] = own
    }
  }

  /// `name`, else `name.2` and so on: the first that is not taken.
  static func free(_ name: String, _ taken: Set<String>, _ numbers: inout [String: Int]) -> String {
    guard taken.contains(name), !name.isEmpty else { return name }
    var number = numbers[name] ?? 2
    while taken.contains("\(name).\(number)") { number += 1 }
    numbers[name] = number + 1
    return "\(name).\(number)"
  }

  private static func written(_ sheet: XLSFormSheet, _ row: CSVRecord, _ type: SurveyType) -> String {
    let name = sheet.cell("name", of: row).nfc
    guard name.isEmpty else { return name }
    switch type {
    case .question(.note): return "generated_note_name_\(row.row)"
    case .beginGroup: return "generated_group_name_\(row.row)"
    case .day(let word), .metadata(let word): return FormName.plain(word)
    default: return ""
    }
  }
}

/// Texts that XLSForm adds to a form of its own accord, in the form's languages.
struct AddedWords {
  private let languages: [FormLanguage]

  init(_ languages: [FormLanguage]) { self.languages = languages }

  var other: FormText { text(vi: "Khác", en: "Other", fr: "Autre", es: "Otro") }
  var specify: FormText { text(vi: "Ghi rõ:", en: "Specify other.", fr: "Précisez :", es: "Especifique:") }
  var done: FormText { text(vi: "Đã đọc", en: "OK", fr: "OK", es: "OK") }

  func range(_ least: String, _ most: String, step: String) -> FormText {
    text(
      vi: "Từ \(least) đến \(most), bước \(step).", en: "From \(least) to \(most) in steps of \(step).",
      fr: "De \(least) à \(most) par pas de \(step).", es: "De \(least) a \(most) en pasos de \(step).")
  }

  private func text(vi: String, en: String, fr: String, es: String) -> FormText {
    let known = ["vi": vi, "fr": fr, "es": es]
    return FormText(checked: Dictionary(languages.map { ($0.code, known[$0.code] ?? en) }, uniquingKeysWith: { first, _ in first }))
  }
}
