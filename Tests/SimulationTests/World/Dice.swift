/// SplitMix64: the same numbers for the same seed everywhere. The only source of chance in a simulation.
struct Dice: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
  mutating func below(_ count: Int) -> Int { count < 2 ? 0 : Int.random(in: 0..<count, using: &self) }
  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  /// One of `choices`, each as often as its weight says.
  mutating func pick<T>(weighted choices: [(weight: Int, value: T)]) -> T {
    var rest = below(choices.reduce(0) { $0 + $1.weight })
    for choice in choices {
      if rest < choice.weight { return choice.value }
      rest -= choice.weight
    }
    return choices[choices.count - 1].value
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &self) } }
}

/// Derives a seed for one purpose from another.
func derive(_ seed: UInt64, _ purpose: UInt64) -> UInt64 {
  var dice = Dice(seed: seed ^ purpose &* 0xd1b5_4a32_d192_ed03)
  return dice.next()
}
