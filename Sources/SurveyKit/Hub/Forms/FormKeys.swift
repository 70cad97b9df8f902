internal import SurveyKit
public import SyncHub

extension HubPlan {
  /// Returns the forms that people may answer and whose answers are encrypted to the general key: from a hub of an earlier program.
  public func formsWithoutKey(among keys: [DropKeyStatus]) -> [String] {
    campaigns.flatMap(\.forms).filter { form in
      latest(form: form).map { $0.state != FormState.closed.rawValue } ?? false && !keys.contains { $0.form == form }
    }
  }
}

extension SurveyHub {
  /// Gives each form that people may answer, and that has none, a drop key of its own.
  ///
  /// - Returns: The forms that got one.
  func addFormKeys(_ forms: [Form], campaign: String) async throws -> [String] {
    let states = try await hub.read { session in
      try Dictionary(HubPlan.forms(session).map { ($0.key, $0.state) }, uniquingKeysWith: { first, _ in first })
    }
    let asked = forms.filter { states[SurveySchema.formKey(id: $0.id, version: $0.version)] != FormState.closed.rawValue }
    return try hub.addDropKeys(
      for: asked.map { DropKeyOwner(campaign: campaign, form: $0.id) }, in: SurveyHub.keysPath(in: folder))
  }

  /// Makes a drop key to which devices encrypt from their next exchange on.
  ///
  /// - Parameter form: Form that people answer; nil for a general key.
  /// - Throws: `DataProblems` when the campaign asks no such form.
  public func addDropKey(form: String?) async throws -> String {
    guard let form else { return try hub.addDropKey(in: SurveyHub.keysPath(in: folder)) }
    let campaign = try await requirePlan(asking: form).campaign
    guard campaign.forms.contains(form) else {
      let list = campaign.forms.joined(separator: ", ")
      throw DataProblems([
        DataProblem(
          form, vi: "cuộc khảo sát không hỏi biểu mẫu này; các biểu mẫu: \(list).",
          en: "the campaign asks no such form; its forms: \(list).")
      ])
    }
    return try hub.addDropKey(
      in: SurveyHub.keysPath(in: folder), owner: DropKeyOwner(campaign: campaign.id, form: form))
  }

  /// Destroys a drop key: see `Hub.destroyDropKey`. The key of a form that is closed is not replaced.
  public func destroyDropKey(_ id: String, acceptsLoss: Bool) async throws -> DropKeyDestruction {
    let form = try await hub.dropKeys().first { $0.id == id }?.form
    let state = try await plan().flatMap { plan in form.flatMap { plan.latest(form: $0) } }?.state
    return try await hub.destroyDropKey(
      id, in: SurveyHub.keysPath(in: folder), acceptsLoss: acceptsLoss, isFormOver: state == FormState.closed.rawValue)
  }
}
