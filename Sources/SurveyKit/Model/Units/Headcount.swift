/// Staff of each commune's agencies: the denominator of participation.
public struct Headcount: Sendable, Hashable {
  /// Name of the file, with columns `code, officials, civil_servants, part_time, eligible`; others are ignored.
  public static let file = "headcount.csv"
  /// People in one cell.
  public static let peopleMax = 100_000
  /// Columns by whose names rules of forms see the headcount.
  static let columns = ["officials", "civil_servants", "part_time", "eligible"]

  /// Staff of one commune, in people.
  public struct Staff: Sendable, Hashable, Codable {
    public var officials: Int
    public var civilServants: Int
    public var partTime: Int
    /// People who may answer: officials and civil servants.
    public var eligible: Int

    public init(officials: Int, civilServants: Int, partTime: Int, eligible: Int) {
      self.officials = officials
      self.civilServants = civilServants
      self.partTime = partTime
      self.eligible = eligible
    }
  }

  public var staff: [UnitCode: Staff]

  public init(staff: [UnitCode: Staff]) {
    self.staff = staff
  }

  /// Reads the file against the tree.
  ///
  /// - Throws: every mistake at once: empty or odd numbers, `eligible` that is not the sum, unknown, repeated and missing communes.
  public init(rows: [SourceRow], tree: UnitTree) throws(DataProblems) {
    var reader = RowReader(file: Self.file)
    var lines: [UnitCode: Int] = [:]
    staff = [:]
    let zeros = LostZeros(tree.units(at: .commune).map(\.code.rawValue))
    for row in rows {
      let code = UnitCode(zeros.restored(reader.text("code", in: row)))
      let officials = reader.number("officials", in: row, max: Self.peopleMax)
      let civilServants = reader.number("civil_servants", in: row, max: Self.peopleMax)
      let partTime = reader.number("part_time", in: row, max: Self.peopleMax)
      let eligible = reader.number("eligible", in: row, max: Self.peopleMax)
      if let problem = Self.codeProblem(code, line: row.line, first: lines[code], tree: tree) { reader.problems.append(problem) }
      if lines[code] == nil { lines[code] = row.line }
      guard let officials, let civilServants, let partTime, let eligible else { continue }
      if eligible != officials + civilServants {
        reader.problems.append(
          DataProblem(
            Self.file, line: row.line,
            vi: "Cột “eligible” ghi \(eligible), nhưng cán bộ và công chức cộng lại là \(officials + civilServants).",
            en: "The column “eligible” says \(eligible), but officials and civil servants add up to \(officials + civilServants)."))
      }
      staff[code] = Staff(officials: officials, civilServants: civilServants, partTime: partTime, eligible: eligible)
    }
    for unit in tree.units(at: .commune) where lines[unit.code] == nil {
      reader.problems.append(
        DataProblem(
          Self.file, vi: "Chưa có dòng cho “\(tree.displayName(of: unit.code))” (\(unit.code)).",
          en: "There is no line for “\(tree.displayName(of: unit.code))” (\(unit.code))."))
    }
    guard reader.problems.isEmpty else { throw DataProblems(reader.problems) }
  }

  /// Returns how many may answer in `code` and everything below it; `nil` when unknown.
  public func eligible(in code: UnitCode, of tree: UnitTree) -> Int? {
    let known = ([code] + tree.descendants(of: code).map(\.code)).compactMap { staff[$0]?.eligible }
    return known.isEmpty ? nil : known.reduce(0, +)
  }

  private static func codeProblem(_ code: UnitCode, line: Int, first: Int?, tree: UnitTree) -> DataProblem? {
    if code.rawValue.isEmpty { return nil }
    if let first {
      return DataProblem(file, line: line, vi: "Mã “\(code)” đã có ở dòng \(first).", en: "The code “\(code)” is already on line \(first).")
    }
    guard tree[code]?.level != .commune else { return nil }
    let short = UnitCode(String(code.rawValue.drop { $0 == "0" }))
    if tree[short]?.level == .commune {
      return DataProblem(
        file, line: line, vi: "Mã “\(code)” là “\(short)” trong \(UnitLoader.communesFile): bảng tính đã bỏ số 0 ở đầu; hãy sửa tệp đó.",
        en: "The code “\(code)” is “\(short)” in \(UnitLoader.communesFile): a spreadsheet dropped the zeros in front; correct that file.")
    }
    return DataProblem(
      file, line: line, vi: "Mã “\(code)” không phải là một xã trong danh sách.", en: "The code “\(code)” is not a commune of the list.")
  }
}
