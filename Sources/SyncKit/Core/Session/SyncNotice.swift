/// Something out of the ordinary that a device noticed in an exchange, and what it did about it: one sentence for people.
public struct SyncNotice: Sendable, Hashable, Codable {
  public enum Kind: String, Sendable, Codable {
    /// The device was copied, or restored from an old copy: it took a new identity.
    case newIdentity
    /// The hub was restored from an older copy: the device gave back what it had of it.
    case hubRestored
    /// The feed was too long or gone: the rows came in bulk.
    case rebased
    /// The hub will never take an attachment: it stays on this device.
    case blobUnfit
    /// The hub will never take a batch as it was sealed: what could be taken of it was sealed anew.
    case batchRefused
    /// The hub lost work of which this device had no batches any more: what stands was sealed once more.
    case workRecovered
  }

  public var kind: Kind
  /// Hub time in milliseconds.
  public var atMs: UInt64
  public var explanation: LocalizedText

  package init(kind: Kind, atMs: UInt64, explanation: LocalizedText) {
    self.kind = kind
    self.atMs = atMs
    self.explanation = explanation
  }
}
