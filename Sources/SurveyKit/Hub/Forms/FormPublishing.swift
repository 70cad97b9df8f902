internal import Foundation
public import SurveyKit
public import SyncHub

/// Result of publishing a form.
public struct FormPublication: Sendable, Hashable, Codable {
  public var form: String
  public var version: String
  /// True when the hub had exactly this edition already.
  public var isUnchanged: Bool
  /// Older editions that are now closing.
  public var closing: [String]
  /// True when the form got a drop key of its own: the recovery sheet lacks it until it is printed again.
  public var hasNewKey = false
  /// Questions and rules that an anonymous form carries out otherwise than written.
  public var coarser: [LocalizedText] = []
  /// True when the campaign asks the form from now on.
  public var isAdded = false
  /// Says what it changes of the edition before, where somebody asked first.
  public var changes: [LocalizedText] = []
}

/// Result of closing a form.
public struct FormClosing: Sendable, Hashable, Codable {
  public var form: String
  public var state: FormState
  public var releasedNow: Int
  /// Packets still encrypted at the hub: remainders of fewer than k people, and answers to forms that are not closed.
  public var waiting: Int
  /// Answers that fit no edition the hub knows.
  public var held: Int
  /// Editions of answers at the hub that the hub does not know.
  public var missingEditions: [String]
  /// Known editions that held answers of earlier programs name without fitting them.
  public var unfitEditions: [String]
  /// Packets deleted now, so that nobody can be identified.
  public var withheldNow: Int
  /// Keys of the form's own, to be destroyed when no more answers are expected.
  public var dropKeys: [String]
  /// k.
  public var kAnswersMin: Int
  /// Number of the release of results that this made; nil when no more may be shown than before.
  public var release: Int?
}

extension SurveyHub {
  /// Publishes an edition of one of the campaign's forms to everyone; older editions begin to close.
  ///
  /// - Parameters:
  ///   - forHeld: True when the definition only judges held answers that devices collected with it: nobody is asked it, whatever is
  ///     published under its version.
  ///   - isAdded: True to add a form that the campaign does not have, while it runs.
  ///   - isDryRun: True to say only what would change.
  /// - Throws: `DataProblems` when the campaign has no such form, the edition is older than the hub's, the hub has its version with
  ///   another content, or it drops choices of a question that stays. Nothing is changed then.
  public func publish(_ written: Form, forHeld: Bool = false, isAdded: Bool = false, isDryRun: Bool = false) async throws
    -> FormPublication
  {
    var form = written
    let plan = try await requirePlan(asking: form.id)
    let known = plan.campaign.forms + [plan.campaign.reportForm]
    let isNew = isAdded && !forHeld && !known.contains(form.id)
    guard known.contains(form.id) || isNew else {
      let list = known.joined(separator: ", ")
      throw DataProblems([
        DataProblem(
          form.id, vi: "cuộc khảo sát không có biểu mẫu này; các biểu mẫu: \(list). Hãy sửa form_id, hoặc thêm biểu mẫu bằng --add.",
          en: "the campaign has no such form; its forms: \(list). Correct form_id, or add the form with --add.")
      ])
    }
    var coarser: [LocalizedText] = []
    let isAnonymous = isNew || plan.campaign.forms.contains(form.id)
    if isAnonymous {
      let anonymous = AnonymousForm(form)
      guard anonymous.problems.isEmpty else {
        throw DataProblems(anonymous.problems.map { DataProblem(form.id, vi: $0.message.vi, en: $0.message.en) })
      }
      (form, coarser) = (anonymous.form, anonymous.remarks)
    }
    let published = form
    let latest = plan.latest(form: form.id)
    if isDryRun {
      var publication = try await hub.read { session in
        let editions = FormEditions(session: session)
        let isKnown = try editions.isKnown(published, newest: latest)
        if !isAnonymous { try editions.refuseForeign(report: published) }
        let closing = try editions.older(than: published).map(\.version)
        let last = try latest.flatMap { try FormShelf().edition($0.key, in: session)?.validator.form }
        return FormPublication(
          form: published.id, version: published.version, isUnchanged: isKnown, closing: closing,
          changes: last.map { FormChanges.sentences(from: $0, to: published) } ?? [])
      }
      (publication.coarser, publication.isAdded) = (coarser, isNew)
      return publication
    }
    var publication = try await hub.write { session in
      let form = published
      let editions = FormEditions(session: session)
      if forHeld { return try editions.learn(form, campaign: plan.campaign.id) }
      let isKnown = try editions.isKnown(form, newest: latest)
      if !isAnonymous { try editions.refuseForeign(report: form) }
      if isNew { try editions.add(form.id, to: plan.campaign.id) }
      let key = SurveySchema.formKey(id: form.id, version: form.version)
      let definition = String(decoding: form.canonicalJSON, as: UTF8.self)
      if !isKnown {
        try session.execute(
          "INSERT INTO form (id, scope, form, version, campaign, definition) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
          [
            .text(key), .text(plan.campaign.province.code.rawValue), .text(form.id), .text(form.version), .text(plan.campaign.id),
            .text(definition),
          ])
      }
      return FormPublication(
        form: form.id, version: form.version, isUnchanged: isKnown, closing: try editions.closeOlder(than: form))
    }
    publication.coarser = coarser
    publication.isAdded = isNew
    if !forHeld, isAnonymous {
      publication.hasNewKey = try await !addFormKeys([form], campaign: plan.campaign.id).isEmpty
    }
    return publication
  }

  /// Moves all editions of a form forward to `state`. Closing a form also pools its remaining answers: within a group when at least
  /// k people of two communes stand behind them, then within the province. Smaller remainders stay encrypted.
  ///
  /// - Parameter isFinal: True to count remainders as withheld and delete them; also packets of no edition, when every form of
  ///   every campaign is closed.
  /// - Throws: `DataProblems` when there is no such form, or it is further already.
  public func move(form: String, to state: FormState, isFinal: Bool = false) async throws -> FormClosing {
    let plan = try await requirePlan(asking: form)
    guard let latest = plan.latest(form: form) else {
      let known = Set(plan.forms.map(\.form)).sorted().joined(separator: ", ")
      throw DataProblems([DataProblem(form, vi: "không có biểu mẫu này; có: \(known).", en: "there is no such form; there is: \(known).")])
    }
    let now = FormState(rawValue: latest.state) ?? .open
    guard now <= state else {
      throw DataProblems([
        DataProblem(
          form, vi: "biểu mẫu đang ở trạng thái \(now.rawValue), không lùi lại được; hãy xuất bản phiên bản mới.",
          en: "the form is \(now.rawValue) and does not move back; publish a new version.")
      ])
    }
    let before = try await status()
    try await hub.write { session in
      let earlier = FormState.allCases.filter { $0 < state }.map(\.rawValue)
      for old in earlier {
        try session.execute(
          "UPDATE form SET state = ?2 WHERE form = ?1 AND coalesce(state, 'open') = ?3", [.text(form), .text(state.rawValue), .text(old)])
      }
    }
    var missing: [String] = []
    var release: Int?
    if state == .closed {
      let learned = try await hub.read { session in try FormEditions(session: session).learned(form: form) }
      let editions = Set(plan.forms.filter { $0.form == form }.map(\.key) + learned)
      missing = try await hub.settle(pools: plan.tree.remainderPools) { editions.contains($0) }
      if isFinal {
        let asked = Set(plan.campaigns.flatMap(\.forms))
        let isLast = plan.forms.allSatisfy {
          !asked.contains($0.form) || $0.form == form || $0.state == FormState.closed.rawValue
        }
        try await hub.withholdRemainders(isOver: { editions.contains($0) }, form: form, everything: isLast)
      }
      let today = plan.campaign.today(atMs: nowMs)
      release = try await hub.write { session in
        guard let plan = try HubPlan.read(session, plan.campaign.id) else { return nil }
        return try ReleaseTable(session: session).release(form: form, plan: plan, day: today, isInterim: false)
      }
    }
    let after = try await status()
    let known = Set(plan.forms.map(\.key))
    let dropKeys = try await hub.dropKeys().filter { $0.form == form }.map(\.id)
    return FormClosing(
      form: form, state: state,
      releasedNow: after.packetsReleased + after.packetsDiffering - before.packetsReleased - before.packetsDiffering,
      waiting: after.packetsWaiting, held: after.packetsHeld, missingEditions: missing.filter { !known.contains($0) },
      unfitEditions: missing.filter { known.contains($0) },
      withheldNow: after.packetsWithheld - before.packetsWithheld, dropKeys: dropKeys,
      kAnswersMin: plan.campaign.thresholds.kAnswersMin,
      release: release)
  }
}

extension UnitTree {
  /// Pools for remainders: each group under the root, then the root.
  var remainderPools: [RemainderPool] {
    roots.flatMap { root in
      let groups = children(of: root.code).filter { !children(of: $0.code).isEmpty }
      return (groups + [root]).map { unit in
        RemainderPool(
          unit: unit.code.rawValue, scopes: descendants(of: unit.code).filter { children(of: $0.code).isEmpty }.map(\.code.rawValue))
      }
    }
  }
}

/// Rules for a new edition of a form, by the editions that the hub has.
struct FormEditions {
  let session: any HubSession

  /// Adds a definition that only judges answers.
  func learn(_ form: Form, campaign: String) throws -> FormPublication {
    let digest = form.digest
    let key = SurveySchema.formKey(id: form.id, version: form.version)
    let known = try FormShelf().edition(key, digest: digest, in: session) != nil
    if !known {
      try session.execute(
        "INSERT INTO form_edition (digest, id, form, version, campaign, definition) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [
          .text(digest), .text("\(key)#\(digest.prefix(8))"), .text(form.id), .text(form.version), .text(campaign),
          .text(String(decoding: form.canonicalJSON, as: UTF8.self)),
        ])
      // Judges reports that were filed by it, which was not possible before.
      try ReportCheck(session: session, shelf: FormShelf()).checkAll(where: "form = ?1", [.text(key)])
    }
    return FormPublication(form: form.id, version: form.version, isUnchanged: known, closing: [])
  }

  /// Adds a form to a campaign.
  func add(_ form: String, to id: String) throws {
    guard var campaign = try HubPlan.campaigns(session).first(where: { $0.id == id }), !campaign.forms.contains(form) else { return }
    guard campaign.forms.count < Campaign.listCountMax else {
      throw DataProblems([
        DataProblem(
          form, vi: "cuộc khảo sát đã có \(Campaign.listCountMax) biểu mẫu.", en: "the campaign has \(Campaign.listCountMax) forms already."
        )
      ])
    }
    campaign.forms.append(form)
    try CampaignWriter.write(campaign, in: session)
  }

  /// Returns the keys of a form's definitions that judge answers but are not asked.
  func learned(form: String) throws -> [String] {
    try session.rows("SELECT id FROM form_edition WHERE form = ?1 ORDER BY version DESC, id", [.text(form)]).compactMap { $0[0].text }
  }

  /// Begins to close the editions before one.
  ///
  /// - Returns: Their versions.
  @discardableResult
  func closeOlder(than form: Form) throws -> [String] {
    try older(than: form).map { edition in
      try session.execute("UPDATE form SET state = 'closing' WHERE id = ?1", [.text(edition.key)])
      return edition.version
    }
  }

  /// Open editions before one.
  func older(than form: Form) throws -> [(key: String, version: String)] {
    let key = SurveySchema.formKey(id: form.id, version: form.version)
    return try session.rows(
      "SELECT id, version FROM form WHERE form = ?1 AND id <> ?2 AND coalesce(state, 'open') = 'open'", [.text(form.id), .text(key)]
    ).compactMap { row in
      guard let key = row[0].text, let version = row[1].text, (version.count, version) < (form.version.count, form.version) else {
        return nil
      }
      return (key, version)
    }
  }

  /// Tells if the hub has exactly this edition.
  ///
  /// - Parameter latest: Newest edition of the form.
  /// - Throws: `DataProblems` where it cannot be published: see `refuse`, and where the hub has a newer one.
  func isKnown(_ form: Form, newest latest: HubPlan.FormRecord?) throws -> Bool {
    try refuse(form)
    if let latest, (latest.version.count, latest.version) > (form.version.count, form.version) {
      throw DataProblems([
        DataProblem(
          form.id, vi: "máy chủ đã có bản mới hơn (\(latest.version)); hãy ghi số phiên bản lớn hơn.",
          en: "the hub has a newer edition (\(latest.version)); write a higher version.")
      ])
    }
    let key = SurveySchema.formKey(id: form.id, version: form.version)
    return try session.firstRow("SELECT 1 FROM form WHERE id = ?1", [.text(key)]) != nil
  }

  /// Digits of a version that is a number: year to second.
  static let versionDigitsMax = 14

  /// Refuses an edition that would change the meaning of given answers, here or on devices that have not sent theirs yet.
  func refuse(_ form: Form, file: String? = nil) throws {
    var problems: [DataProblem] = []
    let key = SurveySchema.formKey(id: form.id, version: form.version)
    if form.version.utf8.count > Self.versionDigitsMax, form.version.utf8.allSatisfy({ (48...57).contains($0) }),
      try session.firstRow("SELECT 1 FROM form WHERE id = ?1", [.text(key)]) == nil
    {
      problems.append(
        DataProblem(
          file ?? form.id,
          vi: "phiên bản \(form.version) có hơn \(Self.versionDigitsMax) chữ số; sau nó không bản nào đúng được nhận. Ghi như 2024032601.",
          en:
            "version \(form.version) has more than \(Self.versionDigitsMax) digits, and no right version could follow it. Write such as 2024032601."
        ))
    }
    let rows = try session.rows("SELECT id, version, definition FROM form WHERE form = ?1", [.text(form.id)])
    for row in rows {
      guard let definition = row[2].text, let old = try? Form(canonicalJSON: Data(definition.utf8)) else { continue }
      if row[0].text == key {
        if old == form { return }  // Known already, and judged then.
        problems.append(
          DataProblem(
            file ?? form.id,
            vi:
              "Máy chủ đã có bản \(form.version) với nội dung khác, và máy của xã có thể đang dùng bản đó; hãy ghi số phiên bản mới trong trang settings.",
            en:
              "The hub has edition \(form.version) with another content, and devices may be asking it; write a new version in settings."))
      } else if (old.version.count, old.version) < (form.version.count, form.version) {
        problems += Self.breaks(from: old, to: form).map { DataProblem(file ?? form.id, vi: $0.vi, en: $0.en) }
      }
    }
    guard problems.isEmpty else { throw DataProblems(problems) }
  }

  /// Refuses a daily report that keeps no question of the newest one: another form lies under the report's id.
  func refuseForeign(report form: Form) throws {
    let row = try session.firstRow(
      "SELECT definition, version FROM form WHERE form = ?1 ORDER BY length(version) DESC, version DESC LIMIT 1", [.text(form.id)])
    guard let definition = row?[0].text, let old = try? Form(canonicalJSON: Data(definition.utf8)) else { return }
    let asked = old.questions.filter(\.kind.isAsked)
    guard !asked.isEmpty, asked.allSatisfy({ form.question(named: $0.name)?.kind.isAsked != true }) else { return }
    throw DataProblems([
      DataProblem(
        form.id,
        vi: "không giữ câu nào của bản \(old.version), là báo cáo ngày đang dùng; đây có phải là biểu mẫu khác? Hãy ghi form_id khác.",
        en: "keeps no question of edition \(old.version), the daily report in use; is it another form? Give it another form_id.")
    ])
  }

  /// Returns why old answers would not be understood: a question that keeps its name must keep its kind and every choice code.
  static func breaks(from old: Form, to new: Form) -> [LocalizedText] {
    old.questions.compactMap { before in
      guard let after = new.question(named: before.name), before.kind != .note, before.kind != .hidden else { return nil }
      guard after.kind == before.kind else {
        return LocalizedText(
          vi:
            "câu \(before.name) đổi loại từ \(before.kind.rawValue) sang \(after.kind.rawValue) so với bản \(old.version); hãy đặt tên mới.",
          en:
            "\(before.name) changes from \(before.kind.rawValue) to \(after.kind.rawValue) since edition \(old.version); give it a new name."
        )
      }
      let lost = old.choices(of: before).map(\.name).filter { name in !new.choices(of: after).contains { $0.name == name } }
      guard !lost.isEmpty else { return nil }
      let list = lost.joined(separator: ", ")
      return LocalizedText(
        vi: "câu \(before.name) mất lựa chọn \(list) của bản \(old.version); hãy giữ lại, hoặc đặt tên mới cho câu hỏi.",
        en: "\(before.name) loses the choices \(list) of edition \(old.version); keep them, or give the question a new name.")
    }
  }
}
