internal import SyncCore

/// Finds every mistake in a list of units, each with its line.
enum UnitTreeCheck {
  static func problems(in entries: [UnitTree.Entry]) -> [DataProblem] {
    guard entries.count <= UnitTree.unitsMax else {
      return [
        DataProblem(
          "units", vi: "Có \(entries.count) đơn vị, nhiều hơn mức tối đa \(UnitTree.unitsMax).",
          en: "There are \(entries.count) units, more than the \(UnitTree.unitsMax) allowed.")
      ]
    }
    var firsts: [UnitCode: UnitTree.Entry] = [:]
    var problems: [DataProblem] = []
    for entry in entries {
      problems += ownProblems(of: entry)
      if let first = firsts[entry.unit.code] {
        problems.append(repeated(entry, first: first))
      } else {
        firsts[entry.unit.code] = entry
      }
    }
    for entry in entries {
      if let problem = parentProblem(of: entry, in: firsts) { problems.append(problem) }
    }
    return problems + circles(among: entries, in: firsts)
  }

  private static func ownProblems(of entry: UnitTree.Entry) -> [DataProblem] {
    let code = entry.unit.code
    var problems: [DataProblem] = []
    if !code.isWellFormed {
      problems.append(
        DataProblem(
          entry.source, line: entry.line,
          vi:
            "Mã “\(code)” không hợp lệ: mã gồm 1 đến \(UnitCode.bytesMax) chữ cái không dấu, chữ số, dấu “.”, “-” hay “_”, và không bắt đầu bằng “.” hay “-”.",
          en:
            "The code “\(code)” is not valid: a code has 1 to \(UnitCode.bytesMax) plain letters, digits, “.”, “-” or “_”, and does not begin with “.” or “-”."
        ))
    }
    if entry.unit.name.allSatisfy(\.isWhitespace) {
      problems.append(
        DataProblem(
          entry.source, line: entry.line, vi: "Đơn vị “\(code)” chưa có tên.", en: "The unit “\(code)” has no name."))
    }
    let name = entry.unit.name
    if name.utf8.count > SurveyUnit.nameBytesMax || name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      problems.append(
        DataProblem(
          entry.source, line: entry.line,
          vi: "Tên của đơn vị “\(code)” có ký tự điều khiển hoặc dài quá \(SurveyUnit.nameBytesMax) byte.",
          en: "The name of unit “\(code)” has control characters, or is longer than \(SurveyUnit.nameBytesMax) bytes."))
    }
    return problems
  }

  private static func repeated(_ entry: UnitTree.Entry, first: UnitTree.Entry) -> DataProblem {
    let source = first.source
    let place =
      first.line.map { LocalizedText(vi: "\(source), dòng \($0)", en: "\(source), line \($0)") } ?? LocalizedText(source)
    return DataProblem(
      entry.source, line: entry.line,
      vi: "Mã “\(entry.unit.code)” đã có ở \(place.vi). Mỗi đơn vị cần một mã riêng.",
      en: "The code “\(entry.unit.code)” is already at \(place.en). Each unit needs a code of its own.")
  }

  private static func parentProblem(of entry: UnitTree.Entry, in firsts: [UnitCode: UnitTree.Entry]) -> DataProblem? {
    let unit = entry.unit
    guard let parentCode = unit.parentCode else {
      guard unit.level != .province else { return nil }
      return DataProblem(
        entry.source, line: entry.line, vi: "Đơn vị “\(unit.code)” chưa ghi đơn vị cấp trên.",
        en: "The unit “\(unit.code)” names no parent.")
    }
    guard let parent = firsts[parentCode]?.unit else {
      return DataProblem(
        entry.source, line: entry.line, vi: "Đơn vị cấp trên “\(parentCode)” của “\(unit.code)” không có trong danh sách.",
        en: "The parent “\(parentCode)” of “\(unit.code)” is not in the list.")
    }
    guard !unit.level.mayLie(under: parent.level) else { return nil }
    return DataProblem(
      entry.source, line: entry.line, vi: "“\(parentCode)” không thể là cấp trên của “\(unit.code)”: sai cấp hành chính.",
      en: "“\(parentCode)” cannot be the parent of “\(unit.code)”: it is of the wrong level.")
  }

  /// Returns each circle once, at the first of its lines.
  private static func circles(among entries: [UnitTree.Entry], in firsts: [UnitCode: UnitTree.Entry]) -> [DataProblem] {
    var done: Set<UnitCode> = []
    var problems: [DataProblem] = []
    for entry in entries {
      var path: [UnitCode] = []
      var onPath: Set<UnitCode> = []
      var next: UnitCode? = entry.unit.code
      while let code = next, firsts[code] != nil, !done.contains(code), onPath.insert(code).inserted {
        path.append(code)
        next = firsts[code]?.unit.parentCode
      }
      if let code = next, onPath.contains(code), let start = path.firstIndex(of: code) {
        let chain = (path[start...] + [code]).map(\.rawValue).joined(separator: " → ")
        problems.append(
          DataProblem(
            entry.source, line: entry.line, vi: "Các đơn vị là cấp trên của nhau thành vòng: \(chain).",
            en: "Units are one another's parents in a circle: \(chain)."))
      }
      done.formUnion(path)
    }
    return problems
  }
}
