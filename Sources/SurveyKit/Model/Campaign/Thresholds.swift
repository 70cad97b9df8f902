/// Least numbers of answers behind anything that is shown.
public struct Thresholds: Sendable, Hashable, Codable {
  /// Least answers behind results: no campaign may set fewer.
  public static let kAnswersFloor = 5
  /// Least answers behind a cross-table or free text: no campaign may set fewer.
  public static let kCrossFloor = 10
  /// Largest threshold that makes sense, in answers.
  public static let kMax = 10_000
  /// Least number of answers for which "≥ 90 %" also fits an answer that is *not* unanimous: 9 of 10. Below it the words would mean
  /// "all of them", so such a cell is withheld.
  public static let bandAnswersMin = 10

  /// Answers needed to show a unit, or a question in it.
  public let kAnswersMin: Int
  /// Answers needed for a cross-table or free text.
  public let kCrossMin: Int

  /// Makes thresholds; values below the floors are raised to them.
  public init(kAnswersMin: Int = kAnswersFloor, kCrossMin: Int = kCrossFloor) {
    self.kAnswersMin = max(kAnswersMin, Self.kAnswersFloor)
    self.kCrossMin = max(kCrossMin, Self.kCrossFloor, self.kAnswersMin)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      kAnswersMin: try container.decode(Int.self, forKey: .kAnswersMin), kCrossMin: try container.decode(Int.self, forKey: .kCrossMin))
  }
}
