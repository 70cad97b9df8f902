internal import SyncCore

/// `search('file', …)` in an appearance: choices from a file beside the form, as forms older than `select_one_from_file` have them.
///
/// The row of the choices sheet names the file's columns: `name` that of the codes, `label` those of the labels, with commas between. Rows
/// whose `name` is a whole number are choices themselves, and stand before those of the file.
struct SurveySearch {
  /// File without its ending.
  let list: String
  /// Condition on a row of the file, as a choice filter has it; nil is every row.
  let filter: String?
  /// Columns of the file that the condition looks at.
  let columns: [String]

  /// Cuts an appearance into the part beside its `search()` and the call's arguments, as written; nil without such a call, or one that never
  /// ends.
  private static func parts(of appearance: String) -> (rest: String, arguments: [String])? {
    let signs = Array(appearance)
    let word = Array("search")
    var start: Int?
    for index in signs.indices.dropLast(word.count) where start == nil {
      guard signs[index] == "s" || signs[index] == "S" else { continue }
      let isWord = index == 0 || !FormName.isPart(signs[index - 1])
      if isWord, String(signs[index..<(index + word.count)]).lowercased() == "search" {
        let next = signs[(index + word.count)...].firstIndex { !$0.isWhitespace }
        if let next, signs[next] == "(" { start = index }
      }
    }
    guard let start, let open = signs[start...].firstIndex(of: "(") else { return nil }
    var arguments = [""]
    var (depth, quote): (Int, Character?) = (0, nil)
    for index in (open + 1)..<signs.count {
      let sign = signs[index]
      switch (sign, quote) {
      case (_, let closing?): if sign == closing { quote = nil }
      case ("'", nil), ("\"", nil): quote = sign
      case (")", nil) where depth == 0:
        let rest = String(signs[..<start]) + " " + String(signs[(index + 1)...])
        return (rest.trimmingWhitespace, arguments.map(\.trimmingWhitespace))
      case (",", nil) where depth == 0:
        arguments.append("")
        continue
      case ("(", nil): depth += 1
      case (")", nil): depth -= 1
      default: break
      }
      arguments[arguments.count - 1].append(sign)
    }
    return nil
  }

  /// An appearance without its `search()`.
  static func rest(of appearance: String) -> String { parts(of: appearance)?.rest ?? appearance }

  /// - Returns: Nil where the appearance has no `search()` that can be carried out.
  init?(_ appearance: String) {
    guard appearance.lowercased().contains("search"), let arguments = Self.parts(of: appearance.withStraightQuotes)?.arguments,
      [1, 4, 6].contains(arguments.count), let file = Self.text(arguments[0]), !file.isEmpty
    else { return nil }
    list = ListFile.list(of: file) ?? file
    guard arguments.count > 1 else {
      (filter, columns) = (nil, [])
      return
    }
    guard let kind = Self.text(arguments[1])?.lowercased(), let names = Self.text(arguments[2]) else { return nil }
    var columns = names.split(separator: ",").map { String($0).trimmingWhitespace }
    let conditions = columns.compactMap { Self.condition(kind, column: $0, text: arguments[3]) }
    guard !columns.isEmpty, conditions.count == columns.count else { return nil }
    var whole = "(" + conditions.joined(separator: " or ") + ")"
    if arguments.count == 6 {
      guard let column = Self.text(arguments[4]) else { return nil }
      columns.append(column)
      whole += " and \(column) = \(arguments[5])"
    }
    self.columns = columns
    filter = whole
  }

  private static func condition(_ kind: String, column: String, text: String) -> String? {
    func lower(_ source: String) -> String { "translate(\(source), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')" }
    let function = ["contains": "contains", "startswith": "starts-with", "endswith": "ends-with"][kind]
    if kind == "matches" { return "\(column) = \(text)" }
    return function.map { "\($0)(\(lower(column)), \(lower(text)))" }
  }

  /// The text inside quotes.
  private static func text(_ argument: String) -> String? {
    guard argument.count >= 2, let quote = argument.first, "'\"".contains(quote), argument.last == quote else { return nil }
    return String(argument.dropFirst().dropLast()).trimmingWhitespace
  }
}

extension XLSFormSurveyReader {
  /// A question of choices that stand in a file.
  mutating func searched(_ kind: QuestionKind, list: String, _ search: SurveySearch, orOther: Bool, _ row: CSVRecord) -> [FormItem] {
    let written = choices.lists[list] ?? []
    let fixed = written.filter { Int($0.name) != nil }
    guard let columns = written.first(where: { Int($0.name) == nil }) else {
      return choice(kind, list: list, orOther: orOther, row)
    }
    let own = "\(list).\(search.list)"
    let file = ListFile.names(of: search.list).first { files($0) != nil } ?? search.list + ".csv"
    let labels = columns.label.byLanguage.mapValues { $0.split(separator: ",").map { String($0).trimmingWhitespace } }
    let isNew = choices.lists[own] == nil
    load(file, as: own, value: columns.name, labels: labels, header("appearance", row), row)
    // Without the file nobody is asked to choose.
    if isNew, let found = choices.lists[own], !found.isEmpty { choices.add(own, fixed + found) }
    let always = fixed.map { " or name = '\($0.name)'" }.joined()
    let filter = search.filter.flatMap { rule("(\($0))" + always, "appearance", of: row, isFilter: true) }
    return choice(kind, list: own, orOther: orOther, row, filter: filter)
  }
}
