import Foundation
import TestSupport
import Testing

/// Reads the sources of the operators' pages: every query of a page has the part of the tree as a parameter, so that no page has to filter.
@Suite struct ScopeLintTests {
  /// Parameters that carry the part: the reading of it, the part itself, the visitor, or units that the visitor may see.
  private static let parts = [
    "in: day", "in: try await day()", "in: parts.day", "within:", "of: visitor.person", "of: call.visitor.person",
    "of: try await console.units()",
    "of: units.map", "of: seen.map",
  ]

  /// Calls without a part, each for a reason.
  private static let without: [String: String] = [
    "about": "chooses a campaign", "plan": "the campaign's own words", "requirePlan": "the campaign's own words",
    "campaignTitles": "titles alone",
    "validator": "a form", "deviceLabels": "names for rows that were read with a part",
    "communes": "codes, met with those that somebody may see",
    "hub.acts": "about a device that was read with a part", "preview": "about conflicts that were read with a part",
    "picture": "of a report that was read with a part", "value": "reads what was typed about held work that was read with a part",
    "operatorDay": "the whole, of which each visitor gets a part", "people": "whether there is anybody at all",
    "signIn": "no one has signed in yet", "signOut": "a session of their own", "accept": "an invitation of their own",
    "invited": "an invitation of their own", "person": "who it is", "password": "who it is",
    "invite": "within the rights of whoever invites",
    "removePerson": "within the rights of whoever removes",
    // Acts, on what was read with a part before.
    "hub.acting": "an act", "hub.revoke": "an act", "hub.reinstate": "an act", "hub.retryHeld": "an act", "hub.repairHeld": "an act",
    "hub.declineHeld": "an act", "hub.note": "an act", "hub.makeCode": "an act", "hub.endCodes": "an act", "settle": "an act",
    "setTags": "an act on the whole", "setContacts": "an act on the whole", "send": "an act", "note": "an act", "hidePost": "an act",
    "decide": "an act", "change": "an act",
  ]

  private struct Query {
    var name: String
    var arguments: String
    var place: String
  }

  private static func queries(in text: String, _ file: String) -> [Query] {
    text.matches(of: /survey\.((?:hub\.)?[a-zA-Z]+)\(/).map { found in
      var depth = 1
      let arguments = text[found.range.upperBound...].prefix { letter in
        if letter == "(" { depth += 1 } else if letter == ")" { depth -= 1 }
        return depth > 0
      }
      return Query(name: String(found.output.1), arguments: String(arguments), place: file)
    }
  }

  private static func sources() throws -> [(name: String, text: String)] {
    let folder = Tool.packageRoot.appendingPathComponent("Sources/HubServer")
    return try ["Console", "Board", "QR"].flatMap { part -> [(String, String)] in
      let files = FileManager.default.enumerator(at: folder.appendingPathComponent(part), includingPropertiesForKeys: nil)
      return try (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }.map {
        ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8))
      }
    }
  }

  private static func faults(_ queries: [Query]) -> [String] {
    queries.compactMap { query in
      guard without[query.name] == nil, !parts.contains(where: query.arguments.contains) else { return nil }
      return "\(query.place): \(query.name)(\(query.arguments.prefix(60)))"
    }
  }

  @Test func everyQueryOfAPageTakesThePartOfTheTree() throws {
    let sources = try Self.sources()
    let queries = sources.flatMap { Self.queries(in: $0.text, $0.name) }
    #expect(sources.count > 40 && queries.count > 90)
    #expect(Self.faults(queries).joined(separator: "\n") == "")
    #expect(Set(Self.without.keys).subtracting(queries.map(\.name)).sorted() == [], "allowed, and nothing calls it")
    // Pages ask the survey, never the store.
    for (name, text) in sources {
      #expect(text.firstMatch(of: /\.rows\(\s*"|\.firstRow\(|hub\.(?:read|write)\b|SELECT\s/) == nil, "\(name)")
    }
  }

  @Test func aQueryWithoutItsPartIsFound() {
    func faults(_ text: String) -> [String] { Self.faults(Self.queries(in: text, "f")) }
    #expect(faults("let a = try await call.survey.unitDetail(UnitCode(x), in: day)") == [])
    #expect(faults("try await survey.unitDetail(UnitCode(x))") == ["f: unitDetail(UnitCode(x))"])
    #expect(faults("survey.hub.heldUnits().filter { units.contains($0) }").count == 1)
    #expect(faults("survey.posts(of: nil)").count == 1)
  }
}
