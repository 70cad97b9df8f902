public import Foundation

/// Name of a blob: the SHA-256 of its bytes.
public struct BlobID: Sendable, Hashable, CustomStringConvertible {
  /// Hash of 32 bytes.
  public let bytes: Data

  public init(of content: Data) { bytes = content.sha256 }

  /// Makes a name; nil unless there are 32 bytes.
  public init?(bytes: Data) {
    guard bytes.count == 32 else { return nil }
    self.bytes = Data(bytes)
  }

  /// Parses a name; nil unless there are 64 lower-case hexadecimal digits: nothing else ever becomes a file's name.
  public init?(hex: some StringProtocol) {
    // Accepts one spelling only, because file systems differ in whether two spellings name one file.
    guard let bytes = Data(hex: hex), bytes.hex == hex else { return nil }
    self.init(bytes: bytes)
  }

  /// Name as rows refer to it.
  public var hex: String { bytes.hex }
  public var description: String { hex }
}

extension SyncError {
  /// Returns the error for a device whose blob the hub will never keep.
  package static func blobUnfit(_ id: BlobID, _ reason: LocalizedText) -> SyncError {
    SyncError(
      .blobUnfit, vi: "Tỉnh không nhận tệp đính kèm \(id.hex.prefix(8)): \(reason.vi)",
      en: "The hub does not take the attachment \(id.hex.prefix(8)): \(reason.en)")
  }
}
