public import Foundation

/// One HTTP call to the pages, as far as they look at it. Neither address nor time is in it.
public struct WebCall: Sendable {
  public var method: String
  /// Path and query, percent-encoded.
  public var target: String
  /// Names in lower case.
  public var headers: [String: String]
  public var body: Data

  public init(_ method: String, _ target: String, headers: [String: String] = [:], body: Data = Data()) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }

  var path: Substring { target.prefix { $0 != "?" } }

  /// Value of a query parameter that needs no decoding.
  func query(_ name: String) -> Substring? {
    let pairs = target.dropFirst(path.count + 1).split(separator: "&").map { $0.split(separator: "=", maxSplits: 1) }
    return pairs.first { $0.count == 2 && $0[0] == name }?[1]
  }
}

/// What the pages answer.
public struct WebReply: Sendable {
  public var status: Int
  /// Names in lower case.
  public var headers: [String: String]
  public var body: Data

  public init(status: Int, headers: [String: String] = [:], body: Data = Data()) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

extension WebReply {
  /// A page, or a style sheet, with everything that keeps it out of caches, other sites and histories.
  static func html(_ page: String, status: Int = 200, retryAfterSeconds: Int? = nil) -> WebReply {
    var headers = [
      "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "referrer-policy": "no-referrer",
      "content-security-policy":
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff", "x-robots-tag": "noindex, nofollow",
    ]
    if let retryAfterSeconds { headers["retry-after"] = String(retryAfterSeconds) }
    return WebReply(status: status, headers: headers, body: Data(page.utf8))
  }

  static func style(_ css: String) -> WebReply {
    WebReply(
      status: 200,
      headers: ["content-type": "text/css; charset=utf-8", "cache-control": "max-age=3600", "x-content-type-options": "nosniff"],
      body: Data(css.utf8))
  }

  /// The browser fetches another page, so that loading it again sends nothing again.
  static func seeOther(_ target: String) -> WebReply {
    WebReply(
      status: 303, headers: ["location": target, "cache-control": "no-store", "referrer-policy": "no-referrer"], body: Data())
  }
}
