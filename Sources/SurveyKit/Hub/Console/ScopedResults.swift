internal import SurveyKit

extension SurveyHub {
  /// Returns the results of the units that somebody who sees a part of the tree may see.
  public func results(form: String?, within scope: UnitScope) async throws -> FormResults {
    var results = try await results(form: form)
    guard scope.root != nil, let tree = try await plan(asking: form)?.tree else { return results }
    results.participation.removeAll { !scope.covers($0.unit, in: tree) }
    results.view.units.removeAll { !scope.covers($0.unit, in: tree) }
    return results
  }
}
