public import SyncCore

/// Result of an exchange.
public struct SyncSummary: Sendable, Hashable, Codable {
  public var progress = SyncProgress()
  /// Own clock minus hub time in milliseconds, as measured when the hub was greeted.
  public var skewMs: Int64 = 0
  /// Unusual events, in order; also in `ReplicaStatus.notices`.
  public var notices: [SyncNotice] = []
  /// True when the hub has no room for attachments at present; they wait here.
  public var areBlobsDeferred = false
  /// True when `SyncOptions.bytesMax` ended the exchange; the next one continues exactly there.
  public var isBudgetSpent = false
  /// Least bytes of the next step, which cannot be divided; nil when unknown.
  public var bytesNeeded: Int?
  /// Address to which the hub has moved for good: calls go there from now on.
  public var movedTo: String?
  /// Rows that others changed and that this exchange brought, at most `changedMax` of them, in order.
  public var changed: [SyncedRow] = []

  /// Rows listed in `changed`.
  public static let changedMax = 200

  public init() {}
}

/// Row that an exchange brought, by its table and key as text.
public struct SyncedRow: Sendable, Hashable, Codable {
  public var table: String
  public var key: String
}

public struct SyncOptions: Sendable {
  /// Milliseconds for the whole exchange. What is not done by then waits for the next.
  public var deadlineMs = 10 * 60 * 1000
  public var retry = RetryPolicy()
  /// Bytes of HTTP that may be sent and received together, retries included; nil: no bound. Texts go first, attachments last. What
  /// does not fit waits, and large messages are sent in parts.
  public var bytesMax: Int?
  /// Called after each step, from the exchange's task.
  public var onProgress: (@Sendable (SyncProgress, _ batchesLeft: Int) -> Void)?

  public init() {}
}

extension Replica {
  /// Exchanges with the hub: sends sealed batches and packets, and fetches and applies the changes of others.
  ///
  /// Interrupt and repeat freely: every step that was done stays done, on both sides.
  ///
  /// - Throws: `SyncError`, whose `progress` says what was done before it stopped.
  public func sync(with transport: any Transport, options: SyncOptions = SyncOptions()) async throws -> SyncSummary {
    let driver = SyncDriver(replica: self, transport: transport, options: options)
    do {
      let summary = try await driver.run()
      try await note(isRevoked: false)
      return summary
    } catch let error as SyncError where error.code == .revoked {
      try? await note(isRevoked: true)
      throw error
    }
  }
}
