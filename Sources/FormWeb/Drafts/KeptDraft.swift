internal import Foundation
internal import SurveyKit
internal import SyncHub

/// A draft between two pages, as the hub keeps it sealed: with it every page has an address of its own, to which Back and reload lead.
struct KeptDraft: Codable, Equatable {
  /// Words that the page shown last says beside its questions.
  struct Remarks: Codable, Equatable {
    /// Which of `trail` was shown last; other pages are shown without remarks.
    var step: Int
    var faults: [String: LocalizedText] = [:]
    var new: Set<String> = []
    var remark: Interview.Remark?
    /// Why what was sent was not taken.
    var refusal: LocalizedText?
  }

  var id: String
  var edition: String
  /// As `Draft.digest`.
  var digest: String?
  var language: Language
  /// Left out by earlier programs.
  var tongue: String?
  var isReviewed: Bool
  /// As `Draft.state`.
  var state: String
  var turn: Int
  /// Places of the pages that were shown, each once, in the order of their first showing; nil is the review. An address names a page by
  /// its number here, so that it says nothing once the draft is gone.
  var trail: [Int?]
  var last: Remarks

  /// - Parameter earlier: What was kept of the same draft before.
  init(_ draft: Draft, showing view: Interview.View, refusal: LocalizedText? = nil, after earlier: KeptDraft?) {
    (id, edition, digest, language, isReviewed) = (draft.id, draft.edition, draft.digest, draft.language, draft.isReviewed)
    tongue = draft.tongue
    (state, turn) = (draft.state, draft.turn)
    trail = earlier?.trail ?? []
    var place: Int?
    last = Remarks(step: 0, refusal: refusal)
    if case .page(let shown, let faults, let new, let remark) = view {
      place = shown
      (last.faults, last.new, last.remark) = (faults, new, remark)
    }
    last.step = trail.firstIndex(of: place) ?? trail.count
    if last.step == trail.count { trail.append(place) }
  }

  /// The page of a number; nil when none was shown under it.
  func view(step: Int) -> Interview.View? {
    guard trail.indices.contains(step) else { return nil }
    guard let place = trail[step] else { return .review }
    return last.step == step
      ? .page(place, faults: last.faults, new: last.new, remark: last.remark) : .page(place)
  }

  /// - Returns: Nil when the form has no such answers any more.
  func draft(for interview: Interview, key: DraftKey?) -> Draft? {
    guard let answers = Draft.answers(fromState: state, on: interview.pages, of: interview.form) else { return nil }
    var draft = Draft(id: id, edition: edition, language: language)
    draft.tongue = tongue
    (draft.digest, draft.isReviewed, draft.answers, draft.turn, draft.key) = (digest, isReviewed, answers, turn, key)
    return draft
  }
}

/// Names a kept draft in the addresses of its pages and opens it: random, known to the browser alone, related to no answer.
struct DraftKey: Hashable, Sendable {
  private static let bytesCount = 16
  private let bytes: Data

  /// Another one.
  init() { bytes = Data((0..<Self.bytesCount).map { _ in UInt8.random(in: .min ... .max) }) }

  /// - Returns: Nil for what no hub wrote.
  init?(_ text: some StringProtocol) {
    guard text.utf8.count <= 32, let bytes = Base32.decode(text), bytes.count == Self.bytesCount else { return nil }
    self.bytes = bytes
  }

  var text: String { Base32.encode(bytes) }
}
