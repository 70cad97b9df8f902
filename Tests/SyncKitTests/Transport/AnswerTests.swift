import Foundation
import SwiftProtobuf
import Testing

@testable import SyncCore

@Suite struct AnswerTests {
  private struct Canned: Transport {
    let response: HubResponse
    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse { response }
  }

  private func code(_ response: HubResponse) async -> SyncError? {
    do {
      _ = try await Canned(response: response).exchange(HubRequest("GET", "/v1/hub"))
      return nil
    } catch { return error as? SyncError }
  }

  @Test func aPortalsPageIsNoHub() async {
    for status in [200, 302, 401, 404, 511] {
      let page = HubResponse(status: status, headers: ["content-type": "text/html; charset=utf-8"], body: Data("<html>".utf8))
      #expect(await code(page)?.code == ([200, 511].contains(status) ? .loginPage : .notAHub))
      #expect(await code(HubResponse(status: status))?.code == (status == 511 ? .loginPage : .notAHub))
    }
  }

  @Test func aProxyThatCannotReachTheHubIsWorthAnotherTry() async {
    for status in [408, 425, 429, 502, 503, 504] {
      #expect(await code(HubResponse(status: status, headers: ["content-type": "text/html"]))?.isRetryable == true)
    }
  }

  /// Every code travels and comes back; docs/protocol.md has a line for each that a hub sends.
  @Test func errorsTravelWhole() async throws {
    for known in SyncError.Code.allCases {
      let sent = SyncError(known, vi: "một", en: "one", retryAfterSeconds: 7, expected: 9)
      let received = try #require(await code(sent.response))
      #expect(received == sent)
    }
    var unknown = WireErrorBody()
    unknown.code = "somethingNew"
    let headers = ["content-type": HubResponse.contentType]
    // One that this program does not know counts by its status, as docs/protocol.md says.
    #expect(await code(HubResponse(status: 418, headers: headers, body: try unknown.serializedData()))?.code == .badRequest)
    #expect(await code(HubResponse(status: 503, headers: headers, body: try unknown.serializedData()))?.code == .hubFailed)
    #expect(await code(HubResponse(status: 500, headers: headers, body: Data([0xff])))?.code == .hubFailed)
    #expect(await code(HubResponse(status: 204, headers: headers)) == nil)
  }

  @Test func theProtocolTextListsEveryCodeWithItsStatus() throws {
    let text = try String(contentsOf: SampleFiles.protocolText, encoding: .utf8)
    for code: SyncError.Code in [
      .badRequest, .unauthorized, .unknownReplica, .revoked, .wrongCode, .codeUsed, .wrongScope, .badSignature, .damaged, .chainBroken,
      .fork, .tooLarge, .busy, .badCursor, .hubFailed,
    ] {
      let error = SyncError(code, vi: "", en: "")
      let hasLine = text.contains("| `\(code.rawValue)` | \(error.httpStatus) | \(error.isRetryable ? "yes" : "no") |")
      #expect(hasLine, "\(code) \(error.httpStatus)")
    }
  }

  @Test func theProtocolTextListsEveryLimit() throws {
    let text = try String(contentsOf: SampleFiles.protocolText, encoding: .utf8).replacing("\u{202f}", with: "")
    for (name, value) in [
      ("batchBytesMax", WireLimits.batchBytesMax), ("inflatedBytesMax", WireLimits.inflatedBytesMax), ("unitsMax", WireLimits.unitsMax),
      ("rowsMax", WireLimits.rowsMax), ("rowsPerTransactionMax", WireLimits.rowsPerTransactionMax),
      ("columnsPerTableMax", WireLimits.columnsPerTableMax), ("tablesMax", WireLimits.tablesMax), ("nameBytesMax", WireLimits.nameBytesMax),
      ("keyBytesMax", WireLimits.keyBytesMax), ("lifeMax", Int(WireLimits.lifeMax)), ("valueBytesMax", WireLimits.valueBytesMax),
      ("cursorBytesMax", WireLimits.cursorBytesMax), ("controlBytesMax", WireLimits.controlBytesMax),
      ("openBytesMax", WireLimits.openBytesMax),
      ("pageBytesMax", WireLimits.pageBytesMax), ("dropBytesMax", WireLimits.dropBytesMax), ("packetsMax", WireLimits.packetsMax),
      ("driftMsMax", Int(WireLimits.driftMsMax)), ("fieldsMax", WireScan.fieldsMax), ("tableFieldsMax", WireScan.tableFieldsMax),
    ] {
      let hasLine = text.contains("| `\(name)` | \(value) |")
      #expect(hasLine, "\(name) = \(value)")
    }
  }

  @Test func signaturesOfRequestsCoverWhatTheySay() throws {
    let key = SigningKey()
    let checker = try #require(VerifyingKey(rawRepresentation: key.publicKey))
    var request = HubRequest("POST", "/v1/x?a=1", body: Data("b".utf8))
    request.headers["authorization"] = try RequestSignature.header(for: request, hubTimeMs: 5, key: key)
    let claim = try #require(RequestSignature.claim(in: request))
    #expect(RequestSignature.verifies(claim, for: request, key: checker))
    for change: (inout HubRequest) -> Void in [
      { $0.method = "PUT" }, { $0.target = "/v1/x?a=2" }, { $0.target = "/v1/x" }, { $0.body = Data() },
    ] {
      var other = request
      change(&other)
      #expect(!RequestSignature.verifies(claim, for: other, key: checker))
    }
    for header in [
      "", "SyncKit", "SyncKit a 1 b", "Basic \(key.replica) 5 AAAA", "SyncKit \(key.replica) -5 AAAA", "SyncKit \(key.replica) 5 ?",
    ] {
      request.headers["authorization"] = header
      #expect(RequestSignature.claim(in: request) == nil)
    }
  }
}
