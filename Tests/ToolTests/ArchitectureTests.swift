import Foundation
import TestSupport
import Testing

/// docs/architecture.md names the suites that keep each law; they must be there.
@Suite struct ArchitectureTests {
  @Test func everySuiteTheArchitectureNamesExists() throws {
    let root = Tool.packageRoot
    let text = try String(contentsOf: root.appendingPathComponent("docs/architecture.md"), encoding: .utf8)
    let section = try #require(text.components(separatedBy: "## Which test keeps which law").last?.components(separatedBy: "\n## ").first)
    let named = section.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element).filter {
      $0.hasSuffix("Tests")
    }
    #expect(named.count > 20)
    let files = try #require(FileManager.default.enumerator(atPath: root.appendingPathComponent("Tests").path))
    var sources = ""
    for case let path as String in files where path.hasSuffix(".swift") {
      sources += try String(contentsOf: root.appendingPathComponent("Tests/" + path), encoding: .utf8)
    }
    for suite in Set(named) { #expect(sources.contains("struct \(suite)"), "\(suite) is named and is not there") }
  }
}
