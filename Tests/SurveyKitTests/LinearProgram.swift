/// Finds the largest value of a linear function over non-negative variables under inequalities: the two-phase simplex method, with Bland's
/// rule so that it ends. Small programs only.
struct LinearProgram {
  private static let tiny = 1e-7
  private let constraints: Int
  private let variables: Int
  private var basic: [Int]
  private var free: [Int]
  private var table: [[Double]]

  /// Maximises `objective · x` where each row · x ≤ its bound and x ≥ 0.
  init(_ rows: [[Double]], bounds: [Double], objective: [Double]) {
    constraints = rows.count
    variables = objective.count
    basic = Array(objective.count..<objective.count + rows.count)
    free = Array(0..<variables) + [-1]
    table = zip(rows, bounds).map { $0 + [-1, $1] }
    table.append(objective.map { -$0 } + [0, 0])
    table.append([Double](repeating: 0, count: variables + 2))
    table[constraints + 1][variables] = 1
  }

  /// Nil when there is no solution, or no largest one.
  static func maximum(_ rows: [[Double]], bounds: [Double], objective: [Double]) -> Double? {
    var program = LinearProgram(rows, bounds: bounds, objective: objective)
    return program.solve()
  }

  private mutating func pivot(_ row: Int, _ column: Int) {
    let inverse = 1 / table[row][column]
    for index in table.indices where index != row && table[index][column] != 0 {
      let factor = table[index][column] * inverse
      for other in table[index].indices where other != column { table[index][other] -= table[row][other] * factor }
      table[index][column] *= -inverse
    }
    for other in table[row].indices where other != column { table[row][other] *= inverse }
    table[row][column] = inverse
    swap(&basic[row], &free[column])
  }

  private mutating func run(phase: Int) -> Bool {
    let goal = phase == 1 ? constraints + 1 : constraints
    while true {
      var column = -1
      for candidate in 0...variables where !(phase == 2 && free[candidate] == -1) {
        if table[goal][candidate] < -Self.tiny, column == -1 || free[candidate] < free[column] { column = candidate }
      }
      guard column >= 0 else { return true }
      var row = -1
      for candidate in 0..<constraints where table[candidate][column] > Self.tiny {
        guard row >= 0 else {
          row = candidate
          continue
        }
        let (a, b) = (table[candidate][variables + 1] / table[candidate][column], table[row][variables + 1] / table[row][column])
        if a < b - 1e-12 || (abs(a - b) <= 1e-12 && basic[candidate] < basic[row]) { row = candidate }
      }
      guard row >= 0 else { return false }
      pivot(row, column)
    }
  }

  private mutating func solve() -> Double? {
    guard let worst = (0..<constraints).min(by: { table[$0][variables + 1] < table[$1][variables + 1] }) else { return nil }
    if table[worst][variables + 1] < -Self.tiny {
      pivot(worst, variables)
      guard run(phase: 1), table[constraints + 1][variables + 1] > -Self.tiny * 10 else { return nil }
      for row in 0..<constraints where basic[row] == -1 {
        let column = (0...variables).filter { abs(table[row][$0]) > Self.tiny }.min { free[$0] < free[$1] }
        if let column { pivot(row, column) }
      }
    }
    return run(phase: 2) ? table[constraints][variables + 1] : nil
  }
}
