internal import Foundation
internal import SyncCore
internal import SyncStore

/// Device's knowledge of hub time, in milliseconds.
public struct ClockKnowledge: Sendable, Hashable {
  /// Best estimate: the device's clock and the offset measured last. After a jump of that clock: what it would show without the
  /// jump.
  public var estimateMs: Int64
  /// Time that has certainly passed: the newest time that the hub signed.
  public var lowerBoundMs: Int64
  /// Milliseconds by which the device's clock jumped since it was trusted; nil when it did not.
  public var jumpMs: Int64?
  /// True when the estimate is certain despite a jump: the machine has been running since, and tells for how long.
  public var isContinued = false
}

extension Replica {
  /// Returns what is known of the time. Measured again with each exchange; a jump stays one until the clock is right again.
  public func clockKnowledge() async throws -> ClockKnowledge {
    let now = ClockReading(clock)
    let (wallMs, knowledge, believed) = try await engineRead { [clock] transaction in
      let state = transaction.state
      let wallMs = clock.nowMs()
      var lowerBound = try state.value("lastContactMs").integer
      if lowerBound == nil, let certificate = try state.value("certificate").blob,
        let key = try state.value("hubKey").blob.flatMap(VerifyingKey.init(rawRepresentation:)),
        let body = try? key.open(certificate, as: .certificate),
        let wire = try? WireCertificate.parse(body, named: LocalizedText(vi: "chứng nhận", en: "certificate"))
      {
        lowerBound = Int64(clamping: wire.issuedMs)
      }
      let (offset, believed) = (try state.integer("offsetMs"), try ClockReading(stored: state))
      let jump = now.flatMap { now in believed.flatMap { $0.jumpMs(to: now) } }
      let wall = jump == nil ? wallMs : now.flatMap { now in believed?.continued(to: now.uptime) } ?? wallMs
      let estimate = Int64(clamping: wall).addingReportingOverflow(offset).partialValue
      let isContinued = jump != nil && now?.uptime.boot == believed?.uptime.boot
      let known = ClockKnowledge(
        estimateMs: max(0, estimate), lowerBoundMs: lowerBound ?? 0, jumpMs: jump, isContinued: isContinued)
      return (wallMs, known, believed)
    }
    guard let now, knowledge.jumpMs == nil else { return knowledge }
    if let believed, believed.uptime.boot == now.uptime.boot, wallMs - min(wallMs, believed.wallMs) < ClockReading.noteEveryMs {
      return knowledge
    }
    do {
      try await engineWrite { try now.store(in: $0.state) }
    } catch is SyncError {
      // Continues when the store cannot be written: only the new reading is missing then.
    }
    return knowledge
  }
}

extension Replica {
  /// Adds to an error about the certificate's dates how far this device's clock is from the last contact.
  func naming(_ error: SyncError) async throws -> SyncError {
    let (nowMs, contact) = (Int64(clamping: clock.nowMs()), try await clockKnowledge().lowerBoundMs)
    let days = (nowMs - contact) / 86_400_000
    guard contact > 0, days < 0 || days > Int64(ClockReading.offMsMax / 86_400_000) else { return error }
    func count(_ separator: String) -> String {
      var digits = ""
      for (place, digit) in String(days.magnitude).reversed().enumerated() {
        digits += (place > 0 && place % 3 == 0 ? separator : "") + [digit]
      }
      return String(digits.reversed())
    }
    var error = error
    error.code = .clockWrong
    error.explanation = LocalizedText(
      vi: "Đồng hồ máy này \(days < 0 ? "chậm" : "nhanh") \(count(".")) ngày so với lần liên lạc gần nhất. \(error.explanation.vi)",
      en:
        "This device's clock is \(count(",")) days \(days < 0 ? "behind" : "ahead of") the last contact with the hub. \(error.explanation.en)"
    )
    return error
  }
}

extension ClockReading {
  /// Milliseconds between two records of the clocks' readings.
  static let noteEveryMs: UInt64 = 3_600_000

  init?(stored state: StateStore) throws {
    guard let wall = try state.value("clockWallMs").integer, let up = try state.value("clockUptimeMs").integer,
      let boot = try state.value("clockBoot").text
    else { return nil }
    self.init(wallMs: UInt64(max(0, wall)), uptime: Uptime(boot: boot, ms: UInt64(max(0, up))))
  }

  func store(in state: StateStore) throws {
    try state.set("clockWallMs", .integer(Int64(clamping: wallMs)))
    try state.set("clockUptimeMs", .integer(Int64(clamping: uptime.ms)))
    try state.set("clockBoot", .text(uptime.boot))
  }
}
