public import SurveyKit
public import SyncKit

extension CampaignToday {
  /// As a device knows it.
  public init(_ clock: ClockKnowledge, in campaign: Campaign) {
    self.init(
      estimateMs: clock.estimateMs, lowerBoundMs: clock.lowerBoundMs, hasJumped: clock.jumpMs != nil && !clock.isContinued,
      in: campaign)
  }
}
