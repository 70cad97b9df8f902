internal import FormWeb
internal import Foundation
internal import SurveyKit
internal import SyncKit

/// Respondents of a rehearsal who answer on their own phones, through the hub's web form over HTTP.
struct PhoneRespondents: Sendable {
  let key: FormLinkKey
  let campaign: Campaign

  /// Answers for each one that comes this way in a commune with a network: about a tenth of all answers.
  static let oneIn = 8
  private static let timeoutMs = 20_000

  /// Returns whether the answer of that number comes from a phone: without a network, none does.
  static func takes(_ number: Int, of commune: RehearsalPlan.Commune) -> Bool {
    commune.kind != .offline && (number + Int(commune.unit.code.rawValue.utf8.last ?? 0)) % oneIn == 0
  }

  /// Respondents of one commune who answer at the same time: each waits for the hub at every page.
  private static let atOnceMax = 4

  /// Answers for several people, some at a time, and returns the ids under which the hub keeps the answers, in the same order.
  func submit(_ answers: [ValidatedAnswers], unit: UnitCode, hub: String) async throws -> [String] {
    try await withThrowingTaskGroup(of: (Int, String).self) { tasks in
      var ids = Array(repeating: "", count: answers.count)
      for (place, each) in answers.enumerated() {
        if place >= Self.atOnceMax, let (done, id) = try await tasks.next() { ids[done] = id }
        tasks.addTask { (place, try await submit(each, unit: unit, hub: hub)) }
      }
      for try await (done, id) in tasks { ids[done] = id }
      return ids
    }
  }

  /// Answers on the pages, again where the link breaks, and returns the id under which the hub keeps the answer.
  private func submit(_ answers: ValidatedAnswers, unit: UnitCode, hub: String) async throws -> String {
    let link = FormLink(campaign: campaign.id, unit: unit, expires: campaign.dayOf(campaign.graceEndsMs))
    guard let token = key.token(for: link) else {
      throw SyncError(.internalFault, vi: "Không làm được mã cho \(unit).", en: "No code can be made for \(unit).")
    }
    let transport = try HTTPTransport(hub: hub)
    let respondent = WebRespondent(target: WebForm.path + token) { call in
      try await Patience.again {
        let response = try await transport.send(call, timeoutMs: Self.timeoutMs)
        // Retries an incomplete answer: a link cut inside the headers leaves a status and nothing else.
        let isWhole = response.status == 303 ? response.headers["location"] != nil : !response.body.isEmpty
        guard response.status < 500, isWhole else {
          throw SyncError(.busy, vi: "Trang phiếu đang bận.", en: "The form's pages are busy.")
        }
        return response
      }
    }
    return key.answerID(draft: try await respondent.answer(answers.values), unit: unit, content: answers.canonicalJSON)
  }
}
