internal import Foundation
internal import SurveyKit
public import SyncKit

/// The questionnaire as plain pages: everything is decided here, nothing runs in the browser, nothing is remembered between two calls.
///
/// Answers travel in the bodies of posted pages only, and are written once: sealed, when they are sent. `answer(_:)` is all there is
/// to call; whatever speaks HTTP hands calls in, without saying when or from where. Safe to use from any task; any number of
/// processes may serve the same links.
///
/// | call | does |
/// |---|---|
/// | `GET /s/TOKEN` | the notice, with a fresh id |
/// | `POST /s/TOKEN` | one page in, the next page out |
/// | `GET /s/TOKEN/done` | "received" |
/// | `GET /s/style.css` | the style sheet |
public final class WebForm: Sendable {
  private let desk: any FormDesk
  private let key: FormLinkKey
  private let pages: WebPages
  private let rate: RateBound
  private let sent = SentAnswers()

  /// The folder of all its addresses.
  public static let path = "/s/"

  /// - Parameters:
  ///   - key: Signs the links and derives the answers' ids.
  ///   - callsPerSecondMax, callsAtOnceMax: Beyond them a page asks to wait.
  public init(
    desk: any FormDesk, key: FormLinkKey, callsPerSecondMax: Int = WebLimits.callsPerSecondMax,
    callsAtOnceMax: Int = WebLimits.callsAtOnceMax
  ) throws {
    self.desk = desk
    self.key = key
    pages = try WebPages()
    rate = RateBound(perSecond: callsPerSecondMax, atOnce: callsAtOnceMax)
  }

  /// Answers one call. Never throws: what goes wrong becomes a page that says what to do.
  public func answer(_ call: HubRequest) async -> HubResponse {
    guard rate.allows(at: .now) else { return pages.message(.tooMany, status: 503, retryAfterSeconds: WebLimits.waitSeconds) }
    guard ["GET", "HEAD", "POST"].contains(call.method) else { return pages.message(.badMethod, status: 405) }
    let parts = call.path.dropFirst(Self.path.count).split(separator: "/", omittingEmptySubsequences: false)
    if parts == ["style.css"] { return .style(WebStyle.css) }
    guard call.path.hasPrefix(Self.path), parts.count == 1 || parts.dropFirst() == ["done"] else {
      return pages.message(.badLink, status: 404)
    }
    do {
      let link = try key.open(parts[0])
      let language = call.query("lang").flatMap { Language(rawValue: $0) } ?? .vietnamese
      if parts.count == 2 { return pages.received(language) }
      return try await call.method == "POST" ? post(call, link) : notice(call, link, language)
    } catch let refusal as Refusal {
      return refusal.reply(pages)
    } catch let fault as FormLinkFault {
      return pages.message(fault == .foreign ? .foreignLink : .badLink, status: 404)
    } catch {
      return pages.message(.failed, status: 500)
    }
  }

  /// A body over `WebLimits.bodyBytesMax`, which is refused before it is read.
  public func tooLarge() -> HubResponse { pages.message(.tooLarge, status: 413) }

  /// A page that says why there is no other.
  private struct Refusal: Error {
    var message: WebMessage
    var status: Int

    init(_ message: WebMessage, _ status: Int) {
      self.message = message
      self.status = status
    }

    func reply(_ pages: WebPages) -> HubResponse { pages.message(message, status: status) }
  }

  // MARK: What the link leads to

  /// - Returns: Also why nothing is taken any more; nil while something is.
  private func lookUp(_ link: FormLink) async throws -> (visit: FormVisit, ended: WebMessage?) {
    guard let visit = try await desk.visit(to: link.unit) else { throw Refusal(.badLink, 404) }
    guard link.belongs(to: visit.campaign.id) else { throw Refusal(.otherCampaign, 410) }
    guard visit.campaign.today(atMs: desk.nowMs) <= link.expires else { return (visit, .expired) }
    return (visit, visit.campaign.phase(atMs: desk.nowMs) == .closed ? .closed : nil)
  }

  private func visit(_ link: FormLink) async throws -> FormVisit {
    let (visit, ended) = try await lookUp(link)
    if let ended { throw Refusal(ended, 410) }
    return visit
  }

  private func validator(_ edition: HubPlan.FormRecord, _ visit: FormVisit) async throws -> AnswerValidator {
    guard var validator = try await desk.validator(of: edition.key), validator.form.isServable else { throw Refusal(.notForWeb, 404) }
    validator.today = visit.campaign.today(atMs: desk.nowMs).description
    return validator
  }

  // MARK: The notice

  private func notice(_ call: HubRequest, _ link: FormLink, _ language: Language) async throws -> HubResponse {
    try await notice(visit(link), path: call.path, language)
  }

  private func notice(_ visit: FormVisit, path: String, _ language: Language) async throws -> HubResponse {
    switch visit.campaign.phase(atMs: desk.nowMs) {
    case .notYetOpen: throw Refusal(.notYetOpen(visit.campaign), 403)
    case .grace: throw Refusal(.closing, 410)
    case .open, .closed: break
    }
    guard let edition = visit.editions.first(where: { $0.state == FormState.open.rawValue }) else {
      throw Refusal(visit.editions.contains { $0.state == FormState.closing.rawValue } ? .closing : .closed, 410)
    }
    let interview = Interview(try await validator(edition, visit), unit: visit.unit)
    let draft = Draft(id: Draft.newID(), edition: edition.key, language: language)
    return pages.notice(NoticeView(interview, visit, draft, path: path))
  }

  // MARK: Pages

  private func post(_ call: HubRequest, _ link: FormLink) async throws -> HubResponse {
    guard call.isFromHere else { throw Refusal(.elsewhere, 403) }
    guard call.headers["content-type"]?.lowercased().hasPrefix(FieldsBody.contentType) == true else { throw Refusal(.badBody, 415) }
    guard call.body.count <= WebLimits.bodyBytesMax else { return tooLarge() }
    guard let fields = FieldsBody(call.body), var draft = Draft(fields) else { throw Refusal(.badBody, 400) }
    let (visit, over) = try await lookUp(link)
    guard let edition = visit.editions.first(where: { $0.key == draft.edition }) else { throw Refusal(.badBody, 400) }
    let ended = edition.state == FormState.closed.rawValue ? .closed : over
    let isStart = fields["go"] == "start"
    if isStart, let ended { throw Refusal(ended, 410) }
    // Between notice and start a newer edition came, or the end: so the notice is not the right one any more.
    if isStart && (edition.state != FormState.open.rawValue || visit.campaign.phase(atMs: desk.nowMs) != .open) {
      return try await notice(visit, path: call.path, draft.language)
    }
    if sent.contains(draft.id) && fields["go"] != "send" { return pages.message(.alreadySent, status: 410) }
    let interview = Interview(try await validator(edition, visit), unit: visit.unit)
    if !isStart {
      guard let state = fields["state"].flatMap({ key.open(sealed: $0, for: call.path) }),
        let answers = Draft.answers(fromState: state, form: interview.form)
      else { throw Refusal(.badBody, 400) }
      draft.answers = answers
    }
    let frame = PageFrame(interview, visit, path: call.path)
    if isStart { return try show(interview.start(draft), interview, frame, &draft) }
    let place = fields["page"].flatMap { Int($0) }
    guard let step = fields["go"].flatMap(Interview.Step.init), place != nil || fields["page"] == "review",
      let view = interview.take(step, place: place, fields: fields, &draft)
    else { throw Refusal(.badBody, 400) }
    // What somebody has entered stays with the page, whatever ended meanwhile.
    if let ended { return try keep(draft, ended.asReason, interview, frame, status: 410) }
    guard case .done(let valid) = view else { return try show(view, interview, frame, &draft) }
    // A second press sends the same content; other content from the same page is another person's.
    let id = key.answerID(draft: draft.id, unit: visit.unit, content: valid.canonicalJSON)
    guard !sent.contains(id) else { return Self.done(call, draft.language) }
    do {
      try await desk.submit(
        AnswerSubmission(
          valid, unit: visit.unit, day: CampaignToday(estimateMs: desk.nowMs, in: visit.campaign).certainDay,
          language: draft.language.rawValue, id: id))
    } catch {
      let reason = (error as? any ExplainedError)?.explanation ?? WebMessage.failed.title
      return try keep(draft, reason, interview, frame, status: 503)
    }
    sent.insert(id)
    sent.insert(draft.id)
    return Self.done(call, draft.language)
  }

  private static func done(_ call: HubRequest, _ language: Language) -> HubResponse {
    .seeOther(call.path + "/done" + (language == .vietnamese ? "" : "?lang=\(language.rawValue)"))
  }

  /// The review, with the reason why what was sent was not taken.
  private func keep(
    _ draft: Draft, _ reason: LocalizedText, _ interview: Interview, _ frame: PageFrame, status: Int
  ) throws -> HubResponse {
    var draft = draft
    draft.isReviewed = true
    draft.sealed = try key.seal(draft.state, for: frame.path)
    return pages.review(ReviewView(interview, frame, draft, refusal: WebWords.notTaken(reason)), status: status)
  }

  private func show(
    _ view: Interview.View, _ interview: Interview, _ frame: PageFrame, _ draft: inout Draft
  ) throws -> HubResponse {
    draft.sealed = try key.seal(draft.state, for: frame.path)
    switch view {
    case .page(let place, let faults, let new, let remark):
      let page = PageView(interview, frame, draft, place: place, faults: faults, new: new, remark: remark)
      return pages.page(page, status: faults.isEmpty && remark != .tooLong ? 200 : 422)
    case .review, .done:
      draft.isReviewed = true
      return pages.review(ReviewView(interview, frame, draft))
    }
  }
}

extension HubRequest {
  /// Whether the page that was posted can be one of ours. Browsers say where a post comes from; what says nothing is let through.
  fileprivate var isFromHere: Bool {
    if let site = headers["sec-fetch-site"], !["same-origin", "none"].contains(site) { return false }
    guard let origin = headers["origin"], origin != "null", let host = headers["host"] else { return true }
    return origin.split(separator: "/").last.map { $0 == host[...] } ?? false
  }
}
