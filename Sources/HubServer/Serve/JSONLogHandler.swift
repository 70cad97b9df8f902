internal import Foundation
internal import Logging
internal import SyncHub
internal import ToolSupport

/// Writes each entry of the log as one line of JSON on standard error, for programs that collect logs.
struct JSONLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info
  private let clock: any WallClock

  init(_ clock: any WallClock) { self.clock = clock }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata.merging(event.metadata ?? [:]) { _, new in new }.mapValues { "\($0)".printable }
    let now = Date(timeIntervalSince1970: Double(clock.nowMs()) / 1000)
    fields["time"] = now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    fields["level"] = event.level.rawValue
    fields["message"] = "\(event.message)"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode(fields) else { return }
    Console.err(String(decoding: line, as: UTF8.self))
  }
}
