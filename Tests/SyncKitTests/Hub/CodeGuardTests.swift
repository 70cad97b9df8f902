import Foundation
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Wrong codes slow whoever sends them, and nobody else.
@Suite struct CodeGuardTests {
  @Test func onlyTheAddressThatSendsWrongCodesWaits() {
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

  /// Behind one router, or a proxy that does not say for whom it calls, a colleague has the address of whoever errs.
  @Test func aRightCodeIsTakenWhileWrongOnesOfItsAddressWait() async throws {
    let world = try await World()
    let code = try await world.hub.makeCode(scope: "07201", readScopes: ["07201"])
    func request(_ code: String) throws -> HubRequest {
      var request = HubRequest("POST", "/v1/enroll", body: try Replica.enrolRequest(code: code, label: "x", key: SigningKey()))
      request.source = "shared"
      return request
    }
    let hub = world.hub
    for _ in 0..<100 { hub.codeGuard.failed("shared") }
    let wrong = try request("AAAAAAAAAA")
    let loops = (0..<CodeGuard.waitingMax).map { _ in Task { while !Task.isCancelled { _ = await hub.answer(wrong) } } }
    while hub.codeGuard.waitingCount("shared") < CodeGuard.waitingMax { await Task.yield() }
    #expect(await hub.answer(try request(code)).status == 200)
    for loop in loops { loop.cancel() }
  }

  @Test func codesOfOneAddressDoNotQueueUp() async throws {
    let codes = CodeGuard(stepMs: 3_600_000, waitMsMax: 3_600_000)
    for _ in 0...CodeGuard.freeMax { codes.failed("a") }
    let waiting = (0..<CodeGuard.waitingMax).map { _ in Task { try await codes.pass("a") } }
    while codes.waitingCount("a") < CodeGuard.waitingMax { await Task.yield() }
    let error = await #expect(throws: SyncError.self) { try await codes.pass("a") }
    #expect(error?.code == .busy && error?.retryAfterSeconds == 5)
    try await codes.pass("b")
    for task in waiting {
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    #expect(codes.waitingCount("a") == 0)
  }
}
