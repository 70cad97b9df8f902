extension UnitTree {
  /// Returns the tree of those units that can stand in one, and the codes of the others. Nil when none can.
  package static func standing(_ units: [SurveyUnit], source: String = "unit") -> (tree: UnitTree?, others: [UnitCode]) {
    var standing = units
    while true {
      let levels = Dictionary(standing.map { ($0.code, $0.level) }, uniquingKeysWith: { first, _ in first })
      let next = standing.filter { unit in
        guard unit.code.isWellFormed, !unit.name.allSatisfy(\.isWhitespace) else { return false }
        guard unit.level != .province else { return true }
        return unit.level.mayLie(under: unit.parentCode.flatMap { levels[$0] })
      }
      if next.count == standing.count { break }
      standing = next
    }
    let kept = Set(standing.map(\.code))
    return (standing.isEmpty ? nil : try? UnitTree(units: standing, source: source), units.map(\.code).filter { !kept.contains($0) })
  }
}
