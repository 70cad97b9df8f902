import Foundation
import TestSupport
import Testing

@testable import HubServer

/// Somebody who signed in.
struct ConsoleOperator {
  let hub: ServedHub
  let cookie: String

  static let password = "long enough"

  init(_ hub: ServedHub, dir: String, clock: [String], may: String, part: String? = nil) async throws {
    self.hub = hub
    let invited = try await HubTool.run(
      ["people", "invite", "Trực ban \(may)\(part.map { " \($0)" } ?? "")", "--may", may, "--dir", dir, "--json"] + clock
        + (part.map { ["--part", $0] } ?? []))
    let path = try #require(try JSONSerialization.jsonObject(with: Data(invited.output.utf8)) as? [String: Any])["path"] as? String ?? ""
    let form = ["Content-Type: application/x-www-form-urlencoded"]
    let password = ConsoleQuery.part(Self.password)
    let body = Data("password=\(password)&again=\(password)".utf8)
    let accepted = try RawCall.request("POST", path, port: hub.boardPort, headers: form, body: body)
    cookie = "Cookie: " + (accepted.headers["set-cookie"]?.split(separator: ";").first.map(String.init) ?? "")
  }

  /// The mark of a page's state, which its forms carry.
  func mark(_ path: String) throws -> String {
    try #require(try get(path).text.firstMatch(of: /name="mark" value="([0-9a-f]{64})"/)).output.1.description
  }

  /// The token that every form of this session carries.
  var formToken: String { Visitor.formToken(cookie.split(separator: "=").last.map(String.init) ?? "") }

  func get(_ path: String) throws -> RawCall.Answer { try RawCall.request("GET", path, port: hub.boardPort, headers: [cookie]) }

  func post(_ path: String, _ fields: [String: String]) throws -> RawCall.Answer {
    let all = fields.merging(["form": formToken]) { first, _ in first }
    let body = all.map { "\($0.key)=\(ConsoleQuery.part($0.value))" }.joined(separator: "&")
    let headers = ["Content-Type: application/x-www-form-urlencoded", cookie]
    return try RawCall.request("POST", path, port: hub.boardPort, headers: headers, body: Data(body.utf8))
  }
}
