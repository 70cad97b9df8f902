public import Foundation
internal import SyncCore

/// Reads a form from an ODK XForm as pyxform writes it, into the same `Form` as its XLSForm gives.
///
/// Paths become `${name}` again. As with an XLSForm, what cannot be carried out is a problem, and what means nothing here a warning.
///
/// - Note: Source: ODK XForms Specification, getodk.github.io/xforms-spec.
public enum XFormImport {
  /// Largest file, in bytes.
  public static let xformBytesMax = 4 << 20

  /// - Throws: every problem, with the path of the question and the attribute in place of row and column.
  public static func form(xml data: Data) throws(FormProblems) -> Form { try reading(xml: data).form }

  /// - Parameter name: The form's id where it has none.
  public static func reading(xml data: Data, name: String = "") throws(FormProblems) -> FormReading {
    guard data.count <= xformBytesMax else {
      throw problem(
        LocalizedText(vi: "tệp lớn hơn \(xformBytesMax) byte.", en: "the file is larger than \(xformBytesMax) bytes."))
    }
    let root: XMLNode
    do throws(WorkbookFault) {
      root = try XMLNode.document(data)
    } catch {
      throw problem(error.explanation)
    }
    guard let head = root.first("head"), let model = head.first("model"), let body = root.first("body"),
      let data = model.first("instance")?.children.first
    else {
      throw problem(
        LocalizedText(
          vi: "tệp XML này không phải là XForm; hãy chuyển từ XLSForm bằng pyxform.",
          en: "this XML is not an XForm; convert the XLSForm with pyxform."))
    }
    var reading = XFormReading(model: model, body: body, data: data)
    let form = reading.form(title: head.first("title")?.text ?? "", name: name)
    guard reading.problems.count == 0 else { throw FormProblems(capping: reading.problems.kept, more: reading.problems.more) }
    return FormReading(form: form, warnings: reading.warnings, missingFiles: reading.missingFiles)
  }

  private static func problem(_ message: LocalizedText) -> FormProblems {
    FormProblems(problems: [FormProblem(sheet: XFormReading.sheet, row: nil, column: nil, message: message)])
  }
}

/// The reading in progress.
private struct XFormReading {
  static let sheet = "xform"

  private let model: XMLNode
  private let data: XMLNode
  private var binds: [String: [String: String]] = [:]
  private var controls: [String: XMLNode] = [:]
  private var repeats: [String: XMLNode] = [:]
  private var initialRules: [String: String] = [:]
  private var languages: [FormLanguage] = []
  private var spoken = SheetLanguages()
  private var defaultLanguage = ""
  /// Text id to language code to text.
  private var texts: [String: [String: String]] = [:]
  private var lists: [String: [FormChoice]] = [:]
  /// Paths of the items by their ordinal (`FormOutline`).
  private var paths: [String] = []
  /// By path, the name of an item: each once, also where its author used one in two groups.
  private var names: [String: String] = [:]
  private(set) var problems = ProblemList()
  private(set) var warnings = WarningList()
  private(set) var missingFiles: [String] = []
  /// Paths of which something was said to be mended.
  private var reported: Set<String> = []

  init(model: XMLNode, body: XMLNode, data: XMLNode) {
    self.model = model
    self.data = data
    for bind in model.all("bind") { binds[bind.attributes["nodeset"] ?? ""] = bind.attributes }
    for rule in model.all("setvalue") { addInitialRule(rule) }
    addControls(body)
    nameItems()
  }

  /// Questions keep their names before groups, which have no answers.
  private mutating func nameItems() {
    var found: [(path: String, name: String, isGroup: Bool)] = []
    func add(_ node: XMLNode, _ path: String) {
      var seen: Set<String> = []
      for child in node.children where child.name != "meta" {
        let own = path + "/" + child.name
        if repeats[own] != nil, !seen.insert(child.name).inserted { continue }
        found.append((own, child.name, repeats[own] == nil && !child.children.isEmpty))
        add(child, own)
      }
    }
    add(data, "/" + data.name)
    var (taken, numbers): (Set<String>, [String: Int]) = ([], [:])
    for item in found.filter({ !$0.isGroup }) + found.filter(\.isGroup) where names[item.path] == nil {
      let name = SurveyNames.free(item.name, taken, &numbers)
      taken.insert(name)
      names[item.path] = name
    }
  }

  private mutating func report(_ place: String?, _ message: @autoclosure () -> LocalizedText) {
    problems.add(FormProblem(sheet: Self.sheet, row: nil, column: place, message: message()))
    if let path = place?.prefix(while: { $0 != " " }) { reported.insert(String(path)) }
  }

  private mutating func warn(_ place: String?, _ message: LocalizedText) {
    warnings.add(FormProblem(sheet: Self.sheet, row: nil, column: place, message: message))
  }

  private mutating func addInitialRule(_ node: XMLNode) {
    guard let path = node.attributes["ref"] else { return report(nil, Self.unsupported("setvalue")) }
    guard ["first-load", "new-repeat"].contains(where: (node.attributes["event"] ?? "").contains) else {
      return warn(path, Self.passedOver("setvalue"))
    }
    initialRules[path] = node.attributes["value"] ?? ""
  }

  /// Depth is bounded by `XMLEvents.xmlDepthMax`.
  private mutating func addControls(_ node: XMLNode) {
    for child in node.children {
      switch child.name {
      case "label", "hint": break
      case "setvalue": addInitialRule(child)
      case "repeat":
        repeats[child.attributes["nodeset"] ?? ""] = child
        addControls(child)
      default:
        if let path = child.attributes["ref"] { controls[path] = child }
        if child.name == "group" { addControls(child) }
      }
    }
  }

  mutating func form(title: String, name: String) -> Form {
    readTexts()
    readLists()
    let items = items(of: data, path: "/" + data.name)
    let (id, version) = (data.attributes["id"] ?? name, data.attributes["version"] ?? "")
    let form = Form(
      unchecked: id.isEmpty ? "" : FormName.plain(id), version: version.isEmpty ? "1" : FormName.plainVersion(version),
      title: FormText([defaultLanguage: title]) ?? FormText([defaultLanguage: id]) ?? FormText(checked: [:]),
      languages: languages, defaultLanguage: defaultLanguage,
      choiceLists: lists, items: items)
    let (before, found, labels) = (reported, FormCheck.findings(in: form), LabelCheck(form, unreadable: []))
    problems.addUnkept(found.more + labels.more)
    for finding in found.kept + labels.findings {
      var place = finding.subject
      if finding.isWarning {
        warn(place, finding.text)
        continue
      }
      if case .item(let ordinal, let column) = finding.place, ordinal < paths.count {
        place = "\(paths[ordinal]) \(column)"
        if before.contains(paths[ordinal]) { continue }
      }
      report(place, finding.text)
    }
    return form
  }

  // MARK: Texts and choices

  private mutating func readTexts() {
    guard let itext = model.first("itext") else {
      languages = [SheetLanguages.unnamed]
      defaultLanguage = SheetLanguages.unnamed.code
      return
    }
    for translation in itext.all("translation") {
      let title = translation.attributes["lang"] ?? ""
      guard let language = title == "default" ? SheetLanguages.unnamed : spoken.language(title) else {
        report("translation \(title)", Self.noLanguages)
        continue
      }
      let isDefault = translation.attributes["default"] == "true()"
      languages.insert(language, at: isDefault ? 0 : languages.count)
      if isDefault { defaultLanguage = language.code }
      for text in translation.all("text") {
        guard let id = text.attributes["id"] else { continue }
        // Other forms of a text are pictures and sounds; pyxform writes "-" where a translation is missing.
        guard let value = text.all("value").first(where: { $0.attributes["form"] == nil })?.text, value != "-" else { continue }
        texts[id, default: [:]][language.code] = value
      }
    }
    if defaultLanguage.isEmpty { defaultLanguage = languages.first?.code ?? "" }
  }

  private mutating func readLists() {
    for instance in model.all("instance").dropFirst() {
      guard let list = instance.attributes["id"] else { continue }
      if let file = instance.attributes["src"]?.split(separator: "/").last.map(String.init) {
        // Files are read beside an XLSForm only; without its file nobody is asked to choose.
        warn(list, XLSFormSurveyReader.noFile(file))
        missingFiles.append(file)
        lists[list] = []
        continue
      }
      lists[list] = instance.first("root")?.all("item").map { item in
        var columns: [String: String] = [:]
        for child in item.children { columns[child.name] = child.text.nfc.trimmingWhitespace }
        let label = columns["itextId"].flatMap { texts[$0] } ?? columns["label"].map { [defaultLanguage: $0] }
        let attributes = columns.filter { !["name", "label", "itextId"].contains($0.key) && !$0.value.isEmpty }
        return FormChoice(
          name: columns["name"] ?? "", label: label.flatMap { FormText($0) } ?? FormText(checked: [:]), attributes: attributes)
      }
    }
  }

  /// `jr:itext('id')` in its languages, or a plain text in the default language.
  private func text(_ reference: String?, plain: String? = nil) -> FormText? {
    if let reference, reference.hasPrefix("jr:itext('"), reference.hasSuffix("')") {
      return texts[String(reference.dropFirst(10).dropLast(2))].flatMap { FormText($0) }
    }
    return (reference ?? plain).flatMap { FormText([defaultLanguage: $0]) }
  }

  private func text(_ name: String, of control: XMLNode?) -> FormText? {
    guard let node = control?.first(name) else { return nil }
    return text(node.attributes["ref"], plain: node.text)
  }

  // MARK: Items

  private mutating func items(of node: XMLNode, path: String) -> [FormItem] {
    var items: [FormItem] = []
    var seen: Set<String> = []
    for child in node.children where child.name != "meta" {
      // pyxform writes a repeat twice, once as its template.
      let own = path + "/" + child.name
      if repeats[own] != nil, !seen.insert(child.name).inserted { continue }
      guard paths.count <= Form.formItemsMax else { break }
      paths.append(own)
      if repeats[own] == nil, child.children.isEmpty {
        question(child, own).map { items.append(.question($0)) }
        continue
      }
      let control = controls[own]
      let section = FormSection(
        name: names[own] ?? child.name, label: text("label", of: control), relevant: rule("relevant", own),
        appearance: control?.attributes["appearance"] ?? repeats[own]?.attributes["appearance"],
        count: repeats[own]?.attributes["count"].flatMap { expression($0, "\(own) repeat_count") }, items: self.items(of: child, path: own))
      items.append(repeats[own] == nil ? .group(section) : .repeated(section))
    }
    return items
  }

  private mutating func question(_ node: XMLNode, _ path: String) -> FormQuestion? {
    let control = controls[path]
    let bind = binds[path] ?? [:]
    let name = names[path] ?? node.name
    guard let kind = kind(control, bind) else {
      report("\(path) type", Self.unsupported(control?.name ?? bind["preload"] ?? "bind"))
      return nil
    }
    var (list, filter): (String?, FormExpression?) = (nil, nil)
    if control?.name == "trigger" {
      list = Self.acknowledgements
      lists[Self.acknowledgements] = [FormChoice(name: "OK", label: AddedWords(languages).done)]
    } else if kind.hasChoices, let control {
      (list, filter) = choices(of: control, path)
    }
    if bind["preload"] != nil {
      let isDay = bind["preload"] == "timestamp" || bind["preload"] == "date"
      warn(path, isDay ? XFormMessage.dayOnly : XFormMessage.notKnown)
      return FormQuestion(name: name, kind: .calculate, calculation: try? FormExpression(isDay ? "today()" : "''"))
    }
    let pixels = bind["max-pixels"].flatMap { ISODate.number(Array($0.utf8)) }
    let isRequired = kind.isAsked && !["", "false()"].contains(bind["required"] ?? "")
    let (range, rangeText) = control?.name == "range" ? range(control, path) : (nil, nil)
    let written = kind.isAsked ? rule("constraint", path) : nil
    let constraint = written.flatMap { own in range.map { FormExpression.both(own, $0) ?? own } ?? own } ?? range
    if !kind.isAsked, bind["required"] != nil || bind["constraint"] != nil { warn(path, XFormMessage.notAsked) }
    var initial = initial(node, path)
    var calculation = rule("calculate", path)
    if kind.isAsked, let rule = calculation { (initial, calculation) = (.rule(rule), nil) }
    if kind == .calculate || kind == .note { initial = nil }
    var label = text("label", of: control)
    if label == nil, kind.isAsked || kind == .note {
      warn(path, XFormMessage.noLabel)
      label = FormText([defaultLanguage: name])
    }
    let appearance = control?.attributes["appearance"]
    let isPlain = appearance?.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == "-" || $0 == " " } ?? true
    if !isPlain { warn(path, XFormMessage.plainly) }
    return FormQuestion(
      name: name, kind: kind, label: label, hint: text("hint", of: control) ?? rangeText, choiceList: list,
      required: isRequired ? rule("required", path) : nil, requiredMessage: isRequired ? text(bind["requiredMsg"]) : nil,
      relevant: rule("relevant", path), constraint: constraint,
      constraintMessage: constraint == nil ? nil : text(bind["constraintMsg"]) ?? (written == nil ? rangeText : nil),
      calculation: calculation, choiceFilter: filter, initial: initial, appearance: isPlain ? appearance : nil,
      maxPixels: kind == .image ? pixels : nil)
  }

  /// The numbers that a range takes, and how that is said.
  private func range(_ control: XMLNode?, _ path: String) -> (FormExpression?, FormText?) {
    var bounds = ["start", "end", "step"].map { control?.attributes[$0] ?? "" }
    let numbers = bounds.map { ExpressionValue.number(from: $0) }
    guard numbers.allSatisfy(\.isFinite), numbers[2] != 0 else { return (nil, nil) }
    if numbers[0] > numbers[1] { bounds.swapAt(0, 1) }
    if bounds[2].hasPrefix("-") { bounds[2].removeFirst() }
    let steps = "round((. - \(bounds[0])) div \(bounds[2]) * 1000000) mod 1000000 = 0"
    return (
      try? FormExpression(". >= \(bounds[0]) and . <= \(bounds[1]) and \(steps)"),
      AddedWords(languages).range(bounds[0], bounds[1], step: bounds[2])
    )
  }

  private func kind(_ control: XMLNode?, _ bind: [String: String]) -> QuestionKind? {
    if bind["preload"] != nil { return .calculate }
    guard let control else { return bind["calculate"] == nil ? .hidden : .calculate }
    switch control.name {
    case "select1": return .selectOne
    case "select": return .selectMultiple
    case "rank": return .rank
    case "trigger": return .selectOne
    case "range": return bind["type"] == "decimal" ? .decimal : .integer
    case "upload":
      let kind = control.attributes["mediatype"] ?? ""
      return kind == "image/*" ? .image : kind.hasPrefix("audio") || kind.hasPrefix("video") || kind.hasPrefix("osm") ? nil : .text
    case "input":
      switch bind["type"] ?? "string" {
      case "int": return .integer
      case "decimal": return .decimal
      case "date": return .date
      case "time": return .time
      case "dateTime": return .dateTime
      case "geopoint": return .geopoint
      case "barcode": return .text
      case "string": return bind["readonly"] == "true()" && bind["calculate"] == nil ? .note : .text
      default: return nil
      }
    default: return nil
    }
  }

  /// From `instance('list')/root/item[filter]`, or from items written out one by one.
  private mutating func choices(of control: XMLNode, _ path: String) -> (String?, FormExpression?) {
    guard let source = control.first("itemset")?.attributes["nodeset"] else {
      let list = names[path] ?? path.split(separator: "/").last.map(String.init) ?? path
      lists[list] = control.all("item").map { item in
        FormChoice(
          name: (item.first("value")?.text ?? "").trimmingWhitespace, label: text("label", of: item) ?? FormText(checked: [:]))
      }
      return (list, nil)
    }
    guard source.hasPrefix("instance('"), let end = source.range(of: "')/root/item") else {
      report("\(path) itemset", Self.unsupported("itemset"))
      return (nil, nil)
    }
    let list = String(source[..<end.lowerBound].dropFirst(10))
    let rest = String(source[end.upperBound...]).trimmingWhitespace
    guard !rest.isEmpty else { return (list, nil) }
    guard rest.hasPrefix("["), rest.hasSuffix("]") else {
      report("\(path) itemset", Self.unsupported("itemset"))
      return (list, nil)
    }
    return (list, expression(String(rest.dropFirst().dropLast()), "\(path) choice_filter", isFilter: true))
  }

  private mutating func initial(_ node: XMLNode, _ path: String) -> FormDefault? {
    if let source = initialRules[path] { return expression(source, "\(path) default").map { .rule($0) } }
    let literal = node.text.nfc.trimmingWhitespace
    return literal.isEmpty ? nil : .literal(literal)
  }

  private mutating func rule(_ attribute: String, _ path: String) -> FormExpression? {
    guard let source = binds[path]?[attribute], !source.trimmingWhitespace.isEmpty else { return nil }
    return expression(source, "\(path) \(attribute)")
  }

  private mutating func expression(_ source: String, _ place: String, isFilter: Bool = false) -> FormExpression? {
    do throws(ExpressionError) {
      let base = place.split(separator: " ").first.map(String.init) ?? ""
      return try FormExpression(XFormPaths(root: data.name, base: base, names: names).withReferences(source), isFilter: isFilter)
    } catch {
      report(place, error.explanation)
      return nil
    }
  }

  // MARK: Sentences

  private static func unsupported(_ what: String) -> LocalizedText {
    LocalizedText(
      vi: "không hỗ trợ \"\(what)\"; hãy dùng loại câu hỏi khác trong XLSForm.",
      en: "\"\(what)\" is not supported; use another type of question in the XLSForm.")
  }

  private static func passedOver(_ what: String) -> LocalizedText {
    LocalizedText(
      vi: "\"\(what)\" này không có tác dụng ở đây và được bỏ qua.", en: "this \"\(what)\" has no effect here and is passed over.")
  }

  private static let acknowledgements = "acknowledge.ok"
  private static let noLanguages = LocalizedText(
    vi: "mỗi ngôn ngữ phải có tên, ví dụ label::Tiếng Việt (vi) trong XLSForm.",
    en: "each language must have a name, such as label::English (en) in the XLSForm.")
}
