/// State of a form for the people who answer it. A form only moves forward.
public enum FormState: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// The form is asked. Next: `closing`, `closed`.
  case open
  /// The form is no longer asked; answers on their way are still counted. Next: `closed`.
  case closing
  /// No more answers are expected, and what waited is released. Final.
  case closed

  private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  public static func < (left: FormState, right: FormState) -> Bool { left.place < right.place }
}
