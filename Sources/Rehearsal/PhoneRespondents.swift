internal import FormWeb
internal import Foundation
internal import SurveyKit
internal import SyncKit

/// People of a rehearsal who answer on their own phones, through the hub's web form over HTTP.
struct PhoneRespondents: Sendable {
  let key: FormLinkKey
  let campaign: Campaign

  /// One answer in so many comes this way where there is a network: a tenth of all, those without one counted.
  static let oneIn = 8
  private static let timeoutMs = 20_000

  /// Whether the answer of that number comes from a phone: where there is no network, none does.
  static func takes(_ number: Int, of commune: RehearsalPlan.Commune) -> Bool {
    commune.kind != .offline && (number + Int(commune.unit.code.rawValue.utf8.last ?? 0)) % oneIn == 0
  }

  /// Answers on the pages, again where the link breaks, and gives the id by which the hub knows the answer.
  func submit(_ answers: ValidatedAnswers, unit: UnitCode, hub: String) async throws -> String {
    let link = FormLink(campaign: campaign.id, unit: unit, expires: campaign.dayOf(campaign.graceEndsMs))
    guard let token = key.token(for: link) else {
      throw SyncError(.internalFault, vi: "Không làm được mã cho \(unit).", en: "No code can be made for \(unit).")
    }
    let transport = try HTTPTransport(hub: hub)
    let respondent = WebRespondent(target: WebForm.path + token) { call in
      try await Patience.again {
        let response = try await transport.send(call, timeoutMs: Self.timeoutMs)
        // A link cut inside an answer's headers leaves a status and nothing else.
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
