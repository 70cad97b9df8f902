internal import SurveyKit
internal import SurveyKitHub
internal import SyncKit

extension CampaignFolder {
  /// Returns the campaign with a multiple of its units below the root, for rehearsals larger than any province: each copy's codes
  /// and names bear its number.
  func multiplied(by times: Int) throws -> CampaignFolder {
    guard times > 1 else { return self }
    var larger = self
    var units = tree.units
    for copy in 2...times {
      func code(_ code: UnitCode) -> UnitCode { tree[code]?.parentCode == nil ? code : UnitCode("\(code)-\(copy)") }
      units += tree.units.filter { $0.parentCode != nil }.map { unit in
        SurveyUnit(
          code: code(unit.code), name: "\(unit.name) \(copy)", kind: unit.kind, parentCode: unit.parentCode.map(code), level: unit.level)
      }
      for (unit, staff) in headcount.staff { larger.headcount.staff[code(unit)] = staff }
    }
    larger.tree = try UnitTree(units: units)
    return larger
  }
}
