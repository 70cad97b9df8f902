internal import FormWeb
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import Spreadsheet
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub

/// Serves the operators' pages to those who signed in. Pages work without scripts; theirs come from here, and nothing is fetched from elsewhere.
struct BoardResponder: HTTPResponder {
  typealias Context = CallContext

  private let survey: SurveyHub
  private let language: Language
  private let logger: Logger
  private let pages: Pages
  private let days = SharedDays()
  private let live = LiveDesk()
  private let metrics: MetricsPage
  private let desk: SignInDesk
  private let publicURL: String
  private let connections: Connections

  /// A posted form, at most, in bytes.
  static let formBytesMax = 64 << 10
  /// A posted form with long texts, such as a reminder for each of `RemindPage.unitsMax` units, at most, in bytes.
  static let remindersBytesMax = 2 << 20
  /// A posted form with a file of `FormsPage.fileBytesMax`, escaped, at most, in bytes.
  static let uploadBytesMax = 6 << 20

  /// - Parameter publicURL: Address of the hub as phones reach it; empty where nobody said.
  init(
    survey: SurveyHub, metrics: MetricsPage, language: Language, publicURL: String = "", connections: Connections, logger: Logger
  ) throws {
    self.survey = survey
    self.publicURL = publicURL
    self.connections = connections
    self.language = language
    self.logger = logger
    pages = try Pages()
    self.metrics = metrics
    desk = SignInDesk(survey: survey)
  }

  func respond(to request: Request, context: CallContext) async throws -> Response {
    let connection = connections.connection(of: context.channel)
    if connection?.isRefused == true {
      connection?.endAfterAnswer()
      var full = plain(.serviceUnavailable, Self.full)
      full.headers[.retryAfter] = "\(Self.fullSeconds)"
      return full
    }
    connection?.comes(from: context.source(of: request))
    let uri = request.uri
    // Vietnamese is the first language of the pages, whatever the server's own locale says.
    var language = uri.queryParameters.get("lang").flatMap { Language(rawValue: $0) } ?? .vietnamese
    let isPost = request.method == .post
    guard isPost || request.method == .get || request.method == .head else {
      return plain(.methodNotAllowed, LocalizedText(vi: "Không có cách gọi này.", en: "There is no such call."))
    }
    do {
      if !isPost, let fixed = try await fixed(uri.path, request) { return fixed }
      let visitor = try await Visitor.read(request, survey)
      // Somebody who signed in keeps their place also on a poor link.
      if visitor != nil { connection?.prove() }
      let door = ConsoleDoor.to(uri.path, isPost: isPost)
      guard door.opens(to: visitor?.person) else { return refusal(request, visitor, door, language) }
      let fields = isPost ? try await form(request, visitor) : nil
      if let said = fields?["lang"].flatMap({ Language(rawValue: $0) }) { language = said }
      let query = ConsoleQuery(campaign: uri.queryParameters.get("campaign"), language: language)
      let origin = "\(isSecure(request) ? "https" : "http")://\(request.head.authority ?? "")"
      let answer = try await desk.answer(
        uri.path, parameters: { uri.queryParameters.get($0) }, fields: fields, visitor: visitor, query: query,
        source: context.source(of: request), origin: origin)
      if let answer { return try await respond(with: answer, request, visitor, query) }
      return try await page(request, visitor, fields, language)
    } catch let error as any ExplainedError {
      let isMissing =
        (error as? SyncError)?.code == .badRequest || error is DataProblems || error is AnswerFaults || error is SurveyFieldError
        || error is SheetFault
      if !isMissing {
        logger.error("page failed", metadata: ["page": "\(uri.path.printable)", "error": "\(error.explanation.en.printable)"])
      }
      let isRefused = isPost || error is SheetFault
      return message(
        request, language, error.explanation,
        status: isRefused ? .unprocessableContent : isMissing ? .notFound : .internalServerError)
    }
  }

  /// A page for somebody who may see it.
  private func page(_ request: Request, _ visitor: Visitor?, _ fields: FieldsBody?, _ language: Language) async throws -> Response {
    let uri = request.uri
    guard let visitor else { return message(request, language, Self.noPage, status: .notFound) }
    let survey = try await survey.about(campaign: uri.queryParameters.get("campaign"))
    let call = ConsoleCall(uri, survey: survey, visitor: visitor, language: language)
    let console = ConsolePages(
      publicURL: publicURL, call: call, days: days, campaigns: try await pages.campaigns(survey, asking: uri.queryParameters.get("form")))
    if let fields {
      switch try await console.act(fields) {
      case .done(let location)?:
        await days.forget()
        await live.forget()
        return redirect(location)
      case .page(let page, let status)?: return html(page, status: status)
      case nil: return message(request, language, Self.noPage, status: .notFound)
      }
    }
    if uri.path == "/live" { return try await watch(request, visitor, console, language) }
    if let file = try await console.file() { return download(file.name, file.mediaType, file.data) }
    if let page = try await console.page() { return html(page) }
    if let jpeg = try await console.picture() { return picture(jpeg) }
    switch uri.path {
    case "/results":
      let query = ResultsPage.Query(
        level: uri.queryParameters.get("level").flatMap { UnitLevel(rawValue: $0) } ?? .province,
        question: uri.queryParameters.get("question"), form: uri.queryParameters.get("form"),
        page: uri.queryParameters.get("page", as: Int.self))
      let results = try await pages.results(survey, query, within: visitor.person.part, language)
      return html(try await console.frame(results.title, .results, keeping: results.kept, results.content))
    case "/posts":
      let posts = try await pages.posts(
        survey, district: uri.queryParameters.get("district"), of: try await console.units(),
        withHidden: visitor.person.may(.act), language)
      return html(try await console.frame(posts.title, .posts, keeping: posts.kept, posts.content))
    case let path where path.hasPrefix("/photo/") && path.hasSuffix(".jpg"):
      guard let jpeg = try await survey.postPicture(String(path.dropFirst(7).dropLast(4)), of: try await console.units()) else {
        return message(request, language, Self.noPage, status: .notFound)
      }
      return picture(jpeg)
    default: return message(request, language, Self.noPage, status: .notFound)
    }
  }

  /// A stream of what changes on a page of the console that somebody may see.
  private func watch(_ request: Request, _ visitor: Visitor, _ console: ConsolePages, _ asked: Language) async throws -> Response {
    let address = request.uri.queryParameters.get("page") ?? ""
    let page = URI(address)
    let language = page.queryParameters.get("lang").flatMap { Language(rawValue: $0) } ?? .vietnamese
    guard address.utf8.count < 2000, address.hasPrefix("/"), page.path != "/live", TableFormat.of(page.path) == nil else {
      return message(request, asked, Self.noPage, status: .notFound)
    }
    guard ConsoleDoor.to(page.path, isPost: false).opens(to: visitor.person) else {
      return refusal(request, visitor, ConsoleDoor.to(page.path, isPost: false), asked)
    }
    let person = visitor.person
    let survey = try await survey.about(campaign: page.queryParameters.get("campaign"))
    // Gives all who watch with the same rights the same rendering.
    var nobody = person
    nobody.name = ""
    let anybody = Visitor(person: nobody, session: nil, formToken: visitor.formToken.map { _ in live.formToken })
    var watched = console
    watched.call = ConsoleCall(page, survey: survey, visitor: anybody, language: language)
    watched.age = LiveDesk.renderedFor
    let stream = LiveStream(
      desk: live, visitor: visitor,
      view: LiveView(
        campaign: survey.campaign, address: address, language: language, part: person.part, capabilities: person.capabilities,
        hasForms: visitor.formToken != nil),
      render: { [watched] in try await watched.page() },
      isStillIn: { [survey] in
        let now = try await Visitor.read(request, survey)?.person
        return now.map { $0.capabilities == person.capabilities && $0.part == person.part } ?? false
      },
      clock: { [watched] in await watched.clock() })
    return await stream.response()
  }

  /// Answers calls that are the same for every campaign and language, and secret to nobody; sums for monitors on this machine.
  private func fixed(_ path: String, _ request: Request) async throws -> Response? {
    switch path {
    case "/style.css":
      return Response(
        status: .ok, headers: [.contentType: "text/css; charset=utf-8", .cacheControl: "max-age=300"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: PageStyle.css + ConsoleStyle.css)))
    case "/print-poster.css", "/print-card.css":
      let css = PrintSheet.css(path == "/print-poster.css" ? .poster : .card)
      return Response(
        status: .ok, headers: [.contentType: "text/css; charset=utf-8", .cacheControl: "max-age=300"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: css)))
    case "/live.js":
      return Response(
        status: .ok, headers: [.contentType: "text/javascript; charset=utf-8", .cacheControl: "max-age=300"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: LiveScript.javascript)))
    case KeyScript.path:
      return Response(
        status: .ok, headers: [.contentType: "text/javascript; charset=utf-8", .cacheControl: "max-age=300"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: KeyScript.source)))
    case "/icon.svg", "/favicon.ico":
      return Response(
        status: .ok, headers: [.contentType: "image/svg+xml", .cacheControl: "max-age=86400"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: ConsoleStyle.icon)))
    case "/health": return plain(.ok, "ok\n")
    case "/metrics":
      // A name that merely points to this machine is how a strange web page would read it through somebody's browser.
      let isHere = Self.isLocal(request.head.authority ?? "") && request.headers[.forwardedFor] == nil
      if !isHere {
        guard let visitor = try await Visitor.read(request, survey), visitor.person.may(.read) else { return nil }
      }
      return Response(
        status: .ok, headers: [.contentType: MetricsPage.mediaType, .cacheControl: "no-store"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: try await metrics.text())))
    default: return nil
    }
  }

  // MARK: Who may

  /// The fields of a form that comes from a page of ours.
  private func form(_ request: Request, _ visitor: Visitor?) async throws -> FieldsBody {
    let site = request.headers[.secFetchSite]
    let bytesMax =
      switch request.uri.path {
      case "/remind", "/contacts", "/campaign", "/tags": Self.remindersBytesMax
      case "/forms": Self.uploadBytesMax
      default: Self.formBytesMax
      }
    guard let body = try? await request.body.collect(upTo: bytesMax) else {
      throw SyncError(
        .badRequest, vi: "Biểu dài hơn \(bytesMax >> 10) KB; chưa làm gì.",
        en: "The form is longer than \(bytesMax >> 10) KB; nothing was done.")
    }
    let contentType = request.headers[.contentType] ?? ""
    let data = Data(body.readableBytesView)
    let read = contentType.hasPrefix(FieldsBody.contentType) ? FieldsBody(data) : UploadBody.fields(data, contentType: contentType)
    guard site == nil || site == "same-origin" || site == "none", let fields = read,
      !Self.needsFormToken(request.uri.path) || visitor.map({ $0.formToken != nil && fields["form"] == $0.formToken }) != false
    else {
      throw SyncError(
        .badRequest, vi: "Biểu này không đến từ trang đang mở; mở lại trang rồi làm lại.",
        en: "This form does not come from the page that is open; open the page again and repeat.")
    }
    return fields
  }

  /// Lets calls without a session pass: a strange page has nothing of theirs to use.
  private static func needsFormToken(_ path: String) -> Bool { path != "/sign-in" && !path.hasPrefix("/invitation/") }

  private func refusal(_ request: Request, _ visitor: Visitor?, _ door: ConsoleDoor, _ language: Language) -> Response {
    let query = ConsoleQuery(language: language)
    guard door != .shut else { return message(request, language, Self.noPage, status: .notFound) }
    guard visitor == nil else {
      let text = LocalizedText(vi: "Bạn không có quyền mở trang này.", en: "You may not open this page.")
      return message(request, language, text, status: .forbidden)
    }
    let signIn = LocalizedText(vi: "Hãy đăng nhập.", en: "Sign in first.")
    if TableFormat.of(request.uri.path)?.format == .json { return message(request, language, signIn, status: .unauthorized) }
    if request.method == .post || request.headers[.authorization] != nil { return plain(.unauthorized, signIn) }
    return redirect(query.link("/sign-in", ["to": request.head.path ?? "/"]))
  }

  private func respond(with answer: ConsoleAnswer, _ request: Request, _ visitor: Visitor?, _ query: ConsoleQuery) async throws -> Response
  {
    var response: Response
    if let location = answer.location {
      response = redirect(location)
    } else {
      let place: ConsolePlace? = request.uri.path == "/people" ? .setup : nil
      var frame = ConsoleFrame(query: query, title: answer.title, place: place, path: request.uri.path)
      frame.visitor = visitor?.person
      response = html(frame.page(answer.content), status: answer.status)
    }
    if case .some(let session) = answer.session { response.headers[.setCookie] = Visitor.setCookie(session, isSecure: isSecure(request)) }
    return response
  }

  /// A proxy on this machine says how it was reached.
  private func isSecure(_ request: Request) -> Bool { request.headers[.forwardedProto] == "https" }

  private static let full = LocalizedText(
    vi: "Máy chủ đang có quá nhiều kết nối; mở lại sau ít giây.",
    en: "The hub has too many connections; open the page again in some seconds.")
  /// Seconds after which whoever found no place is asked to come again.
  private static let fullSeconds = 10
  private static let noPage = LocalizedText(vi: "Không có trang này.", en: "There is no such page.")

  static func isLocal(_ authority: String) -> Bool {
    let host = authority.hasPrefix("[") ? String(authority.prefix { $0 != "]" }) + "]" : String(authority.prefix { $0 != ":" })
    return ["127.0.0.1", "localhost", "[::1]"].contains(host.lowercased())
  }

  // MARK: Answers

  /// A sentence as a page, or as JSON for a program that asked for JSON.
  private func message(_ request: Request, _ language: Language, _ text: LocalizedText, status: HTTPResponse.Status) -> Response {
    if TableFormat.of(request.uri.path)?.format == .json, let data = try? JSONEncoder().encode(["error": ["vi": text.vi, "en": text.en]]) {
      return Response(
        status: status, headers: [.contentType: TableFormat.json.mediaType, .cacheControl: "no-store"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }
    let frame = ConsoleFrame(query: ConsoleQuery(language: language), title: "SyncKit", path: "/")
    return html(frame.page("<h1>\(frame.title)</h1>\n<p>\(text(language))</p>\n"), status: status)
  }

  private func html(_ page: String, status: HTTPResponse.Status = .ok) -> Response {
    var headers: HTTPFields = [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"]
    headers[.contentSecurityPolicy] =
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    headers[.xContentTypeOptions] = "nosniff"
    if let name = HTTPField.Name("referrer-policy") { headers[name] = "no-referrer" }
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: page)))
  }

  private func download(_ name: String, _ mediaType: String, _ data: Data) -> Response {
    var headers: HTTPFields = [.contentType: mediaType, .cacheControl: "no-store"]
    headers[.contentDisposition] = "attachment; filename=\"\(name)\""
    headers[.xContentTypeOptions] = "nosniff"
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
  }

  private func redirect(_ location: String) -> Response {
    Response(status: .seeOther, headers: [.location: location, .cacheControl: "no-store"])
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

extension HTTPField.Name {
  fileprivate static let forwardedFor = HTTPField.Name("x-forwarded-for") ?? .via
  fileprivate static let forwardedProto = HTTPField.Name("x-forwarded-proto") ?? .via
  fileprivate static let secFetchSite = HTTPField.Name("sec-fetch-site") ?? .via
}
