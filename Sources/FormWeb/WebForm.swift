internal import Foundation
internal import SurveyKit
internal import SurveyKitHub
public import SyncHub

#if !Server
  #error("what serves is behind a package trait: run make build, or swift build --traits Server")
#endif

/// The questionnaire as plain pages: everything is decided here, nothing runs in the browser.
///
/// Answers travel sealed in the bodies of posted pages, and are written once: sealed, when they are sent. Between two pages a
/// `DraftFolder` keeps them, so that each page is fetched by an address of its own, to which Back and reload lead; without one, or for a
/// browser that does not say where it comes from, a page is the answer to the post before it. `answer(_:)` is all there is to call;
/// whatever speaks HTTP hands calls in, without saying when or from where. Safe to use from any task; any number of processes may serve
/// the same links.
///
/// | call | does |
/// |---|---|
/// | `GET /s/TOKEN` | the notice |
/// | `POST /s/TOKEN` | one page in; the next page's address out, or the page |
/// | `GET /s/TOKEN/KEY/STEP` | a page of a draft, with all that was answered so far |
/// | `GET /s/TOKEN/done` | "received" |
/// | `GET /s/style.css` | the style sheet |
public final class WebForm: Sendable {
  private let desk: any FormDesk
  private let key: FormLinkKey
  private let pages: WebPages
  private let rate: RateBound
  private let linkRates: LinkBounds
  private let strangeRate = RateBound(perSecond: WebLimits.strangeCallsPerSecondMax, atOnce: WebLimits.strangeCallsAtOnceMax)
  private let sent = SentAnswers()
  private let cuts = CutForms()
  private let drafts: DraftFolder?

  /// The folder of all its addresses.
  public static let path = "/s/"

  /// - Parameters:
  ///   - key: Signs the links and derives the answers' ids.
  ///   - draftsFolder: Where drafts lie between two pages; nil keeps none.
  ///   - callsPerSecondMax, callsAtOnceMax: Bounds on calls by good links, all together. Beyond them a page asks to wait.
  ///   - linkCallsPerSecondMax, linkCallsAtOnceMax: The same of one link.
  public init(
    desk: any FormDesk, key: FormLinkKey, draftsFolder: String? = nil, callsPerSecondMax: Int = WebLimits.callsPerSecondMax,
    callsAtOnceMax: Int = WebLimits.callsAtOnceMax, linkCallsPerSecondMax: Int = WebLimits.linkCallsPerSecondMax,
    linkCallsAtOnceMax: Int = WebLimits.linkCallsAtOnceMax
  ) throws {
    self.desk = desk
    self.key = key
    drafts = draftsFolder.map { DraftFolder(path: $0, key: key) }
    drafts?.tidy(atMs: desk.nowMs)
    pages = try WebPages()
    rate = RateBound(perSecond: callsPerSecondMax, atOnce: callsAtOnceMax)
    linkRates = LinkBounds(perSecond: linkCallsPerSecondMax, atOnce: linkCallsAtOnceMax)
  }

  /// Answers one call. Never throws: what goes wrong becomes a page that says what to do.
  public func answer(_ call: HubRequest) async -> HubResponse {
    guard ["GET", "HEAD", "POST"].contains(call.method) else { return pages.message(.badMethod, status: 405) }
    let parts = call.path.dropFirst(Self.path.count).split(separator: "/", omittingEmptySubsequences: false)
    if parts == ["style.css"] { return .style(WebStyle.css) }
    let page = parts.count == 3 && call.method != "POST" ? DraftKey(parts[1]).flatMap { key in Int(parts[2]).map { (key, $0) } } : nil
    guard call.path.hasPrefix(Self.path), parts.count == 1 || parts.dropFirst() == ["done"] || page != nil else {
      return strange(call)
    }
    do {
      // The link comes first: calls by links that are none of ours are charged apart, and shut out nobody who has one of ours.
      let link = try key.open(parts[0])
      let now = ContinuousClock.now
      guard linkRates.allows(link, at: now), rate.allows(at: now) else {
        return again(call, .tooManyNow, status: 503, retryAfterSeconds: WebLimits.waitSeconds) ?? tooMany()
      }
      let language = call.query("lang").flatMap { Language(rawValue: $0) } ?? .vietnamese
      if parts.count == 2 { return pages.received(language).clearingPages() }
      if let (key, step) = page { return try await kept(key, step, call, link, path: Self.path + parts[0]) }
      return try await call.method == "POST" ? post(call, link) : notice(call, link)
    } catch let refusal as Refusal {
      // A body that is none of ours stays refused; else what is in the way may pass: another campaign loaded by mistake.
      let isOurs = ![400, 403, 415].contains(refusal.status)
      return (isOurs ? again(call, refusal.message, status: refusal.status, carrying: "state") : nil) ?? refusal.reply(pages)
    } catch let fault as FormLinkFault {
      return strange(call, fault)
    } catch {
      return again(call, .failedNow, status: 500) ?? pages.message(.failed, status: 500)
    }
  }

  /// Answers a call whose link is none of ours, within the bound of all those together.
  ///
  /// - Parameter fault: Fault of the link. Of another hub's link the posted page comes back, since this hub may have been started with
  ///   other keys.
  private func strange(_ call: HubRequest, _ fault: FormLinkFault = .malformed) -> HubResponse {
    let isForeign = fault == .foreign
    guard strangeRate.allows(at: .now) else {
      return (isForeign ? again(call, .tooManyNow, status: 503, retryAfterSeconds: WebLimits.waitSeconds) : nil) ?? tooMany()
    }
    let message: WebMessage = isForeign ? .foreignLink : .badLink
    return (isForeign ? again(call, message, status: 404, carrying: "state") : nil) ?? pages.message(message, status: 404)
  }

  /// For what cannot be taken now: a page that carries what was posted. Nil when nothing of ours was posted.
  ///
  /// - Parameter field: What the posted page must have.
  private func again(
    _ call: HubRequest, _ message: WebMessage, status: Int, retryAfterSeconds: Int? = nil, carrying field: String = "go"
  ) -> HubResponse? {
    guard call.method == "POST", call.isFromHere, call.body.count <= WebLimits.bodyBytesMax, let fields = FieldsBody(call.body),
      fields["go"] != nil, fields[field] != nil
    else { return nil }
    return pages.again(message, fields: fields.fields, path: call.path, status: status, retryAfterSeconds: retryAfterSeconds)
  }

  /// A body over `WebLimits.bodyBytesMax`, which is refused before it is read.
  public func tooLarge() -> HubResponse { pages.message(.tooLarge, status: 413) }

  /// Answers a call for which there is no room now; nothing of its body was read.
  public func tooMany() -> HubResponse { pages.message(.tooMany, status: 503, retryAfterSeconds: WebLimits.waitSeconds) }

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
    guard var visit = try await desk.visit(to: link.unit, of: { link.belongs(to: $0) }) else { throw Refusal(.badLink, 404) }
    visit.editions.removeAll { !link.leads(to: $0.form) }
    guard link.belongs(to: visit.campaign.id) else { throw Refusal(.otherCampaign, 410) }
    guard !link.isOver(on: visit.campaign.today(atMs: desk.nowMs)) else { return (visit, .expired) }
    return (visit, visit.campaign.phase(atMs: desk.nowMs) == .closed ? .closed : nil)
  }

  private func visit(_ link: FormLink) async throws -> FormVisit {
    let (visit, ended) = try await lookUp(link)
    if let ended { throw Refusal(ended, 410) }
    return visit
  }

  /// - Parameter digest: Of the definition that a draft was begun with.
  private func interview(_ edition: HubPlan.FormRecord, _ visit: FormVisit, digest: String? = nil) async throws -> Interview {
    guard var validator = try await desk.validator(of: edition.key, digest: digest) else {
      throw digest == nil ? Refusal(.notForWeb, 404) : Refusal(.otherQuestions, 410)
    }
    guard validator.form.isServable else { throw Refusal(.notForWeb, 404) }
    validator.today = visit.campaign.today(atMs: desk.nowMs).description
    return Interview(validator, pages: cuts.pages(of: validator), unit: visit.unit)
  }

  // MARK: The notice

  private func notice(_ call: HubRequest, _ link: FormLink) async throws -> HubResponse {
    try await notice(visit(link), path: call.path, call.query("lang") ?? Language.vietnamese.rawValue)
  }

  /// - Parameter language: Code of the language that is asked for; one that the form does not have changes nothing.
  private func notice(_ visit: FormVisit, path: String, _ language: String) async throws -> HubResponse {
    switch visit.campaign.phase(atMs: desk.nowMs) {
    case .notYetOpen: throw Refusal(.notYetOpen(visit.campaign), 403)
    case .grace: throw Refusal(.closing, 410)
    case .open, .closed: break
    }
    guard let edition = visit.editions.first(where: { $0.state == FormState.open.rawValue }) else {
      throw Refusal(visit.editions.contains { $0.state == FormState.closing.rawValue } ? .closing : .closed, 410)
    }
    let interview = try await interview(edition, visit)
    var draft = Draft(id: Draft.newID(), edition: edition.key, language: .vietnamese)
    if interview.speaks(language) { draft.turn(to: language) }
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
      return try await notice(visit, path: call.path, draft.textLanguage)
    }
    if sent.contains(draft.id) && fields["go"] != "send" { return pages.message(.alreadySent, status: 410) }
    var carried: (digest: String?, state: String)?
    if !isStart {
      carried = fields["state"].flatMap { key.open(sealed: $0, for: call.path) }.flatMap { Draft.parts(ofCarried: $0) }
      guard carried != nil else { throw Refusal(.badBody, 400) }
    }
    let interview = try await interview(edition, visit, digest: carried?.digest)
    draft.digest = interview.validator.digest
    if let carried {
      guard let answers = Draft.answers(fromState: carried.state, on: interview.pages, of: interview.form) else {
        throw Refusal(.badBody, 400)
      }
      draft.answers = answers
    }
    let (store, earlier) = keeping(&draft, call)
    let frame = PageFrame(interview, visit, path: call.path)
    let turn = Turn(interview: interview, frame: frame, drafts: store, earlier: earlier)
    if isStart { return try show(interview.start(draft), turn, &draft) }
    let place = fields["page"].flatMap { Int($0) }
    guard let step = fields["go"].flatMap(Interview.Step.init), place != nil || fields["page"] == "review" else {
      throw Refusal(.badBody, 400)
    }
    // Another copy of the draft went on meanwhile, in another tab or before Back: nothing that it took is lost. What is sent is what the
    // review showed.
    let newer = earlier.flatMap { $0.turn > draft.turn ? $0.draft(for: interview, key: draft.key) : nil }
    if let newer {
      draft.turn = newer.turn
      draft.isReviewed = draft.isReviewed || newer.isReviewed
      if place == nil && step != .send { draft.answers = newer.answers }
    }
    guard let view = interview.take(step, place: place, fields: fields, &draft, newer: newer?.answers) else { throw Refusal(.badBody, 400) }
    // What somebody has entered stays with the page, whatever ended meanwhile.
    if let ended { return try keep(draft, ended.asReason, turn, status: 410) }
    guard case .done(let valid) = view else { return try show(view, turn, &draft) }
    // A second press sends the same content; other content from the same page is another person's.
    let id = key.answerID(draft: draft.id, unit: visit.unit, content: valid.canonicalJSON)
    let submission = AnswerSubmission(
      valid, unit: visit.unit, day: CampaignToday(estimateMs: desk.nowMs, in: visit.campaign).certainDay,
      language: draft.textLanguage, id: id)
    do {
      try await sent.once(id) { [desk] in try await desk.submit(submission) }
    } catch {
      return try keep(draft, WebWords.reason(error), turn, status: 503)
    }
    sent.insert(draft.id)
    if let draftKey = draft.key {
      sent.insert(draftKey.text)
      drafts?.erase(draftKey, atMs: desk.nowMs)
    }
    return Self.done(call, draft.language)
  }

  private static func done(_ call: HubRequest, _ language: Language) -> HubResponse {
    .seeOther(call.path + "/done" + (language == .vietnamese ? "" : "?lang=\(language.rawValue)"))
  }

  // MARK: Showing

  /// Carries one posted page to the next.
  private struct Turn {
    var interview: Interview
    var frame: PageFrame
    /// Folder of kept drafts; nil where the next page is the answer itself.
    var drafts: DraftFolder?
    /// Draft as it was kept before.
    var earlier: KeptDraft?
  }

  /// Gives the draft a key where its pages can have addresses of their own.
  private func keeping(_ draft: inout Draft, _ call: HubRequest) -> (drafts: DraftFolder?, earlier: KeptDraft?) {
    guard let drafts, call.isOnPage else {
      draft.key = nil
      return (nil, nil)
    }
    let draftKey = draft.key ?? DraftKey()
    draft.key = draftKey
    let kept = drafts.draft(draftKey, link: call.path, atMs: desk.nowMs)
    return (
      drafts, kept.flatMap { $0.id == draft.id && $0.edition == draft.edition && ($0.digest ?? draft.digest) == draft.digest ? $0 : nil }
    )
  }

  /// The review, with the reason why what was sent was not taken.
  private func keep(_ draft: Draft, _ reason: LocalizedText, _ turn: Turn, status: Int) throws -> HubResponse {
    var draft = draft
    return try show(.review, turn, &draft, refusal: WebWords.notTaken(reason), refusedStatus: status)
  }

  private func show(
    _ view: Interview.View, _ turn: Turn, _ draft: inout Draft, refusal: LocalizedText? = nil, refusedStatus: Int = 200
  ) throws -> HubResponse {
    draft.turn += 1
    if case .review = view { draft.isReviewed = true }
    if let drafts = turn.drafts, let draftKey = draft.key {
      let kept = KeptDraft(draft, showing: view, refusal: refusal, after: turn.earlier)
      if drafts.keep(kept, draftKey, link: turn.frame.path, atMs: desk.nowMs) {
        return .seeOther("\(turn.frame.path)/\(draftKey.text)/\(kept.last.step)")
      }
    }
    return try page(view, turn.interview, turn.frame, draft, refusal: refusal, refusedStatus: refusedStatus)
  }

  private func page(
    _ view: Interview.View, _ interview: Interview, _ frame: PageFrame, _ draft: Draft, refusal: LocalizedText?, refusedStatus: Int = 200
  ) throws -> HubResponse {
    var draft = draft
    draft.sealed = try key.seal(draft.carried, for: frame.path)
    switch view {
    case .page(let place, let faults, let new, let remark):
      let page = PageView(interview, frame, draft, place: place, faults: faults, new: new, remark: remark)
      return pages.page(page, status: faults.isEmpty && remark != .tooLong ? 200 : 422)
    case .review, .done:
      return pages.review(ReviewView(interview, frame, draft, refusal: refusal), status: refusedStatus)
    }
  }

  /// A page of a draft that is kept, for the browser that fills it in: an address that was passed on leads to the notice.
  private func kept(_ draftKey: DraftKey, _ step: Int, _ call: HubRequest, _ link: FormLink, path: String) async throws -> HubResponse {
    guard call.isOnPage else { return .seeOther(path) }
    guard let kept = drafts?.draft(draftKey, link: path, atMs: desk.nowMs) else {
      throw Refusal(sent.contains(draftKey.text) ? .alreadySent : .over, 410)
    }
    let (visit, over) = try await lookUp(link)
    guard let edition = visit.editions.first(where: { $0.key == kept.edition }) else { throw Refusal(.closed, 410) }
    let interview = try await interview(edition, visit, digest: kept.digest)
    guard var draft = kept.draft(for: interview, key: draftKey), let view = kept.view(step: step) else {
      throw Refusal(.badLink, 404)
    }
    draft.digest = interview.validator.digest
    if case .page(let place, _, _, _) = view, !interview.pages.pages.indices.contains(place) { throw Refusal(.badLink, 404) }
    let ended = edition.state == FormState.closed.rawValue ? .closed : over
    let refusal = ended.map { WebWords.notTaken($0.asReason) } ?? (kept.last.step == step ? kept.last.refusal : nil)
    var reply = try page(view, interview, PageFrame(interview, visit, path: path), draft, refusal: refusal)
    reply.status = 200
    return reply
  }
}

extension HubRequest {
  /// Tells if the call comes from one of this hub's own pages, and not from an address that was typed, scanned, passed on or looked up in a
  /// history. Browsers say so by one of two headers, also when they go back or load a page again.
  fileprivate var isOnPage: Bool {
    if headers["sec-fetch-site"] == "same-origin" { return true }
    guard headers["sec-fetch-site"] == nil, let host = headers["host"], let referrer = headers["referer"] else { return false }
    let parts = referrer.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    return parts.count == 4 && parts[2] == host[...] && "/\(parts[3])".hasPrefix(WebForm.path)
  }

  /// Whether the page that was posted can be one of ours. Browsers say where a post comes from; what says nothing is let through.
  ///
  /// `sec-fetch-site` is the browser's own comparison, which no proxy changes. Where a browser sends none, its origin is compared with the
  /// host; a proxy that hands on the name it calls this hub by, instead of the browser's, leaves nothing to compare with.
  fileprivate var isFromHere: Bool {
    if let site = headers["sec-fetch-site"] { return ["same-origin", "none"].contains(site) }
    guard let origin = headers["origin"], origin != "null", let host = headers["host"] else { return true }
    let isSame = origin.split(separator: "/").last.map { $0 == host[...] } ?? false
    return isSame || Self.isInside(host)
  }

  /// Tells a name that only machines inside call each other by, as a proxy's default `Host` is: this machine's, or one without a dot.
  private static func isInside(_ host: String) -> Bool {
    if host.hasPrefix("[") { return host.hasPrefix("[::1]") }
    let name = host.prefix { $0 != ":" }
    return name.hasPrefix("127.") || !name.contains(".")
  }
}
