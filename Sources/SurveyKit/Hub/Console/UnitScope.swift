public import SurveyKit

/// Part of the units that somebody may see, or looks at: every reading for a page takes one.
public struct UnitScope: Sendable, Hashable, Codable {
  /// Top of the subtree; nil for the whole tree.
  public var root: UnitCode?
  /// Only units that bear it, as those of another chain than the administration's; nil for all. See `UnitTags`.
  public var tag: String?

  public static let all = UnitScope(nil)

  public init(_ root: UnitCode?, tag: String? = nil) { (self.root, self.tag) = (root, tag) }

  /// Tells if nothing is left out.
  public var isAll: Bool { root == nil && tag == nil }

  public func covers(_ unit: UnitCode, in tree: UnitTree, _ tags: UnitTags) -> Bool {
    if let root, !tree.covers(root, unit) { return false }
    return tag.map { tags.units[$0]?.contains(unit) == true } ?? true
  }

  /// Tells if whoever looks after this part looks after all of another.
  public func covers(_ other: UnitScope, in tree: UnitTree) -> Bool {
    if let root { guard let inner = other.root, tree.covers(root, inner) else { return false } }
    return tag == nil || tag == other.tag
  }
}
