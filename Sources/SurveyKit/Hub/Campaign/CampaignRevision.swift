internal import Foundation
public import SurveyKit
public import SyncHub

/// A change of a campaign that somebody typed: what it would make different, before it is made.
public struct CampaignRevision: Sendable {
  /// Says what would be different, a sentence each; nothing where all stands so already.
  public let changes: [LocalizedText]
  let content: CampaignFolder
}

extension Campaign {
  /// The definition as `campaign.json` has it, in lines.
  ///
  /// - Throws: Never for a campaign that was read.
  public func definition() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

extension SurveyHub {
  /// Reads a campaign as it was typed, and compares it with the one that stands.
  ///
  /// - Parameters:
  ///   - definition: What `campaign.json` would say; its days are meant as they stand there.
  ///   - headcount: What `headcount.csv` would say, with a line for each commune; nil leaves the headcounts.
  /// - Throws: `DataProblems` with everything that is wrong with it; nothing is written either way.
  public func revision(definition: String, headcount: String?) async throws -> CampaignRevision {
    let plan = try await requirePlan()
    let campaign = try Campaign(json: Data(definition.utf8))
    guard campaign.id == plan.campaign.id, campaign.province.code == plan.campaign.province.code else {
      throw DataProblems([
        DataProblem(
          Campaign.file, vi: "“id” và “province.code” không đổi được; cuộc khảo sát khác nạp bằng `hub campaign load`.",
          en: "“id” and “province.code” cannot change; another campaign is loaded with `hub campaign load`.")
      ])
    }
    let known = Set(plan.forms.map(\.form))
    let unknown = (campaign.forms + [campaign.reportForm]).filter { !known.contains($0) }
    guard unknown.isEmpty else {
      let list = unknown.joined(separator: ", ")
      throw DataProblems([
        DataProblem(
          Campaign.file, vi: "máy chủ chưa có biểu mẫu \(list); hãy xuất bản trước.",
          en: "the hub does not have the forms \(list); publish them first.")
      ])
    }
    let people = try headcount.map { try CampaignFolder.headcount(csv: Data($0.utf8), tree: plan.tree) } ?? plan.headcount
    let content = CampaignFolder(campaign: campaign, tree: plan.tree, headcount: people)
    let (nowMs, spooled) = (nowMs, hub.spooledPackets())
    let changes = try await hub.read { session in
      let review = CampaignReview(session: session, nowMs: nowMs, spooled: spooled)
      try review.refuse(content)
      return try review.changes(content)
    }
    return CampaignRevision(changes: changes, content: content)
  }

  /// Makes the change.
  ///
  /// - Throws: `DataProblems` when the hub's campaign changed since it was compared; nothing is written then.
  public func make(_ revision: CampaignRevision) async throws {
    // By how many days the folder was moved stays noted: a folder that is loaded again is moved as before.
    _ = try await load(revision.content, shiftDays: nil, isChosen: false, agreed: revision.changes)
  }
}
