public import SurveyKitHub
internal import SyncHub

extension FormLinkKey {
  /// The key of a hub's links: it follows from the hub's keys, so that every process signs alike and printed codes outlive a restore.
  public init(hub survey: SurveyHub) { self.init(secret: survey.hub.secret(for: "form-links")) }
}
