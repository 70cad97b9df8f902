internal import Foundation

/// Reason why a whole batch can never be merged, though it arrived as its author signed it: not even its units can be told apart.
///
/// The hub reports the refusal in a signed receipt. Apart from a succession, only such a receipt allows an author to seal another
/// batch of the same number.
package struct BatchRefusal: Error, Hashable {
  /// Kind of refusal. Raw values travel in receipts and never change their meaning.
  package enum Reason: String, Sendable, CaseIterable {
    /// The bytes are no batch, or rows cannot be assigned to units.
    case form
    /// The batch has more parts, rows or bytes than the memory bounds allow.
    case size
    /// The number is not valid.
    case number
    /// The batch names a previous batch that the hub does not have, and the hub has another batch of that number.
    case previous
    /// The cursor is not valid.
    case cursor
    /// The batch has no units.
    case empty
    /// The batch continues a refused batch.
    case behind
  }

  package var reason: Reason
  /// Subject of the refusal; empty for the whole batch.
  package var detail = ""

  package init(reason: Reason, detail: String = "") {
    self.reason = reason
    self.detail = detail
  }
}

extension BatchRefusal.Reason {
  /// Description for the people at both ends.
  package var explanation: LocalizedText {
    switch self {
    case .form: LocalizedText(vi: "không đọc được gói", en: "the batch cannot be read")
    case .size: LocalizedText(vi: "gói quá lớn khi mở ra", en: "the batch is too large once opened")
    case .number: LocalizedText(vi: "số của gói không dùng được", en: "the batch's number cannot be one")
    case .previous:
      LocalizedText(vi: "gói nối tiếp một gói khác với gói tỉnh có", en: "the batch goes on from another one than the hub has")
    case .cursor: LocalizedText(vi: "vị trí đọc trong gói không dùng được", en: "the batch's cursor cannot be one")
    case .empty: LocalizedText(vi: "gói không có gì", en: "the batch is empty")
    case .behind: LocalizedText(vi: "gói nối tiếp một gói đã bị từ chối", en: "the batch goes on from one that was refused")
    }
  }
}
