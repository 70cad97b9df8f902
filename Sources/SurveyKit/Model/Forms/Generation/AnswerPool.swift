internal import Synchronization

/// Answers for thousands of people from few draws: each says its own in what is fixed and shares the rest with others, and the form judges
/// each by itself. To draw takes five times as long as to judge.
public final class AnswerPool: Sendable {
  /// Bounds what is drawn, and kept.
  public static let drawsMax: UInt64 = 256

  public let generator: AnswerGenerator
  private let seed: UInt64
  private let drawn = Mutex<[UInt64: [String: AnswerValue]]>([:])

  public init(_ generator: AnswerGenerator, seed: UInt64) { (self.generator, self.seed) = (generator, seed) }

  /// Answers that the form accepts, the same for the same number and the same that is fixed.
  ///
  /// - Parameter fixed: Answers to keep, of the same questions each time; the other answers must not depend on them.
  /// - Throws: `AnswerGeneratorError` when no answers were found that satisfy the form's rules.
  public func answers(_ number: UInt64, fixed: [String: AnswerValue]) throws(AnswerGeneratorError) -> ValidatedAnswers {
    let place = number % Self.drawsMax
    if let known = drawn.withLock({ $0[place] }), let answers = generator.accepted(known.merging(fixed) { $1 }) { return answers }
    let answers = try generator.answers(seed: seed &+ place, fixed: fixed)
    drawn.withLock { $0[place] = answers.given }
    return answers
  }
}
