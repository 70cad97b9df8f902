/// Error that a caller can act on: its code, whether trying again can help, and one sentence for a person.
public struct SyncError: ExplainedError, Equatable {
  /// Code of the error. The raw values travel in `ErrorBody.code` and never change their meaning.
  public enum Code: String, Sendable, CaseIterable {
    // Errors of the network, or of what stood where a hub was expected.
    case unreachable, timeout, notAHub, wrongHub
    /// A network's page for logging in; an address that leads to another; a proxy that cannot reach its hub.
    case loginPage, moved, proxyTrouble
    /// A proxy in front of the hub takes no bodies of that size.
    case cutSmaller
    /// This device's clock does not fit the dates of the hub's certificate.
    case clockWrong
    /// The hub's certificate has expired by a clock that seems right, or is of nobody this device trusts.
    case certificateExpired, notTrusted
    /// No bundle that was read has the answer.
    case notAnswered
    // Answers of the hub.
    case badRequest, unauthorized, unknownReplica, revoked, wrongCode, codeUsed, wrongScope
    case badSignature, damaged, chainBroken, fork, tooLarge, busy, badCursor, rebase, hubFailed
    case noSuchBlob, noRoom
    /// The hub will never keep this attachment from this device; `BlobPlace.UNFIT` tells so with the hub's signature.
    case blobUnfit
    // Errors of the local store.
    case notEnrolled, storeDamaged, storeMissing, storeNewer, diskFull, storeBusy, badSchema, badDropKey, keyUnusable
    case transactionTooLarge, cancelled, internalFault
    /// A column's policy (`max`, `min`, `ranked`) would undo the write.
    case undone
  }

  public var code: Code
  public var explanation: LocalizedText
  /// Progress of the exchange before it stopped, if any.
  public var progress: SyncProgress?
  /// Events that the exchange noticed and handled before it stopped.
  public var notices: [SyncNotice] = []
  /// Seconds for which the other side asked to be left alone.
  public var retryAfterSeconds: Int?
  /// Number that the code refers to: the expected batch number or byte offset, or a limit.
  public var expected: UInt64?
  /// Scope in which a fork was noticed, or that must be fetched as a snapshot.
  package var scope: String?
  /// Place where the hub is said to be, with `.moved`.
  package var moved: Move?

  /// Place that something named as the hub's.
  package struct Move: Sendable, Equatable {
    package var location: String
    package var isForGood: Bool
  }

  public init(_ code: Code, vi: String, en: String, retryAfterSeconds: Int? = nil, expected: UInt64? = nil) {
    self.code = code
    explanation = LocalizedText(vi: vi, en: en)
    self.retryAfterSeconds = retryAfterSeconds
    self.expected = expected
  }

  /// True when the same call may succeed later without anybody doing anything.
  public var isRetryable: Bool {
    switch code {
    case .unreachable, .timeout, .busy, .hubFailed, .storeBusy, .proxyTrouble, .cutSmaller: true
    default: false
    }
  }

  /// True when the same command may succeed later unchanged: by itself, or once somebody has repaired the network, the clock or the
  /// hub's certificate.
  public var mayPass: Bool {
    switch code {
    case .loginPage, .clockWrong, .certificateExpired, .cancelled: true
    default: isRetryable
    }
  }
}

extension SyncError {
  /// Returns the error for two batches of one number under one identity (L8).
  package static func fork(_ number: UInt64, scope: String? = nil) -> SyncError {
    var error = SyncError(
      .fork,
      vi: "Tỉnh đã có gói số \(number) khác của thiết bị này: máy bị sao chép hoặc khôi phục từ bản cũ. Đừng xóa gì; đồng bộ lại.",
      en:
        "The hub has another batch \(number) of this device: it was copied or restored from an old copy. Delete nothing; sync again.",
      expected: number)
    error.scope = scope
    return error
  }
}

extension SyncError {
  /// Returns the error for a feed that is gone after a cursor, or longer than a snapshot.
  package static func rebase(_ scope: String) -> SyncError {
    var error = SyncError(
      .rebase, vi: "Phần dữ liệu cần tải của \(scope) quá dài hoặc đã được dọn; hãy tải gộp.",
      en: "What is missing of \(scope) is too long or was cleared; fetch it in bulk.")
    error.scope = scope
    return error
  }
}

/// Progress of an exchange; every number is safe at the hub or applied here.
public struct SyncProgress: Sendable, Hashable, Codable {
  public var batchesSent = 0
  public var changesSent = 0
  public var packetsSent = 0
  public var unitsApplied = 0
  public var acknowledged = 0
  public var held = 0
  /// Attachments that this exchange completed at the hub.
  public var blobsSent = 0
  /// Attachments here that the hub lacks and did not take in this exchange.
  public var blobsLeft = 0
  /// Rows that came in snapshots.
  public var rowsFetched = 0
  public var bytesSent = 0
  public var bytesReceived = 0

  /// Changes of others that are here now: units of the feed, and rows of snapshots.
  public var received: Int { unitsApplied + rowsFetched }

  public init() {}
}
