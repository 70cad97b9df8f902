public import SyncCore

/// Something wrong that an examination found, said in one sentence with what to do about it.
public struct Finding: Sendable, Hashable, Codable {
  /// What is wrong. Raw values are for programs and never change their meaning.
  public enum Kind: String, Sendable, CaseIterable, Codable {
    /// SQLite itself calls the file damaged.
    case integrity
    /// A capture trigger is missing or another than the declaration asks for.
    case trigger
    /// A row is not what the engine wrote, or was never captured.
    case row
    /// A row stands under a key that only another unit's row may have.
    case foreignKey
    /// The sum kept over a table's rows is not theirs.
    case digest
    /// A batch does not match its name, or cannot be read.
    case batch
    /// A batch does not continue the one before it.
    case chain
    /// A signature is not that of whoever should have signed.
    case signature
    /// A receipt is not about its batch.
    case receipt
    /// The feed has a gap, a unit twice, or another hash than its journal gives.
    case feed
    /// Replaying the journal leads to other rows.
    case replay
    /// Counts do not add up.
    case sum
    /// Anonymous rows and the packets they came in.
    case packets
    /// The secrets beside the store are missing or another store's.
    case key
    /// The hub said that it holds something else.
    case agreement
  }

  public var kind: Kind
  public var explanation: LocalizedText
}

/// What an examination looked at and what it found.
public struct Examination: Sendable, Hashable, Codable {
  /// Findings listed; of further ones only the number is kept.
  public static let findingsMax = 100

  public package(set) var findings: [Finding] = []
  /// Findings beyond those listed.
  public package(set) var unlisted = 0
  /// Replicated rows compared with what the engine wrote of them, deleted ones included.
  public package(set) var rows = 0
  /// Batches whose bytes, chain and signature were checked.
  public package(set) var batches = 0
  /// Batches of a hub's journal whose bytes were cleared: only their places, hashes and receipts were checked, and rows could not be
  /// compared with a replay.
  public package(set) var cleared = 0
  /// Units that the hub's journal was replayed from; 0 on a device.
  public package(set) var units = 0
  /// Anonymous packets, by count only.
  public package(set) var packets = 0
  /// Released anonymous rows that were erased since: counted only.
  public package(set) var erased = 0

  public var isSound: Bool { findings.isEmpty }

  mutating func add(_ kind: Finding.Kind, vi: String, en: String) {
    if findings.count < Self.findingsMax {
      findings.append(Finding(kind: kind, explanation: LocalizedText(vi: vi, en: en)))
    } else {
      unlisted += 1
    }
  }

  /// What an examination is busy with.
  public enum Stage: Sendable, CaseIterable {
    case rows, batches, replay
  }

  /// Told how far each stage is.
  public typealias Progress = @Sendable (_ stage: Stage, _ done: Int, _ total: Int) -> Void
}

/// One examination under way.
package final class Examiner {
  package var result = Examination()
  package let progress: Examination.Progress

  package init(_ progress: @escaping Examination.Progress) { self.progress = progress }

  package func found(_ kind: Finding.Kind, vi: String, en: String) { result.add(kind, vi: vi, en: en) }

  /// Runs one part; what SQLite or the codec cannot read is a finding, and the other parts go on.
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
