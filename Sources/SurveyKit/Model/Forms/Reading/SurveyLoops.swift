internal import Foundation
internal import SyncCore

extension XLSFormSheet {
  /// Most rows after loops are written out; a form of more is refused as too long.
  private static let rowsMax = 2 * Form.formItemsMax

  /// Writes out every `begin loop over list`: a group for each choice, in which `%(name)s` and `%(label)s` are the choice's.
  mutating func writeOutLoops(_ lists: [String: [FormChoice]], defaultLanguage: String) {
    // Writes out a loop inside another in the next round.
    for _ in 0..<Form.formGroupDepthMax {
      guard let begin = rows.firstIndex(where: { loopList($0) != nil }) else { return }
      var depth = 0
      let end = rows[begin...].firstIndex { row in
        let words = type(of: row).split(separator: " ")
        if words.count >= 2, words[1] == "loop" { depth += words[0] == "begin" ? 1 : words[0] == "end" ? -1 : 0 }
        return depth == 0
      }
      guard let end, let list = loopList(rows[begin]), let choices = lists[list] else { return }
      let inside = rows[(begin + 1)..<end]
      guard rows.count + choices.count * (inside.count + 2) <= Self.rowsMax else { return }
      var written = [retyped(rows[begin], "begin group")]
      for choice in choices {
        written.append(group(rows[begin], choice, defaultLanguage))
        written += inside.map { filled($0, choice, defaultLanguage) }
        written.append(retyped(rows[end], "end group"))
      }
      written.append(retyped(rows[end], "end group"))
      replaceRows(begin...end, with: written)
    }
  }

  private func type(of row: CSVRecord) -> String {
    cell("type", of: row).lowercased().replacing("_", with: " ").split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// The list of `begin loop over list`, as its author wrote it: list names have underscores, too.
  private func loopList(_ row: CSVRecord) -> String? {
    let words = cell("type", of: row).split(whereSeparator: \.isWhitespace)
    guard words.count >= 3, words[words.count - 2].lowercased() == "over" else { return nil }
    return type(of: row).hasPrefix("begin loop over ") ? String(words[words.count - 1]) : nil
  }

  private func retyped(_ row: CSVRecord, _ type: String) -> CSVRecord {
    changed(row) { column, cell in column?.base == "type" ? type : cell }
  }

  /// The group of one choice.
  private func group(_ row: CSVRecord, _ choice: FormChoice, _ defaultLanguage: String) -> CSVRecord {
    changed(row) { column, _ in
      switch column?.base {
      case "type": "begin group"
      case "name": FormName.plain(choice.name)
      case "label": choice.label.text(in: column?.language?.code ?? defaultLanguage, fallback: defaultLanguage)
      default: ""
      }
    }
  }

  private func filled(_ row: CSVRecord, _ choice: FormChoice, _ defaultLanguage: String) -> CSVRecord {
    changed(row) { column, cell in
      guard cell.contains("%(") else { return cell }
      let label = choice.label.text(in: column?.language?.code ?? defaultLanguage, fallback: defaultLanguage)
      let name = column?.base == "name" ? FormName.plain(choice.name) : choice.name
      return cell.replacingOccurrences(of: "%(name)s", with: name).replacingOccurrences(of: "%(label)s", with: label)
    }
  }

  private func changed(_ row: CSVRecord, _ change: (Column?, String) -> String) -> CSVRecord {
    var fields = row.fields
    for (title, index) in row.columns where index < fields.count {
      fields[index] = change(columns.first { $0.header == title }, fields[index])
    }
    return CSVRecord(line: row.line, row: row.row, fields: fields, columns: row.columns)
  }
}
