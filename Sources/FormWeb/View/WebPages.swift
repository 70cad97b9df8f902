internal import Mustache
internal import SyncKit

/// The pages' templates, parsed once. What is put into them is escaped letter by letter.
struct WebPages: Sendable {
  private let library: MustacheLibrary

  /// The template engine escapes by visible characters, and so leaves a quote with an accent on it as it is.
  private struct Escaping: MustacheContentType {
    func escapeText(_ text: String) -> String {
      var escaped = String.UnicodeScalarView()
      for scalar in text.unicodeScalars {
        switch scalar {
        case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
        case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
        case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
        case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
        case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
        default: escaped.append(scalar)
        }
      }
      return String(escaped)
    }
  }

  /// - Throws: When a template is broken, which a test would have shown.
  init() throws {
    MustacheContentTypes.register(Escaping(), named: "PAGE")
    var library = MustacheLibrary()
    // In every part: the engine goes back to its own escaping where one begins.
    for (name, template) in WebTemplates.all { try library.register("{{% CONTENT_TYPE:PAGE}}" + template, named: name) }
    self.library = library
  }

  func notice(_ view: NoticeView) -> HubResponse { html(view, "notice") }
  func page(_ view: PageView, status: Int) -> HubResponse { html(view, "page", status: status) }
  func review(_ view: ReviewView) -> HubResponse { html(view, "review") }
  func received(_ language: Language) -> HubResponse { html(ReceivedView(language), "received") }
  func message(_ message: WebMessage, status: Int, retryAfterSeconds: Int? = nil) -> HubResponse {
    html(MessageView(message), "message", status: status, retryAfterSeconds: retryAfterSeconds)
  }

  private func html(_ view: Any, _ name: String, status: Int = 200, retryAfterSeconds: Int? = nil) -> HubResponse {
    .html(library.render(view, withTemplate: name) ?? "", status: status, retryAfterSeconds: retryAfterSeconds)
  }
}
