public import SyncCore

/// Problem that an examination found, as a sentence with its remedy.
public struct Finding: Sendable, Hashable, Codable {
  /// Kind of problem. Raw values are for programs and never change their meaning.
  public enum Kind: String, Sendable, CaseIterable, Codable {
    /// SQLite itself reports the file as damaged.
    case integrity
    /// A capture trigger is missing or differs from the declaration.
    case trigger
    /// A row is not as the engine wrote it, or was never captured.
    case row
    /// A row has a key that belongs to another scope.
    case foreignKey
    /// The sum kept over a table's rows is wrong.
    case digest
    /// A batch does not match its name, or cannot be read.
    case batch
    /// A batch does not continue the one before.
    case chain
    /// A signature is not of the expected signer.
    case signature
    /// A receipt is not about its batch.
    case receipt
    /// The feed has a gap, a unit twice, or another hash than its journal gives.
    case feed
    /// Replaying the journal leads to other rows.
    case replay
    /// Counts do not add up.
    case sum
    /// Anonymous rows do not match the packets in which they came.
    case packets
    /// The secrets beside the store are missing or another store's.
    case key
    /// The hub reported other data.
    case agreement
  }

  public var kind: Kind
  public var explanation: LocalizedText
}

/// Result of an examination: what was examined, and the problems.
public struct Examination: Sendable, Hashable, Codable {
  /// Findings listed; further ones are only counted.
  public static let findingsMax = 100

  public package(set) var findings: [Finding] = []
  /// Findings beyond those listed.
  public package(set) var unlisted = 0
  /// Replicated rows compared with the engine's records, deleted ones included.
  public package(set) var rows = 0
  /// Batches whose bytes, chain and signature were checked.
  public package(set) var batches = 0
  /// Journalled batches whose bytes were trimmed: only their positions, hashes and receipts were checked, and rows could not be
  /// compared with a replay.
  public package(set) var cleared = 0
  /// Units that the hub's journal was replayed from; 0 on a device.
  public package(set) var units = 0
  /// Anonymous packets, by count only.
  public package(set) var packets = 0
  /// Released anonymous rows that were erased since, by count only.
  public package(set) var erased = 0

  public var isSound: Bool { findings.isEmpty }

  mutating func add(_ kind: Finding.Kind, vi: String, en: String) {
    if findings.count < Self.findingsMax {
      findings.append(Finding(kind: kind, explanation: LocalizedText(vi: vi, en: en)))
    } else {
      unlisted += 1
    }
  }

  /// Stage of a running examination.
  public enum Stage: Sendable, CaseIterable {
    case rows, batches, replay
  }

  /// Called with the progress of each stage.
  public typealias Progress = @Sendable (_ stage: Stage, _ done: Int, _ total: Int) -> Void
}

/// Running examination, which collects findings.
package final class Examiner {
  package var result = Examination()
  package let progress: Examination.Progress

  package init(_ progress: @escaping Examination.Progress) { self.progress = progress }

  package func found(_ kind: Finding.Kind, vi: String, en: String) { result.add(kind, vi: vi, en: en) }

  /// Runs one part. A failure of SQLite or the codec becomes a finding, and the other parts go on.
  package func part(_ body: () throws -> Void) {
    do {
      try SyncError.explainingSync("-", body)
    } catch {
      let said = (error as? SyncError)?.explanation ?? LocalizedText("\(error)")
      found(
        .integrity, vi: "Không đọc hết được kho dữ liệu: \(said.vi) \(Self.restore.vi)",
        en: "Not all of the store can be read: \(said.en) \(Self.restore.en)")
    }
  }

  package static let restore = LocalizedText(
    vi: "Giữ nguyên tệp, khôi phục từ bản sao.", en: "Keep the file as it is and restore from a copy.")
}
