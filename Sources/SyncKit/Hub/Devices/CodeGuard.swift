internal import SyncCore
internal import Synchronization

/// Slows whoever sends wrong enrolment codes, and nobody else: after some of them each further wrong one of that address is answered a little
/// later. A right one is taken at once, also from that address, which may be many people's. Nothing bounds how many are looked at: a code
/// has 50 bits.
final class CodeGuard: Sendable {
  /// Wrong codes of one address that cost it nothing.
  static let freeMax = 10
  /// Milliseconds that each further one adds to the wait before the next is answered, and the longest wait.
  static let stepMs = 100
  static let waitMsMax = 1_000
  /// Wrong codes of one address that may wait at once; more are told to come later.
  static let waitingMax = 4
  /// An address that sent no wrong code for so long begins anew.
  static let memory = Duration.seconds(600)
  /// Addresses remembered; beyond them the one longest quiet is forgotten.
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

  /// Counts the codes of an address that wait now.
  func waitingCount(_ source: String) -> Int { records.withLock { $0[source]?.waiting ?? 0 } }

  var sourceCount: Int { records.withLock { $0.count } }

  /// Waits until a wrong code of `source` may be answered.
  ///
  /// - Throws: `SyncError` `.busy` when too many of them wait already; `CancellationError`.
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

  /// Milliseconds that the next code of an address waits.
  func waitMs(_ source: String) -> Int { records.withLock { waitMs($0[source], at: .now) } }

  private func waitMs(_ record: Record?, at now: ContinuousClock.Instant) -> Int {
    guard let record, now - record.last <= Self.memory else { return 0 }
    return min(max(0, record.wrong - Self.freeMax) * stepMs, waitMsMax)
  }
}
