/// Reason why something is not shown. The reason reveals nothing beyond participation.
public enum WithheldReason: String, Sendable, Hashable, Codable, CaseIterable {
  /// Nothing is released yet: results come when the form is closed.
  case notReleased
  /// The unit has no answers at all.
  case noAnswers
  /// The unit has fewer answers than the threshold.
  case tooFewAnswers
  /// Showing it would let someone compute a hidden answer, here or in a neighbour.
  case protected
}

/// Share of those who answered that chose something.
public enum Share: Sendable, Hashable {
  /// Share in tenths of a percent, rounded to the nearest.
  case permille(Int)
  /// 90 % or more, also everyone. No count goes with it.
  case atLeast90
  /// 10 % or less, also nobody. No count goes with it.
  case atMost10
  /// Between 10 % and 90 %, where another choice of the same question is at an end. No count goes with it.
  case between10And90

  /// Returns the band that holds `count` of `total`; both ends belong to the outer bands.
  static func band(_ count: Int, of total: Int) -> Share {
    if isAtLeast90(count, of: total) { return .atLeast90 }
    return 10 * count <= total ? .atMost10 : .between10And90
  }

  static func isAtLeast90(_ count: Int, of total: Int) -> Bool {
    10 * count >= 9 * total
  }

  /// Returns a share in tenths of a percent.
  ///
  /// - Precondition: `count` and `total` were checked, so that nothing overflows.
  static func permille(_ count: Int, of total: Int) -> Int {
    total > 0 ? (count * 1_000 + total / 2) / total : 0
  }
}

/// Number of the published results, or the reason why it is missing.
public enum ResultCell: Sendable, Hashable {
  /// `count` is `nil` where the share is a band.
  case shown(count: Int?, share: Share)
  /// A count within this range.
  case range(ClosedRange<Int>)
  case withheld(WithheldReason)
}

/// Mean, or the reason why it is missing.
public enum MeanCell: Sendable, Hashable {
  /// A mean in tenths, rounded to the nearest.
  case shown(tenths: Int)
  case withheld(WithheldReason)
}

extension Share: Codable {
  private static let words: [(share: Share, word: String)] = [
    (.atLeast90, "atLeast90"), (.atMost10, "atMost10"), (.between10And90, "between10And90"),
  ]

  /// Decodes a number of tenths of a percent, or the band's name.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let permille = try? container.decode(Int.self) {
      self = .permille(permille)
      return
    }
    let word = try container.decode(String.self)
    guard let known = Self.words.first(where: { $0.word == word }) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "“\(word)” is not a share.")
    }
    self = known.share
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if case .permille(let permille) = self {
      try container.encode(permille)
    } else {
      try container.encode(Self.words.first { $0.share == self }?.word)
    }
  }
}

extension ResultCell: Codable {
  private enum CodingKeys: String, CodingKey { case count, share, withheld, from, to }

  /// Decodes `{"count": 3, "share": 600}`, `{"share": "atLeast90"}`, `{"from": 5, "to": 9}` or `{"withheld": "protected"}`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let reason = try container.decodeIfPresent(WithheldReason.self, forKey: .withheld) {
      self = .withheld(reason)
    } else if let from = try container.decodeIfPresent(Int.self, forKey: .from) {
      let to = try container.decode(Int.self, forKey: .to)
      guard from <= to else {
        throw DecodingError.dataCorruptedError(forKey: .to, in: container, debugDescription: "\(from) is above \(to).")
      }
      self = .range(from...to)
    } else {
      self = .shown(
        count: try container.decodeIfPresent(Int.self, forKey: .count), share: try container.decode(Share.self, forKey: .share))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .shown(let count, let share):
      try container.encodeIfPresent(count, forKey: .count)
      try container.encode(share, forKey: .share)
    case .range(let range):
      try container.encode(range.lowerBound, forKey: .from)
      try container.encode(range.upperBound, forKey: .to)
    case .withheld(let reason):
      try container.encode(reason, forKey: .withheld)
    }
  }
}

extension MeanCell: Codable {
  private enum CodingKeys: String, CodingKey { case tenths, withheld }

  /// Decodes `{"tenths": 123}` or `{"withheld": "protected"}`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let reason = try container.decodeIfPresent(WithheldReason.self, forKey: .withheld) {
      self = .withheld(reason)
    } else {
      self = .shown(tenths: try container.decode(Int.self, forKey: .tenths))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .shown(let tenths): try container.encode(tenths, forKey: .tenths)
    case .withheld(let reason): try container.encode(reason, forKey: .withheld)
    }
  }
}
