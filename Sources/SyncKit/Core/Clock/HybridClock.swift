/// Timestamp of a hybrid logical clock, which follows the wall clock but never goes back. 48 bits of milliseconds since 1970-01-01
/// UTC, then 16 bits of counter.
public struct HybridTimestamp: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
  /// Milliseconds in the upper 48 bits, counter in the lower 16: the order of raw values is the order of timestamps.
  public let rawValue: UInt64

  /// Greatest wall time of a timestamp: a little before the year 10 900.
  public static let wallMsMax: UInt64 = 1 << 48 - 1

  public static let zero = HybridTimestamp(rawValue: 0)

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Makes a timestamp. A wall time past `wallMsMax` becomes `wallMsMax`.
  public init(wallMs: UInt64, counter: UInt16 = 0) {
    rawValue = min(wallMs, Self.wallMsMax) << 16 | UInt64(counter)
  }

  public var wallMs: UInt64 { rawValue >> 16 }
  public var counter: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

  /// Next timestamp: a full counter carries into the milliseconds. The very last timestamp has itself as its next.
  public var next: HybridTimestamp { HybridTimestamp(rawValue: rawValue == .max ? .max : rawValue + 1) }

  public static func < (a: HybridTimestamp, b: HybridTimestamp) -> Bool { a.rawValue < b.rawValue }

  public var description: String { "\(wallMs).\(counter)" }
}

/// Version of a cell or row: the timestamp of its write, and the replica that wrote. Every two versions differ, and all are in one
/// order.
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

/// Clock that issues timestamps which never go back, and which follow everything received.
///
/// The clock is a value without I/O: its owner saves `last` in the transaction that used it. Source: Kulkarni et al., "Logical
/// Physical Clocks", OPODIS 2014.
public struct HybridClock: Sendable, Hashable {
  /// Newest timestamp issued or received.
  public private(set) var last: HybridTimestamp

  public init(last: HybridTimestamp = .zero) { self.last = last }

  /// Returns the timestamp of a new transaction that was written when the wall clock showed `wallMs`.
  ///
  /// The result is greater than every timestamp issued or received before; its milliseconds are `wallMs` when that alone leads.
  public mutating func issue(wallMs: UInt64) -> HybridTimestamp {
    last = max(last.next, HybridTimestamp(wallMs: wallMs))
    return last
  }

  /// Moves past a timestamp from elsewhere, so that the next write orders after what its author could see.
  public mutating func receive(_ remote: HybridTimestamp) {
    last = max(last, remote)
  }

  /// Sets the clock back, after the hub gave every own change a stamp that is not ahead (L3).
  ///
  /// - Precondition: The caller has no unacknowledged change stamped after `timestamp`.
  public mutating func setBack(to timestamp: HybridTimestamp) {
    last = min(last, timestamp)
  }
}
