internal import CoreMetrics
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Tells monitors how the hub stands: what calls there were, and what the sums are now. Nothing in it tells a device, a commune or when
/// an answer came.
struct MetricsPage: Sendable {
  static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  private let registry: MetricsText
  private let survey: SurveyHub
  private let connections: Connections
  private let gauges: SharedReading<HubGauges>
  private let sums: SharedReading<HubStatus>

  /// Time between two checks of all sums: these read everything that the hub holds.
  static let sumsEvery = Duration.seconds(15 * 60)

  init(_ registry: MetricsText, survey: SurveyHub, connections: Connections) {
    self.registry = registry
    self.survey = survey
    self.connections = connections
    gauges = SharedReading { try await survey.gauges() }
    sums = SharedReading(keptFor: Self.sumsEvery) { try await survey.status() }
  }

  func text() async throws -> String {
    let (now, sums) = (try await gauges.now(), try await sums.now())
    let gauges: [(name: String, state: String?, value: Int)] = [
      ("synckit_connections_open", nil, connections.count),
      ("synckit_last_write_failed", nil, survey.hub.writeFailure == nil ? 0 : 1),
      ("synckit_longest_write_milliseconds", nil, Int(survey.hub.longestWrite / .milliseconds(1))),
      ("synckit_warnings", nil, now.warnings),
      ("synckit_packets", "waiting", now.packets.waiting),
      ("synckit_packets", "held", now.packets.held),
      ("synckit_packets", "late", now.packets.late),
      ("synckit_packets", "spoiled", now.packets.spoiled),
      ("synckit_conflicts", "open", now.conflictsOpen),
      ("synckit_reports", "invalid", now.reportsInvalid),
      ("synckit_devices", "active", now.devices),
      ("synckit_devices", "without_contact", now.devicesWithoutContact),
      ("synckit_devices", "revoked", now.devicesRevoked),
      ("synckit_devices", "different", now.devicesDifferent),
      // Counted at the last check of the sums.
      ("synckit_sums_disagree", nil, sums.discrepancies.count),
      ("synckit_answers", nil, sums.answers),
      ("synckit_changes", "merged", sums.changesMerged),
      ("synckit_changes", "held", sums.changesHeld),
      ("synckit_changes", "waiting", sums.changesWaiting),
      ("synckit_changes", "undecided", sums.changesUndecided),
      ("synckit_reports", "all", sums.reports),
    ]
    for (name, state, value) in gauges {
      Gauge(label: name, dimensions: state.map { [("state", $0)] } ?? [], factory: registry).record(value)
    }
    if let free = survey.hub.store.freeBytes { Gauge(label: "synckit_disk_free_bytes", factory: registry).record(free) }
    return registry.text
  }
}

extension CallCounter {
  /// Measures a call: its kind, how it was answered, and how long that took. Of calls that carry answers only their number.
  func measure(_ kind: String?, status: Int, _ duration: Duration, in registry: MetricsText) {
    let dimensions = [("call", kind ?? "answers"), ("status", "\(status)")]
    Counter(label: "synckit_calls", dimensions: kind == nil ? [dimensions[0]] : dimensions, factory: registry).increment()
    guard let kind else { return }
    Timer(label: "synckit_call_seconds", dimensions: [("call", kind)], factory: registry).recordNanoseconds(
      Int64(min(duration / .nanoseconds(1), 1e18)))
  }
}
