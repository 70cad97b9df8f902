internal import SurveyKit
internal import SurveyKitHub

/// Readings of a hub's campaigns for the operators' pages, one for each campaign, shared by everybody who looks.
actor SharedDays {
  private var readings: [String?: SharedReading<OperatorDay?>] = [:]

  /// - Parameters:
  ///   - survey: Speaks of a campaign that there is.
  ///   - scope: The part of the tree that is shown.
  ///   - age: How old a reading may be.
  func now(of survey: SurveyHub, within scope: UnitScope, notOlderThan age: Duration = .zero) async throws -> OperatorDay? {
    let reading = readings[survey.campaign] ?? SharedReading { try await survey.operatorDay(within: .all) }
    readings[survey.campaign] = reading
    return try await reading.now(notOlderThan: age)?.within(scope)
  }

  /// Reads anew next time: somebody has changed something and looks at once.
  func forget() { readings = [:] }
}

/// Reads something of the hub for everybody who asks. Where reading takes long, because a province is large or the machine busy, one
/// reading serves all who ask within four times as long: however many look, they take at most about a fifth of one core.
actor SharedReading<Value: Sendable> {
  private let read: @Sendable () async throws -> Value
  private let keptFor: Duration
  private var reading: Task<Value, any Error>?
  private var last: (value: Value, madeAt: ContinuousClock.Instant, goodUntil: ContinuousClock.Instant)?

  /// A reading that takes less is made anew each time.
  private static var sharedFrom: Duration { .milliseconds(250) }
  private static var sharedFactor: Int { 4 }

  /// - Parameter keptFor: Time for which one reading serves at least.
  init(keptFor: Duration = .zero, _ read: @escaping @Sendable () async throws -> Value) { (self.keptFor, self.read) = (keptFor, read) }

  /// The value as it is, or was a moment ago.
  func now(notOlderThan age: Duration = .zero) async throws -> Value {
    if let last, ContinuousClock.now < max(last.goodUntil, last.madeAt + age) { return last.value }
    if let reading { return try await reading.value }
    let begun = ContinuousClock.now
    let task = Task { [read] in try await read() }
    reading = task
    defer { reading = nil }
    let value = try await task.value
    let took = ContinuousClock.now - begun
    let shared = took < Self.sharedFrom ? .zero : took * Self.sharedFactor
    last = (value, .now, .now + max(shared, keptFor))
    return value
  }
}
