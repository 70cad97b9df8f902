public import Foundation
internal import SyncCore

/// Reads a form from an ODK XForm as pyxform writes it, into the same `Form` as its XLSForm gives.
///
/// Paths become `${name}` again. As with an XLSForm, what cannot be carried out is a problem and not passed over.
///
/// - Note: Source: ODK XForms Specification, getodk.github.io/xforms-spec.
public enum XFormImport {
  /// Largest file, in bytes.
  public static let xformBytesMax = 4 << 20

  /// - Throws: every problem, with the path of the question and the attribute in place of row and column.
  public static func form(xml data: Data) throws(FormProblems) -> Form {
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
    let form = reading.form(title: head.first("title")?.text ?? "")
    guard reading.problems.isEmpty else {
      throw FormProblems(capping: reading.problems)
    }
    return form
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
  private(set) var problems: [FormProblem] = []

  init(model: XMLNode, body: XMLNode, data: XMLNode) {
    self.model = model
    self.data = data
    for bind in model.all("bind") { binds[bind.attributes["nodeset"] ?? ""] = bind.attributes }
    for rule in model.all("setvalue") { addInitialRule(rule) }
    addControls(body)
  }

  private mutating func report(_ place: String?, _ message: LocalizedText) {
    problems.append(FormProblem(sheet: Self.sheet, row: nil, column: place, message: message))
  }

  private mutating func addInitialRule(_ node: XMLNode) {
    guard let path = node.attributes["ref"], (node.attributes["event"] ?? "").contains("first-load") else {
      return report(node.attributes["ref"], Self.unsupported("setvalue"))
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

  mutating func form(title: String) -> Form {
    readTexts()
    readLists()
    let items = items(of: data, path: "/" + data.name)
    let form = Form(
      unchecked: data.attributes["id"] ?? "", version: data.attributes["version"] ?? "",
      title: FormText([defaultLanguage: title]) ?? FormText([defaultLanguage: data.attributes["id"] ?? ""]) ?? FormText(checked: [:]),
      languages: languages, defaultLanguage: defaultLanguage,
      choiceLists: lists, items: items)
    let found = problems
    for finding in FormCheck.findings(in: form) + LabelCheck(form, unreadable: []).findings where !finding.isWarning {
      var place = finding.subject
      if case .item(let ordinal, let column) = finding.place, ordinal < paths.count {
        place = "\(paths[ordinal]) \(column)"
        if found.contains(where: { $0.column?.hasPrefix(paths[ordinal] + " ") ?? false }) { continue }
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
      guard let list = instance.attributes["id"], instance.attributes["src"] == nil else {
        report(instance.attributes["id"], Self.unsupported("instance src"))
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
        name: child.name, label: text("label", of: control), relevant: rule("relevant", own),
        appearance: control?.attributes["appearance"] ?? repeats[own]?.attributes["appearance"],
        count: repeats[own]?.attributes["count"].flatMap { expression($0, "\(own) repeat_count") }, items: self.items(of: child, path: own))
      items.append(repeats[own] == nil ? .group(section) : .repeated(section))
    }
    return items
  }

  private mutating func question(_ node: XMLNode, _ path: String) -> FormQuestion? {
    let control = controls[path]
    let bind = binds[path] ?? [:]
    guard let kind = kind(control, bind) else {
      report("\(path) type", Self.unsupported(control?.name ?? bind["preload"] ?? "bind"))
      return nil
    }
    var (list, filter): (String?, FormExpression?) = (nil, nil)
    if kind.hasChoices, let control { (list, filter) = choices(of: control, path) }
    if bind["preload"] != nil {
      let isDay = bind["preload"] == "timestamp" || bind["preload"] == "date"
      return FormQuestion(name: node.name, kind: .calculate, calculation: try? FormExpression(isDay ? "today()" : "''"))
    }
    let pixels = bind["max-pixels"].flatMap { ISODate.number(Array($0.utf8)) }
    let isRequired = !["", "false()"].contains(bind["required"] ?? "")
    return FormQuestion(
      name: node.name, kind: kind, label: text("label", of: control), hint: text("hint", of: control), choiceList: list,
      required: isRequired ? rule("required", path) : nil, requiredMessage: isRequired ? text(bind["requiredMsg"]) : nil,
      relevant: rule("relevant", path), constraint: rule("constraint", path), constraintMessage: text(bind["constraintMsg"]),
      calculation: rule("calculate", path), choiceFilter: filter, initial: initial(node, path),
      appearance: control?.attributes["appearance"], maxPixels: pixels)
  }

  private func kind(_ control: XMLNode?, _ bind: [String: String]) -> QuestionKind? {
    if bind["preload"] != nil { return .calculate }
    guard let control else { return bind["calculate"] == nil ? .hidden : .calculate }
    switch control.name {
    case "select1": return .selectOne
    case "select": return .selectMultiple
    case "rank": return .rank
    case "upload": return control.attributes["mediatype"] == "image/*" ? .image : nil
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
      let list = path.split(separator: "/").last.map(String.init) ?? path
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
      return try FormExpression(XFormPaths.withReferences(source, root: data.name), isFilter: isFilter)
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

  private static let noLanguages = LocalizedText(
    vi: "mỗi ngôn ngữ phải có tên, ví dụ label::Tiếng Việt (vi) trong XLSForm.",
    en: "each language must have a name, such as label::English (en) in the XLSForm.")
}

/// Turns the paths of an XForm's rule back into `${name}`, as its author wrote them.
enum XFormPaths {
  static func withReferences(_ source: String, root: String) -> String {
    var out = ""
    let characters = Array(source)
    var index = 0
    while index < characters.count {
      let character = characters[index]
      if character == "'" || character == "\"" {
        let end = characters[(index + 1)...].firstIndex(of: character) ?? characters.count - 1
        let text = String(characters[(index + 1)..<max(end, index + 1)])
        let inner = text.trimmingWhitespace
        out.append(character)
        out += inner.hasPrefix("/\(root)/") && reference(inner) != nil ? reference(inner) ?? text : text
        if end > index { out.append(characters[end]) }
        index = end + 1
        continue
      }
      guard let path = path(characters, at: index), let reference = reference(path) else {
        out.append(character)
        index += 1
        continue
      }
      index += path.count
      // pyxform puts a space on either side of each path.
      if out.last == " ", index < characters.count, characters[index] == " " {
        out.removeLast()
        index += 1
      } else if out.last == " ", index == characters.count {
        out.removeLast()
      }
      out += reference
    }
    return out
  }

  /// A path that begins here: `/data/…`, `../…` or `current()/…`.
  private static func path(_ characters: [Character], at start: Int) -> String? {
    let rest = characters[start...]
    let isStart = rest.starts(with: "../") || rest.starts(with: "current()/") || rest.first == "/"
    let before = start > 0 ? characters[start - 1] : " "
    guard isStart, !isStep(before), before != ")" else { return nil }
    let head = rest.starts(with: "current()/") ? 9 : 0
    return String(rest.prefix(head)) + String(rest.dropFirst(head).prefix { isStep($0) || $0 == "/" })
  }

  private static func isStep(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "_-.".contains(character)
  }

  private static func reference(_ path: String) -> String? {
    guard let name = path.split(separator: "/").last.map(String.init), FormName.isValid(name) else { return nil }
    return "${\(name)}"
  }
}
