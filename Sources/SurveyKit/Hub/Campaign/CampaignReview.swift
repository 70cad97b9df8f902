internal import Foundation
public import SurveyKit
public import SyncHub

/// Folder of a campaign as a hub would load it, with the changes: shown and agreed to before anything is written.
public struct CampaignProposal: Sendable {
  /// Folder with the days that the campaign would have.
  public let content: CampaignFolder
  /// Changes at the hub, a sentence each; empty for its first campaign.
  public let changes: [LocalizedText]
  /// Campaign that would change although people are at work with it or have answered: a person has to agree. Nil otherwise.
  public let busy: String?
  /// First day in the folder, when the hub keeps other days.
  public let folderFirstDay: CalendarDay?
  /// Campaign that would no longer be the shown one. Both go on either way.
  public let replaced: String?
  /// Campaign that stays shown, when it is another.
  public let shown: String?
  /// Forms that the campaign asks at the hub and the folder does not name, such as those added while it ran; they stay.
  public let keptForms: [String]
  let shiftDays: Int
  let isChosen: Bool

  /// True when a person has to agree before it is loaded.
  public var needsConsent: Bool { busy != nil && (!changes.isEmpty || replaced != nil) }
}

extension SurveyHub {
  /// Compares a campaign's folder with the hub.
  ///
  /// The days of a campaign that the hub has stay: the folder's days are moved as they were when it was loaded last.
  ///
  /// - Parameters:
  ///   - day: Moves the campaign so that it begins then.
  ///   - isChosen: True to show the campaign in place of another.
  /// - Throws: `DataProblems` that say why it cannot be loaded. Nothing is written either way.
  public func proposal(_ content: CampaignFolder, movedTo day: CalendarDay? = nil, isChosen: Bool = false) async throws -> CampaignProposal
  {
    let (nowMs, spooled) = (nowMs, hub.spooledPackets())
    return try await hub.read { session in
      try CampaignReview(session: session, nowMs: nowMs, spooled: spooled).proposal(content, movedTo: day, isChosen: isChosen)
    }
  }

  /// Writes a proposal, in one transaction.
  ///
  /// - Throws: `DataProblems` when the campaign cannot be loaded, or somebody changed the hub's campaign since the proposal;
  ///   nothing is written then.
  public func load(_ proposal: CampaignProposal) async throws -> CampaignLoad {
    try await load(
      proposal.content, shiftDays: proposal.shiftDays, isChosen: proposal.isChosen, agreed: proposal.changes)
  }
}

/// Comparison of a campaign's folder with a hub: what loading would change, and whether it may. Belongs to one transaction.
struct CampaignReview {
  let session: any HubSession
  /// Hub time in milliseconds.
  let nowMs: Int64
  let spooled: SpooledPackets

  static let changedMeanwhile = DataProblems([
    DataProblem(
      Campaign.file, vi: "cuộc khảo sát trên máy chủ vừa đổi; không nạp gì, hãy chạy lại lệnh.",
      en: "the hub's campaign has just changed; nothing was loaded, give the command again.")
  ])

  func proposal(_ content: CampaignFolder, movedTo day: CalendarDay?, isChosen: Bool) throws -> CampaignProposal {
    let all = try HubPlan.campaigns(session)
    let shown = try HubPlan.campaign(session)
    let stored = all.first { $0.id == content.campaign.id }
    let keptForms = try keptForms(content)
    var moved = try keepingForms(content)
    let firstDay = content.campaign.firstDay
    let shift =
      if let day {
        day.daysSince1970 - firstDay.daysSince1970
      } else if let stored {
        try noted(shiftOf: stored.id) ?? stored.firstDay.daysSince1970 - firstDay.daysSince1970
      } else { 0 }
    moved.campaign = try moved.campaign.moved(byDays: shift)
    try refuse(moved)
    let changes = try changes(moved)
    let other = shown?.id == content.campaign.id ? nil : shown?.id
    return CampaignProposal(
      content: moved, changes: changes, busy: try [stored, shown].compactMap { $0 }.first(where: isAtWork)?.id,
      folderFirstDay: day == nil && stored != nil && moved.campaign.firstDay != firstDay ? firstDay : nil,
      replaced: isChosen ? other : nil, shown: isChosen ? nil : other, keptForms: keptForms, shiftDays: shift, isChosen: isChosen)
  }

  func load(_ folder: CampaignFolder, shiftDays: Int?, isChosen: Bool) throws -> CampaignLoad {
    let content = try keepingForms(folder)
    try refuse(content)
    let shown = try HubPlan.campaign(session)?.id
    let load = try CampaignWriter(session: session, folder: content).write()
    if let shiftDays {
      try session.execute(
        "INSERT INTO campaign_shift (id, days) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET days = excluded.days",
        [.text(content.campaign.id), .integer(Int64(shiftDays))])
    }
    try choose(isChosen ? content.campaign.id : shown ?? content.campaign.id, insteadOf: shown)
    return load
  }

  private func noted(shiftOf id: String) throws -> Int? {
    try session.integer("SELECT days FROM campaign_shift WHERE id = ?1", [.text(id)]).map { Int(clamping: $0) }
  }

  // MARK: What stays

  /// The forms that the hub's campaign asks and a folder does not name.
  private func keptForms(_ content: CampaignFolder) throws -> [String] {
    let campaign = content.campaign
    let stored = try HubPlan.campaigns(session).first { $0.id == campaign.id }
    return stored?.forms.filter { $0 != campaign.reportForm && !campaign.forms.contains($0) } ?? []
  }

  /// A folder's content with those forms in it: a form that people answer is ended by `hub forms state`, and not by a file that lacks it.
  func keepingForms(_ content: CampaignFolder) throws -> CampaignFolder {
    var whole = content
    whole.campaign.forms += try keptForms(content)
    guard whole.campaign.forms.count <= Campaign.listCountMax else {
      throw DataProblems([
        DataProblem(
          Campaign.file,
          vi: "cùng các biểu mẫu đã thêm sau là hơn \(Campaign.listCountMax); hãy bớt biểu mẫu trong thư mục.",
          en: "with the forms added since, there are more than \(Campaign.listCountMax); name fewer in the folder.")
      ])
    }
    return whole
  }

  // MARK: What may not be

  /// Refuses a folder that would mix the data of two campaigns.
  func refuse(_ content: CampaignFolder) throws {
    let campaign = content.campaign
    let all = try HubPlan.campaigns(session)
    let others = all.filter { $0.id != campaign.id }
    let stored = all.first { $0.id == campaign.id }
    let contradictions = Self.contradictions(in: campaign, stored: stored, others: others)
    guard contradictions.isEmpty else { throw DataProblems(contradictions) }
    guard !others.isEmpty else { return }
    // Allows clashes that an earlier program let two campaigns have, so that they stop no correction.
    let known = Set(stored.map { stored in others.flatMap { Self.clashes(of: stored, with: $0) } } ?? [])
    let problems = others.flatMap { Self.clashes(of: campaign, with: $0) }.filter { !known.contains($0) }
    guard problems.isEmpty else { throw DataProblems(problems) }
  }

  /// Letters of a campaign's id, at most: it becomes part of file names and addresses.
  private static let idLettersMax = 64

  /// Finds what a campaign says of itself and may not. What an earlier program took stops no correction of that campaign.
  private static func contradictions(in campaign: Campaign, stored: Campaign?, others: [Campaign]) -> [DataProblem] {
    var problems: [DataProblem] = []
    if stored == nil, !isFit(campaign.id) {
      problems.append(
        DataProblem(
          Campaign.file,
          vi: "“id” chỉ gồm chữ không dấu, chữ số, “-”, “_” và “.”, bắt đầu bằng chữ hoặc số, dài nhất \(idLettersMax) ký tự.",
          en:
            "“id” takes letters without accents, digits, “-”, “_” and “.”, begins with a letter or digit, and has \(idLettersMax) characters at most."
        ))
    }
    if stored == nil, let twin = others.first(where: { $0.id.lowercased() == campaign.id.lowercased() }) {
      problems.append(
        DataProblem(
          Campaign.file, vi: "“id” chỉ khác “\(twin.id)” của máy chủ này ở chữ hoa, chữ thường; hãy đặt tên khác.",
          en: "“id” differs from “\(twin.id)” of this hub in upper and lower case only; choose another."))
    }
    if let form = campaign.forms.enumerated().first(where: { campaign.forms[..<$0.offset].contains($0.element) })?.element {
      problems.append(DataProblem(Campaign.file, vi: "“forms” ghi “\(form)” hai lần.", en: "“forms” names “\(form)” twice."))
    }
    if campaign.forms.contains(campaign.reportForm), stored.map({ $0.forms.contains($0.reportForm) }) != true {
      problems.append(
        DataProblem(
          Campaign.file, vi: "“\(campaign.reportForm)” không thể vừa là phiếu ẩn danh vừa là báo cáo ngày có ký tên; hãy đặt hai biểu mẫu.",
          en: "“\(campaign.reportForm)” cannot be answered anonymously and filed as the signed daily report, too; make two forms."))
    }
    guard let stored else { return problems }
    for form in campaign.forms where stored.isOnlyReport(form) {
      problems.append(
        DataProblem(
          Campaign.file, vi: "“\(form)” là báo cáo ngày của cuộc này; không đổi thành phiếu ẩn danh được, hãy đặt form_id khác.",
          en: "“\(form)” is this campaign's daily report and cannot become a form that people answer; give that another form_id."))
    }
    if campaign.reportForm != stored.reportForm, stored.forms.contains(campaign.reportForm) {
      problems.append(
        DataProblem(
          Campaign.file,
          vi: "“\(campaign.reportForm)” là phiếu ẩn danh của cuộc này; không đổi thành báo cáo ngày được, hãy đặt form_id khác.",
          en:
            "“\(campaign.reportForm)” is answered anonymously in this campaign and cannot become its daily report; give that another form_id."
        ))
    }
    return problems
  }

  private static func isFit(_ id: String) -> Bool {
    guard let first = id.utf8.first, id.utf8.count <= idLettersMax else { return false }
    func isLetterOrDigit(_ byte: UInt8) -> Bool {
      UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }
    return isLetterOrDigit(first) && id.utf8.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
  }

  /// Returns what two campaigns of one hub share but must not.
  private static func clashes(of campaign: Campaign, with other: Campaign) -> [DataProblem] {
    var problems: [DataProblem] = []
    if other.province.code != campaign.province.code {
      problems.append(
        DataProblem(
          Campaign.file,
          vi: "“\(other.id)” của máy chủ này thuộc đơn vị \(other.province.code); nơi khác cần máy chủ riêng (hub init THƯ_MỤC).",
          en: "“\(other.id)” of this hub is of unit \(other.province.code); another place needs a hub of its own (hub init DIR)."))
    }
    let own = Set(campaign.forms + [campaign.reportForm])
    let forms = own.intersection(other.forms + [other.reportForm]).sorted().joined(separator: ", ")
    if !forms.isEmpty {
      problems.append(
        DataProblem(
          Campaign.file, vi: "biểu mẫu \(forms) là của “\(other.id)”; hãy đặt form_id khác cho cuộc này.",
          en: "the forms \(forms) belong to “\(other.id)”; give this campaign's forms other ids."))
    }
    if let day = other.reportDays.first(where: campaign.reportDays.contains) {
      problems.append(
        DataProblem(
          Campaign.file, vi: "ngày báo cáo \(day) đã thuộc “\(other.id)”: mỗi xã chỉ có một báo cáo một ngày; hãy chọn ngày khác.",
          en: "the report day \(day) belongs to “\(other.id)”: a commune has one report a day; choose other days."))
    }
    return problems
  }

  func isAtWork(_ campaign: Campaign) throws -> Bool {
    switch campaign.phase(atMs: nowMs) {
    case .open, .grace: true
    case .notYetOpen, .closed: try hasWork(campaign)
    }
  }

  /// Returns whether answers or reports count for a campaign.
  private func hasWork(_ campaign: Campaign) throws -> Bool {
    if try session.firstRow("SELECT 1 FROM report WHERE campaign = ?1 LIMIT 1", [.text(campaign.id)]) != nil { return true }
    return try CampaignCounts(session, spooled).received(of: campaign.id).values.contains { $0 > 0 }
  }

  // MARK: Choice

  /// Returns whether two campaigns ask the same form, as an earlier program allowed: its answers count for the shown one.
  private func askTheSame(_ first: String, _ second: String) throws -> Bool {
    let forms = try HubPlan.campaigns(session).filter { [first, second].contains($0.id) }.map { Set($0.forms) }
    return forms.count == 2 && !forms[0].isDisjoint(with: forms[1])
  }

  /// Makes a campaign the shown one. A hub's only campaign needs no choice.
  ///
  /// - Parameter shown: Campaign shown before.
  func choose(_ id: String, insteadOf shown: String?) throws {
    let highest = try session.integer("SELECT max(chosen) FROM campaign") ?? 0
    if id == shown {
      let isPlain = try session.integer("SELECT count(*) FROM campaign") == 1
      guard try !isPlain && session.integer("SELECT chosen FROM campaign WHERE id = ?1", [.text(id)]) == nil else { return }
    } else if let shown, try !askTheSame(shown, id) {
      try CampaignCounts(session, spooled).change(from: shown, to: id)
    }
    try session.execute("UPDATE campaign SET chosen = ?2 WHERE id = ?1", [.text(id), .integer(highest + 1)])
  }
}

extension SurveyHub {
  /// Campaign of a hub.
  public struct StoredCampaign: Sendable, Codable {
    public var id: String
    public var title: LocalizedText
    public var firstDay: CalendarDay
    public var phase: CampaignPhase
    public var forms: [String]
    /// True for the campaign that is used when none is named.
    public var isShown: Bool
    /// True when people are at work with it, or have answered.
    public var isAtWork: Bool
  }

  /// Returns the hub's campaigns, by their first day.
  public func campaigns() async throws -> [StoredCampaign] {
    let (nowMs, spooled) = (nowMs, hub.spooledPackets())
    return try await hub.read { session in
      let review = CampaignReview(session: session, nowMs: nowMs, spooled: spooled)
      let shown = try HubPlan.campaign(session)?.id
      return try HubPlan.campaigns(session).map { campaign in
        StoredCampaign(
          id: campaign.id, title: campaign.title, firstDay: campaign.firstDay, phase: campaign.phase(atMs: nowMs), forms: campaign.forms,
          isShown: campaign.id == shown, isAtWork: try review.isAtWork(campaign))
      }.sorted { ($0.firstDay, $0.id) < ($1.firstDay, $1.id) }
    }
  }

  /// Shows another of the hub's campaigns; all open ones go on.
  ///
  /// - Returns: Whether it was another.
  /// - Throws: `DataProblems` when there is no such campaign; nothing is changed then.
  public func choose(campaign id: String) async throws -> Bool {
    let (nowMs, spooled) = (nowMs, hub.spooledPackets())
    return try await hub.write { session in
      let known = try HubPlan.campaigns(session).map(\.id)
      guard known.contains(id) else { throw SurveyHub.unknown(campaign: id, among: known) }
      guard let shown = try HubPlan.campaign(session), shown.id != id else { return false }
      try CampaignReview(session: session, nowMs: nowMs, spooled: spooled).choose(id, insteadOf: shown.id)
      return true
    }
  }
}
