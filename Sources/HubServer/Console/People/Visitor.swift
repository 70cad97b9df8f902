internal import Crypto
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Caller of the console: somebody who signed in, or a program with a token of theirs.
struct Visitor: Sendable {
  let person: Person
  /// The secret of the browser's session; nil for a program.
  let session: String?
  /// Token that every form of a page carries and no other site knows; nil for a program, which cannot post a page's form.
  let formToken: String?

  static let cookie = "synckit"

  static func formToken(_ session: String) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: Data("synckit/console-form/1".utf8), using: SymmetricKey(data: Data(session.utf8)))
    return Data(code).prefix(16).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// Nil for somebody who is not known.
  static func read(_ request: Request, _ survey: SurveyHub) async throws -> Visitor? {
    if let authorization = request.headers[.authorization], authorization.hasPrefix("Bearer ") {
      let secret = String(authorization.dropFirst(7))
      return try await survey.person(byToken: secret).map { Visitor(person: $0, session: nil, formToken: nil) }
    }
    guard let secret = session(of: request), let person = try await survey.person(bySession: secret) else { return nil }
    return Visitor(person: person, session: secret, formToken: formToken(secret))
  }

  static func session(of request: Request) -> String? {
    let cookies = request.headers[values: .cookie].flatMap { $0.split(separator: ";") }
    return cookies.compactMap { part -> String? in
      let halves = part.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      return halves.count == 2 && halves[0] == cookie ? halves[1] : nil
    }.first
  }

  /// - Parameter session: nil lets go of it.
  static func setCookie(_ session: String?, isSecure: Bool) -> String {
    let life = session == nil ? "; Max-Age=0" : ""
    return "\(cookie)=\(session ?? ""); Path=/; HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")\(life)"
  }
}
