/// Unusual event in an exchange, and what the device did about it: one sentence for people.
public struct SyncNotice: Sendable, Hashable, Codable {
  public enum Kind: String, Sendable, Codable {
    /// The device was copied, or restored from an old copy: it took a new identity.
    case newIdentity
    /// The hub was restored from an older copy: the device gave back what it had.
    case hubRestored
    /// The feed was too long or gone: the rows came as a snapshot.
    case rebased
    /// The hub will never keep an attachment: it stays on this device.
    case blobUnfit
    /// The hub will never merge a batch as it was sealed: what could be merged of it was sealed again.
    case batchRefused
    /// The hub lost changes whose batches this device no longer has: what stands of them was sealed again.
    case workRecovered
    /// The device deleted batches that the hub has merged and no two backups hold yet, because it kept too many.
    case batchesLetGo
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
