/// Number of a filling-in of a repeat: counted from 1; the second inside the third of another repeat is 3002.
///
/// Numbers of one repeat sort as its filling-ins are asked, and one number names a filling-in at any depth.
public enum RepeatNumber {
  /// Most repeats inside one another.
  public static let repeatDepthMax = 4
  /// Most times a repeat may be filled in.
  public static let repeatInstancesMax = 100
  /// More than `repeatInstancesMax`, so that places never run into one another.
  private static let base = 1_000

  /// The number of the filling-in at a place, counted from 1, inside another or outside all.
  public static func inside(_ outer: Int?, _ place: Int) -> Int { (outer ?? 0) * base + place }

  /// The filling-in around it.
  public static func outer(_ number: Int) -> Int? { number < base ? nil : number / base }

  /// Its place in its own repeat, counted from 1.
  public static func place(_ number: Int) -> Int { number % base }

  /// Its place and those around it, outermost first.
  public static func places(_ number: Int) -> [Int] { (outer(number).map(places) ?? []) + [place(number)] }

  /// As people read it: `3.2`.
  public static func text(_ number: Int) -> String { places(number).map(String.init).joined(separator: ".") }
}

extension [String: AnswerValue] {
  /// Filling-ins of a repeat.
  ///
  /// - Parameters:
  ///   - chain: Names of the repeats around it and its own, outermost first.
  ///   - outer: Number of the filling-in around them; nil outside other repeats.
  public func instances(of chain: [String], inside outer: Int? = nil) -> [[String: AnswerValue]] {
    guard let name = chain.last else { return [] }
    let holder = outer.map { filled(Array(chain.dropLast()), $0) ?? [:] } ?? self
    if case .instances(let instances)? = holder[name] { return instances }
    return []
  }

  /// The answers of one filling-in; nil when there is none of that number.
  public func filled(_ chain: [String], _ number: Int) -> [String: AnswerValue]? {
    let several = instances(of: chain, inside: RepeatNumber.outer(number))
    let place = RepeatNumber.place(number) - 1
    return several.indices.contains(place) ? several[place] : nil
  }

  /// The same with other filling-ins of a repeat.
  public func setting(_ instances: [[String: AnswerValue]], of chain: [String], inside outer: Int? = nil) -> [String: AnswerValue] {
    guard let name = chain.last else { return self }
    guard let outer else {
      var whole = self
      whole[name] = .instances(instances)
      return whole
    }
    let around = Array(chain.dropLast())
    var holder = filled(around, outer) ?? [:]
    holder[name] = .instances(instances)
    return setting(holder, of: around, at: outer)
  }

  /// The same with other answers in one filling-in; those before it that are not there yet are empty.
  public func setting(_ instance: [String: AnswerValue], of chain: [String], at number: Int) -> [String: AnswerValue] {
    let outer = RepeatNumber.outer(number)
    var several = instances(of: chain, inside: outer)
    let place = RepeatNumber.place(number)
    while several.count < place, several.count < RepeatNumber.repeatInstancesMax { several.append([:]) }
    if several.indices.contains(place - 1) { several[place - 1] = instance }
    return setting(several, of: chain, inside: outer)
  }

  /// Number of the filling-in after the last one.
  func nextNumber(of chain: [String]) -> Int {
    guard chain.count > 1 else { return instances(of: chain).count + 1 }
    let around = Array(chain.dropLast())
    let outer = Swift.max(nextNumber(of: around) - 1, RepeatNumber.inside(RepeatNumber.outer(nextNumber(of: around)), 1))
    return RepeatNumber.inside(outer, instances(of: chain, inside: outer).count + 1)
  }
}
