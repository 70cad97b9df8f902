internal import CoreMetrics
internal import SurveyKit
internal import SyncHub
internal import SyncKit

/// Tells monitors how the hub stands: what calls there were, and what the sums are now. Nothing in it tells a device, a commune or when
/// an answer came.
struct MetricsPage: Sendable {
  static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  private let registry: MetricsText
  private let survey: SurveyHub
  private let connections: Connections
  private let status: SharedReading<HubStatus>

  init(_ registry: MetricsText, survey: SurveyHub, connections: Connections) {
    self.registry = registry
    self.survey = survey
    self.connections = connections
    status = SharedReading { try await survey.status() }
  }

  func text() async throws -> String {
    let status = try await status.now()
    let gauges: [(name: String, state: String?, value: Int)] = [
      ("synckit_connections_open", nil, connections.count),
      ("synckit_last_write_failed", nil, survey.hub.writeFailure == nil ? 0 : 1),
      ("synckit_longest_write_milliseconds", nil, Int(survey.hub.longestWrite / .milliseconds(1))),
      ("synckit_sums_disagree", nil, status.discrepancies.count),
      ("synckit_warnings", nil, status.warnings.count),
      ("synckit_answers", nil, status.answers),
      ("synckit_packets", "waiting", status.packetsWaiting),
      ("synckit_packets", "held", status.packetsHeld),
      ("synckit_packets", "late", status.packetsLate),
      ("synckit_packets", "spoiled", status.packetsSpoiled),
      ("synckit_changes", "merged", status.changesMerged),
      ("synckit_changes", "held", status.changesHeld),
      ("synckit_changes", "waiting", status.changesWaiting),
      ("synckit_changes", "undecided", status.changesUndecided),
      ("synckit_conflicts", "open", status.conflictsOpen),
      ("synckit_reports", "all", status.reports),
      ("synckit_reports", "invalid", status.reportsInvalid),
      ("synckit_devices", "active", status.devices),
      ("synckit_devices", "without_contact", status.devicesWithoutContact),
      ("synckit_devices", "revoked", status.devicesRevoked),
      ("synckit_devices", "different", status.different.count),
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
