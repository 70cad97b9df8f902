/// Forms of our own that go through XLSForm's reference, each as small as shows one thing, with what must become of it.
public struct ScoredForm: Sendable {
  public enum Outcome: String, Sendable, CaseIterable, Comparable {
    case accepted, warned, refused

    public static func < (left: Outcome, right: Outcome) -> Bool {
      allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
    }
  }

  /// Types, columns and so on.
  public let feature: String
  public let name: String
  public let outcome: Outcome
  public let survey: [[String: String]]
  public var choices: [[String: String]] = []
  public var settings: [String: String] = [:]
  /// Files beside the form.
  public var files: [String: String] = [:]
  /// Texts that whoever answers it reads, in place of its labels, hints and choices as they are written.
  public var shows: [String]?
  /// Texts that nobody reads.
  public var hides: [String] = []
  /// Answers that are given first, by question, and refused.
  public var refused: [String: String] = [:]

  /// Rows as CSV, with the columns that any of them has.
  public static func csv(_ rows: [[String: String]]) -> String {
    let columns = rows.reduce(into: [String]()) { columns, row in
      for column in row.keys.sorted() where !columns.contains(column) { columns.append(column) }
    }
    func quoted(_ text: String) -> String { "\"" + text.replacing("\"", with: "\"\"") + "\"" }
    let lines = [columns.map(quoted)] + rows.map { row in columns.map { quoted(row[$0] ?? "") } }
    return lines.map { $0.joined(separator: ",") + "\n" }.joined()
  }
}

/// Makes the forms from lists of words: one for each type, column, setting, function and habit.
public enum FormsCorpus {
  public static let all: [ScoredForm] =
    types + otherTypes + columns + shownColumns + headings + choices + shownChoices + settings + languages + texts + functions + references
    + structures

  private static let yesNo: [[String: String]] = [
    ["list_name": "yn", "name": "yes", "label": "Yes"], ["list_name": "yn", "name": "no", "label": "No"],
  ]
  private static let text = ["type": "text", "name": "t", "label": "Text?"]
  private static let number = ["type": "integer", "name": "n", "label": "Number?"]
  private static let one = ["type": "select_one yn", "name": "s", "label": "One?"]

  private static func row(_ type: String, _ name: String, _ others: [String: String] = [:]) -> [String: String] {
    ["type": type, "name": name, "label": "Label of \(name)"].merging(others) { $1 }
  }

  private static func form(
    _ feature: String, _ name: String, _ survey: [[String: String]], choices: [[String: String]] = yesNo, settings: [String: String] = [:]
  ) -> ScoredForm {
    form(feature, name, .accepted, survey, choices: choices, settings: settings)
  }

  private static func form(
    _ feature: String, _ name: String, _ outcome: ScoredForm.Outcome, _ survey: [[String: String]],
    choices: [[String: String]] = yesNo, settings: [String: String] = [:]
  ) -> ScoredForm {
    ScoredForm(feature: feature, name: name, outcome: outcome, survey: survey, choices: choices, settings: settings)
  }

  /// The same with what its walks read.
  private static func walked(
    _ form: ScoredForm, shows: [String]? = nil, hides: [String] = [], refused: [String: String] = [:], files: [String: String] = [:]
  ) -> ScoredForm {
    var form = form
    (form.shows, form.hides, form.refused, form.files) = (shows, hides, refused, files)
    return form
  }

  // MARK: Types

  private static let types: [ScoredForm] = [
    "text", "integer", "decimal", "date", "time", "dateTime", "select_one yn", "select_multiple yn", "rank yn", "range", "acknowledge",
    "image", "barcode", "geopoint", "note", "select_one yn or_other", "select_multiple yn or_other", "string", "int", "trigger", "gps",
    "select one from yn", "select all that apply from yn", "add text prompt", "phone number", "photo",
  ].map { type in
    form("types", type, type == "phone number" ? .warned : .accepted, [text, row(type, "q")])
  }

  private static let otherTypes: [ScoredForm] =
    [
      "start", "end", "today", "deviceid", "username", "phonenumber", "email", "simserial", "subscriberid", "audit", "start-geopoint",
      "file",
    ]
    .map { form("types", $0, .warned, [text, row($0, $0 == "audit" ? "audit" : "q")]) }
    + ["audio", "video", "geotrace", "geoshape", "osm", "background-audio", "hologram", "select_one nowhere", "select_one"]
    .map { form("types", $0, .refused, [text, row($0, "q")]) } + [
      form("types", "calculate", [text, row("calculate", "c", ["calculation": "string-length(${t})"])]),
      form("types", "calculate without a rule", .refused, [text, row("calculate", "c")]),
      form("types", "hidden", [text, row("hidden", "h", ["default": "x"])]),
      form("types", "range of decimals", [row("range", "r", ["parameters": "start=0 end=1 step=0.1"])]),
      form("types", "range without sense", .refused, [row("range", "r", ["parameters": "start=a end=b"])]),
    ]

  // MARK: Columns and headings

  private static let columns: [ScoredForm] = [
    ("hint", "A hint", .accepted), ("required", "yes", .accepted), ("required", "TRUE", .accepted), ("required", "${n} > 1", .accepted),
    ("relevant", "${n} > 1", .accepted), ("constraint", ". != ''", .accepted), ("default", "abc", .accepted),
    ("default", "today()", .accepted),
    ("appearance", "multiline", .accepted), ("appearance", "masked", .warned), ("read_only", "yes", .accepted),
    ("disabled", "no", .accepted),
    ("calculation", "${n} * 2", .warned), ("guidance_hint", "More", .warned), ("media::image", "a.png", .warned),
    ("trigger", "${n}", .warned),
    ("save_to", "name", .warned), ("bind::esri:fieldType", "null", .warned), ("body::accuracyThreshold", "5", .warned),
    ("instance::odk:tag", "x", .warned), ("my_own", "remark", .warned), ("note", "remark", .accepted), ("#", "remark", .accepted),
    ("constraint_message", "Never shown", .warned), ("parameters", "rows=5", .warned), ("choice_filter", "a = 1", .warned),
    ("relevant", "${nobody} = 1", .refused), ("constraint", "(", .refused), ("relevant", "frobnicate(1)", .refused),
  ].map { (column: String, cell: String, outcome: ScoredForm.Outcome) in
    form("columns", "\(column) = \(cell)", outcome, [number, row("text", "q", [column: cell])])
  }

  /// Columns by what people read of them.
  private static let shownColumns: [ScoredForm] = [
    walked(
      form("columns", "required, with a message", [row("text", "q", ["required": "yes", "required_message": "Say something"])]),
      shows: ["Label of q", "Say something"], hides: ["Label of q (optional)"], refused: ["q": ""]),
    walked(
      form("columns", "constraint, with a message", [row("integer", "q", ["constraint": ". > 1", "constraint_message": "More than one"])]),
      shows: ["Label of q", "More than one"], refused: ["q": "1"]),
    walked(
      form("columns", "relevant, of what is not so", [number, row("text", "q", ["relevant": "${n} > 5"])]),
      shows: ["Number?"], hides: ["Label of q"]),
    walked(
      form("columns", "default, shown", [row("text", "q", ["default": "as before"]), row("integer", "r", ["default": "1 + 6"])]),
      shows: ["Label of q", "as before", "Label of r", "7"]),
    walked(
      form("columns", "calculation, of a note", [number, row("note", "q", ["label": "Twice: ", "calculation": "${n} * 2"])]),
      shows: ["Twice: 4"]),
    walked(
      form("columns", "read_only, with a default", [number, row("text", "q", ["read_only": "yes", "default": "fixed"])]),
      shows: ["Label of q fixed"]),
    walked(
      form("columns", "disabled", .warned, [number, row("text", "q", ["disabled": "yes"])]), shows: ["Number?"], hides: ["Label of q"]),
    walked(
      form(
        "columns", "parameters of a range", [row("range", "q", ["parameters": "start=2 end=8 step=2"])]),
      shows: ["Label of q", "From 2 to 8 in steps of 2."], refused: ["q": "3"]),
  ]

  private static let headings: [ScoredForm] = [
    ("Relevant", "${n} > 1"), ("relevance", "${n} > 1"), ("bind::relevant", "${n} > 1"), ("bind:relevant", "${n} > 1"), ("Required", "yes"),
    ("readonly", "yes"), ("bind::jr:constraintMsg", ""), ("constraint message", ""),
  ].map { heading, cell in form("headings", heading, [number, row("text", "q", [heading: cell])]) }

  // MARK: Choices

  private static let choices: [ScoredForm] = [
    form("choices", "a code with a dot", [one], choices: list("1.5", "2.5")),
    form("choices", "a code with a sign", [one], choices: list("10%", "+")),
    form("choices", "a code with accents", [one], choices: list("đồng_ý", "không")),
    form("choices", "a code with a space, of one", [one], choices: list("very good", "bad")),
    form("choices", "a code with a space, of several", .refused, [row("select_multiple yn", "m")], choices: list("very good", "bad")),
    form("choices", "a code twice", .refused, [one], choices: list("a", "a")),
    form("choices", "a code twice, allowed", [one], choices: list("a", "a"), settings: ["allow_choice_duplicates": "yes"]),
    form("choices", "no label", .warned, [one], choices: yesNo + [["list_name": "yn", "name": "maybe"]]),
    form("choices", "a column no rule looks at", .warned, [one], choices: yesNo.map { $0.merging(["colour": "red"]) { $1 } }),
    form("choices", "a picture", .warned, [one], choices: yesNo.map { $0.merging(["media::image": "a.png"]) { $1 } }),
    form(
      "choices", "a filter", [one, row("select_one yn", "f", ["choice_filter": "group = ${s}"])],
      choices: yesNo.map { $0.merging(["group": "yes"]) { $1 } }),
    form("choices", "a name filter", [one, row("select_one yn", "f", ["choice_filter": "name != ${s}"])]),
    // On a page of its own: beside the other question, a blank answer goes with the blank column.
    form(
      "choices", "a filter by a column that is not there", .warned,
      [one, row("begin group", "g"), row("select_one yn", "f", ["choice_filter": "area = ${s}"]), ["type": "end group"]]),
    walked(
      form("choices", "a file that is not there", .warned, [text, row("select_one_from_file towns.csv", "f")]),
      shows: ["Text?"], hides: ["Label of f"]),
    form("choices", "a file of another kind", .refused, [text, row("select_one_from_file towns.pdf", "f")]),
    walked(
      form(
        "choices", "a rule about a choice that is not there", .warned, [one, row("text", "q", ["relevant": "selected(${s}, 'other')"])]),
      shows: ["One?"], hides: ["Label of q"]),
  ]

  /// Lists that stand elsewhere, and what is offered of a list.
  private static let shownChoices: [ScoredForm] = [
    walked(
      form(
        "choices", "a filter, by an answer", [one, row("select_one thing", "q", ["choice_filter": "group = ${s}"])],
        choices: yesNo + [
          ["list_name": "thing", "name": "a", "label": "Apple", "group": "yes"],
          ["list_name": "thing", "name": "b", "label": "Brick", "group": "no"],
        ]), shows: ["One?", "Label of q", "Apple"], hides: ["Brick"]),
    walked(
      form("choices", "a list in a file", [row("select_one_from_file towns.csv", "q")]),
      shows: ["Label of q", "Upper Town", "Lower Town"], files: ["towns.csv": "name,label\nu,Upper Town\nl,Lower Town\n"]),
    walked(
      form("choices", "other columns of a file", [row("select_one_from_file towns.csv", "q", ["parameters": "value=id label=title"])]),
      shows: ["Upper Town", "Lower Town"], files: ["towns.csv": "id,title\nu,Upper Town\nl,Lower Town\n"]),
    walked(
      form(
        "choices", "search() in a file", [row("select_one town", "q", ["appearance": "minimal search('towns')"])],
        choices: [["list_name": "town", "name": "id", "label": "title"], ["list_name": "town", "name": "9", "label": "Elsewhere"]]),
      shows: ["Label of q", "Elsewhere", "Upper Town", "Lower Town"], hides: ["title"],
      files: ["towns.csv": "id,title\nu,Upper Town\nl,Lower Town\n"]),
    walked(
      form(
        "choices", "search() with a condition",
        [one, row("select_one town", "q", ["appearance": "search('towns', 'matches', 'side', ${s}, 'kind', 'big')"])],
        choices: yesNo + [["list_name": "town", "name": "id", "label": "title, side"]]),
      shows: ["Upper Town, yes"], hides: ["Lower Town", "Middle Town"],
      files: ["towns.csv": "id,title,side,kind\nu,Upper Town,yes,big\nl,Lower Town,no,big\nm,Middle Town,yes,small\n"]),
    form("choices", "search() that means nothing", .refused, [row("select_one yn", "q", ["appearance": "search('towns', 'near', 'id')"])]),
    walked(
      form("choices", "or_other", [row("select_one yn or_other", "q"), row("select_one yn", "r", ["relevant": "${q} = 'yes'"])]),
      shows: ["Label of q", "Other", "Label of r"], hides: ["Specify other."]),
  ]

  private static func list(_ codes: String...) -> [[String: String]] {
    codes.map { ["list_name": "yn", "name": $0, "label": "Choice \($0)"] }
  }

  // MARK: Settings, languages, texts

  private static let settings: [ScoredForm] =
    [
      ("form_id", "my-form", .accepted), ("form_id", "my form", .warned), ("form_title", "Title", .accepted),
      ("version", "2024010101", .accepted),
      ("version", "v2.1 (2024)", .warned), ("default_language", "English (en)", .accepted), ("style", "pages", .accepted),
      ("public_key", "abc", .warned), ("submission_url", "https://x.org", .warned), ("instance_name", "${t}", .warned),
      ("auto_send", "yes", .warned), ("namespaces", "a=\"b\"", .warned),
    ].map { (setting: String, cell: String, outcome: ScoredForm.Outcome) in
      form("settings", "\(setting) = \(cell)", outcome, [text], settings: [setting: cell])
    } + [form("settings", "none", [text])]

  private static let languages: [ScoredForm] = [
    form("languages", "no code", [["type": "text", "name": "t", "label::English": "A", "label::Français": "B"]], choices: []),
    form("languages", "with codes", [["type": "text", "name": "t", "label::English (en)": "A", "label::Hmoob (hmn)": "B"]], choices: []),
    form("languages", "unheard of", [["type": "text", "name": "t", "label::Klingon": "A"]], choices: []),
    form("languages", "with and without", [["type": "text", "name": "t", "label": "A", "label::French (fr)": "B"]], choices: []),
    form(
      "languages", "a cell untranslated", .warned,
      [["type": "text", "name": "t", "label": "A", "label::French (fr)": ""], text("u", "C", "D")], choices: []),
    form(
      "languages", "a default that no column is in", .warned, [["type": "text", "name": "t", "label::English": "A"]],
      settings: ["default_language": "Greek"]),
  ]

  private static func text(_ name: String, _ plain: String, _ french: String) -> [String: String] {
    ["type": "text", "name": name, "label": plain, "label::French (fr)": french]
  }

  private static let texts: [ScoredForm] = [
    walked(form("texts", "a name in a label", [text, row("integer", "q", ["label": "How old is ${t}?"])]), shows: ["How old is abc?"]),
    walked(form("texts", "a name in a hint", [text, row("integer", "q", ["hint": "Of ${ t }"])]), shows: ["Of abc"]),
    walked(
      form("texts", "a name in a message", [text, row("integer", "q", ["constraint": ". > 1", "constraint_message": "${t} is older"])]),
      shows: ["abc is older"], refused: ["q": "1"]),
    walked(
      form("texts", "a name in a choice", [text, one], choices: yesNo + [["list_name": "yn", "name": "x", "label": "${t}"]]),
      shows: ["Yes", "No", "abc"]),
    form("texts", "a name of nothing", .refused, [text, row("integer", "q", ["label": "How old is ${nobody}?"])]),
    walked(
      form("texts", "Markdown", [row("note", "m", ["label": "# Head\n**bold** _it_ [link](https://x.org)"]), text]),
      shows: ["Head bold it link"], hides: ["# ", "_it_", "[link]"]),
    walked(form("texts", "HTML", [row("note", "m", ["label": "<b>bold</b><br/>line"]), text]), shows: ["bold line"], hides: ["<br"]),
    form("texts", "no label", .warned, [["type": "text", "name": "t", "label": ""], number]),
  ]

  // MARK: Rules

  private static let functions: [ScoredForm] =
    [
      "selected(${s}, 'yes')", "not(${n} = 1)", "selected-at(${s}, 0)", "count-selected(${s})", "if(${n} > 1, 'a', 'b')",
      "coalesce(${t}, 'x')",
      "once(${t})", "regex(${t}, '[a-z]+')", "regex(${t}, '(?=.*[0-9]).{8,}')", "string-length(${t})", "substr(${t}, 0, 2)",
      "contains(${t}, 'a')", "starts-with(${t}, 'a')", "ends-with(${t}, 'a')", "substring-before(${t}, '-')", "substring-after(${t}, '-')",
      "translate(${t}, 'a', 'b')", "normalize-space(${t})", "concat(${t}, ${n})", "join(' ', ${t}, ${n})", "date('2024-01-01')", "today()",
      "format-date(today(), '%d %b %Y')", "decimal-date-time(today())", "date-time(today())", "number(${t})", "int(${n})", "round(${n}, 2)",
      "ceiling(${n})", "floor(${n})", "pow(${n}, 2)", "sqrt(${n})", "abs(${n})", "exp(${n})", "log(${n})", "log10(${n})", "sin(${n})",
      "pi()",
      "min(${n}, 2)", "max(${n}, 2)", "boolean(${n})", "boolean-from-string('true')", "string(${n})", "true()", "false()",
      "jr:choice-name(${s}, '${s}')", "checklist(1, 2, ${n} = 1)", "instance('yn')/root/item[name = ${s}]/label",
      "count(instance('yn')/root/item)", "difference-in-months('2020-01-01', today())", "distance('21 106', '21.5 106')", "index()",
      "choice-label(${s}, ${s})", "item-at('-', 'a-b', 1)", "jr:itext(instance('yn')/root/item[name = ${s}]/itextId)", "${n}>0 and.!=1",
      "${n} mod 2 + ${n} div 2 - 1 * 3", "‘curly’",
    ].map { form("functions", $0, [text, number, one, row("calculate", "c", ["calculation": $0])]) }
    + [
      "now()", "uuid()", "random()", "${last-saved#t}", "device-info()", "duration()", "../nowhere/n",
      "pulldata('people', 'name', 'id', ${n})",
    ].map {
      form("functions", $0, .warned, [text, number, row("calculate", "c", ["calculation": $0])])
    }
    + ["frobnicate(1)", "if(1)", "regex(${t}, '(a)\\1')", "${n} +", "'open", "a/b", "//n"].map {
      form("functions", $0, .refused, [text, number, row("calculate", "c", ["calculation": $0])])
    }

  private static let references: [ScoredForm] = [
    form("references", "a circle", .refused, [number, calculation("a", "${b}"), calculation("b", "${a}")]),
    form("references", "a path", [row("begin group", "g"), number, row("text", "q", ["relevant": "../n > 1"]), ["type": "end group"]]),
    form("references", "a note", .warned, [row("note", "m"), row("text", "q", ["relevant": "${m} = ''"])]),
    form("references", "inside a repeat from outside", .warned, household + [calculation("c", "${age} + 1")]),
    form("references", "sums over a repeat", household + [calculation("c", "sum(${age}) + count(${member}) + max(${age})")]),
    form(
      "references", "some of a repeat",
      household + [calculation("c", "sum(${member}[age > 5]/age) + count(${member}[1]) + sum-if(${age}, ${age} > 5)")]),
    form(
      "references", "the one before",
      [row("begin repeat", "r"), row("text", "q", ["default": "${r}[position() = position(current()/..) - 1]/q"]), ["type": "end repeat"]]),
    form("references", "instanceID", [text, calculation("c", "${instanceID}")]),
    form("references", "one of a repeat", household + [calculation("c", "indexed-repeat(${age}, ${member}, 1)")]),
  ]

  private static func calculation(_ name: String, _ rule: String) -> [String: String] {
    ["type": "calculate", "name": name, "calculation": rule]
  }

  // MARK: Structures

  private static let household = [
    row("begin repeat", "member"), row("integer", "age"), calculation("line", "position(..)"), ["type": "end repeat"],
  ]

  private static let structures: [ScoredForm] = [
    form(
      "structures", "a group", [row("begin group", "g", ["relevant": "1 = 1", "appearance": "field-list"]), text, ["type": "end group"]]),
    form("structures", "begin_group", [row("begin_group", "g"), text, ["type": "end_group"]]),
    form("structures", "a repeat", household),
    form("structures", "a counted repeat", [number, row("begin repeat", "r", ["repeat_count": "${n}"]), text, ["type": "end repeat"]]),
    form("structures", "a repeat of two", [row("begin repeat", "r", ["repeat_count": "2"]), text, ["type": "end repeat"]]),
    form("structures", "a repeat in a group", [row("begin group", "g")] + household + [["type": "end group"]]),
    form("structures", "a repeat in a repeat", [row("begin repeat", "r")] + household + [["type": "end repeat"]]),
    form(
      "structures", "a name in two groups",
      [
        row("begin group", "a"), text, ["type": "end group"], row("begin group", "b"), text, ["type": "end group"],
      ]),
    form("structures", "a name twice in one group", .refused, [text, text]),
    form("structures", "an empty group", .warned, [text, row("begin group", "g"), ["type": "end group"]]),
    form("structures", "a group that never ends", .refused, [row("begin group", "g"), text]),
    form("structures", "an end of nothing", .refused, [text, ["type": "end group"]]),
    form("structures", "a remark between the rows", .warned, [text, ["hint": "remark"]]),
    form("structures", "a row without a type", .refused, [text, ["name": "x", "label": "X"]]),
    form("structures", "names with signs", [row("text", "_a-b.c"), row("text", "tên_ở")]),
    form("structures", "a name that is none", .refused, [row("text", "2nd name")]),
    form("structures", "nothing to answer", .refused, [calculation("c", "1")]),
    form("structures", "many questions", (1...600).map { row("integer", "q\($0)", ["relevant": $0 > 1 ? "${q1} > 0" : ""]) }),
    form(
      "structures", "deep groups",
      (1...10).map { row("begin group", "g\($0)") } + [text] + (1...10).map { _ in ["type": "end group"] }),
  ]
}
