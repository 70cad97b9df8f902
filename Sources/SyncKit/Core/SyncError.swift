/// Something a caller can act on: what happened, whether trying again can help, and one sentence for a person.
public struct SyncError: ExplainedError, Equatable {
  /// What happened. The raw values travel in `ErrorBody.code` and never change their meaning.
  public enum Code: String, Sendable, CaseIterable {
    // The network, or what stood where a hub was expected.
    case unreachable, timeout, notAHub, wrongHub
    /// A network's page for logging in; an address that leads to another; a proxy that cannot reach its hub.
    case loginPage, moved, proxyTrouble
    /// What stands in front of the hub takes no bodies of that size.
    case cutSmaller
    /// This device's clock does not fit the dates of the hub's certificate.
    case clockWrong
    /// The hub's certificate: out of date by a clock that seems right, or of nobody this device trusts.
    case certificateExpired, notTrusted
    /// What would go on is in no bundle that was read.
    case notAnswered
    // The hub's answers.
    case badRequest, unauthorized, unknownReplica, revoked, wrongCode, codeUsed, wrongScope
    case badSignature, damaged, chainBroken, fork, tooLarge, busy, badCursor, rebase, hubFailed
    case noSuchBlob, noRoom
    /// The hub will never take this attachment from this device; `BlobPlace.UNFIT` says so with its signature.
    case blobUnfit
    // The local store.
    case notEnrolled, storeDamaged, storeMissing, storeNewer, diskFull, storeBusy, badSchema, badDropKey, keyUnusable
    case transactionTooLarge, cancelled, internalFault
    /// A column's rule (`max`, `min`, `ranked`) would undo the write.
    case undone
  }

  public var code: Code
  public var explanation: LocalizedText
  /// Filled when part of an exchange was done before it stopped.
  public var progress: SyncProgress?
  /// What an exchange noticed and mended before it stopped.
  public var notices: [SyncNotice] = []
  /// How long the other side asked to be left alone, in seconds.
  public var retryAfterSeconds: Int?
  /// A number the code names: the batch number or byte offset expected, or a limit.
  public var expected: UInt64?
  /// The scope in which a fork was noticed, or that is to be fetched in bulk.
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

  /// Whether the same call may succeed later without anybody doing anything.
  public var isRetryable: Bool {
    switch code {
    case .unreachable, .timeout, .busy, .hubFailed, .storeBusy, .proxyTrouble, .cutSmaller: true
    default: false
    }
  }

  /// Tells if the same command may succeed later with nothing changed in it: by itself, or once somebody saw to the network, the clock or
  /// the hub's certificate.
  public var mayPass: Bool {
    switch code {
    case .loginPage, .clockWrong, .certificateExpired, .cancelled: true
    default: isRetryable
    }
  }
}

extension SyncError {
  /// One identity made two batches of one number (L8).
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
  /// The feed after a cursor is gone, or longer than what it made: the scope is fetched in bulk.
  package static func rebase(_ scope: String) -> SyncError {
    var error = SyncError(
      .rebase, vi: "Phần dữ liệu cần tải của \(scope) quá dài hoặc đã được dọn; hãy tải gộp.",
      en: "What is missing of \(scope) is too long or was cleared; fetch it in bulk.")
    error.scope = scope
    return error
  }
}

/// How far an exchange came; every number is safe at the hub or applied here.
public struct SyncProgress: Sendable, Hashable, Codable {
  public var batchesSent = 0
  public var changesSent = 0
  public var packetsSent = 0
  public var unitsApplied = 0
  public var acknowledged = 0
  public var held = 0
  /// Attachments that the hub has whole since this exchange.
  public var blobsSent = 0
  /// Attachments here that the hub lacks and did not take in this exchange.
  public var blobsLeft = 0
  /// Rows that came in bulk.
  public var rowsFetched = 0
  public var bytesSent = 0
  public var bytesReceived = 0

  /// What others did that is here now: units of the feed, and rows that came in bulk.
  public var received: Int { unitsApplied + rowsFetched }

  public init() {}
}
