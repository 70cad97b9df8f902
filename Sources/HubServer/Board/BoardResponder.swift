internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import SurveyKit
internal import SyncKit

/// Serves the operators' pages. Reads only; runs nothing in the browser; lets nothing be fetched from elsewhere.
struct BoardResponder: HTTPResponder {
  typealias Context = BasicRequestContext

  private let survey: SurveyHub
  private let language: Language
  private let logger: Logger
  private let pages: Pages
  private let days = SharedDays()
  private let metrics: MetricsPage

  init(survey: SurveyHub, metrics: MetricsPage, language: Language, logger: Logger) throws {
    self.survey = survey
    self.language = language
    self.logger = logger
    pages = try Pages()
    self.metrics = metrics
  }

  func respond(to request: Request, context: Context) async throws -> Response {
    let uri = request.uri
    // A name that merely points to this machine is how a strange web page would read the board through the operator's browser.
    guard Self.isLocal(request.head.authority ?? "") else {
      return plain(
        .forbidden,
        LocalizedText(
          vi: "Bảng này chỉ mở tại máy chủ: http://127.0.0.1.", en: "The board opens on this machine only: http://127.0.0.1."))
    }
    guard request.method == .get || request.method == .head else {
      return plain(.methodNotAllowed, LocalizedText(vi: "Chỉ xem được trang này.", en: "This page can only be read."))
    }
    // Vietnamese is the first language of the pages, whatever the server's own locale says.
    let language = uri.queryParameters.get("lang").flatMap { Language(rawValue: $0) } ?? .vietnamese
    do {
      if let fixed = try await fixed(uri.path) { return fixed }
      let survey = try await survey.about(campaign: uri.queryParameters.get("campaign"))
      let call = ConsoleCall(uri, survey: survey, language: language)
      let console = ConsolePages(
        call: call, days: days, campaigns: try await pages.campaigns(survey, asking: uri.queryParameters.get("form")))
      if let page = try await console.page() { return html(page) }
      if let jpeg = try await console.picture() { return picture(jpeg) }
      switch uri.path {
      case "/results":
        let query = ResultsPage.Query(
          level: uri.queryParameters.get("level").flatMap { UnitLevel(rawValue: $0) } ?? .province,
          question: uri.queryParameters.get("question"), form: uri.queryParameters.get("form"),
          page: uri.queryParameters.get("page", as: Int.self))
        let results = try await pages.results(survey, query, language)
        return html(try await console.frame(results.title, .results, keeping: results.kept, results.content))
      case "/posts":
        let posts = try await pages.posts(survey, district: uri.queryParameters.get("district"), language)
        return html(try await console.frame(posts.title, .posts, keeping: posts.kept, posts.content))
      case let path where path.hasPrefix("/photo/") && path.hasSuffix(".jpg"):
        guard let jpeg = try await survey.postPicture(String(path.dropFirst(7).dropLast(4))) else {
          return message(language, Self.noPage, status: .notFound)
        }
        return picture(jpeg)
      default: return message(language, Self.noPage, status: .notFound)
      }
    } catch let error as any ExplainedError {
      let isMissing = (error as? SyncError)?.code == .badRequest || error is DataProblems
      if !isMissing {
        logger.error("page failed", metadata: ["page": "\(uri.path.printable)", "error": "\(error.explanation.en.printable)"])
      }
      return message(language, error.explanation, status: isMissing ? .notFound : .internalServerError)
    }
  }

  /// What is the same for every campaign and language.
  private func fixed(_ path: String) async throws -> Response? {
    switch path {
    case "/style.css":
      return Response(
        status: .ok, headers: [.contentType: "text/css; charset=utf-8", .cacheControl: "max-age=300"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: PageStyle.css + ConsoleStyle.css)))
    case "/icon.svg", "/favicon.ico":
      return Response(
        status: .ok, headers: [.contentType: "image/svg+xml", .cacheControl: "max-age=86400"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: ConsoleStyle.icon)))
    case "/health": return plain(.ok, "ok\n")
    case "/metrics":
      return Response(
        status: .ok, headers: [.contentType: MetricsPage.mediaType, .cacheControl: "no-store"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: try await metrics.text())))
    default: return nil
    }
  }

  private func message(_ language: Language, _ text: LocalizedText, status: HTTPResponse.Status) -> Response {
    let frame = ConsoleFrame(query: ConsoleQuery(language: language), title: "SyncKit", path: "/")
    return html(frame.page("<h1>\(frame.title)</h1>\n<p>\(text(language))</p>\n"), status: status)
  }

  private static let noPage = LocalizedText(vi: "Không có trang này.", en: "There is no such page.")

  static func isLocal(_ authority: String) -> Bool {
    let host = authority.hasPrefix("[") ? String(authority.prefix { $0 != "]" }) + "]" : String(authority.prefix { $0 != ":" })
    return ["127.0.0.1", "localhost", "[::1]"].contains(host.lowercased())
  }

  private func html(_ page: String, status: HTTPResponse.Status = .ok) -> Response {
    var headers: HTTPFields = [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"]
    headers[.contentSecurityPolicy] =
      "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    headers[.xContentTypeOptions] = "nosniff"
    if let name = HTTPField.Name("referrer-policy") { headers[name] = "no-referrer" }
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: page)))
  }

  private func picture(_ jpeg: Data) -> Response {
    var headers: HTTPFields = [.contentType: Photo.mediaType, .cacheControl: "private, max-age=300"]
    headers[.xContentTypeOptions] = "nosniff"
    headers[.contentSecurityPolicy] = "default-src 'none'"
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: jpeg)))
  }

  private func plain(_ status: HTTPResponse.Status, _ text: LocalizedText) -> Response { plain(status, "\(text.vi)\n\(text.en)\n") }

  private func plain(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
