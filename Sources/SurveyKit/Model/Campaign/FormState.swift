/// Where a form stands with the people who answer it. A form only moves forward.
public enum FormState: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// It is asked. Next: `closing`, `closed`.
  case open
  /// It is asked no more; answers on their way are still counted. Next: `closed`.
  case closing
  /// Nothing is awaited, and what waited is released. It stays so.
  case closed

  private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  public static func < (left: FormState, right: FormState) -> Bool { left.place < right.place }
}
