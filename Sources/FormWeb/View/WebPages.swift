package import Mustache
internal import SyncHub

/// How what is put into a page is escaped: letter by letter, since the template engine's own way goes by visible characters and leaves a
/// quote with an accent on it as it is; and without characters that would turn the order of a line around.
package struct PageEscaping: MustacheContentType {
  private static let name = "PAGE"

  package init() {}

  /// Parses templates. In every part: the engine goes back to its own escaping where one begins.
  ///
  /// - Throws: When a template is broken, which a test would have shown.
  package static func library(_ templates: [String: String]) throws -> MustacheLibrary {
    MustacheContentTypes.register(PageEscaping(), named: name)
    var library = MustacheLibrary()
    for (name, template) in templates { try library.register("{{% CONTENT_TYPE:\(Self.name)}}" + template, named: name) }
    return library
  }

  package func escapeText(_ text: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
      case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
      case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
      case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
      case "\n", "\r", "\t": escaped.append(scalar)
      case _ where scalar.isUnprintable: break
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }
}

/// The pages' templates, parsed once.
struct WebPages: Sendable {
  private let library: MustacheLibrary

  init() throws { library = try PageEscaping.library(WebTemplates.all) }

  func notice(_ view: NoticeView) -> HubResponse { html(view, "notice") }
  func page(_ view: PageView, status: Int) -> HubResponse { html(view, "page", status: status) }
  func review(_ view: ReviewView, status: Int = 200) -> HubResponse { html(view, "review", status: status) }
  func received(_ language: Language) -> HubResponse { html(ReceivedView(language), "received") }
  func again(_ message: WebMessage, fields: [(name: String, value: String)], path: String, status: Int, retryAfterSeconds: Int?)
    -> HubResponse
  {
    html(AgainView(message, fields: fields, path: path), "again", status: status, retryAfterSeconds: retryAfterSeconds)
  }
  func message(_ message: WebMessage, status: Int, retryAfterSeconds: Int? = nil) -> HubResponse {
    html(MessageView(message), "message", status: status, retryAfterSeconds: retryAfterSeconds)
  }

  private func html(_ view: Any, _ name: String, status: Int = 200, retryAfterSeconds: Int? = nil) -> HubResponse {
    .html(library.render(ViewFields(view), withTemplate: name) ?? "", status: status, retryAfterSeconds: retryAfterSeconds)
  }
}
