internal import SurveyKit
public import SyncHub

/// Result of ending a campaign: what was done, and what is left to do.
public struct CampaignClosing: Sendable, Codable {
  public var campaign: String
  public var forms: [FormClosing]
  /// Drop keys destroyed now.
  public var keysDestroyed: [String]
  /// Drop keys that are still in the key folder, and why each cannot be destroyed yet.
  public var keysLeft: [Key]
  /// Outcome for single answers; nil when nobody asked for their end.
  public var erasing: AnswerErasing?

  public struct Key: Sendable, Codable {
    public var id: String
    public var reason: LocalizedText
  }

  public init(campaign: String, forms: [FormClosing], keysDestroyed: [String], keysLeft: [Key]) {
    (self.campaign, self.forms, self.keysDestroyed, self.keysLeft) = (campaign, forms, keysDestroyed, keysLeft)
  }

  /// True when no answers are expected and the drop keys of the campaign's forms are destroyed. The general key stays: see `hub
  /// keys destroy`.
  public var isOver: Bool { keysLeft.isEmpty }
}

extension SurveyHub {
  /// Closes each form of a campaign for good: answers that can be released are; the others are counted as withheld and deleted.
  /// Other campaigns go on. Days of the campaign that are not over end now. May be repeated freely.
  ///
  /// - Throws: `DataProblems` when the hub has no such campaign.
  public func closeForms(of campaign: String) async throws -> [FormClosing] {
    let survey = try await about(campaign: campaign)
    var closed: [FormClosing] = []
    for form in try await survey.requirePlan().campaign.forms {
      closed.append(try await survey.move(form: form, to: .closed, isFinal: true))
    }
    try await survey.endDays()
    return closed
  }

  /// Ends the days of a campaign that are not over, so that every device and page shows the campaign as closed. Report days to come are
  /// not asked for any more.
  private func endDays() async throws {
    let nowMs = nowMs
    try await hub.write { [campaign] session in
      guard var ended = try HubPlan.campaign(session, campaign) else { return }
      // Units that were to end later end with the others.
      try session.execute("UPDATE unit_window SET closes = NULL WHERE campaign = ?1 AND closes IS NOT NULL", [.text(ended.id)])
      guard ended.phase(atMs: nowMs) != .closed else { return }
      let (now, today) = (LocalTime(msSince1970: nowMs, in: ended.timeZone), ended.today(atMs: nowMs))
      if ended.opens >= now { ended.opens = LocalTime(startOf: today.adding(days: -1) ?? .first) }
      ended.closes = now
      ended.graceMinutes = 0
      // A campaign names one report day at least.
      ended.reportDays = ended.reportDays.prefix(1) + ended.reportDays.dropFirst().filter { $0 <= today }
      try CampaignWriter.write(ended, in: session)
    }
  }

  /// Destroys the drop keys of the campaign's forms, each as soon as nothing can be lost by it.
  ///
  /// - Parameter acceptsLoss: True to go on although answers that devices still have to send may become unreadable.
  public func destroyKeys(
    of campaign: String, acceptsLoss: Bool
  ) async throws -> (destroyed: [String], left: [CampaignClosing.Key]) {
    let forms = Set(try await campaigns().first { $0.id == campaign }?.forms ?? [])
    var (destroyed, left): ([String], [CampaignClosing.Key]) = ([], [])
    for key in try await hub.dropKeys() where key.form.map(forms.contains) == true {
      do {
        destroyed.append(try await destroyDropKey(key.id, acceptsLoss: acceptsLoss).id)
      } catch let error as SyncError where error.code == .badDropKey {
        left.append(CampaignClosing.Key(id: key.id, reason: error.explanation))
      }
    }
    return (destroyed, left)
  }
}
