internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import SyncKit
internal import ToolSupport

/// Rehearsed day that stops in the middle and then goes on in real time, for operators to practise with.
extension Rehearsal {
  /// Time between two checks of what is due, while the day goes on.
  private static let lookEvery = Duration.seconds(1)

  /// Continues the day, a second for each second, until the task is cancelled.
  ///
  /// - Parameter next: First event that is not done.
  func goOn(from next: Int, atMs startMs: Int64) async throws {
    let started = ContinuousClock.now
    var next = next
    while !Task.isCancelled {
      let nowMs = startMs + Int64((ContinuousClock.now - started) / .milliseconds(1))
      try FileClock.set(UInt64(max(0, nowMs)), at: clockFile)
      var due: [RehearsalPlan.Event] = []
      while next < plan.events.count && plan.events[next].atMs <= nowMs {
        due.append(plan.events[next])
        next += 1
      }
      if !due.isEmpty { try await perform(due, hub: "http://127.0.0.1:\(hub.port)", killer: FieldKiller(kills: 0, seed: 0)) { _ in } }
      try await Task.sleep(for: Self.lookEvery)
    }
  }

  /// Gives every commune a contact, and records some calls of others: a promise that is due, one for later, one in progress.
  func addCalls(atMs nowMs: Int64) async throws {
    guard let clock = FileClock(path: clockFile) else { return }
    let survey = try await SurveyHub.open(at: settings.folder + "/hub", clock: clock)
    defer { try? survey.close() }
    let codes = plan.communes.map(\.unit.code)
    let role = LocalizedText(vi: "tổ trưởng", en: "head of the group").vi
    let contacts = codes.enumerated().map { index, code in
      let digits = String(index + 100).suffix(3)
      return UnitContact(unit: code, role: role, name: "", phone: "0900 000 \(digits)", hasJoined: index % 3 != 0)
    }
    try await survey.hub.acting(try IntendedAct("contacts", by: "rehearsal")) { try await survey.setContacts(contacts) }
    guard let day = try await survey.operatorDay(within: .all) else { return }
    let outcomes: [(CallOutcome, Int64?)] = [(.promised, -30), (.promised, 90), (.calling, nil), (.unreachable, nil)]
    for (line, outcome) in zip(day.inTrouble, outcomes) {
      let atMs = nowMs - (outcome.0 == .calling ? 60_000 : 80 * 60_000)
      let call = UnitCall(
        unit: line.unit, atMs: atMs, by: "demo 2", outcome: outcome.0, untilMs: outcome.1.map { nowMs + $0 * 60_000 }, note: "")
      try await survey.note(call)
    }
  }
}
