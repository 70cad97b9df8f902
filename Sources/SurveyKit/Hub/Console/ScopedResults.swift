internal import SurveyKit

extension SurveyHub {
  /// Returns the results of the units that somebody who sees a part of the tree may see.
  public func results(form: String?, within scope: UnitScope) async throws -> FormResults {
    var results = try await results(form: form)
    guard !scope.isAll, let tree = try await plan(asking: form)?.tree else { return results }
    let tags = try await unitTags()
    results.participation.removeAll { !scope.covers($0.unit, in: tree, tags) }
    results.view.units.removeAll { !scope.covers($0.unit, in: tree, tags) }
    return results
  }
}
