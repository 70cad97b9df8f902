internal import SyncCore
internal import Synchronization

/// Rate limit for wrong enrolment codes, by network address. After some wrong codes, each further one from that address is answered
/// a little later. A right code is accepted at once, also from such an address, which many people may share. The number of tries is
/// not bounded, because a code has 50 bits.
final class CodeGuard: Sendable {
  /// Wrong codes of one address that are answered without a wait.
  static let freeMax = 10
  /// Milliseconds that each further wrong code adds to the wait, and the longest wait.
  static let stepMs = 100
  static let waitMsMax = 1_000
  /// Wrong codes of one address that may wait at once; further ones are refused for now.
  static let waitingMax = 4
  /// Time without a wrong code after which an address is forgotten.
  static let memory = Duration.seconds(600)
  /// Addresses remembered; beyond them, the address longest without a wrong code is forgotten.
  static let sourcesMax = 1_024

  private struct Record {
    var wrong = 0
    var waiting = 0
    var last: ContinuousClock.Instant
  }

  private let stepMs: Int
  private let waitMsMax: Int
  private let records = Mutex<[String: Record]>([:])

  init(stepMs: Int = CodeGuard.stepMs, waitMsMax: Int = CodeGuard.waitMsMax) {
    (self.stepMs, self.waitMsMax) = (stepMs, waitMsMax)
  }

  /// Returns how many codes of an address wait now.
  func waitingCount(_ source: String) -> Int { records.withLock { $0[source]?.waiting ?? 0 } }

  var sourceCount: Int { records.withLock { $0.count } }

  /// Waits until a wrong code of `source` may be answered.
  ///
  /// - Throws: `SyncError` `.busy` when too many codes wait already; `CancellationError`.
  func pass(_ source: String) async throws {
    let pauseMs = try records.withLock { records in
      let pauseMs = waitMs(records[source], at: .now)
      guard pauseMs > 0 else { return 0 }
      guard records[source]?.waiting ?? 0 < Self.waitingMax else {
        throw SyncError(
          .busy, vi: "Từ địa chỉ mạng này có quá nhiều mã sai; chờ vài giây rồi thử lại.",
          en: "Too many wrong codes come from this network address; wait some seconds and try again.", retryAfterSeconds: 5)
      }
      records[source]?.waiting += 1
      return pauseMs
    }
    guard pauseMs > 0 else { return }
    defer { records.withLock { $0[source]?.waiting -= 1 } }
    try await Task.sleep(for: .milliseconds(pauseMs))
  }

  /// Counts a wrong code.
  func failed(_ source: String) {
    records.withLock { records in
      let now = ContinuousClock.now
      var record = records[source] ?? Record(last: now)
      if now - record.last > Self.memory { record.wrong = 0 }
      record.wrong += 1
      record.last = now
      records[source] = record
      guard records.count > Self.sourcesMax else { return }
      let oldest = records.filter { $0.value.waiting == 0 && $0.key != source }.min { $0.value.last < $1.value.last }
      if let oldest { records[oldest.key] = nil }
    }
  }

  /// Returns how many milliseconds the next wrong code of an address waits.
  func waitMs(_ source: String) -> Int { records.withLock { waitMs($0[source], at: .now) } }

  private func waitMs(_ record: Record?, at now: ContinuousClock.Instant) -> Int {
    guard let record, now - record.last <= Self.memory else { return 0 }
    return min(max(0, record.wrong - Self.freeMax) * stepMs, waitMsMax)
  }
}
