internal import Foundation
public import SurveyKit
internal import SyncHub

extension SurveyHub {
  /// Makes the tables of a form that may leave the hub.
  ///
  /// - Parameters:
  ///   - form: Nil for the campaign's first.
  ///   - labels: Code of one of its languages in which reports are written, for people to read; nil writes names and codes, for programs.
  /// - Throws: `DataProblems` when there is no such form, or it has no such language.
  public func export(form: String? = nil, labels: String? = nil) async throws -> FormExport {
    let plan = try await requirePlan(asking: form)
    let name = form ?? plan.campaign.forms.first ?? plan.campaign.reportForm
    guard plan.campaign.forms.contains(name) || plan.campaign.reportForm == name else {
      let list = (plan.campaign.forms + [plan.campaign.reportForm]).joined(separator: ", ")
      throw DataProblems([
        DataProblem(name, vi: "cuộc khảo sát không có biểu mẫu này; có: \(list).", en: "the campaign has no such form; there is: \(list).")
      ])
    }
    let editions = try await hub.read { session in try ExportedEditions(session: session, form: name).newestFirst }
    let known = editions.first?.languages ?? []
    if let labels, !known.contains(where: { $0.code == labels }) {
      let list = known.map { "\($0.code) (\($0.name))" }.joined(separator: ", ")
      throw DataProblems([
        DataProblem(
          name, vi: "biểu mẫu không có ngôn ngữ \(labels); có: \(list).", en: "the form has no language \(labels); it has: \(list).")
      ])
    }
    let codebook = Codebook(editions: editions).table("\(name).codebook")
    guard plan.campaign.reportForm == name, !plan.campaign.forms.contains(name) else {
      let released = try await results(form: name)
      return FormExport(form: name, isAnonymous: true, tables: ReleaseTables(released).tables + [codebook])
    }
    let tables = try await hub.read { [shelf] session in
      try ReportTables(editions: editions, form: name, names: plan.tree, labels: labels, shelf: shelf, session: session).tables()
    }
    return FormExport(form: name, isAnonymous: false, tables: tables + [codebook])
  }
}

/// Editions of a form that the hub has.
struct ExportedEditions {
  let session: any HubSession
  let form: String

  var newestFirst: [Form] {
    get throws {
      try session.rows("SELECT version, definition FROM form WHERE form = ?1", [.text(form)])
        .compactMap { row in row[1].text.flatMap { try? Form(canonicalJSON: Data($0.utf8)) } }
        .sorted { ($0.version.count, $0.version) > ($1.version.count, $1.version) }
    }
  }
}

/// Reports of a form, row by row, with a table for each repeat.
struct ReportTables {
  let editions: [Form]
  let form: String
  let names: UnitTree
  /// Code of the language in which headings and choices are written; nil writes names and codes.
  let labels: String?
  let shelf: FormShelf
  let session: any HubSession

  private static let own = ["_unit", "_unit_name", "_day", "_version", "_state"]

  func tables() throws -> [ExportTable] {
    let chains = ExportColumns.chains(editions)
    let columns = ExportColumns(editions).columns
    let outer = columns.filter { (chains[$0.question] ?? []).isEmpty }
    var main = ExportTable(name: form, heading: Self.own + outer.map(heading))
    var repeats: [String: ExportTable] = [:]
    var inside: [String: [ExportColumns.Column]] = [:]
    let names = columns.compactMap { chains[$0.question]?.last }
    var order: [String] = []
    for name in names where !order.contains(name) { order.append(name) }
    for name in order {
      let own = columns.filter { chains[$0.question]?.last == name }
      inside[name] = own
      repeats[name] = ExportTable(name: "\(form).\(name)", heading: ["_unit", "_day", "_number"] + own.map(heading))
    }
    for row in try session.rows("SELECT id FROM report WHERE form LIKE ?1 ORDER BY unit, day", [.text("\(form)@%")]) {
      guard let key = row[0].text, let report = try HubReport(key, shelf: shelf, in: session),
        report.stored.form?.prefix(while: { $0 != "@" }) == form[...]
      else { continue }
      let (answers, state) = try standing(report)
      let version = report.stored.form.map { String($0.dropFirst(form.count + 1)) }
      let unit = report.stored.unit
      let head = [unit, self.names[UnitCode(unit)]?.name, report.stored.day, version, state].map { ExportTable.Cell($0) }
      main.rows.append(head + outer.map { cell($0, answers) })
      add(answers, number: nil, unit, report.stored.day, inside, to: &repeats)
    }
    return [main] + order.compactMap { repeats[$0] }
  }

  // MARK: Names or labels

  /// Written in the chosen language, else in the edition's own, without markup.
  private func plain(_ text: FormText, _ edition: Form) -> String {
    Markup(text.unfilled.text(in: labels ?? "", fallback: edition.defaultLanguage)).plain
  }

  /// A choice's label in the newest edition that offers it, else its code.
  private func label(_ choice: String, of question: String) -> String {
    for edition in editions {
      guard let own = edition.question(named: question) else { continue }
      if let found = edition.choices(of: own).first(where: { $0.name == choice }) { return plain(found.label, edition) }
    }
    return choice
  }

  private func heading(_ column: ExportColumns.Column) -> String {
    let edition = editions.first { $0.question(named: column.question) != nil }
    guard labels != nil, let edition, let text = edition.question(named: column.question)?.label else { return column.name }
    return plain(text, edition) + (column.choice.map { " – " + label($0, of: column.question) } ?? "")
  }

  private func cell(_ column: ExportColumns.Column, _ answers: [String: AnswerValue]) -> ExportTable.Cell {
    guard labels != nil, column.choice == nil else { return column.cell(answers) }
    switch answers[column.question] {
    case .choice(let name)?: return ExportTable.Cell(label(name, of: column.question))
    case .choices(let names)?: return ExportTable.Cell(names.map { label($0, of: column.question) }.joined(separator: "; "))
    default: return column.cell(answers)
    }
  }

  /// Returns a report's answers and state.
  ///
  /// - Returns: The answers as they stand, and `contradicts` or `unreadable` when something is wrong with them.
  private func standing(_ report: HubReport) throws -> (answers: [String: AnswerValue], state: String) {
    do {
      let standing = try report.stored.standing()
      return (report.judge?.settled(standing) ?? standing, try report.invalid() == nil ? "" : "contradicts")
    } catch is SurveyFieldError {
      return ([:], "unreadable")
    }
  }

  private func add(
    _ answers: [String: AnswerValue], number: Int?, _ unit: String, _ day: String?, _ inside: [String: [ExportColumns.Column]],
    to tables: inout [String: ExportTable]
  ) {
    for (name, value) in answers.sorted(by: { $0.key < $1.key }) {
      guard case .instances(let instances) = value else { continue }
      for (place, instance) in instances.enumerated() {
        let own = RepeatNumber.inside(number, place + 1)
        if let columns = inside[name] {
          let head = [unit, day, RepeatNumber.text(own)].map { ExportTable.Cell($0) }
          tables[name]?.rows.append(head + columns.map { cell($0, instance) })
        }
        add(instance, number: own, unit, day, inside, to: &tables)
      }
    }
  }
}

/// Newest release of an anonymous form's results, and who took part: only what may be shown.
struct ReleaseTables {
  let results: FormResults

  init(_ results: FormResults) { self.results = results }

  var tables: [ExportTable] {
    var cells = ExportTable(
      name: results.form,
      heading: [
        "release", "release_day", "unit", "unit_name", "level", "question", "label_vi", "label_en", "choice", "choice_vi", "choice_en",
        "state", "count", "share", "from", "to", "mean", "answered", "as_of_release",
      ])
    let headings = Dictionary(results.view.questions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for unit in results.view.units {
      let head = [results.release.map(String.init), results.releaseDay, unit.unit.rawValue, unit.name, unit.level.rawValue].map {
        ExportTable.Cell($0)
      }
      for question in unit.questions {
        let heading = headings[question.question]
        let asked = head + [question.question, heading?.label.vi, heading?.label.en].map { ExportTable.Cell($0) }
        let last: [ExportTable.Cell] = [question.answered.map { .number($0) } ?? .empty, .number(question.asOf ?? results.release ?? 0)]
        for choice in question.choices {
          let words = heading?.choices.first { $0.id == choice.choice }?.label
          let name = [choice.choice, words?.vi, words?.en].map { ExportTable.Cell($0) }
          cells.rows.append(asked + name + Self.cells(choice.cell) + last)
        }
        if let mean = question.mean { cells.rows.append(asked + [.empty, .empty, .empty] + Self.cells(mean) + last) }
      }
    }
    var participation = ExportTable(
      name: "\(results.form).participation", heading: ["unit", "unit_name", "level", "answers", "expected"])
    participation.rows = results.participation.map { line in
      [line.unit.rawValue, line.name, line.level.rawValue].map { ExportTable.Cell($0) } + [
        .number(line.answers), line.expected.map { .number($0) } ?? .empty,
      ]
    }
    return [cells, participation]
  }

  /// Returns the cells: state, count, share, from, to, mean.
  private static func cells(_ cell: ResultCell) -> [ExportTable.Cell] {
    switch cell {
    case .shown(let count?, .permille(let permille)):
      [.text("exact"), .number(count), .decimal(Double(permille) / 1_000), .empty, .empty, .empty]
    case .shown(let count, let share):
      [.text("band"), count.map { .number($0) } ?? .empty, ExportTable.Cell(ResultsTable.text(share, .english)), .empty, .empty, .empty]
    case .range(let range): [.text("range"), .empty, .empty, .number(range.lowerBound), .number(range.upperBound), .empty]
    case .withheld(let reason): [.text(reason.rawValue)] + Array(repeating: .empty, count: 5)
    }
  }

  private static func cells(_ mean: MeanCell) -> [ExportTable.Cell] {
    switch mean {
    case .shown(let tenths): [.text("exact"), .empty, .empty, .empty, .empty, .decimal(Double(tenths) / 10)]
    case .withheld(let reason): [.text(reason.rawValue)] + Array(repeating: .empty, count: 5)
    }
  }
}
