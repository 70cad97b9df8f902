/// A hybrid logical clock value: 48 bits of wall milliseconds since 1970-01-01 UTC, then 16 bits of counter.
public struct HybridTimestamp: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
  /// Milliseconds in the upper 48 bits, counter in the lower 16: ordering the raw values orders the timestamps.
  public let rawValue: UInt64

  /// The largest wall time a timestamp can hold: a little before the year 10 900.
  public static let wallMsMax: UInt64 = 1 << 48 - 1

  public static let zero = HybridTimestamp(rawValue: 0)

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Wall time past `wallMsMax` is held at it.
  public init(wallMs: UInt64, counter: UInt16 = 0) {
    rawValue = min(wallMs, Self.wallMsMax) << 16 | UInt64(counter)
  }

  public var wallMs: UInt64 { rawValue >> 16 }
  public var counter: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

  /// The next value: a full counter carries into the milliseconds. Stays put at the very last value there is.
  public var next: HybridTimestamp { HybridTimestamp(rawValue: rawValue == .max ? .max : rawValue + 1) }

  public static func < (a: HybridTimestamp, b: HybridTimestamp) -> Bool { a.rawValue < b.rawValue }

  public var description: String { "\(wallMs).\(counter)" }
}

/// Which write of a cell or row is meant: its timestamp, and the replica that made it. Totally ordered.
public struct Version: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var timestamp: HybridTimestamp
  public var replica: ReplicaID

  public init(_ timestamp: HybridTimestamp, _ replica: ReplicaID) {
    self.timestamp = timestamp
    self.replica = replica
  }

  public static func < (a: Version, b: Version) -> Bool {
    a.timestamp == b.timestamp ? a.replica < b.replica : a.timestamp < b.timestamp
  }

  public var description: String { "\(timestamp)@\(replica.short)" }
}

/// Issues timestamps that never go back and pass everything received.
///
/// A value without I/O: whoever owns the database saves `last` in the transaction that used it.
/// Source: Kulkarni et al., "Logical Physical Clocks", OPODIS 2014.
public struct HybridClock: Sendable, Hashable {
  /// The newest timestamp issued or received.
  public private(set) var last: HybridTimestamp

  public init(last: HybridTimestamp = .zero) { self.last = last }

  /// The timestamp of a new transaction that was written when the wall showed `wallMs`.
  ///
  /// Greater than every timestamp issued or received before; its milliseconds are `wallMs` when that alone leads.
  public mutating func issue(wallMs: UInt64) -> HybridTimestamp {
    last = max(last.next, HybridTimestamp(wallMs: wallMs))
    return last
  }

  /// Moves past a timestamp that came from elsewhere, so that what is written next orders after what could be seen.
  public mutating func receive(_ remote: HybridTimestamp) {
    last = max(last, remote)
  }

  /// Sets the clock back, after the hub gave every own change a stamp that is not ahead (L3).
  ///
  /// - Precondition: The caller has nothing unacknowledged stamped after `timestamp`.
  public mutating func setBack(to timestamp: HybridTimestamp) {
    last = min(last, timestamp)
  }
}
