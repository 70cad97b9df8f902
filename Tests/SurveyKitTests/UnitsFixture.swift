import Foundation
import SurveyKit
import SyncKit
import Testing

/// The Bắc Giang files and small made-up ones.
enum UnitsFixture {
  static let example = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Examples/bac-giang-2024")

  static let province = ProvinceName(code: "24", name: "Tỉnh Bắc Giang")

  static func data(_ file: String) throws -> Data {
    try Data(contentsOf: example.appendingPathComponent(file))
  }

  /// Rows of a CSV text without quotes, which is all these files hold.
  static func rows(_ text: String) -> [SourceRow] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let header = lines.first?.split(separator: ",").map(String.init) ?? []
    return lines.enumerated().dropFirst().filter { !$0.element.isEmpty }.map { index, line in
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return SourceRow(line: index + 1, fields: Dictionary(zip(header, cells), uniquingKeysWith: { first, _ in first }))
    }
  }

  static func rows(file: String) throws -> [SourceRow] {
    rows(String(decoding: try data(file), as: UTF8.self))
  }

  static func bacGiang() throws -> UnitTree {
    try UnitLoader.load(communes: rows(file: "communes.csv"), districts: rows(file: "districts.csv"), province: province)
  }

  static func problems(_ body: () throws -> Void) -> [String] {
    do {
      try body()
      return []
    } catch let error as DataProblems {
      return error.problems.map(\.explanation.en)
    } catch {
      return ["\(error)"]
    }
  }
}
