internal import Foundation

/// Why a whole batch can never be taken, though it arrived as its author signed it: not even its units can be told.
///
/// The hub says so in a signed receipt. Apart from a succession, only that allows an author to make a batch of the same number anew.
package struct BatchRefusal: Error, Hashable {
  /// Raw values travel in receipts and never change their meaning.
  package enum Reason: String, Sendable, CaseIterable {
    /// It is no batch, or it cannot be told which units its rows belong to.
    case form
    /// It has more parts, rows or bytes than memory is spent on.
    case size
    /// Its number is none.
    case number
    /// It names as the batch before it one that the hub has not, and has another of that number.
    case previous
    /// Its cursor is none.
    case cursor
    /// It has no units.
    case empty
    /// It goes on from a batch that was refused.
    case behind
  }

  package var reason: Reason
  /// What it is about; empty for the whole.
  package var detail = ""

  package init(reason: Reason, detail: String = "") {
    self.reason = reason
    self.detail = detail
  }
}

extension BatchRefusal.Reason {
  /// What happened, for the people at both ends.
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
