import Foundation
import TestSupport
import Testing

/// docs/laws.md states the laws and names the suites that keep each.
@Suite struct LawsTests {
  private let root = Tool.packageRoot

  private func text(_ path: String) throws -> String { try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) }

  /// The texts of all files below these folders with one of these endings.
  private func files(_ folders: [String], _ endings: [String]) throws -> [String: String] {
    var found: [String: String] = [:]
    for folder in folders {
      let paths = try #require(FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path))
      for case let path as String in paths where endings.contains((path as NSString).pathExtension) {
        found[folder + "/" + path] = try text(folder + "/" + path)
      }
    }
    return found
  }

  @Test func everySuiteThatKeepsALawExists() throws {
    let quoted = try text("docs/laws.md").components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    let named = Set(quoted.filter { $0.hasSuffix("Tests") })
    #expect(named.count > 30)
    let sources = try files(["Tests"], ["swift"]).values.joined()
    for suite in named { #expect(sources.contains("struct \(suite)"), "\(suite) is named and is not there") }
  }

  @Test func everyCitedLawIsStated() throws {
    let stated = Set(try text("docs/laws.md").matches(of: #/\*\*(L[0-9]+a?) –/#).map { String($0.1) })
    #expect(stated.count == 13)
    var citations = 0
    for (path, text) in try files(["Sources", "Tests", "docs"], ["swift", "md", "patch"]) {
      for found in text.matches(of: #/\b(L[0-9]+a?)\b/#) {
        citations += 1
        #expect(stated.contains(String(found.1)), "\(path) cites \(found.1), which docs/laws.md does not state")
      }
    }
    #expect(citations > 100)
  }

  @Test func eachLawNamesASuite() throws {
    for law in try text("docs/laws.md").components(separatedBy: "\n\n") where law.hasPrefix("**L") {
      #expect(law.contains("*Kept by*") && law.contains("Tests`"), "\(law.prefix(60))")
    }
  }
}
