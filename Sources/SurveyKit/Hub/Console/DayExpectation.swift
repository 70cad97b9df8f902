internal import SurveyKit

/// Share of the headcount that should have answered by now: the larger of the median share of all units and half of the window's
/// share that has passed. The median follows the day as it is; the window's share counts even if no unit has begun.
///
/// Computed from counts at one moment: no answer has a time.
public struct DayExpectation: Sendable, Hashable, Codable {
  /// Median of the units' shares, in thousandths.
  public var medianPermille: Int
  /// Share of the window that has passed, in thousandths.
  public var passedPermille: Int

  /// Expected share in thousandths.
  public var sharePermille: Int { max(medianPermille, passedPermille / 2) }

  /// Computes the share.
  ///
  /// - Parameters:
  ///   - counts: Answers, and how many may come, of every unit of the campaign whose headcount is known.
  ///   - opensMs: Hub time when the window opens; `closesMs` when it closes.
  public init(_ counts: [(received: Int, target: Int)], opensMs: Int64, closesMs: Int64, nowMs: Int64) {
    let shares = counts.filter { $0.target > 0 }.map { Self.permille(max(0, $0.received), of: $0.target) }.sorted()
    let isOpen = nowMs >= opensMs
    medianPermille = shares.isEmpty || !isOpen ? 0 : shares[(shares.count - 1) / 2]
    let (passed, length) = (min(max(0, nowMs - opensMs), max(0, closesMs - opensMs)), max(1, closesMs - opensMs))
    passedPermille = isOpen ? Self.permille(Int(clamping: passed), of: Int(clamping: length)) : 0
  }

  /// Returns how many answers of `target` are expected by now.
  public func answers(of target: Int?) -> Int {
    let (product, isHuge) = max(0, target ?? 0).multipliedReportingOverflow(by: sharePermille)
    return isHuge ? target ?? 0 : product / 1000
  }

  private static func permille(_ part: Int, of whole: Int) -> Int {
    let (product, isHuge) = min(part, whole).multipliedReportingOverflow(by: 1000)
    return isHuge ? min(1000, part / max(1, whole / 1000)) : product / whole
  }
}
