import Foundation
import TestSupport
import Testing

@testable import SyncKit

/// Wrong codes slow whoever sends them, and nobody else.
@Suite struct CodeGuardTests {
  @Test func onlyTheAddressThatErrsIsSlowed() {
    let codes = CodeGuard()
    for _ in 0..<CodeGuard.freeMax { codes.failed("a") }
    #expect(codes.waitMs("a") == 0)
    codes.failed("a")
    #expect(codes.waitMs("a") == CodeGuard.stepMs && codes.waitMs("b") == 0)
    for _ in 0..<1000 { codes.failed("a") }
    #expect(codes.waitMs("a") == CodeGuard.waitMsMax && codes.waitMs("b") == 0)
  }

  @Test func addressesAreForgottenBeyondABound() {
    let codes = CodeGuard()
    for number in 0..<3 * CodeGuard.sourcesMax { codes.failed("\(number)") }
    #expect(codes.sourceCount <= CodeGuard.sourcesMax)
  }

  @Test func aRightCodeIsTakenAfterManyWrongOnes() async throws {
    let world = try await World()
    let code = try await world.hub.makeCode(scope: "07201", readScopes: ["07201"])
    func enrol(_ code: String, from source: String) async throws -> HubResponse {
      var request = HubRequest("POST", "/v1/enroll", body: try Replica.enrolRequest(code: code, label: "x", key: SigningKey()))
      request.source = source
      return await world.hub.answer(request)
    }
    for _ in 0..<CodeGuard.freeMax + 2 { #expect(try await enrol("AAAAAAAAAA", from: "stranger").status == 403) }
    #expect(world.hub.codeGuard.waitMs("stranger") > 0 && world.hub.codeGuard.waitMs("device") == 0)
    #expect(try await enrol(code, from: "stranger").status == 200)
    let other = try await world.hub.makeCode(scope: "07201", readScopes: ["07201"])
    #expect(try await enrol(other, from: "device").status == 200)
  }

  @Test func codesOfOneAddressDoNotQueueUp() async throws {
    let codes = CodeGuard()
    for _ in 0..<CodeGuard.freeMax + 10 { codes.failed("a") }
    let refused = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<CodeGuard.waitingMax + 3 {
        group.addTask {
          do { try await codes.pass("a") } catch { return (error as? SyncError)?.code == .busy }
          return false
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(refused == 3)
    try await codes.pass("b")
  }
}
