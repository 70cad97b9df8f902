/// Items that a form asks after certain answers, notes and calculations included.
public struct AskedItems: Sendable, Hashable {
  /// Questions outside repeats, and repeats.
  public let outer: Set<String>
  /// By repeat, the questions of each filling-in.
  public let inside: [String: [Set<String>]]

  /// Before anything is asked.
  public static let nothing = AskedItems(outer: [], inside: [:])
}
