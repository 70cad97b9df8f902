internal import SurveyKit

/// Estimates how long a rehearsal still takes: by what it has done so far, and by how fast its clock may run.
struct RehearsalPace: Sendable {
  let plan: RehearsalPlan
  let speedMax: Double
  let started: ContinuousClock.Instant
  let words: Wording

  /// Seconds after which an estimate is shown.
  private static let guessSecondsMin = 3.0

  /// Returns the estimate.
  ///
  /// - Parameter nowMs: The campaign's time.
  func left(done: Int, nowMs: Int64) -> String {
    let passed = (ContinuousClock.now - started) / .seconds(1)
    guard passed >= Self.guessSecondsMin, done > 0 else { return "" }
    let byWork = passed / Double(done) * Double(plan.events.count - done)
    let byClock = Double((plan.events.last?.atMs ?? nowMs) - nowMs) / 1000 / speedMax
    let seconds = Int(max(byWork, byClock).rounded(.up))
    let time = seconds < 90 ? "\(seconds) s" : "\(words.number((seconds + 59) / 60)) \(words.text("phút", "min"))"
    return words.text("còn khoảng \(time)", "about \(time) left")
  }
}
