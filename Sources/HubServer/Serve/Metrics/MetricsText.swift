internal import CoreMetrics
internal import Synchronization

/// Keeps what swift-metrics counts, and writes it in the text format that Prometheus and its kin read (0.0.4).
///
/// Labels and their values are those of the program, never of a caller: their number is bounded by the source.
final class MetricsText: MetricsFactory {
  /// Series: a name and its labels, ready to be written.
  fileprivate struct Series: Hashable {
    var name: String
    var labels: String

    init(_ label: String, _ dimensions: [(String, String)]) {
      name = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
      labels = dimensions.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
      value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
  }

  private struct Record {
    /// Sum of a timer's durations, in seconds.
    var sum = 0.0
    /// Durations of a timer.
    var count: Int64 = 0
  }

  fileprivate enum Kind: String { case counter, gauge, summary }

  /// Series kept; more are not counted, and their number is told.
  static let seriesMax = 1_000

  private struct State {
    var kinds: [String: Kind] = [:]
    var records: [Series: Record] = [:]
    var dropped: Int64 = 0
  }

  private let state = Mutex(State())

  fileprivate func change(_ series: Series, _ kind: Kind, _ change: (inout Double, inout Int64) -> Void) {
    state.withLock { state in
      guard state.records[series] != nil || state.records.count < Self.seriesMax else {
        state.dropped += 1
        return
      }
      state.kinds[series.name] = kind
      var record = state.records[series] ?? Record()
      change(&record.sum, &record.count)
      state.records[series] = record
    }
  }

  /// Writes all series, in the order of their names.
  var text: String {
    let (kinds, records, dropped) = state.withLock { ($0.kinds, $0.records, $0.dropped) }
    var lines: [String] = []
    for (name, kind) in kinds.sorted(by: { $0.key < $1.key }) {
      lines.append("# TYPE \(name) \(kind.rawValue)")
      for (series, record) in records.filter({ $0.key.name == name }).sorted(by: { $0.key.labels < $1.key.labels }) {
        let labels = series.labels.isEmpty ? "" : "{\(series.labels)}"
        if kind == .summary {
          lines.append("\(name)_sum\(labels) \(Self.number(record.sum))")
          lines.append("\(name)_count\(labels) \(record.count)")
        } else {
          lines.append("\(name)\(labels) \(Self.number(record.sum))")
        }
      }
    }
    if dropped > 0 { lines.append("synckit_series_dropped \(dropped)") }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func number(_ value: Double) -> String {
    Int64(exactly: value).map(String.init) ?? "\(value)"
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { Handler(self, Series(label, dimensions)) }
  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    Handler(self, Series(label, dimensions))
  }
  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { Handler(self, Series(label, dimensions)) }
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}

/// Writes one series of its registry.
private final class Handler: CounterHandler, RecorderHandler, TimerHandler {
  private let registry: MetricsText
  private let series: MetricsText.Series

  init(_ registry: MetricsText, _ series: MetricsText.Series) {
    self.registry = registry
    self.series = series
  }

  func increment(by amount: Int64) { registry.change(series, .counter) { sum, _ in sum += Double(amount) } }
  func reset() { registry.change(series, .counter) { sum, _ in sum = 0 } }
  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) { registry.change(series, .gauge) { sum, _ in sum = value } }
  func recordNanoseconds(_ duration: Int64) {
    registry.change(series, .summary) { sum, count in
      sum += Double(duration) / 1e9
      count += 1
    }
  }
}
