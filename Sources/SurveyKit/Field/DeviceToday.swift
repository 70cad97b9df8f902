public import SurveyKit
public import SyncKit

extension CampaignToday {
  /// Computes today from a device's knowledge of the time.
  public init(_ clock: ClockKnowledge, in campaign: Campaign) {
    self.init(
      estimateMs: clock.estimateMs, lowerBoundMs: clock.lowerBoundMs, hasJumped: clock.jumpMs != nil && !clock.isContinued,
      in: campaign)
  }
}
