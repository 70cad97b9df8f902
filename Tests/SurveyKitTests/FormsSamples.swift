import Foundation
import Testing

@testable import SurveyKit

/// The sample forms and data of the package, found from this file.
enum Samples {
  static let package = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let campaign = package.appendingPathComponent("Examples/bac-giang-2024")
  static let dirty = package.appendingPathComponent("Tests/SurveyKitTests/Fixtures/dirty.csv")

  /// A household survey of 40 items that uses every function and reference there is.
  static let water = package.appendingPathComponent("Tests/SurveyKitTests/Fixtures/water.xlsform")

  static func form(_ id: String) throws -> Form {
    try XLSFormImport.form(folder: campaign.appendingPathComponent(id + ".xlsform"))
  }

  static func sheet(_ form: String, _ sheet: String) throws -> String {
    try String(contentsOf: campaign.appendingPathComponent("\(form).xlsform/\(sheet).csv"), encoding: .utf8)
  }

  /// The report form with one thing changed in one of its sheets, or what the import says about it.
  static func edited(
    _ old: String, _ new: String, in sheet: String = "survey", of id: String = "report01",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Result<Form, FormProblems> {
    var sheets = ["survey": "", "choices": "", "settings": ""]
    for name in sheets.keys { sheets[name] = try self.sheet(id, name) }
    let text = try #require(sheets[sheet], sourceLocation: sourceLocation)
    let range = try #require(text.range(of: old), "the sheet does not hold the text to be changed", sourceLocation: sourceLocation)
    sheets[sheet] = text.replacingCharacters(in: range, with: new)
    return result(sheets)
  }

  /// A small form: rows of `type,name,label,relevant,constraint,calculation`, in English only.
  static func small(_ rows: String, choices: String = "") -> Result<Form, FormProblems> {
    result([
      "survey": "type,name,label::English (en),relevant,constraint,calculation,required,constraint_message::English (en)\n" + rows,
      "choices": "list_name,name,label::English (en)\n" + choices,
      "settings": "form_title,form_id,version,default_language\nSmall,small,1,English (en)\n",
    ])
  }

  private static func result(_ sheets: [String: String]) -> Result<Form, FormProblems> {
    do throws(FormProblems) {
      return .success(
        try XLSFormImport.form(
          survey: sheets["survey"].map { Data($0.utf8) }, choices: sheets["choices"].map { Data($0.utf8) },
          settings: sheets["settings"].map { Data($0.utf8) }))
    } catch {
      return .failure(error)
    }
  }
}

extension Result where Failure == FormProblems {
  var problems: [FormProblem] {
    if case .failure(let error) = self { error.problems } else { [] }
  }
}
