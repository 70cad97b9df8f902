internal import Foundation
internal import SwiftProtobuf
internal import SyncCore

/// Answers as JSON, for people with `curl` and for authors of clients: a control message in protobuf's canonical JSON. The
/// signature is left out, because it covers the bytes.
enum JSONAnswer {
  static let contentType = "application/json"

  static func isWanted(by request: HubRequest) -> Bool { request.headers["accept"]?.contains(contentType) == true }

  /// Returns the answer in JSON; unchanged when it carries rows, or nothing.
  static func make(_ response: HubResponse, to request: HubRequest) -> HubResponse {
    guard let message = try? message(of: response, to: request), let body = try? message.jsonUTF8Data() else { return response }
    var answer = response
    answer.body = body
    answer.headers["content-type"] = contentType
    return answer
  }

  private static func message(of response: HubResponse, to request: HubRequest) throws -> (any Message)? {
    guard response.status == 200 else { return try WireErrorBody(serializedBytes: response.body) }
    let call = request.path.split(separator: "/").dropFirst().first
    let kind: any Message.Type
    switch (request.method, call) {
    case ("GET", "hub"): kind = WireHubInfo.self
    case ("GET", "life"): kind = WireLife.self
    case ("PUT", "batches"): kind = WireReceipt.self
    case ("PUT", "pages"): kind = WirePageReturn.self
    case ("PUT", "drop"): kind = WireDropResponse.self
    default: return nil
    }
    return try kind.init(serializedBytes: WireSigned(serializedBytes: response.body).body)
  }
}
