internal import Foundation

/// Province at the top of the tree, from the campaign file.
public struct ProvinceName: Sendable, Hashable, Codable {
  public var code: UnitCode
  public var name: String

  public init(code: UnitCode, name: String) {
    self.code = code
    self.name = name
  }
}

/// Reads the unit tree from `communes.csv` and, where there are groups, `districts.csv`.
public enum UnitLoader {
  /// Name of the file with columns `code, name, kind` and, where communes lie in groups, `district_code` and perhaps `district`.
  public static let communesFile = "communes.csv"
  /// Name of the file with columns `code, name, kind, communes`; the last is the number of communes directly under it, which must
  /// agree. `parent_code` names the group in which a group lies; without it, the group lies under the root.
  public static let districtsFile = "districts.csv"

  /// Returns whether communes lie in groups.
  public static func hasGroups(communes: [SourceRow]) -> Bool {
    communes.contains { !($0.fields["district_code"] ?? "").trimmed.isEmpty }
  }

  /// Loads the tree.
  ///
  /// - Parameter districts: Rows of groups; ignored when no commune lies in a group.
  /// - Throws: every mistake in both files at once, with line numbers.
  public static func load(communes: [SourceRow], districts: [SourceRow], province: ProvinceName) throws(DataProblems) -> UnitTree {
    let hasGroups = hasGroups(communes: communes)
    let districts = hasGroups ? districts : []
    let zeros = LostZeros(districts.map { ($0.fields["code"] ?? "").trimmed })
    var reader = RowReader(file: districtsFile)
    let districtEntries = districts.map { row in
      let parent = zeros.restored((row.fields["parent_code"] ?? "").trimmed)
      return entry(row, level: .district, parent: parent.isEmpty ? province.code : UnitCode(parent), reader: &reader)
    }
    let counts = districts.map { (row: $0, count: reader.number("communes", in: $0, max: UnitTree.unitsMax)) }
    var problems = reader.problems

    reader = RowReader(file: communesFile)
    let communeEntries = communes.map { row in
      let parent = hasGroups ? UnitCode(zeros.restored(reader.text("district_code", in: row))) : province.code
      return entry(row, level: .commune, parent: parent, reader: &reader)
    }
    problems += reader.problems
    if communes.isEmpty {
      problems.append(DataProblem(communesFile, vi: "Không có xã nào.", en: "There is no commune in it."))
    }
    problems += nameDisagreements(communes: communes, districts: districtEntries, zeros)
    problems += countDisagreements(counts, communes: communeEntries)

    let top = SurveyUnit(code: province.code, name: normalized(province.name), kind: "tinh", parentCode: nil, level: .province)
    let entries = [UnitTree.Entry(top, source: "campaign.json")] + districtEntries + communeEntries
    // Reports a row with an empty cell once, by its column.
    let reported = Set(problems.map { "\($0.source):\($0.line ?? 0)" })
    problems += UnitTreeCheck.problems(in: entries).filter { !reported.contains("\($0.source):\($0.line ?? 0)") }
    guard problems.isEmpty else { throw DataProblems(problems) }
    return try UnitTree(entries)
  }

  private static func entry(_ row: SourceRow, level: UnitLevel, parent: UnitCode, reader: inout RowReader) -> UnitTree.Entry {
    let unit = SurveyUnit(
      code: UnitCode(reader.text("code", in: row)), name: normalized(reader.text("name", in: row)),
      kind: reader.text("kind", in: row), parentCode: parent, level: level)
    return UnitTree.Entry(unit, source: reader.file, line: row.line)
  }

  private static func nameDisagreements(communes: [SourceRow], districts: [UnitTree.Entry], _ zeros: LostZeros) -> [DataProblem] {
    let names = Dictionary(districts.map { ($0.unit.code.rawValue, $0.unit.name) }, uniquingKeysWith: { first, _ in first })
    return communes.compactMap { row in
      guard let written = row.fields["district"].map(normalized), !written.isEmpty,
        let code = row.fields["district_code"].map({ zeros.restored($0.trimmed) }), let name = names[code], name != written
      else { return nil }
      return DataProblem(
        communesFile, line: row.line, vi: "Mã huyện “\(code)” là “\(name)” trong \(districtsFile), nhưng ở đây ghi “\(written)”.",
        en: "District “\(code)” is “\(name)” in \(districtsFile), but “\(written)” here.")
    }
  }

  private static func countDisagreements(_ counts: [(row: SourceRow, count: Int?)], communes: [UnitTree.Entry]) -> [DataProblem] {
    let found = Dictionary(grouping: communes, by: { $0.unit.parentCode ?? "" }).mapValues(\.count)
    return counts.compactMap { row, count in
      let code = UnitCode((row.fields["code"] ?? "").trimmed)
      let actual = found[code] ?? 0
      guard let count, count != actual else { return nil }
      return DataProblem(
        districtsFile, line: row.line, vi: "“\(code)” ghi có \(count) xã, nhưng \(communesFile) có \(actual).",
        en: "“\(code)” says it has \(count) communes, but \(communesFile) has \(actual).")
    }
  }

  /// Returns a text trimmed and in NFC, so that the same name is the same text.
  static func normalized(_ text: String) -> String {
    text.trimmed.precomposedStringWithCanonicalMapping
  }
}

/// Reads cells of rows, and collects their faults.
struct RowReader {
  var file: String
  var problems: [DataProblem] = []

  init(file: String) {
    self.file = file
  }

  /// Returns the trimmed cell; a missing or empty one is a fault, and read as "".
  mutating func text(_ column: String, in row: SourceRow) -> String {
    let value = (row.fields[column] ?? "").trimmed
    if value.isEmpty {
      problems.append(
        DataProblem(file, line: row.line, vi: "Cột “\(column)” chưa có giá trị.", en: "The column “\(column)” has no value."))
    }
    return value
  }

  /// Returns the cell as a whole number from 0 to `max`; anything else is a fault, and read as `nil`.
  mutating func number(_ column: String, in row: SourceRow, max: Int) -> Int? {
    var value = text(column, in: row)
    guard !value.isEmpty else { return nil }
    if case .text(let whole) = SheetCells.integer(value) { value = whole }
    guard value.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let number = Int(value), number <= max else {
      problems.append(
        DataProblem(
          file, line: row.line, vi: "Cột “\(column)” ghi “\(value)”; cần một số nguyên từ 0 đến \(max).",
          en: "The column “\(column)” says “\(value)”; it needs a whole number from 0 to \(max)."))
      return nil
    }
    return number
  }
}

extension String {
  var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
