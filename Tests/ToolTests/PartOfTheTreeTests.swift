import Foundation
import SyncKit
import TestSupport
import Testing

@testable import HubServer
@testable import SurveyKit
@testable import SurveyKitHub

/// Somebody who may see a part of the tree sees the rows of that part alone, on every page and in every file.
@Suite(.long) struct PartOfTheTreeTests {
  /// A part of the tree, and the same units by a tag.
  @Test(arguments: [["--part", "223"], ["--tag", "công-đoàn"]])
  func everyPageAndFileShowsTheirRowsAlone(_ part: [String]) async throws {
    let folder = try TemporaryFolder()
    let (dir, conflict, device) = try await ConsoleWorld.make(folder)
    let survey = try await SurveyHub.open(at: dir, clock: TestClock(ConsoleWorld.nowMs))
    let tree = try await survey.requirePlan().tree
    let (own, other) = (UnitCode("223"), UnitCode("07201"))
    #expect(!tree.covers(own, other))
    let foreign = Set(tree.units(at: .commune).map(\.code).filter { !tree.covers(own, $0) }.map(\.rawValue))
    let list = "unit,role,name,phone,joined\n07201,a,b,0900000001,1\n07879,a,b,0900000002,1"
    try await survey.setTags(UnitTags(units: ["công-đoàn": Set(tree.descendants(of: own).map(\.code)), "khác": [other]]))
    try await survey.setContacts(try ContactList(list).contacts)
    try survey.close()
    let file = folder.path + "/clock"
    try FileClock.set(ConsoleWorld.nowMs, at: file)
    let clock = ["--clock", "@\(file)"]
    let hub = try await ServedHub(dir, folder, arguments: clock + ["--public-url", "https://khaosat.example.org"])
    for arguments in [
      ["people", "invite", "huyện", "--may", "read,act,configure,answers"] + part,
      ["people", "invite", "tỉnh", "--may", "read"],
    ] { #expect(try await HubTool.run(arguments + ["--dir", dir] + clock).status == 0) }
    let token = try await HubTool.run(["people", "token", "huyện", "--dir", dir] + clock).output
    let bearer = "Authorization: Bearer " + token.trimmingCharacters(in: .whitespacesAndNewlines)
    func get(_ path: String) throws -> RawCall.Answer { try RawCall.request("GET", path, port: hub.boardPort, headers: [bearer]) }
    // Also where a foreign part is asked for by name.
    for scope in ["", "scope=213", "scope=223", "tag=c%C3%B4ng-%C4%91o%C3%A0n", "tag=kh%C3%A1c", "tag=nothing"] {
      for page in [
        "/now", "/overview", "/units", "/decide", "/contacts", "/posts", "/results?level=commune", "/reports", "/people", "/codes/print",
        "/setup", "/tags",
      ] {
        for format in ["", ".json", ".csv", ".xlsx"] where format.isEmpty || !["/codes/print", "/setup", "/tags"].contains(page) {
          let parts = page.split(separator: "?").map(String.init)
          let path = format.isEmpty && parts[0] == "/overview" ? "/" : parts[0] + format
          let address = path + "?" + (parts.dropFirst() + [scope]).filter { !$0.isEmpty }.joined(separator: "&")
          let answer = try get(address)
          #expect(
            answer.status == 200 || (!["", "scope=223", "tag=c%C3%B4ng-%C4%91o%C3%A0n"].contains(scope) && answer.status == 404),
            "\(address): \(answer.status)")
          guard format != ".xlsx" else { continue }
          let codes = Set(answer.text.matches(of: /\b0\d{4}\b/).map { String($0.output) })
          #expect(codes.isDisjoint(with: foreign), "\(address): \(codes.intersection(foreign).sorted().prefix(5))")
        }
      }
    }
    for path in [
      "/unit/07201", "/report/07201/\(ConsoleWorld.day)", "/device/\(device)", "/conflict/\(conflict)", "/codes/print?unit=07201",
    ] {
      for format in ["", ".json"] where !path.hasPrefix("/codes") || format.isEmpty {
        let answer = try get(path + format)
        #expect(answer.status == 404 || !answer.text.contains("07201<") && !answer.text.contains("<section>"), "\(path)\(format)")
      }
    }
    #expect(try get("/units.json").text.contains("07879") && get("/contacts.json").text.contains("0900000002"))
    #expect(await hub.stop() == 0)
  }
}
