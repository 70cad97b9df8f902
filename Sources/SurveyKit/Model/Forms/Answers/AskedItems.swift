/// Items that a form asks after certain answers, notes and calculations included.
public struct AskedItems: Sendable, Hashable {
  /// Questions outside repeats, and repeats.
  public let outer: Set<String>
  /// By repeat and number (`RepeatNumber`), the questions of each filling-in, and the repeats inside it.
  let inside: [String: [Int: Set<String>]]
  /// By repeat, the numbers of its filling-ins in order.
  private let numbers: [String: [Int]]

  init(outer: Set<String>, inside: [String: [Int: Set<String>]]) {
    self.outer = outer
    self.inside = inside
    numbers = inside.mapValues { $0.keys.sorted() }
  }

  /// Before anything is asked.
  public static let nothing = AskedItems(outer: [], inside: [:])

  /// Numbers of a repeat's filling-ins, of those inside a filling-in of the repeat around it.
  public func numbers(of repeated: String, inside outer: Int? = nil) -> [Int] {
    (numbers[repeated] ?? []).filter { RepeatNumber.outer($0) == outer }
  }

  /// Items that a filling-in of a repeat asks.
  public func items(in repeated: String, _ number: Int) -> Set<String> { inside[repeated]?[number] ?? [] }
}
