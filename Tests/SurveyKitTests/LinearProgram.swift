/// Tells how large linear functions of non-negative variables can be under inequalities: the two-phase simplex method. Small programs only.
///
/// A program is made feasible once; each question goes on from where the one before it ended, since any corner will do to begin from.
struct LinearProgram {
  private static let tiny = 1e-7
  /// Pivots by the steepest column; then by Bland's rule, which is slow and always ends.
  private static let steepMax = 200

  private let constraints: Int
  private let variables: Int
  /// Numbers in a row of `table`: of the free variables, of the artificial one, and its bound.
  private let width: Int
  /// Which variable a row or a column stands for; those from `variables` on are slack, -1 is the artificial one.
  private var basic: [Int]
  private var free: [Int]
  /// Row by row; the last is the goal, as far as it is not reached.
  private var table: [Double]

  /// Takes each row · x ≤ its bound, x ≥ 0. Nil where there is no such x.
  init?(_ rows: [[Double]], bounds: [Double], variables: Int) {
    self.variables = variables
    constraints = rows.count
    width = variables + 2
    basic = Array(variables..<variables + rows.count)
    free = Array(0..<variables) + [-1]
    table = []
    table.reserveCapacity((constraints + 1) * width)
    for (row, bound) in zip(rows, bounds) { table += row + [-1, bound] }
    table += [Double](repeating: 0, count: width)
    guard makeFeasible() else { return nil }
  }

  /// Tells if `objective · x` can be `value` or more.
  mutating func reaches(_ value: Double, _ objective: [Double]) -> Bool {
    setGoal(objective)
    return climb(to: value)
  }

  /// The largest value of `objective · x`; nil when there is none.
  static func maximum(_ rows: [[Double]], bounds: [Double], objective: [Double]) -> Double? {
    guard var program = LinearProgram(rows, bounds: bounds, variables: objective.count) else { return nil }
    program.setGoal(objective)
    return program.climb(to: .infinity) ? nil : program.reached
  }

  private var reached: Double { table[constraints * width + variables + 1] }

  private mutating func makeFeasible() -> Bool {
    let bound = variables + 1
    guard let worst = (0..<constraints).min(by: { table[$0 * width + bound] < table[$1 * width + bound] }),
      table[worst * width + bound] < -Self.tiny
    else { return true }
    table[constraints * width + variables] = 1
    pivot(worst, variables)
    _ = climb(to: .infinity, isFirst: true)
    guard reached > -Self.tiny * 10 else { return false }
    for row in 0..<constraints where basic[row] == -1 {
      let columns = (0...variables).filter { abs(table[row * width + $0]) > Self.tiny }
      if let column = columns.min(by: { free[$0] < free[$1] }) { pivot(row, column) }
    }
    return true
  }

  /// Writes the goal in terms of the variables that are free now.
  private mutating func setGoal(_ objective: [Double]) {
    let goal = constraints * width
    for column in 0..<width { table[goal + column] = 0 }
    for column in 0...variables where objective.indices.contains(free[column]) { table[goal + column] = -objective[free[column]] }
    for row in 0..<constraints where objective.indices.contains(basic[row]) {
      let factor = objective[basic[row]]
      guard factor != 0 else { continue }
      for column in 0..<width { table[goal + column] += factor * table[row * width + column] }
    }
  }

  private mutating func pivot(_ row: Int, _ column: Int) {
    let (width, rows, start) = (width, constraints + 1, row * width)
    table.withUnsafeMutableBufferPointer { table in
      let inverse = 1 / table[start + column]
      for index in 0..<rows where index != row && table[index * width + column] != 0 {
        let other = index * width
        let factor = table[other + column] * inverse
        for place in 0..<width { table[other + place] -= table[start + place] * factor }
        table[other + column] = -factor
      }
      for place in 0..<width { table[start + place] *= inverse }
      table[start + column] = inverse
    }
    swap(&basic[row], &free[column])
  }

  /// Goes from corner to corner while the goal grows.
  ///
  /// - Returns: Whether it reached `value`, or grows without end.
  private mutating func climb(to value: Double, isFirst: Bool = false) -> Bool {
    let goal = constraints * width
    var pivots = 0
    while reached < value {
      pivots += 1
      var column = -1
      for candidate in 0...variables where isFirst || free[candidate] != -1 {
        let slope = table[goal + candidate]
        guard slope < -Self.tiny else { continue }
        if column < 0 || (pivots > Self.steepMax ? free[candidate] < free[column] : slope < table[goal + column]) { column = candidate }
      }
      guard column >= 0 else { return false }
      var row = -1
      var least = Double.infinity
      for candidate in 0..<constraints where table[candidate * width + column] > Self.tiny {
        let step = table[candidate * width + variables + 1] / table[candidate * width + column]
        if step < least - 1e-12 || (step <= least + 1e-12 && basic[candidate] < basic[row]) { (row, least) = (candidate, min(step, least)) }
      }
      guard row >= 0 else { return true }
      pivot(row, column)
    }
    return true
  }
}
