internal import SyncCore

/// Says which column of a file of answers is which.
struct ImportHeading {
  /// Places of columns, by their names.
  private(set) var places: [String: Int] = [:]
  /// Columns that are none of the form's, or mean one name twice.
  private(set) var problems: [LocalizedText] = []
  /// Names that were meant by headings written otherwise.
  private(set) var remarks: [LocalizedText] = []

  /// - Parameter form: Nil looks for the columns about the answered form alone.
  init(_ header: [String], form: Form?) {
    let inRepeats = Set((form?.repeats ?? []).flatMap { FormItem.questions(in: $0.items) }.map(\.name))
    let questions = (form?.questions ?? []).filter { !inRepeats.contains($0.name) }
    let envelope = AnswersCSVImporter.Envelope.allCases.map(\.rawValue)
    let labels = questions.filter(\.kind.isAsked).flatMap { question in
      (question.label?.byLanguage.values.map { ($0, question.name) }) ?? []
    }
    let names = ColumnNames(envelope + questions.map(\.name), labels: labels)
    var meant: [LocalizedText] = []
    for (index, title) in header.enumerated() where !title.isEmpty {
      switch names.reading(title) {
      case .name: place(title, at: index, title)
      case .meant(let name):
        place(name, at: index, title)
        meant.append(LocalizedText(vi: "“\(title)” là \(name)", en: "“\(title)” as \(name)"))
      case .near(let name):
        problems.append(
          LocalizedText(
            vi: "Cột “\(title)” không phải câu hỏi của biểu mẫu; có phải là \(name)? Hãy sửa tên hoặc xóa cột.",
            en: "The column “\(title)” is no question of the form; is \(name) meant? Correct its name or remove it."))
      case .unknown:
        problems.append(
          LocalizedText(
            vi: "Cột “\(title)” không phải câu hỏi của biểu mẫu; hãy xóa hoặc sửa tên (tên cột: field forms MÃ).",
            en: "The column “\(title)” is no question of the form; remove it or correct its name (for the names: field forms ID)."))
      }
    }
    if !meant.isEmpty { remarks.append(Self.remark(meant)) }
  }

  /// Headings named in a remark.
  private static let namedMax = 5

  private static func remark(_ meant: [LocalizedText]) -> LocalizedText {
    let named = meant.prefix(namedMax)
    let more = meant.count - named.count
    let rest = LocalizedText(vi: more > 0 ? " và \(more) cột nữa" : "", en: more > 0 ? " and \(more) more" : "")
    return LocalizedText(
      vi: "Tiêu đề cột được hiểu theo tên: \(named.map(\.vi).joined(separator: ", "))\(rest.vi).",
      en: "Headings were taken for names: \(named.map(\.en).joined(separator: ", "))\(rest.en).")
  }

  private mutating func place(_ name: String, at index: Int, _ title: String) {
    guard let first = places.updateValue(index, forKey: name) else { return }
    places[name] = first
    problems.append(
      LocalizedText(
        vi: "Cột “\(title)” và cột thứ \(first + 1) đều là \(name); hãy bỏ một cột.",
        en: "The column “\(title)” and column \(first + 1) both mean \(name); remove one."))
  }
}
