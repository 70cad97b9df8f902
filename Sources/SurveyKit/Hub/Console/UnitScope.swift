public import SurveyKit

/// Part of the tree that somebody may see, or looks at: every reading for a page takes one.
public struct UnitScope: Sendable, Hashable, Codable {
  /// Top of the subtree; nil for all units.
  public var root: UnitCode?

  public static let all = UnitScope(nil)

  public init(_ root: UnitCode?) { self.root = root }

  public func covers(_ unit: UnitCode, in tree: UnitTree) -> Bool {
    guard let root else { return true }
    return tree.covers(root, unit)
  }
}
