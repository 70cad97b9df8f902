internal import Foundation
internal import SyncHub

extension HubResponse {
  /// The same, and what browsers keep of the pages before it in their memory is let go.
  func clearingPages() -> HubResponse {
    var reply = self
    reply.headers["clear-site-data"] = "\"cache\""
    return reply
  }

  /// A page, or a style sheet, with everything that keeps it out of caches, other sites and histories.
  static func html(_ page: String, status: Int = 200, retryAfterSeconds: Int? = nil) -> HubResponse {
    var headers = [
      "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "referrer-policy": HubResponse.referrerPolicy,
      "content-security-policy":
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff", "x-robots-tag": "noindex, nofollow",
    ]
    if let retryAfterSeconds { headers["retry-after"] = String(retryAfterSeconds) }
    return HubResponse(status: status, headers: headers, body: Data(page.utf8))
  }

  static func style(_ css: String) -> HubResponse {
    HubResponse(
      status: 200,
      headers: ["content-type": "text/css; charset=utf-8", "cache-control": "max-age=3600", "x-content-type-options": "nosniff"],
      body: Data(css.utf8))
  }

  /// The browser fetches another page, so that loading it again sends nothing again.
  static func seeOther(_ target: String) -> HubResponse {
    HubResponse(
      status: 303, headers: ["location": target, "cache-control": "no-store", "referrer-policy": HubResponse.referrerPolicy],
      body: Data())
  }

  /// Browsers say to this hub alone from which of its pages they come, which tells its own from one that was passed on.
  private static var referrerPolicy: String { "same-origin" }
}
