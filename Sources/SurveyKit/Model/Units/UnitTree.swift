/// Units of a campaign as a checked tree: every parent exists, no code repeats, and there are no circles.
///
/// Lists keep the order of the source. An unknown code gives `nil` or an empty list, never a trap.
public struct UnitTree: Sendable {
  /// Units of a tree. The whole of Vietnam had 11 365 in 2024.
  public static let unitsMax = 20_000
  /// Levels from a root to a leaf.
  package static let levelsMax = 16

  /// Units in source order.
  public let units: [SurveyUnit]
  private let byCode: [UnitCode: SurveyUnit]
  private let childCodes: [UnitCode: [UnitCode]]

  /// Unit with the place where it was read, so that a mistake can be found.
  public struct Entry: Sendable {
    public var unit: SurveyUnit
    public var source: String
    public var line: Int?

    public init(_ unit: SurveyUnit, source: String, line: Int? = nil) {
      self.unit = unit
      self.source = source
      self.line = line
    }
  }

  /// Checks and builds the tree.
  ///
  /// - Throws: every mistake at once: malformed or repeated codes, empty names, unknown parents, parents of the wrong level, circles.
  public init(_ entries: [Entry]) throws(DataProblems) {
    let problems = UnitTreeCheck.problems(in: entries)
    guard problems.isEmpty else { throw DataProblems(problems) }
    units = entries.map(\.unit)
    byCode = Dictionary(units.map { ($0.code, $0) }, uniquingKeysWith: { first, _ in first })
    childCodes = Dictionary(
      grouping: units.filter { $0.parentCode != nil }, by: { $0.parentCode ?? $0.code }
    ).mapValues { $0.map(\.code) }
  }

  /// Builds a tree of units that come from a program.
  public init(units: [SurveyUnit], source: String = "units") throws(DataProblems) {
    try self.init(units.map { Entry($0, source: source) })
  }

  public subscript(code: UnitCode) -> SurveyUnit? { byCode[code] }

  public var roots: [SurveyUnit] { units.filter { $0.parentCode == nil } }

  public func units(at level: UnitLevel) -> [SurveyUnit] {
    units.filter { $0.level == level }
  }

  public func parent(of code: UnitCode) -> SurveyUnit? {
    byCode[code]?.parentCode.flatMap { byCode[$0] }
  }

  public func children(of code: UnitCode) -> [SurveyUnit] {
    (childCodes[code] ?? []).compactMap { byCode[$0] }
  }

  /// Returns the units above `code`, **nearest first**: district, then province. The unit itself is not among them.
  public func ancestors(of code: UnitCode) -> [SurveyUnit] {
    var result: [SurveyUnit] = []
    var next = parent(of: code)
    while let unit = next {
      result.append(unit)
      next = parent(of: unit.code)
    }
    return result
  }

  /// Returns the units below `code`, each before its own children. The unit itself is not among them.
  public func descendants(of code: UnitCode) -> [SurveyUnit] {
    children(of: code).flatMap { [$0] + descendants(of: $0.code) }
  }

  /// Returns whether `code` is `other` or lies somewhere above it.
  public func covers(_ code: UnitCode, _ other: UnitCode) -> Bool {
    byCode[other] != nil && (code == other || ancestors(of: other).contains { $0.code == code })
  }

  /// True when there are groups between the root and the communes.
  public var hasGroups: Bool { units.contains { $0.level == .district } }

  /// Returns the nearest group in which a unit lies; nil for one directly under the root.
  public func group(of code: UnitCode) -> SurveyUnit? {
    parent(of: code).flatMap { $0.level == .district ? $0 : nil }
  }

  /// Headings of a list of communes: units with communes directly under them, in the order of their names, a root last.
  public var headings: [SurveyUnit] {
    let heads = units.filter { unit in children(of: unit.code).contains { $0.level == .commune } }
    return sortedByName(heads.filter { $0.parentCode != nil }) + sortedByName(heads.filter { $0.parentCode == nil })
  }

  /// Returns the name to show. A commune's name includes its group, because names repeat: "Xã Phúc Sơn, Huyện Tân Yên".
  ///
  /// An unknown code is shown as itself.
  public func displayName(of code: UnitCode) -> String {
    guard let unit = byCode[code] else { return code.rawValue }
    guard unit.level == .commune, let group = group(of: code) else { return unit.name }
    return "\(unit.name), \(group.name)"
  }

  /// Returns `units` sorted by display name the Vietnamese way; equal names by code.
  public func sortedByName(_ units: [SurveyUnit]) -> [SurveyUnit] {
    let keyed = units.map { unit in (key: VietnameseOrder.Key(displayName(of: unit.code)), unit: unit) }
    let sorted = keyed.sorted { a, b in
      a.key == b.key ? a.unit.code < b.unit.code : a.key < b.key
    }
    return sorted.map { $0.unit }
  }
}
